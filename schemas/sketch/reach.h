// How many different actors: a set while they are few, so that the count is exact, then a HyperLogLog.
//
// The set holds whole pseudonyms, up to REACH_EXACT_MAX of them. The sketch is dense: 2^14 registers of 6
// bits, 12 KiB, less than 24 bytes for each member that it must have. Its hash is the pseudonym's first eight
// bytes, for a pseudonym is a keyed hash already (stream/pseudonym.h). The count is by the improved raw
// estimator of O. Ertl, "New cardinality estimation algorithms for HyperLogLog sketches" (2017), which is
// free of bias without tables: standard error 1.04/sqrt(2^14) = 0.81 %, less below some ten thousand members.
// Of n that are few it is n less those who share a register with another, in the mean n^2/2^15: that is the
// key's and the ids' luck, and the same each time.
//
// Merge is union. What comes out depends on the members alone, not on the order of adds and merges: it is a
// sketch if one went in, or if the union has more than REACH_EXACT_MAX members, and a sketch is the maximum
// of its members' registers. So is the written form: equal reaches are equal bytes.
//
// {0} is an empty one and holds no memory. Pure; not for threads to share.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/slice.h"
#include "schemas/event.h"

enum {
    REACH_EXACT_MAX = 512,
    REACH_PRECISION = 14,
    REACH_REGISTERS = 1 << REACH_PRECISION,
    REACH_SKETCH_BYTES = REACH_REGISTERS * 6 / 8,
    REACH_BYTES_MAX = 1 + REACH_SKETCH_BYTES, // of the written form
};

struct reach_member {
    uint64_t high, low; // the pseudonym as one number, big-endian
};

struct reach {
    struct reach_member *members; // ascending
    unsigned char *registers;     // NULL: exact
    uint32_t count, room;         // of the members
};

void reach_fini(struct reach *r); // leaves an empty one

void reach_add(struct reach *r, const unsigned char pseudonym[PSEUDONYM_SIZE]);
// Fetches what adding it will touch.
void reach_prefetch(const struct reach *r, const unsigned char pseudonym[PSEUDONYM_SIZE]);
void reach_merge(struct reach *into, const struct reach *from); // not of itself

// From here on a sketch, however few the members: for what is kept where no set may be.
void reach_forget_members(struct reach *r);

static inline bool reach_is_exact(const struct reach *r) {
    return r->registers == NULL;
}
uint64_t reach_count(const struct reach *r);                    // of a sketch: some 15 us
size_t reach_memory(const struct reach *r);                     // bytes on the heap
bool reach_equal(const struct reach *a, const struct reach *b); // would their written forms be?

// The written form: a byte that says which, then
//
//     1  a set: its pseudonyms, ascending
//     2  a sketch with few registers set: of each, ascending, a varint of (index - index before) << 6 |
//     value;
//        the first counts from index 0
//     3  any other sketch: the values of all, 6 bits each, the lowest bits first
//
// Of 2 and 3 it is the shorter, of equal length 3. Varints are of the shortest form. Returns its length, at
// least 1.
size_t reach_write(const struct reach *r, unsigned char out[REACH_BYTES_MAX]);
// The same of a sketch, and of a set as after reach_forget_members.
size_t reach_write_forgotten(const struct reach *r, unsigned char out[REACH_BYTES_MAX]);

// Into `r`, which holds nothing before. False, and `r` is empty, for whatever reach_write does not write; in
// such bytes nothing is trusted.
bool reach_read(struct reach *r, struct slice bytes) __attribute__((warn_unused_result));
