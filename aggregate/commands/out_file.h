// A file that a command writes: under a temporary name, which becomes its own when it is whole. What it must
// not be is refused before anything is written: standard output, a file of a store (its spans may be), and,
// unless forced, a file that is there.
//
// One thread. From the first file on, SIGINT, SIGTERM, SIGHUP and SIGPIPE remove what is temporary before
// they end the process.
#pragma once

#include <stdio.h>

#include "runtime/status.h"

// Until out_file_commit nobody sees it under its name, and what was there stays.
struct out_file {
    char *path, *temporary;
    int lock;         // of the temporary file
    FILE *out;        // write here
    FILE *compressed; // what `out` writes to where it compresses
};

enum out_how {
    OUT_FORCED = 1,     // in the place of a file that is there
    OUT_COMPRESSED = 2, // what is written goes through zstd
};

// `how`: of out_how. STATUS_USAGE, STATUS_CANT_CREATE, STATUS_NOT_ALLOWED. out_file_abandon in any case.
enum status out_file_begin(struct out_file *file, const char *path, int how, struct problem *p);
// A file that somebody else writes, by its temporary name, where an empty one stands; `out` is NULL.
enum status out_file_name(struct out_file *file, const char *path, int how, struct problem *p);
// On disk, whole, under its name, which outlasts a crash of the machine where the file system says so of
// folders. STATUS_CANT_CREATE, STATUS_NOT_ALLOWED: what was there before stays.
enum status out_file_commit(struct out_file *file, struct problem *p);
// Its two halves, for files that belong together: each on disk, whole, before the first has its name.
enum status out_file_whole(struct out_file *file, struct problem *p);
enum status out_file_place(struct out_file *file, struct problem *p);
// Removes what was not committed.
void out_file_abandon(struct out_file *file);
