// Percentiles of latencies: a histogram of fixed size whose steps are 1/1024 of the value (as HdrHistogram's
// with three digits).
#pragma once

#include <jansson.h>
#include <stdint.h>

enum { PERCENTILE_STEPS = 1024, PERCENTILE_OCTAVES = 28 }; // up to 2^38 us, three days

struct percentile {
    uint64_t count;
    int64_t greatest_us;
    uint64_t buckets[(PERCENTILE_OCTAVES + 1) * PERCENTILE_STEPS];
};

void percentile_add(struct percentile *p, int64_t us);

void percentile_merge(struct percentile *into, const struct percentile *from);

// The least value that `percent` (0..100) of the values do not exceed, at most 1/1024 too great; 100: the
// greatest, exactly. 0 where there are none.
int64_t percentile_at(const struct percentile *p, double percent);

// [[value in ms, percentile, values up to it], ...], five steps to each halving of what is left, as in an
// .hgrm file.
json_t *percentile_json(const struct percentile *p);
