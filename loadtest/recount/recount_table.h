// The recount's two tables: texts, each kept once and known by a number, and pairs of numbers that name a
// third.
#pragma once

#include <stdint.h>

#include "runtime/arena.h"
#include "runtime/slice.h"

#define TABLE_NONE UINT32_MAX

struct names {
    struct arena arena;
    struct slice *at; // by number
    uint32_t count;
    size_t room;
    uint32_t *slots; // number + 1, 0: free
    size_t slot_room;
};

void names_init(struct names *n);
void names_fini(struct names *n);
uint32_t names_put(struct names *n, struct slice text); // its number, from 0, in the order of their coming
uint32_t names_find(const struct names *n, struct slice text); // TABLE_NONE where it is not there

struct pairs {
    struct pair *slots;
    size_t room;
    size_t used;
};

// Where the value of (first, second) stands; a new one is TABLE_NONE. Valid until the next put.
uint32_t *pairs_put(struct pairs *p, uint32_t first, uint32_t second);
uint32_t pairs_find(const struct pairs *p, uint32_t first, uint32_t second);
void pairs_fini(struct pairs *p);
