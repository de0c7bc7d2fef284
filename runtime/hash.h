// Hashing for tables in memory. Not for names, keys or anything that leaves the process.
#pragma once

#define XXH_INLINE_ALL
#include <stdint.h>
#include <xxhash.h>

#include "runtime/slice.h"

static inline uint64_t hash_bytes(const void *bytes, size_t length, uint64_t seed) {
    return XXH3_64bits_withSeed(bytes, length, seed);
}

static inline uint64_t hash_slice(struct slice text, uint64_t seed) {
    return hash_bytes(text.at, text.length, seed);
}

// The finaliser of splitmix64: spreads an integer key over all 64 bits.
static inline uint64_t hash_integer(uint64_t key) {
    key = (key ^ (key >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    key = (key ^ (key >> 27)) * UINT64_C(0x94d049bb133111eb);
    return key ^ (key >> 31);
}
