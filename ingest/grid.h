// The hashes of a delta table, grouped by the counters they move: contents that were viewed and watched,
// mostly. A flush numbers the keys of a grid one after the other and tells its fields once, so that Redis
// reads rows of integers in the place of an operation per key.
//
// In a grid are keys without an expiry, with at most GRID_FIELDS counters, each in one cell. Keys of further
// shapes than GRIDS_MAX, and all the others, stay outside.
#pragma once

#include "ingest/delta.h"

enum { GRIDS_MAX = 64, GRID_FIELDS = 8 };

struct grid {
    field_code fields[GRID_FIELDS]; // ascending
    uint32_t field_count;
    uint32_t first, last; // by key index, linked by `next`
    uint32_t key_count;
};

struct grids {
    uint32_t *next; // by key index, in its grid
    struct grid at[GRIDS_MAX];
    size_t count;
};

// `next` has room for as many as the table has keys, and stays the caller's.
void grids_gather(struct grids *grids, const struct delta *d, uint32_t *next);

// The deltas of one key of a grid, in the order of the grid's fields.
void grid_row(int64_t deltas[GRID_FIELDS], const struct delta *d, uint32_t key);
