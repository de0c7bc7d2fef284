// The inside of difference.h: what two sets of rows hold, kind by kind, walked side by side.
#pragma once

#include "aggregate/figures/difference/difference.h"

struct comparison {
    difference_visit visit;
    void *context;
    size_t count;
};

// Tells of it, be the two the same or not.
void comparison_tell(struct comparison *c, const struct row_key *key, const char *name, int64_t left,
                     int64_t right);

// A kind of things that rows hold beside rows of counters.
struct walk {
    size_t (*room)(const struct rows *r);                    // at least so many as there are
    size_t (*sort)(const struct rows *r, uint32_t *numbers); // how many there are
    const void *(*at)(const struct rows *r, uint32_t number);
    int (*order)(const void *left, const void *right);
    void (*compare)(struct comparison *c, const void *left, const void *right); // NULL: in the other alone
};

// Live sessions, second by second.
extern const struct walk live_walk;
