// A table of SQLite in which what many rows have in common stands once, under a number: a stretch of time, a
// subject, a name.
#pragma once

#include <sqlite3.h>
#include <stdint.h>

#include "runtime/output.h"

enum { LOOKUP_COLUMNS_MAX = 8 };

struct sqlite_lookup {
    const char *name, *key; // of the table, and of the column that holds the number; borrowed
    struct output_column columns[LOOKUP_COLUMNS_MAX];
    size_t count;
    sqlite3_stmt *find, *insert;
    struct lookup_slot *slots; // what was looked up last: a table of constant size
};

// Creates the table, its index and its statements in `base`; name, key, columns and count are given. An
// SQLite code. sqlite_lookup_fini in any case, before the base is closed.
int sqlite_lookup_init(struct sqlite_lookup *lookup, sqlite3 *base);
void sqlite_lookup_fini(struct sqlite_lookup *lookup);
// The number of these cells, in the order of the columns; they are added where they are new. An SQLite code.
int sqlite_lookup_number(struct sqlite_lookup *lookup, const struct output_cell *cells, int64_t *number);

// ---- what all tables have in common

// A statement that is being put together; what does not fit is a bug.
struct sql {
    char text[4096];
    size_t length;
};
__attribute__((format(printf, 2, 3))) void sql_add(struct sql *sql, const char *format, ...);

// "TEXT", "INTEGER", "REAL": the affinity by which a cell's text becomes a number, exactly.
const char *sqlite_type_of(const struct output_column *column);
// What is nothing is NULL; what is no UTF-8 stays as it is. The text must outlive the step.
void sqlite_cell_bind(sqlite3_stmt *statement, int place, const struct output_cell *cell);
