// Events sent open-loop: each at the moment that a steady rate gives it, whatever became of the earlier ones.
#pragma once

#include "loadtest/bench/bench_run.h"
#include "schemas/keys.h"

// When event `index` is due, in ns from the start.
static inline int64_t feed_due_ns(uint64_t index, uint64_t rate) {
    return (int64_t)(index / rate * 1000000000 + index % rate * 1000000000 / rate);
}

// How many events are due `elapsed_ns` after the start.
static inline uint64_t feed_due_count(int64_t elapsed_ns, uint64_t rate) {
    uint64_t passed = (uint64_t)elapsed_ns + 1;
    return passed / 1000000000 * rate + (passed % 1000000000 * rate + 999999999) / 1000000000;
}

// One event, as it was handed to the producer. Times are of clock_monotonic_ns.
struct feed_event {
    uint32_t shard;
    int32_t partition;
    int64_t offset;
    int64_t due_ns, sent_ns;
};

struct feed_taker {
    void (*sent)(void *context, const struct feed_event *event);
    void *context;
};

struct bench_feed;

// Events of the mix `bench` into the deployment's topic, which nobody else may write to: the offsets are
// reckoned from the end of the log, and checked by feed_finish. `space` says where an account lies.
// STATUS_USAGE on an embedded broker, which keeps too little. `feed` is to be closed also where this fails.
enum status feed_open(struct bench_feed **feed, struct bench *b, const struct key_space *space, uint64_t rate,
                      struct problem *problem);
void feed_close(struct bench_feed **feed);

// The schedule begins now.
void feed_begin(struct bench_feed *feed);
// Sends what is due, then serves delivery reports until the next event is, for a millisecond at most.
// `taker` (NULL: none) is told of each event just after the producer took it.
enum status feed_step(struct bench_feed *feed, const struct feed_taker *taker, struct problem *problem);
// Waits until all is acknowledged, and holds the ends of the log (which it reads into b->log) against what
// was sent.
enum status feed_finish(struct bench_feed *feed, struct problem *problem);

uint64_t feed_count(const struct bench_feed *feed); // events sent
int64_t feed_elapsed_ms(const struct bench_feed *feed);
