// The worker: one process, one thread.
//
//     source -> decode -> validate -> dedup -> count -> flush -> commit
//
// Only pressure flows back: a full stage holds the source.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "ingest/startup/startup.h"

// A run with an end: it counts to where the log ended when somebody looked, and is drained then.
struct pipeline_errand {
    int32_t partitions;
    const int64_t *first, *end; // by partition
    // By partition: what is refused before this offset was dead-lettered when it was counted first.
    const int64_t *letters_from;
    // Now and then, and at the end: how many of the offsets between have been read.
    void (*progress)(void *context, int64_t done, int64_t all);
    void *context;
    bool reached;                               // after the run: every shard's marks are at the end
    int64_t read, counted, rejected, duplicate; // after the run: events
};

// Runs until SIGTERM or SIGINT (then drains, and a drained stop is STATUS_OK; one that its bound cut short
// STATUS_TRY_AGAIN, exact all the same), or until the errand (NULL: none) is done, or until the process must
// stop, which it says in a problem.
enum status pipeline_run(struct startup *startup, struct pipeline_errand *errand, struct problem *problem);
