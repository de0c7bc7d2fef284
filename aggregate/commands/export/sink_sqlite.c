// One file of SQLite: numbers are INTEGER, the ratio REAL, all else TEXT; what is nothing is NULL.
//
// What rows of kpi and counters have in common would be most of the file: their times, what they are of, what
// they are called. It stands once, in tables of its own, and kpi and counters are views, with all columns:
//
//     kpi       kpi_rows (subject, measure, time, numerator, denominator, ratio, as_of)
//     counters  counter_rows (subject, name, time, value, as_of)
//
// They are joined to the left, so that rows come in their order where nothing is asked for, and columns that
// nobody reads cost nothing.
#include <stdlib.h>
#include <string.h>

#include "aggregate/commands/export/sink.h"
#include "aggregate/commands/export/sqlite_lookup.h"
#include "aggregate/commands/out_file.h"
#include "runtime/check.h"
#include "runtime/memory.h"

enum { LOOKUPS = 5, PARTS_MAX = 3, COLUMNS_MAX = 32 };

// What stands once. A table has all its columns or none of them.
static const struct lookup_row {
    const char *name, *key, *columns[LOOKUP_COLUMNS_MAX];
} lookup_rows[LOOKUPS] = {
    {"times", "time", {"start_utc", "end_utc", "start_local", "utc_offset_minutes", "freshness"}},
    {"kpi_subjects", "subject", {"account", "platform", "dimension", "value"}},
    {"kpi_measures", "measure", {"kpi", "version", "currency", "unit", "basis"}},
    {"counter_subjects", "subject", {"account", "platform", "table", "origin", "format", "paid", "id"}},
    {"counter_names", "name", {"counter"}},
};

static const struct folded {
    const char *rows;     // the table's own name where it is a view; NULL: nothing of it stands elsewhere
    int parts[PARTS_MAX]; // of lookup_rows
} folds[EXPORT_TABLES] = {
    [EXPORT_KPI] = {"kpi_rows", {1, 2, 0}}, [EXPORT_COUNTERS] = {"counter_rows", {3, 4, 0}}};

// Where a table's cells go, by their places in a row.
struct way {
    size_t parts[PARTS_MAX][LOOKUP_COLUMNS_MAX];
    size_t own[COLUMNS_MAX], own_count; // that stand in its rows
};

struct sqlite_sink {
    struct export_sink sink;
    struct out_file file;
    sqlite3 *base;
    const struct export_columns *columns;
    struct sqlite_lookup lookups[LOOKUPS];
    sqlite3_stmt *inserts[EXPORT_TABLES];
    struct way ways[EXPORT_TABLES];
};

static enum status failed(const struct sqlite_sink *s, struct problem *p) {
    return problem_set(p, STATUS_CANT_CREATE, "", "choose a place that can be written, with room", "%s: %s",
                       s->file.path, sqlite3_errmsg(s->base));
}

static enum status execute(struct sqlite_sink *s, const char *sql, struct problem *p) {
    return sqlite3_exec(s->base, sql, NULL, NULL, NULL) == SQLITE_OK ? STATUS_OK : failed(s, p);
}

// ---- what stands once

static size_t part_count(enum export_table table) {
    return folds[table].rows != NULL ? PARTS_MAX : 0;
}

static size_t column_find(const struct export_columns *columns, const char *name) {
    size_t at = 0;
    while (at < columns->count && strcmp(columns->at[at].name, name) != 0)
        at++;
    CHECK(at < columns->count);
    return at;
}

static bool part_has(int part, const char *column) {
    for (size_t i = 0; i < LOOKUP_COLUMNS_MAX && lookup_rows[part].columns[i] != NULL; i++) {
        if (strcmp(lookup_rows[part].columns[i], column) == 0)
            return true;
    }
    return false;
}

static bool is_in_parts(enum export_table table, const char *column) {
    for (size_t i = 0; i < part_count(table); i++) {
        if (part_has(folds[table].parts[i], column))
            return true;
    }
    return false;
}

static void way_find(struct way *way, enum export_table table, const struct export_columns *columns) {
    for (size_t i = 0; i < part_count(table); i++) {
        const struct lookup_row *row = &lookup_rows[folds[table].parts[i]];
        for (size_t c = 0; c < LOOKUP_COLUMNS_MAX && row->columns[c] != NULL; c++)
            way->parts[i][c] = column_find(columns, row->columns[c]);
    }
    CHECK(columns->count <= COLUMNS_MAX);
    for (size_t i = 0; i < columns->count; i++) {
        if (!is_in_parts(table, columns->at[i].name))
            way->own[way->own_count++] = i;
    }
}

static enum status part_create(struct sqlite_sink *s, int part, const struct export_columns *of,
                               struct problem *p) {
    struct sqlite_lookup *lookup = &s->lookups[part];
    const struct lookup_row *row = &lookup_rows[part];
    if (lookup->name != NULL)
        return STATUS_OK;
    lookup->name = row->name;
    lookup->key = row->key;
    for (; lookup->count < LOOKUP_COLUMNS_MAX && row->columns[lookup->count] != NULL; lookup->count++)
        lookup->columns[lookup->count] = of->at[column_find(of, row->columns[lookup->count])];
    return sqlite_lookup_init(lookup, s->base) == SQLITE_OK ? STATUS_OK : failed(s, p);
}

static enum status parts_create(struct sqlite_sink *s, enum export_table table, struct problem *p) {
    enum status status = STATUS_OK;
    for (size_t i = 0; i < part_count(table) && status == STATUS_OK; i++)
        status = part_create(s, folds[table].parts[i], &s->columns[table], p);
    return status;
}

// ---- tables

static const char *rows_name(enum export_table table) {
    return folds[table].rows != NULL ? folds[table].rows : export_table_names[table];
}

static enum status rows_create(struct sqlite_sink *s, enum export_table table, struct problem *p) {
    const struct export_columns *columns = &s->columns[table];
    struct sql sql = {.length = 0};
    const char *between = "";
    sql_add(&sql, "CREATE TABLE \"%s\" (", rows_name(table));
    for (size_t i = 0; i < part_count(table); i++, between = ", ")
        sql_add(&sql, "%s\"%s\" INTEGER REFERENCES \"%s\"", between, lookup_rows[folds[table].parts[i]].key,
                lookup_rows[folds[table].parts[i]].name);
    for (size_t i = 0; i < s->ways[table].own_count; i++, between = ", ") {
        const struct output_column *column = &columns->at[s->ways[table].own[i]];
        sql_add(&sql, "%s\"%s\" %s", between, column->name, sqlite_type_of(column));
    }
    sql_add(&sql, ")");
    return execute(s, sql.text, p);
}

static enum status view_create(struct sqlite_sink *s, enum export_table table, struct problem *p) {
    const struct export_columns *columns = &s->columns[table];
    struct sql sql = {.length = 0};
    if (part_count(table) == 0)
        return STATUS_OK;
    sql_add(&sql, "CREATE VIEW \"%s\" AS SELECT ", export_table_names[table]);
    for (size_t i = 0; i < columns->count; i++)
        sql_add(&sql, "%s\"%s\"", i > 0 ? ", " : "", columns->at[i].name);
    sql_add(&sql, " FROM \"%s\"", rows_name(table));
    for (size_t i = 0; i < part_count(table); i++)
        sql_add(&sql, " LEFT JOIN \"%s\" USING (\"%s\")", lookup_rows[folds[table].parts[i]].name,
                lookup_rows[folds[table].parts[i]].key);
    return execute(s, sql.text, p);
}

static enum status insert_prepare(struct sqlite_sink *s, enum export_table table, struct problem *p) {
    struct sql sql = {.length = 0};
    size_t count = part_count(table) + s->ways[table].own_count;
    sql_add(&sql, "INSERT INTO \"%s\" VALUES (", rows_name(table));
    for (size_t i = 0; i < count; i++)
        sql_add(&sql, i > 0 ? ", ?" : "?");
    sql_add(&sql, ")");
    return sqlite3_prepare_v2(s->base, sql.text, -1, &s->inserts[table], NULL) == SQLITE_OK ? STATUS_OK
                                                                                            : failed(s, p);
}

static enum status table_create(struct sqlite_sink *s, enum export_table table, struct problem *p) {
    way_find(&s->ways[table], table, &s->columns[table]);
    enum status status = parts_create(s, table, p);
    if (status == STATUS_OK)
        status = rows_create(s, table, p);
    if (status == STATUS_OK)
        status = view_create(s, table, p);
    return status == STATUS_OK ? insert_prepare(s, table, p) : status;
}

static enum status tables_create(struct sqlite_sink *s, struct problem *p) {
    // The file is nobody's until it is whole: what a crash leaves is thrown away.
    enum status status = execute(s, "PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; BEGIN", p);
    for (int i = 0; i < EXPORT_TABLES && status == STATUS_OK; i++)
        status = table_create(s, (enum export_table)i, p);
    return status;
}

// ---- rows

static int parts_bind(struct sqlite_sink *s, enum export_table table, const struct output_cell *cells) {
    int code = SQLITE_OK;
    for (size_t i = 0; i < part_count(table) && code == SQLITE_OK; i++) {
        struct sqlite_lookup *lookup = &s->lookups[folds[table].parts[i]];
        struct output_cell of[LOOKUP_COLUMNS_MAX];
        int64_t number;
        for (size_t c = 0; c < lookup->count; c++)
            of[c] = cells[s->ways[table].parts[i][c]];
        code = sqlite_lookup_number(lookup, of, &number);
        sqlite3_bind_int64(s->inserts[table], (int)i + 1, number);
    }
    return code;
}

static enum status sqlite_row(struct export_sink *sink, enum export_table table,
                              const struct output_cell *cells, struct problem *p) {
    struct sqlite_sink *s = (struct sqlite_sink *)sink;
    sqlite3_stmt *insert = s->inserts[table];
    const struct way *way = &s->ways[table];
    size_t parts = part_count(table);
    if (parts_bind(s, table, cells) != SQLITE_OK)
        return failed(s, p);
    for (size_t i = 0; i < way->own_count; i++)
        sqlite_cell_bind(insert, (int)(parts + i) + 1, &cells[way->own[i]]);
    bool done = sqlite3_step(insert) == SQLITE_DONE;
    enum status status = done ? STATUS_OK : failed(s, p);
    sqlite3_reset(insert);
    return status;
}

static void statements_end(struct sqlite_sink *s) {
    for (int i = 0; i < EXPORT_TABLES; i++) {
        sqlite3_finalize(s->inserts[i]);
        s->inserts[i] = NULL;
    }
    for (int i = 0; i < LOOKUPS; i++)
        sqlite_lookup_fini(&s->lookups[i]);
}

static enum status sqlite_end(struct export_sink *sink, struct problem *p) {
    struct sqlite_sink *s = (struct sqlite_sink *)sink;
    enum status status = execute(s,
                                 "CREATE INDEX kpi_rows_by ON kpi_rows (subject);"
                                 "CREATE INDEX counter_rows_by ON counter_rows (subject);"
                                 "COMMIT",
                                 p);
    statements_end(s);
    if (status == STATUS_OK && sqlite3_close(s->base) != SQLITE_OK)
        return failed(s, p);
    if (status != STATUS_OK)
        return status;
    s->base = NULL;
    return out_file_commit(&s->file, p);
}

static void sqlite_close(struct export_sink *sink) {
    struct sqlite_sink *s = (struct sqlite_sink *)sink;
    statements_end(s);
    sqlite3_close(s->base);
    out_file_abandon(&s->file);
    free(s);
}

enum status export_sqlite_open(struct export_sink **sink, const char *path, int how,
                               const struct export_columns *columns, struct problem *p) {
    static const struct export_kind kind = {sqlite_row, sqlite_end, sqlite_close};
    struct sqlite_sink *s = memory_take(sizeof(*s));
    s->sink.kind = &kind;
    s->columns = columns;
    *sink = &s->sink;
    enum status status = out_file_name(&s->file, path, how, p);
    if (status == STATUS_OK) {
        int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX; // one thread; and the lock is ours
        status = sqlite3_open_v2(s->file.temporary, &s->base, flags, "unix-none") == SQLITE_OK ? STATUS_OK
                                                                                               : failed(s, p);
    }
    if (status == STATUS_OK)
        status = tables_create(s, p);
    if (status != STATUS_OK) {
        sqlite_close(*sink);
        *sink = NULL;
    }
    return status;
}
