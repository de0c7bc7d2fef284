// An observer of its own thread and connection: it looks at the marks in Redis over and over, and says of
// each event sent how long it took until the mark of the event's shard had passed its offset.
//
// An event is counted with the mark, in one call of Redis, so this is when a reader could see it. A look is
// dated by its answer: what it shows happened at most one gap (and the answer's way) earlier.
#pragma once

#include "loadtest/bench/bench_feed.h"
#include "loadtest/bench/bench_percentile.h"
#include "loadtest/bench/bench_trial.h"

enum { WATCH_EVERY_MS = 10 };

struct watch;

struct watch_answer {
    struct percentile corrected; // from when the event was due
    struct percentile raw;       // from when the producer took it
    struct percentile gaps;      // between two looks
    struct percentile lateness;  // of the sender: taken less due
};

// Uses the trial's connection alone until watch_stop.
struct watch *watch_start(struct trial *t);
// A feed_taker: `context` is the watch.
void watch_sent(void *watch, const struct feed_event *event);
// Events that were sent and not yet seen.
uint64_t watch_outstanding(struct watch *w);
// STATUS_OK while the observer goes on, else what ended it.
enum status watch_status(struct watch *w, struct problem *problem);
// Ends the thread, and adds what it saw to *answer.
void watch_stop(struct watch **watch, struct watch_answer *answer);
