// Random numbers that are a function of (seed, stream, index): event 7 is the same event whether or not
// events 0 to 6 were made. That is what lets a duplicate be made again instead of being remembered, and a dry
// run cost nothing but time.
//
// SplitMix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, OOPSLA 2014). Not for
// secrets.
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct random {
    uint64_t state;
};

static inline uint64_t random_mix(uint64_t x) {
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

#define RANDOM_STEP UINT64_C(0x9e3779b97f4a7c15)

static inline struct random random_at(uint64_t seed, uint64_t stream, uint64_t index) {
    uint64_t root = random_mix(random_mix(seed + RANDOM_STEP) + stream * RANDOM_STEP);
    return (struct random){random_mix(root + index * RANDOM_STEP)};
}

static inline uint64_t random_next(struct random *r) {
    r->state += RANDOM_STEP;
    return random_mix(r->state);
}

// 0 .. n-1; n > 0. The bias is below n / 2^64.
static inline uint64_t random_below(struct random *r, uint64_t n) {
    return (uint64_t)(((unsigned __int128)random_next(r) * n) >> 64);
}

// low .. high, both included.
static inline int64_t random_between(struct random *r, int64_t low, int64_t high) {
    return low + (int64_t)random_below(r, (uint64_t)(high - low) + 1);
}

static inline bool random_percent(struct random *r, unsigned percent) {
    return random_below(r, 100) < percent;
}

// [0, 1) in steps of 2^-53, exactly representable.
static inline double random_unit(struct random *r) {
    return (double)(random_next(r) >> 11) * 0x1p-53;
}
