// The inside of the command list.
#pragma once

#include "aggregate/commands/published.h"
#include "runtime/output.h"

enum list_cell {
    LIST_WHAT, // "log", "windows", "partition", "files", "key"
    LIST_NAME,
    LIST_STATE,
    LIST_WINDOWS,
    LIST_FILES,
    LIST_BYTES,
    LIST_EVENTS,
    LIST_REVISIONS,
    LIST_OFFSET,
    LIST_FROM,
    LIST_TO,
    LIST_COMPLETE,
    LIST_SAYS,
    LIST_CELLS,
};

// Room for a row's numbers and times. list_row_init, then the cells that it has, then output_row.
struct list_row {
    struct output_cell cells[LIST_CELLS];
    char texts[LIST_CELLS][LOCAL_TIME_MAX];
};
void list_row_init(struct list_row *row, const char *what, const char *name);
void list_row_text(struct list_row *row, enum list_cell cell, const char *text); // "": nothing; borrowed
void list_row_number(struct list_row *row, enum list_cell cell, int64_t number);
void list_row_time(struct list_row *row, enum list_cell cell, int64_t time_s); // 0: nothing

// ---- list_tables.c: all of it for people, on a terminal

// Prints the rows as tables of few columns, a kind of them after the other.
void list_tables_print(const struct output *all, FILE *out);

// ---- list_windows.c: published windows by their state, and those that are not

// `period`: which; `all`: it is all of them, and what has events beyond the last that is published, too.
// `unread`: how many have a newest revision that cannot be read; each was named on standard error (CLM-D3).
enum status list_windows(struct output *out, const struct published *pub, const struct period *period,
                         bool all, int64_t *unread, struct problem *p);

// ---- list_files.c: what else lies in a store

enum status list_files(struct output *out, struct store *store, struct problem *p);
// The pseudonym keys, by fingerprints.
enum status list_keys(struct output *out, struct store *store, int64_t now_s, struct problem *p);
