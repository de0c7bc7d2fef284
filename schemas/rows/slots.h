// An index from hashes to numbers: open addressing over pairs of 32 bits. It knows no keys; whoever looks
// something up compares what the numbers lead to.
//
// A slot keeps 32 bits of the hash, and its place are the highest of them: so growing reads nothing but the
// slots, in their order.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "runtime/memory.h"

struct slot {
    uint32_t hash;
    uint32_t number; // + 1; 0: free
};

struct slots {
    struct slot *at;
    uint32_t used;
    unsigned bits; // 2^bits slots
};

enum { SLOTS_FIRST_BITS = 6 };

static inline void slots_init(struct slots *s) {
    *s = (struct slots){memory_take(sizeof(struct slot) << SLOTS_FIRST_BITS), 0, SLOTS_FIRST_BITS};
}

static inline void slots_fini(struct slots *s) {
    free(s->at);
}

static inline size_t slots_memory(const struct slots *s) {
    return sizeof(struct slot) << s->bits;
}

static inline uint32_t slots_hash(uint64_t hash) {
    return (uint32_t)(hash >> 32);
}

static inline struct slot *slots_first(const struct slots *s, uint32_t hash) {
    return &s->at[hash >> (32 - s->bits)];
}

static inline struct slot *slots_next(const struct slots *s, const struct slot *slot) {
    return &s->at[(size_t)(slot + 1 - s->at) & ((UINT64_C(1) << s->bits) - 1)];
}

// The free slot at which probing for a hash ends.
static inline struct slot *slots_free(const struct slots *s, uint32_t hash) {
    struct slot *slot = slots_first(s, hash);
    while (slot->number != 0)
        slot = slots_next(s, slot);
    return slot;
}

// Fills a free slot where probing for the hash ended. Pointers to slots do not outlive it.
static inline void slots_fill(struct slots *s, struct slot *slot, uint32_t hash, uint32_t number) {
    *slot = (struct slot){hash, number + 1};
    if (++s->used <= (UINT64_C(3) << s->bits) / 4)
        return;
    struct slots old = *s;
    s->bits++;
    s->at = memory_take(sizeof(struct slot) << s->bits);
    for (size_t i = 0; i < (size_t)1 << old.bits; i++) {
        if (old.at[i].number != 0)
            *slots_free(s, old.at[i].hash) = old.at[i];
    }
    free(old.at);
}
