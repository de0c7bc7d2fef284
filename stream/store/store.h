// Where parts, checkpoints and snapshots are kept: names and bytes. A file appears whole or not at all, and
// is never changed: directory stores write a temporary name, fsync, rename, fsync the directory; in a bucket
// the store sees to it.
//
// Any thread, one at a time a store. Blocking.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/status.h"

struct store;

// Where a store is, as settings name it. Borrowed during store_open.
struct s3_place {
    const char *endpoint; // "": Amazon's
    const char *region, *access_key, *secret_key;
    const char *ca_file; // "": those of the system
    int64_t timeout_ms;
    int64_t retries;
};
// Who reads alone is told what a reader can do about trouble, and leaves alone what writers left behind.
enum store_use { STORE_TO_WRITE, STORE_TO_READ };
struct store_place {
    const char *url; // file:///absolute/path (made where it is missing), or s3://bucket/prefix (of a bucket
                     // that is there)
    enum store_use use;
    struct s3_place s3;
};

// STATUS_CONFIG, STATUS_NOT_ALLOWED, STATUS_CANT_CREATE; STATUS_UNAVAILABLE (CLM-D1), no bucket answers.
// *store is NULL then. Of a bucket SIGPIPE is ignored from here on, of a directory SIGXFSZ, where it was to
// end the process.
enum status store_open(struct store **store, const struct store_place *place, struct problem *p);
// The same of store.*; also STATUS_NO_INPUT, there is no store.s3.secret_key_file.
struct settings;
enum status store_open_settings(struct store **store, const struct settings *settings, enum store_use use,
                                struct problem *p);
void store_close(struct store **store);
// Writes a small file and removes it again. STATUS_NOT_ALLOWED (CLM-A1), STATUS_OS, STATUS_CANT_CREATE; a
// store that is full, or does not answer, is STATUS_OK: writers wait for it.
enum status store_try(struct store *store, struct problem *p);

// Names are of a-z 0-9 . - and the '/' of folders, relative, at most 255 bytes, no part of them with a dot in
// front: STATUS_USAGE for others. Below, STATUS_NOT_ALLOWED, STATUS_OS and STATUS_CANT_CREATE are what a
// person must mend.

// Creates the file, or replaces it. STATUS_TRY_AGAIN (CLM-D1) where there is no room or the store does not
// answer: what was there is there, or the new file is, whole; the same call may be made again.
enum status store_put(struct store *store, const char *name, const char *bytes, size_t length,
                      struct problem *p);
// The same where there is no such file; `*created` false where there is one, which stays: also that of an own
// call before that ended with STATUS_TRY_AGAIN.
enum status store_create(struct store *store, const char *name, const char *bytes, size_t length,
                         bool *created, struct problem *p);

// The whole file; the caller frees `*bytes`. STATUS_NO_INPUT where there is none, STATUS_TRY_AGAIN where the
// store does not answer.
enum status store_get(struct store *store, const char *name, char **bytes, size_t *length, struct problem *p);

// Names directly below a folder ("" or "parts/1767225600"), sorted by their bytes; temporary names are not
// among them, names of folders end with '/'. None where there is no such folder; a folder may be empty.
// store_names_fini frees them.
struct store_names {
    char **at;
    size_t count;
};
enum status store_list(struct store *store, const char *folder, struct store_names *names, struct problem *p);
void store_names_fini(struct store_names *names);

// Gone afterwards, whether it was there or not. Folders that become empty go with their last file.
enum status store_remove(struct store *store, const char *name, struct problem *p);

// Bytes free for more, and, where `all` is not NULL, of how many; -1 where nobody can tell.
int64_t store_free_bytes(struct store *store, int64_t *all);
// Is less than `percent` of it free?
bool store_is_low(int64_t free_bytes, int64_t all, int64_t percent);
