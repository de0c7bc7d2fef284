#include "loadtest/bench/bench_percentile.h"

#include <math.h>

enum { TICKS = 5 };

// Up to 2 x PERCENTILE_STEPS a bucket is a microsecond; each octave above has PERCENTILE_STEPS of them.
static size_t bucket_of(int64_t us) {
    uint64_t value = us > 0 ? (uint64_t)us : 0;
    unsigned shift = 0;
    while (value >> shift >= 2 * PERCENTILE_STEPS)
        shift++;
    if (shift >= PERCENTILE_OCTAVES)
        return (PERCENTILE_OCTAVES + 1) * PERCENTILE_STEPS - 1;
    return shift * PERCENTILE_STEPS + (size_t)(value >> shift);
}

// The greatest value of a bucket.
static int64_t bucket_end(size_t bucket) {
    if (bucket < 2 * PERCENTILE_STEPS)
        return (int64_t)bucket;
    size_t shift = bucket / PERCENTILE_STEPS - 1;
    size_t value = bucket - shift * PERCENTILE_STEPS;
    return (int64_t)(((value + 1) << shift) - 1);
}

void percentile_add(struct percentile *p, int64_t us) {
    p->buckets[bucket_of(us)]++;
    p->count++;
    if (us > p->greatest_us)
        p->greatest_us = us;
}

void percentile_merge(struct percentile *into, const struct percentile *from) {
    for (size_t i = 0; i < sizeof(into->buckets) / sizeof(into->buckets[0]); i++)
        into->buckets[i] += from->buckets[i];
    into->count += from->count;
    if (from->greatest_us > into->greatest_us)
        into->greatest_us = from->greatest_us;
}

// The value at which `rank` values (1..count) are behind, and how many then are.
static int64_t value_at_rank(const struct percentile *p, uint64_t rank, uint64_t *behind) {
    *behind = 0;
    for (size_t i = 0; i < sizeof(p->buckets) / sizeof(p->buckets[0]); i++) {
        *behind += p->buckets[i];
        if (*behind >= rank && *behind < p->count)
            return bucket_end(i);
        if (*behind >= rank)
            break;
    }
    return p->greatest_us;
}

static uint64_t rank_of(const struct percentile *p, double percent) {
    double rank = ceil(percent / 100 * (double)p->count - 1e-9);
    return rank < 1 ? 1 : (uint64_t)rank;
}

int64_t percentile_at(const struct percentile *p, double percent) {
    uint64_t behind;
    return value_at_rank(p, rank_of(p, percent), &behind);
}

json_t *percentile_json(const struct percentile *p) {
    json_t *rows = json_array();
    double percent = 0;
    uint64_t behind = 0;
    while (behind < p->count) {
        int64_t us = value_at_rank(p, rank_of(p, percent), &behind);
        double reached = behind < p->count ? percent : 100;
        json_array_append_new(rows, json_pack("[f f I]", (double)us / 1000, reached, (json_int_t)behind));
        double halvings = floor(log2(100 / (100 - percent))) + 1;
        percent += 100 / (TICKS * exp2(halvings));
    }
    return rows;
}
