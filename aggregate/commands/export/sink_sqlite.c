// One file of SQLite: numbers are INTEGER, the ratio REAL, all else TEXT; what is nothing is NULL.
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "aggregate/commands/export/sink.h"
#include "aggregate/commands/out_file.h"
#include "runtime/memory.h"

enum { SQL_MAX = 4096 };

struct sqlite_sink {
    struct export_sink sink;
    struct out_file file;
    sqlite3 *base;
    const struct export_columns *columns;
    sqlite3_stmt *inserts[EXPORT_TABLES];
};

static enum status failed(const struct sqlite_sink *s, struct problem *p) {
    return problem_set(p, STATUS_CANT_CREATE, "", "choose a place that can be written, with room", "%s: %s",
                       s->file.path, sqlite3_errmsg(s->base));
}

static enum status execute(struct sqlite_sink *s, const char *sql, struct problem *p) {
    return sqlite3_exec(s->base, sql, NULL, NULL, NULL) == SQLITE_OK ? STATUS_OK : failed(s, p);
}

// ---- tables

static const char *type_of(const struct output_column *column) {
    if (!column->number)
        return "TEXT";
    return strcmp(column->name, "ratio") == 0 ? "REAL" : "INTEGER";
}

static enum status table_create(struct sqlite_sink *s, enum export_table table, struct problem *p) {
    char sql[SQL_MAX];
    const struct export_columns *columns = &s->columns[table];
    int length = snprintf(sql, sizeof(sql), "CREATE TABLE \"%s\" (", export_table_names[table]);
    for (size_t i = 0; i < columns->count; i++)
        length += snprintf(sql + length, sizeof(sql) - (size_t)length, "%s\"%s\" %s", i > 0 ? ", " : "",
                           columns->at[i].name, type_of(&columns->at[i]));
    snprintf(sql + length, sizeof(sql) - (size_t)length, ")");
    return execute(s, sql, p);
}

static enum status insert_prepare(struct sqlite_sink *s, enum export_table table, struct problem *p) {
    char sql[SQL_MAX];
    int length = snprintf(sql, sizeof(sql), "INSERT INTO \"%s\" VALUES (", export_table_names[table]);
    for (size_t i = 0; i < s->columns[table].count; i++)
        length += snprintf(sql + length, sizeof(sql) - (size_t)length, "%s?", i > 0 ? ", " : "");
    snprintf(sql + length, sizeof(sql) - (size_t)length, ")");
    return sqlite3_prepare_v2(s->base, sql, -1, &s->inserts[table], NULL) == SQLITE_OK ? STATUS_OK
                                                                                       : failed(s, p);
}

static enum status tables_create(struct sqlite_sink *s, struct problem *p) {
    // The file is nobody's until it is whole: what a crash leaves is thrown away.
    enum status status = execute(s, "PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; BEGIN", p);
    for (int i = 0; i < EXPORT_TABLES && status == STATUS_OK; i++) {
        status = table_create(s, (enum export_table)i, p);
        if (status == STATUS_OK)
            status = insert_prepare(s, (enum export_table)i, p);
    }
    return status;
}

// ---- rows

// A number's text becomes one by the column's affinity, exactly; what is no UTF-8 stays as it is.
static enum status sqlite_row(struct export_sink *sink, enum export_table table,
                              const struct output_cell *cells, struct problem *p) {
    struct sqlite_sink *s = (struct sqlite_sink *)sink;
    sqlite3_stmt *insert = s->inserts[table];
    for (size_t i = 0; i < s->columns[table].count; i++) {
        struct slice text = cells[i].text;
        if (text.at == NULL)
            sqlite3_bind_null(insert, (int)i + 1);
        else
            sqlite3_bind_text(insert, (int)i + 1, text.at, (int)text.length, SQLITE_STATIC);
    }
    bool done = sqlite3_step(insert) == SQLITE_DONE;
    enum status status = done ? STATUS_OK : failed(s, p);
    sqlite3_reset(insert);
    return status;
}

static enum status sqlite_end(struct export_sink *sink, struct problem *p) {
    struct sqlite_sink *s = (struct sqlite_sink *)sink;
    enum status status =
        execute(s,
                "CREATE INDEX kpi_by ON kpi (account, platform, kpi, start_utc);"
                "CREATE INDEX counters_by ON counters (account, platform, counter, start_utc);"
                "COMMIT",
                p);
    for (int i = 0; i < EXPORT_TABLES; i++) {
        sqlite3_finalize(s->inserts[i]);
        s->inserts[i] = NULL;
    }
    if (status == STATUS_OK && sqlite3_close(s->base) != SQLITE_OK)
        return failed(s, p);
    if (status != STATUS_OK)
        return status;
    s->base = NULL;
    return out_file_commit(&s->file, p);
}

static void sqlite_close(struct export_sink *sink) {
    struct sqlite_sink *s = (struct sqlite_sink *)sink;
    for (int i = 0; i < EXPORT_TABLES; i++)
        sqlite3_finalize(s->inserts[i]);
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
