// What the files of a store mean: windows, their revisions, parts, through records, checkpoints. Reads and
// writes whole files; a file that is torn or was changed is CLM-D3 with its name, and is left where it is.
#pragma once

#include "aggregate/store/names.h"
#include "schemas/snapshot/snapshot.h"
#include "stream/store/store.h"

// A file and what was read of it. shelf_file_fini frees all; header's texts live until then.
struct shelf_file {
    char name[NAME_MAX_LENGTH];
    struct snapshot *snapshot;
    char *bytes;
    size_t length;
};
void shelf_file_fini(struct shelf_file *file);

// Opens a file and reads its header alone.
enum status shelf_open(struct store *store, const char *name, struct shelf_file *file, struct problem *p);
// Opens it and reads all of it into `rows` (of a file of one window), the sum checked.
enum status shelf_read(struct store *store, const char *name, struct rows *rows, struct shelf_file *file,
                       struct problem *p);
// The same, but only tables whose bits (1 << table) are set are put into `rows`.
enum status shelf_read_tables(struct store *store, const char *name, uint32_t tables, struct rows *rows,
                              struct shelf_file *file, struct problem *p);

// The name of the snapshot of a window with this header: `sum` grows with every revision.
struct snapshot_name shelf_name_of(const struct header *header);

// Starts of all windows that have a folder below "parts" or "snapshots", ascending; the caller frees *starts.
// What else stands there is passed over: its names go into `others`, where it is not NULL, which
// store_names_fini frees.
enum status shelf_windows(struct store *store, const char *folder, int64_t **starts, size_t *count,
                          struct store_names *others, struct problem *p);
// The published revisions of a window, oldest first; the caller frees *names.
enum status shelf_revisions(struct store *store, int64_t start_s, struct snapshot_name **names, size_t *count,
                            struct problem *p);
// Its newest: STATUS_NO_INPUT where none is published.
enum status shelf_newest(struct store *store, int64_t start_s, struct snapshot_name *name, struct problem *p);
// Of each partition the part with the greatest `to` up to its bound (bounds[partition]; INT64_MAX: none),
// among those that start first. parts[partition].to is -1 where there is none.
enum status shelf_parts(struct store *store, int64_t start_s, const int64_t *bounds, struct part_name *parts,
                        uint32_t partitions, struct problem *p);
// The same of the orders of parts, without bounds.
enum status shelf_orders(struct store *store, int64_t start_s, struct part_name *parts, uint32_t partitions,
                         struct problem *p);
// The newest through record of a partition that is whole; STATUS_NO_INPUT where there is none.
enum status shelf_through(struct store *store, uint32_t partition, struct shelf_file *file,
                          struct problem *p);
