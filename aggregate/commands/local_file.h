// Files beside the store: read whole, and written under a temporary name that becomes theirs when they are
// whole.
#pragma once

#include <stdbool.h>
#include <stdio.h>

#include "runtime/status.h"

bool local_file_is_there(const char *path);
// The caller frees `*bytes`. STATUS_NO_INPUT, STATUS_NOT_ALLOWED.
enum status local_file_read(const char *path, char **bytes, size_t *length, struct problem *p);

// A file that is being written. Until out_file_commit nobody sees it under its name, and what was there
// stays.
struct out_file {
    char *path, *temporary;
    FILE *out;        // write here
    FILE *compressed; // what `out` writes to where it compresses
};

// `compress`: what is written goes through zstd. STATUS_CANT_CREATE, STATUS_NOT_ALLOWED.
enum status out_file_begin(struct out_file *file, const char *path, bool is_compressed, struct problem *p);
// A file that somebody else writes, by its temporary name; `out` is NULL.
enum status out_file_name(struct out_file *file, const char *path, struct problem *p);
// On disk, whole, under its name. STATUS_CANT_CREATE: nothing was left behind. out_file_abandon in any case.
enum status out_file_commit(struct out_file *file, struct problem *p);
// Removes what was not committed.
void out_file_abandon(struct out_file *file);
