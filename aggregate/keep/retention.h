// What grows older than store.retain leaves the store: a window's parts and its published revisions, and
// three days later its orders. Spans that somebody made stay. On the keeping thread.
//
// Time is what all partitions have sealed, and never later than the newest window that is published, nor than
// the clock: neither a host whose clock is wrong takes anything away, nor a producer's whose events are of a
// far future. A day is left to the aggregators to let go of a window themselves
// (ledger.h) before its files go.
#pragma once

#include "aggregate/keep/earlier.h"

// Orders are read for 48 hours of windows longer than what they are of: windows are held against them, and
// refunds look up theirs. They leave a day after that: whoever is no further than a day behind the process
// that removes them reads none that are going.
enum { RETENTION_ORDERS_S = EARLIER_S + 24 * 3600 };

struct retention {
    int64_t sealed_s;  // by all partitions; 0: unknown, and nothing is removed
    const bool *owned; // by partition: windows of their publishers alone, so that processes share the work
    bool (*is_open)(const void *context, int64_t start_s); // does somebody hold its rows?
    const void *context;
};

// What was sealed, where the clock has come there.
int64_t retention_time(const struct keeper *k, int64_t sealed_s);

// By what time files grow old: the newest window's end, what is sealed, or the clock, which is least.
int64_t retention_now(int64_t clock_s, int64_t newest_end_s, int64_t sealed_s);

// Windows that end by then may have left the store; 0: none. `retain_s` 0: for ever.
int64_t retention_horizon(int64_t sealed_s, int64_t retain_s);

// Removes at most `most` files, of names that the store's writers give; *removed: how many. *more: there are
// others. STATUS_TRY_AGAIN, STATUS_NOT_ALLOWED...: the rest stays, until the next time.
enum status retention_run(struct keeper *k, const struct retention *terms, size_t most, size_t *removed,
                          bool *more, struct problem *p);
