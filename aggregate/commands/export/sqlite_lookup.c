#include "aggregate/commands/export/sqlite_lookup.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "runtime/check.h"
#include "runtime/memory.h"

enum { SLOTS = 1024 };

struct lookup_slot {
    char *key; // NULL: nothing yet
    size_t length;
    int64_t number;
};

// ---- what all tables have in common

void sql_add(struct sql *sql, const char *format, ...) {
    va_list arguments;
    size_t room = sizeof(sql->text) - sql->length;
    va_start(arguments, format);
    int length = vsnprintf(sql->text + sql->length, room, format, arguments);
    va_end(arguments);
    CHECK(length >= 0 && (size_t)length < room);
    sql->length += (size_t)length;
}

const char *sqlite_type_of(const struct output_column *column) {
    if (!column->number)
        return "TEXT";
    return strcmp(column->name, "ratio") == 0 ? "REAL" : "INTEGER";
}

void sqlite_cell_bind(sqlite3_stmt *statement, int place, const struct output_cell *cell) {
    if (cell->text.at == NULL)
        sqlite3_bind_null(statement, place);
    else
        sqlite3_bind_text(statement, place, cell->text.at, (int)cell->text.length, SQLITE_STATIC);
}

// ---- the table

static void names_add(struct sql *sql, const struct sqlite_lookup *lookup) {
    for (size_t i = 0; i < lookup->count; i++)
        sql_add(sql, "%s\"%s\"", i > 0 ? ", " : "", lookup->columns[i].name);
}

static int table_create(const struct sqlite_lookup *lookup, sqlite3 *base) {
    struct sql sql = {.length = 0};
    sql_add(&sql, "CREATE TABLE \"%s\" (\"%s\" INTEGER PRIMARY KEY", lookup->name, lookup->key);
    for (size_t i = 0; i < lookup->count; i++)
        sql_add(&sql, ", \"%s\" %s", lookup->columns[i].name, sqlite_type_of(&lookup->columns[i]));
    sql_add(&sql, "); CREATE INDEX \"%s_by\" ON \"%s\" (", lookup->name, lookup->name);
    names_add(&sql, lookup);
    sql_add(&sql, ")");
    return sqlite3_exec(base, sql.text, NULL, NULL, NULL);
}

static int find_prepare(struct sqlite_lookup *lookup, sqlite3 *base) {
    struct sql sql = {.length = 0};
    sql_add(&sql, "SELECT rowid FROM \"%s\" WHERE ", lookup->name);
    for (size_t i = 0; i < lookup->count; i++)
        sql_add(&sql, "%s\"%s\" IS ?", i > 0 ? " AND " : "", lookup->columns[i].name);
    return sqlite3_prepare_v2(base, sql.text, -1, &lookup->find, NULL);
}

static int insert_prepare(struct sqlite_lookup *lookup, sqlite3 *base) {
    struct sql sql = {.length = 0};
    sql_add(&sql, "INSERT INTO \"%s\" (", lookup->name);
    names_add(&sql, lookup);
    sql_add(&sql, ") VALUES (");
    for (size_t i = 0; i < lookup->count; i++)
        sql_add(&sql, i > 0 ? ", ?" : "?");
    sql_add(&sql, ")");
    return sqlite3_prepare_v2(base, sql.text, -1, &lookup->insert, NULL);
}

int sqlite_lookup_init(struct sqlite_lookup *lookup, sqlite3 *base) {
    lookup->slots = memory_take(SLOTS * sizeof(*lookup->slots));
    int code = table_create(lookup, base);
    if (code == SQLITE_OK)
        code = find_prepare(lookup, base);
    return code == SQLITE_OK ? insert_prepare(lookup, base) : code;
}

void sqlite_lookup_fini(struct sqlite_lookup *lookup) {
    for (size_t i = 0; i < SLOTS && lookup->slots != NULL; i++)
        free(lookup->slots[i].key);
    free(lookup->slots);
    lookup->slots = NULL;
    sqlite3_finalize(lookup->find);
    sqlite3_finalize(lookup->insert);
    lookup->find = lookup->insert = NULL;
}

// ---- a number

// All cells one behind the other, each with its length; the caller frees.
static char *key_of(const struct sqlite_lookup *lookup, const struct output_cell *cells, size_t *length) {
    *length = 0;
    for (size_t i = 0; i < lookup->count; i++)
        *length += sizeof(size_t) + (cells[i].text.at != NULL ? cells[i].text.length : 0);
    char *key = memory_take(*length), *at = key;
    for (size_t i = 0; i < lookup->count; i++) {
        size_t size = cells[i].text.at != NULL ? cells[i].text.length : SIZE_MAX;
        memcpy(at, &size, sizeof(size));
        at += sizeof(size);
        if (cells[i].text.at != NULL && size > 0)
            memcpy(at, cells[i].text.at, size);
        at += cells[i].text.at != NULL ? size : 0;
    }
    return key;
}

static void cells_bind(sqlite3_stmt *statement, const struct sqlite_lookup *lookup,
                       const struct output_cell *cells) {
    for (size_t i = 0; i < lookup->count; i++)
        sqlite_cell_bind(statement, (int)i + 1, &cells[i]);
}

static int number_ask(struct sqlite_lookup *lookup, const struct output_cell *cells, int64_t *number) {
    cells_bind(lookup->find, lookup, cells);
    int code = sqlite3_step(lookup->find);
    if (code == SQLITE_ROW)
        *number = sqlite3_column_int64(lookup->find, 0);
    sqlite3_reset(lookup->find);
    if (code != SQLITE_DONE)
        return code == SQLITE_ROW ? SQLITE_OK : code;
    cells_bind(lookup->insert, lookup, cells);
    code = sqlite3_step(lookup->insert);
    *number = sqlite3_last_insert_rowid(sqlite3_db_handle(lookup->insert));
    sqlite3_reset(lookup->insert);
    return code == SQLITE_DONE ? SQLITE_OK : code;
}

int sqlite_lookup_number(struct sqlite_lookup *lookup, const struct output_cell *cells, int64_t *number) {
    size_t length;
    char *key = key_of(lookup, cells, &length);
    *number = 0;
    struct lookup_slot *slot = &lookup->slots[XXH3_64bits(key, length) % SLOTS];
    if (slot->key != NULL && slot->length == length && memcmp(slot->key, key, length) == 0) {
        *number = slot->number;
        free(key);
        return SQLITE_OK;
    }
    int code = number_ask(lookup, cells, number);
    free(slot->key);
    *slot = (struct lookup_slot){key, length, *number};
    return code;
}
