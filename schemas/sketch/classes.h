// How many different actors by class of what they did: each actor is added to one class, and the unions of
// classes are told (rows_unite). While all are few it is one set, each member with its classes, so that it
// costs what a reach does; beyond, a reach for each class, exact while that one has few.
//
// Merge is union by class. What comes out depends on what was added alone, not on the order: it is one set
// where all members are at most REACH_EXACT_MAX, else it is apart. So is the written form: equal ones are
// equal bytes.
//
// {0} is an empty one and holds no memory. Pure; not for threads to share.
#pragma once

#include "schemas/sketch/reach.h"

enum {
    CLASSES = 10,
    CLASSES_BYTES_MAX = 1 + CLASSES * (1 + 2 + REACH_BYTES_MAX), // of the written form
};

struct classes {
    struct reach_member *members; // ascending
    uint16_t *masks;              // of each the classes it is in, a bit each
    uint32_t count, room;
    struct reach *apart; // CLASSES of them; NULL: one set
};

void classes_fini(struct classes *c); // leaves an empty one

void classes_add(struct classes *c, unsigned class, const unsigned char pseudonym[PSEUDONYM_SIZE]);
// Fetches what classes_add will touch.
void classes_prefetch(const struct classes *c, unsigned class, const unsigned char pseudonym[PSEUDONYM_SIZE]);
void classes_merge(struct classes *into, const struct classes *from); // not of itself

// Adds those who are in any of the classes of `mask` to a reach.
void classes_unite(const struct classes *c, uint16_t mask, struct reach *into);

bool classes_is_empty(const struct classes *c);
uint64_t classes_count(const struct classes *c);                      // of all classes together
size_t classes_memory(const struct classes *c);                       // bytes on the heap
bool classes_equal(const struct classes *a, const struct classes *b); // would their written forms be?

// The written form: a byte that says which, then
//
//     4  one set: its pseudonyms, ascending, then of each two bytes, the lower first: its classes
//     5  apart: of each class that has anybody, ascending, a byte: its number; a varint: a length; a reach of
//        that many bytes
//
// Returns its length, at least 1.
size_t classes_write(const struct classes *c, unsigned char out[CLASSES_BYTES_MAX]);

// Into `c`, which holds nothing before. False, and `c` is empty, for whatever classes_write does not write;
// in such bytes nothing is trusted.
bool classes_read(struct classes *c, struct slice bytes) __attribute__((warn_unused_result));
