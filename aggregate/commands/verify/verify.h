// The inside of the command verify: what is known while it goes through a store, and what it has found.
#pragma once

#include "aggregate/commands/published.h"
#include "aggregate/commands/store_reader.h"
#include "aggregate/figures/audit.h"

struct verify {
    struct store *store;
    struct published pub;
    bool deep;
    bool shows_progress;
    struct output findings;
    size_t files, bad_files, notes, windows;
    struct problem first; // of what is bad
    // By partition: what the newest revisions of windows cover whose line is settled.
    uint64_t *settled_counted, *settled_late;
    bool
        *is_ahead; // a window was published since the record was read: they cannot be held against each other
    // Files of orders of the windows so far: later ones were held against them.
    struct part_name *orders;
    size_t order_count, order_room;
};

// A file that is not what it must be, or a note: what is odd and may be right. `file` is a name in the store,
// or a path.
void verify_bad(struct verify *v, const char *file, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void verify_note(struct verify *v, const char *file, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

// Reads a whole file of the store: sum, order of rows, header against name. STATUS_OK with `file->snapshot`
// NULL where it is bad (which was said) or gone; else shelf_file_fini is the caller's. A status is the
// store's.
enum status verify_file(struct verify *v, const char *name, struct shelf_file *file, struct problem *p);

// One window: its parts, its published revisions, the lines of it.
enum status verify_window(struct verify *v, int64_t start_s, struct problem *p);
// Merges the parts again, as `header` says, and holds the bytes against the published ones.
enum status verify_again(struct verify *v, const char *name, const struct header *header,
                         const unsigned char *published, struct problem *p);
// Once all windows were seen: what the settled lines say that they hold.
void verify_settled(struct verify *v);
