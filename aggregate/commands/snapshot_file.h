// A snapshot that somebody names on the command line, with all its rows; of a checkpoint those of all its
// windows together.
#pragma once

#include "aggregate/commands/published.h"
#include "aggregate/figures/difference/difference.h"

struct snapshot_file {
    struct shelf_file file;
    struct rows *rows;
    struct viewers_kept viewers; // of a checkpoint
};

// `word` is, in this order: a file's path; a file's name in the store (snapshots/...); a window (its start in
// Unix seconds, or local time), its newest revision; a window and @N, its Nth. `pub` may be NULL, where there
// is no store: then a path alone. STATUS_NO_INPUT, STATUS_BAD_DATA (CLM-D3), STATUS_USAGE.
// snapshot_file_close in any case.
enum status snapshot_file_open(struct snapshot_file *f, const char *word, const struct published *pub,
                               const struct zone *zone, struct problem *p);
// From a path alone.
enum status snapshot_file_open_path(struct snapshot_file *f, const char *path, struct problem *p);
// By its name in the store: snapshots/...
enum status snapshot_file_open_name(struct snapshot_file *f, struct store *store, const char *name,
                                    struct problem *p);
// The Nth revision of a window; 0 is the newest, -1 the one before.
enum status snapshot_file_open_revision(struct snapshot_file *f, const struct published *pub, int64_t start_s,
                                        int64_t number, struct problem *p);
// The window that is meant: `word` names one, or is "latest". STATUS_USAGE where it names a day or an hour.
enum status snapshot_file_window(int64_t *start_s, const char *word, const struct published *pub,
                                 const struct zone *zone, struct problem *p);
void snapshot_file_close(struct snapshot_file *f);
