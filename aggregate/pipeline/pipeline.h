// The aggregator: one process; a data thread, and a keeping thread for the store.
//
//     source -> decode -> validate -> dedup -> window        data thread
//                          keep -> publish -> commit          keeping thread
//
// Only pressure flows back: a store that does not take what was gained holds the source.
#pragma once

#include "stream/startup/basis.h"

// Runs until SIGTERM or SIGINT (then hands over and keeps everything, and a drained stop is STATUS_OK; one
// that its bound cut short STATUS_TRY_AGAIN, nothing lost all the same), or until the process must stop,
// which it says in a problem.
enum status pipeline_run(const struct basis *basis, struct problem *problem);
