// What commands print: a table for people, JSON, JSON lines, CSV or TSV for programs. Field names are the
// columns' in every format.
//
// Ids come from foreign bytes. A table escapes control characters and what is no UTF-8 (\xNN); JSON escapes
// as JSON does and shows what is no UTF-8 as U+FFFD; CSV is RFC 4180, and a text that a spreadsheet would
// take for a formula gets an apostrophe in front; TSV escapes tabs, line ends and backslashes. Numbers are
// printed as they are everywhere.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "runtime/arena.h"
#include "runtime/slice.h"

enum output_format { OUTPUT_TABLE, OUTPUT_JSON, OUTPUT_JSONL, OUTPUT_CSV, OUTPUT_TSV };

struct output_column {
    const char *name;
    bool number; // decimal, as JSON writes numbers; aligned to the right, never quoted or neutralised
};

struct output_cell {
    struct slice text;  // .at NULL: nothing (JSON null)
    struct slice shown; // in tables instead of `text`; .at NULL: the same
};

struct output {
    struct arena arena;
    enum output_format format;
    const struct output_column *columns;
    size_t column_count;
    struct output_cell *cells;
    size_t row_count;
    size_t room;
    size_t *widths;     // of a table's columns, as printed so far
    bool *said;         // columns that stand above the table
    size_t fit;         // characters that there are for a table; 0: as many as it takes
    const bool *sparse; // by column: which rows have nothing goes without saying (output_fit); NULL: of none
    bool again;         // a table's heading is printed again where its columns got wider
    bool begun;         // heading or opening bracket are printed
    bool rowed;         // a row is
};

// "table" ...; "" is table on a terminal and jsonl elsewhere. False where there is no such format.
bool output_format_parse(enum output_format *format, const char *name, bool terminal);

// `sparse` and `again` may be set afterwards.
void output_init(struct output *o, enum output_format format, const struct output_column *columns,
                 size_t count);
void output_fini(struct output *o);
// Where `out` is a terminal a table keeps to its width: where it is wider, what is the same in all rows that
// are printed together is said once above them, and where that does not do, also what is the same in all rows
// that have it, of sparse columns; else each row becomes a record, a line a cell.
void output_fit(struct output *o, FILE *out);
void output_row(struct output *o, const struct output_cell *cells); // copied
void output_print(struct output *o, FILE *out);
// Prints the rows so far and forgets them: for what comes piece by piece. A table's columns get wider as they
// must, under their heading where it is printed `again`. output_print ends it.
void output_flush(struct output *o, FILE *out);

static inline struct output_cell output_text(struct slice text) {
    return (struct output_cell){.text = text};
}

// A time as people read it: 2026-01-01T00:00:00Z; terminated, "" of a year that has no four digits.
enum { OUTPUT_TIME_MAX = 32 };
struct slice output_time(char out[OUTPUT_TIME_MAX], int64_t seconds);

// Foreign bytes beside a table, escaped as in one.
void output_print_text(FILE *out, struct slice text);
