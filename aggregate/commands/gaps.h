// What of a stretch of time is not published, and what figures over it are without. All of it is read off
// what the store has: a time asked for may be as long as it likes.
#pragma once

#include "aggregate/commands/published.h"

// Calls `visit` for each stretch of [start_s, end_s) of which nothing is published, unless it is known to
// have no event, in the order of time: a window that is missing by itself, windows that are not sealed
// together.
typedef void (*gap_visit)(void *context, int64_t start_s, int64_t end_s, enum absence absence);
void gaps_each(const struct published *pub, int64_t start_s, int64_t end_s, gap_visit visit, void *context);

// Figures over [start_s, end_s) are incomplete where a window of it is missing, or may have left the store
// before the first that is there; provisional where one is not sealed yet.
void gaps_freshness(const struct published *pub, int64_t start_s, int64_t end_s, struct freshness_sum *sum);

// Says it on standard error; nothing where nothing is missing.
void gaps_warn(const struct published *pub, int64_t start_s, int64_t end_s);
