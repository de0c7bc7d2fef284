// The keys of a block's rows, from bytes that are not trusted: what its lists say, row by row.
//
// What reads returns NULL, or a few words on what is wrong, of static life.
#pragma once

#include "schemas/snapshot/snapshot_parts.h"

// A block's fields as they lie in its bytes. Lists that are left out are empty.
struct block {
    enum table table;
    int64_t window_s;
    uint32_t rows;
    struct slice bytes;
    struct slice lists[BLOCK_FIELDS];
};

// Where in the lists the next row is. A list that is left out gives zeroes.
struct block_keys {
    struct wire_in block; // at the next account
    struct wire_in lists[BLOCK_FIELDS];
    bool is_there[BLOCK_FIELDS];
    uint32_t left; // rows of the account
    bool is_first;
    struct row_key key; // of the last row that was read: its id is the reader's `last`
};

// Each list must be one of the table's.
const char *block_keys_begin(struct block_keys *k, const struct block *b);
// The key of the next row, which must sort after all before it in the file.
const char *block_keys_next(struct block_reader *reader, struct block_keys *k);
// After the last row: all lists must have come to their ends.
const char *block_keys_end(struct block_keys *k);

// A sketch for each key, of REACH and QUANTILES.
const char *block_read_sketches(struct block_reader *reader, const struct block *b, struct rows *rows);
