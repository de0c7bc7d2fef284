// For tests of what a sketch writes: a generator of numbers, and bytes that something has happened to.
#pragma once

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/check.h"
#include "runtime/hash.h"
#include "runtime/memory.h"
#include "runtime/slice.h"

static inline uint64_t next_number(uint64_t *seed) {
    *seed += UINT64_C(0x9e3779b97f4a7c15);
    return hash_integer(*seed);
}

static inline uint64_t number_below(uint64_t *seed, uint64_t limit) {
    return next_number(seed) % limit;
}

// A copy in a block of exactly its size, so that reading past it is seen; to be freed.
static inline struct slice copy_exactly(struct slice bytes) {
    char *copy = malloc(bytes.length > 0 ? bytes.length : 1);
    CHECK(copy != NULL);
    if (bytes.length > 0)
        memcpy(copy, bytes.at, bytes.length);
    return (struct slice){copy, bytes.length};
}

// A copy with one to three changes: a bit turned, a byte set, added or taken out, the rest cut off.
static inline struct slice mutate(struct slice bytes, uint64_t *seed) {
    char *copy = memory_take(bytes.length + 4);
    size_t length = bytes.length;
    if (length > 0)
        memcpy(copy, bytes.at, length);
    for (uint64_t changes = 1 + number_below(seed, 3); changes > 0; changes--) {
        // Half of them near the head, which says what the rest is.
        uint64_t span = next_number(seed) % 2 == 0 && length > 8 ? 8 : length;
        size_t at = length == 0 ? 0 : (size_t)number_below(seed, span);
        uint64_t how = length == 0 ? 3 : number_below(seed, 5);
        if (how == 0) {
            copy[at] = (char)(copy[at] ^ 1 << number_below(seed, 8));
        } else if (how == 1) {
            copy[at] = (char)next_number(seed);
        } else if (how == 2) {
            length = at;
        } else if (how == 3) {
            memmove(copy + at + 1, copy + at, length - at);
            copy[at] = (char)next_number(seed);
            length++;
        } else {
            memmove(copy + at, copy + at + 1, length - at - 1);
            length--;
        }
    }
    struct slice mutated = copy_exactly((struct slice){copy, length});
    free(copy);
    return mutated;
}

// What a sketch is read of, and what of no sketch is.
struct byte_case {
    const char *why;
    struct slice bytes;
    bool is_right;
};

static inline void assert_byte_cases(const struct byte_case *cases, size_t count,
                                     bool (*reads)(struct slice bytes)) {
    for (size_t i = 0; i < count; i++) {
        if (reads(cases[i].bytes) != cases[i].is_right)
            fail_msg("case %zu: %s", i, cases[i].why);
    }
}
