// Quantiles of durations, each within 1 % of the exact one: a DDSketch (C. Masson, J. Rim, H. Lee, "DDSketch:
// a fast and fully-mergeable quantile sketch with relative-error guarantees", 2019) over whole milliseconds.
//
// A bucket is a run of values that one value, its middle, is at most 1 % off of. The buckets cover 1 ms to
// 400 days and are the same in every sketch, so that no merge widens any. They are found by whole numbers
// alone (quantiles.c says how): up to 98 ms each value has its own, above that there are some 35 to a
// doubling. Zero and what is negative share a bucket whose middle is 0; longer than 400 days counts as 400
// days.
//
// While few buckets hold something, only those take memory, 8 bytes each; then all of them. Merge is
// addition. What comes out depends on the values alone, not on the order of adds and merges, and so does the
// written form: equal sketches are equal bytes. A bucket holds up to QUANTILES_COUNT_MAX and no more, which
// is no matter of order either.
//
// {0} is an empty one and holds no memory. Pure; not for threads to share.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/slice.h"

enum {
    QUANTILES_BUCKETS_MAX = 1081,                        // that of 0 and 1080 of 1 ms to 400 days
    QUANTILES_BYTES_MAX = 1 + QUANTILES_BUCKETS_MAX * 9, // of the written form
};
#define QUANTILES_LONGEST_MS (INT64_C(400) * 86400 * 1000)
#define QUANTILES_COUNT_MAX  ((UINT64_C(1) << 48) - 1)

struct quantiles {
    uint64_t
        *buckets; // ascending: its number << 48 | its count, at least 1; 0 only where all of them are there
    uint32_t count, room; // of the buckets
};

void quantiles_fini(struct quantiles *q); // leaves an empty one

void quantiles_add(struct quantiles *q, int64_t value_ms, uint64_t count); // count values alike; 0 is none
// Fetches what adding such a value will touch.
void quantiles_prefetch(const struct quantiles *q, int64_t value_ms);
void quantiles_merge(struct quantiles *into, const struct quantiles *from); // not of itself

uint64_t quantiles_count(const struct quantiles *q);                        // values
size_t quantiles_memory(const struct quantiles *q);                         // bytes on the heap
bool quantiles_equal(const struct quantiles *a, const struct quantiles *b); // would their written forms be?

// The value, within 1 %, that stands at place floor(permille x (n - 1) / 1000) of the n values in ascending
// order, counted from 0: 500 is the median (of an even number the lower middle), 900 and 990 are p90 and p99.
// False if there is no value. Permille is at most 1000.
bool quantiles_at(const struct quantiles *q, unsigned permille, int64_t *value_ms)
    __attribute__((warn_unused_result));

// The written form: a byte 1, which stands for these buckets, then of each that holds something, ascending,
// two varints: its number less the one before (the first: its number), and its count. Returns its length, at
// least 1.
size_t quantiles_write(const struct quantiles *q, unsigned char out[QUANTILES_BYTES_MAX]);

// Into `q`, which holds nothing before. False, and `q` is empty, for whatever quantiles_write does not write;
// in such bytes nothing is trusted.
bool quantiles_read(struct quantiles *q, struct slice bytes) __attribute__((warn_unused_result));
