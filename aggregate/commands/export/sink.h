// Where an export goes: four tables side by side, into files of text or one of SQLite. All of it is written
// under temporary names; `end` gives them their own, the first table's last, when all are whole and on disk.
//
//     csv, jsonl   NAME.csv           kpi
//                  NAME.counters.csv, NAME.definitions.csv, NAME.provenance.csv      (and .zst behind each,
//                  where it compresses)
//     sqlite       one file, tables kpi, counters, definitions, provenance
#pragma once

#include "runtime/output.h"
#include "runtime/status.h"

enum export_table { EXPORT_KPI, EXPORT_COUNTERS, EXPORT_DEFINITIONS, EXPORT_PROVENANCE, EXPORT_TABLES };
enum export_format { EXPORT_CSV, EXPORT_JSONL, EXPORT_SQLITE };

struct export_columns {
    const struct output_column *at; // of static life
    size_t count;
};

extern const char *const export_table_names[EXPORT_TABLES];

struct export_sink {
    const struct export_kind *kind;
};

// What a kind of sink does.
struct export_kind {
    enum status (*row)(struct export_sink *sink, enum export_table table, const struct output_cell *cells,
                       struct problem *p);
    enum status (*end)(struct export_sink *sink, struct problem *p);
    void (*close)(struct export_sink *sink); // what was not ended is removed
};

// "csv"...; false where there is none.
bool export_format_parse(enum export_format *format, const char *name);
// Refuses a name that says another format, or not what is said of compressing. `how`: of out_how. `columns`:
// of each table. STATUS_USAGE, STATUS_CANT_CREATE, STATUS_NOT_ALLOWED.
enum status export_sink_open(struct export_sink **sink, enum export_format format, const char *path, int how,
                             const struct export_columns *columns, struct problem *p);

// The kinds of them.
enum status export_text_open(struct export_sink **sink, enum export_format format, const char *path, int how,
                             const struct export_columns *columns, struct problem *p);
enum status export_sqlite_open(struct export_sink **sink, const char *path, int how,
                               const struct export_columns *columns, struct problem *p);

// NAME.csv.zst and "counters": NAME.counters.csv.zst. The caller frees. Of the first table: the path itself.
char *export_path_of(const char *path, enum export_table table, const char *suffix);
