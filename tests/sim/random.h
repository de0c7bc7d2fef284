// Chance, from a seed. Every source of it has a stream of its own, so that one fault switched off leaves the
// others' draws as they were.
#pragma once

#include "runtime/hash.h"

struct chance {
    uint64_t state;
};

static inline struct chance chance_of(uint64_t seed, uint64_t stream) {
    return (struct chance){hash_integer(hash_integer(seed + UINT64_C(0x9e3779b97f4a7c15)) + stream)};
}

static inline uint64_t chance_draw(struct chance *c) {
    c->state += UINT64_C(0x9e3779b97f4a7c15);
    return hash_integer(c->state);
}

// 0 .. limit - 1; 0 where limit is 0.
static inline uint32_t chance_below(struct chance *c, uint32_t limit) {
    return limit == 0 ? 0 : (uint32_t)(chance_draw(c) % limit);
}

// first .. last
static inline int64_t chance_between(struct chance *c, int64_t first, int64_t last) {
    return first + (int64_t)(chance_draw(c) % (uint64_t)(last - first + 1));
}

static inline bool chance_is(struct chance *c, uint32_t percent) {
    return chance_below(c, 100) < percent;
}
