// Writes the blocks of a file: rows and orders by column.
#pragma once

#include "schemas/snapshot/snapshot_parts.h"

struct block_writer;

// `put` gets each block's message, to be written before it returns.
typedef void (*block_put)(void *context, struct slice message);
struct block_writer *block_writer_create(block_put put, void *context);
void block_writer_destroy(struct block_writer **w);

// Sorted numbers of rows of one table that have a cell other than 0, of orders, of refunds, of readings or
// of live sessions; `window_s` as it is to be written.
void block_write_rows(struct block_writer *w, const struct rows *r, int64_t window_s, const uint32_t *numbers,
                      size_t count);
// `is_published`: sketches without members, and how many those were.
void block_write_sketches(struct block_writer *w, const struct rows *r, int64_t window_s,
                          const uint32_t *numbers, size_t count, bool is_published);
void block_write_orders(struct block_writer *w, const struct rows *r, int64_t window_s,
                        const uint32_t *numbers, size_t count);
void block_write_refunds(struct block_writer *w, const struct rows *r, int64_t window_s,
                         const uint32_t *numbers, size_t count);
void block_write_readings(struct block_writer *w, const struct rows *r, int64_t window_s,
                          const uint32_t *numbers, size_t count);
void block_write_live(struct block_writer *w, const struct rows *r, int64_t window_s, const uint32_t *numbers,
                      size_t count);
// Sorted by key.
void block_write_viewers(struct block_writer *w, const struct viewer *viewers, size_t count);
