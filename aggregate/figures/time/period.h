// The stretch of time that somebody asks for: --since, --until, a window, an hour, a day, a month, or the
// latest. Pure.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "aggregate/figures/time/local_time.h"
#include "runtime/status.h"

enum { PERIOD_WINDOW_S = 900 };

// As it was asked: [start_s, end_s), both ends at a window's.
struct period {
    int64_t start_s; // PERIOD_OPEN: from the first window
    int64_t end_s;   // PERIOD_OPEN: up to the last
    int64_t back_s;  // above 0: the start is so long before the end, at a local hour's or minute's window
    bool latest;     // the last window alone
};
#define PERIOD_OPEN INT64_MIN

// `what` is the positional argument ("latest", a window's start in Unix seconds, or a local month, date, hour
// or minute), NULL or "" where there is none; `since` and `until` likewise: a local date or time, its first
// instant being meant, or, of `since` alone, a duration before the end. None of them: the latest.
// STATUS_USAGE, with what is wrong.
enum status period_parse(struct period *period, const struct zone *zone, const char *what, const char *since,
                         const char *until, struct problem *p);

// Fills in what was left open, from the first window's start and the last one's end. STATUS_USAGE where
// nothing is left.
enum status period_settle(struct period *period, int64_t first_s, int64_t last_end_s, struct problem *p);

// By what stretches of time figures are told.
enum every { EVERY_PERIOD, EVERY_WINDOW, EVERY_HOUR, EVERY_DAY };

// The end of the stretch that holds an instant of the period, and its start; both within the period.
int64_t period_next(const struct period *period, const struct zone *zone, enum every every, int64_t time_s);
int64_t period_begin(const struct period *period, const struct zone *zone, enum every every, int64_t time_s);
