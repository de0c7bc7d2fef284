// The worker: one process, one thread.
//
//     source -> decode -> validate -> dedup -> count -> flush -> commit
//
// Only pressure flows back: a full stage holds the source.
#pragma once

#include "ingest/startup/startup.h"

// Runs until SIGTERM or SIGINT (then drains, and a drained stop is STATUS_OK; one that its bound cut short
// STATUS_TRY_AGAIN, exact all the same), or until the process must stop, which it says in a problem.
enum status pipeline_run(struct startup *startup, struct problem *problem);
