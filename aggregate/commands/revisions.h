// Published windows, read one after the other: of each its newest revision.
#pragma once

#include "aggregate/commands/published.h"

// A window's newest revision.
struct revision {
    int64_t start_s, end_s;
    char name[NAME_MAX_LENGTH]; // in the store
    uint32_t number;            // of how many were published: 1 is the first
    enum freshness freshness;
    uint64_t counted, late; // events, by its coverage
    uint32_t missing;       // partitions
};

// How fresh figures over a stretch of time are.
struct revisions_state {
    struct freshness_sum all;   // by what is read and by what is missing
    struct freshness_sum lacks; // by what is missing alone
};

// What is done with each: rows and file are let go afterwards.
typedef enum status (*revision_visit)(void *context, const struct revision *revision,
                                      const struct shelf_file *file, const struct rows *rows,
                                      struct problem *p);
// Reads the newest revisions of the windows in [start_s, end_s), one after the other. One that has no
// snapshot is said on standard error, and left out. Ends at the first that fails. `state` may be NULL.
enum status revisions_each(const struct published *pub, int64_t start_s, int64_t end_s, revision_visit visit,
                           void *context, struct revisions_state *state, struct problem *p);
// The same of one published window, and of its header alone: nothing else of the file is checked, and `rows`
// is NULL.
enum status revisions_header(const struct published *pub, int64_t start_s, revision_visit visit,
                             void *context, struct problem *p);

// Calls `visit` for each stretch of the period that holds a published window, the stretches being as long as
// `every` says. Ends at the first that fails.
typedef enum status (*stretch_visit)(void *context, int64_t start_s, int64_t end_s, struct problem *p);
enum status revisions_stretches(const struct published *pub, const struct period *period,
                                const struct zone *zone, enum every every, stretch_visit visit, void *context,
                                struct problem *p);
