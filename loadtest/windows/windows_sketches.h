// Whom the accounts of a window reached, and how long things took there, as the events name it: what the
// sketches of its file stand for. The recount's own reading of schemas/sketches.def and of the bytes that
// schemas/sketch/README.md has; nothing here is shared with the aggregator but the sketches' names. Pure.
#pragma once

#include "clameur/v1/event.pb-c.h"
#include "loadtest/recount/reading/recount_ids.h"
#include "loadtest/recount/recount_table.h"

enum { SKETCH_EXACT_MAX = 512, SKETCH_REGISTERS = 1 << 14, SKETCH_BUCKETS = 1081 };

// A member of a row, and how often it came.
struct window_seen {
    uint32_t number; // of `members`; of durations, their bucket
    uint32_t next;   // of the row
    uint64_t count;
};

struct window_sketched {
    uint32_t first;  // of its members
    uint64_t events; // that have one
    uint64_t members;
    bool met; // by the comparison
};

struct window_sketches {
    struct names
        rows; // encoded by window_row_write: the table, account and platform, the sketch's name as id
    struct names members; // pseudonyms
    struct pairs seen_of; // by row and number
    struct window_seen *seen;
    struct window_sketched *at; // by row
    uint32_t seen_count, seen_room, room;
    int64_t *middles; // of buckets: laid out with the first duration
};

void window_sketches_init(struct window_sketches *s);
void window_sketches_fini(struct window_sketches *s);
// Takes an event that came in time. Returns about how many bytes it took.
size_t window_sketches_add(struct window_sketches *s, const struct recount_keys *keys, int64_t time_ms,
                           const Clameur__V1__Event *e);

// What the sketch of a row holds: of reach its registers, of quantiles how many durations each bucket has.
void window_sketches_registers(const struct window_sketches *s, uint32_t row,
                               unsigned char out[SKETCH_REGISTERS]);
void window_sketches_buckets(const struct window_sketches *s, uint32_t row, uint64_t out[SKETCH_BUCKETS]);
// What stands for the durations of a bucket.
int64_t window_bucket_middle(const struct window_sketches *s, uint32_t bucket);
