// A bump allocator: many small takes, one reset. What was taken lives until the next reset; blocks are kept
// for reuse. Not for threads to share.
#pragma once

#include <stddef.h>

struct arena_block;

struct arena {
    struct arena_block *first;
    struct arena_block *current;
    size_t block_size; // of the next
    size_t block_most; // it doubles up to this
    size_t held;       // bytes of all blocks
};

void arena_init(struct arena *a, size_t block_size);
// For arenas that are many, and mostly small: the first block has `first` bytes, each after it twice as many,
// up to `most`.
void arena_init_growing(struct arena *a, size_t first, size_t most);
void arena_fini(struct arena *a);
void *arena_take(struct arena *a, size_t size);       // 16-byte aligned, not zeroed, never NULL
void *arena_take_bytes(struct arena *a, size_t size); // unaligned: for text
void arena_reset(struct arena *a);
void arena_trim(struct arena *a, size_t keep); // after a reset: frees blocks until at most so many bytes are
                                               // held, but for the first
size_t arena_used(const struct arena *a);      // bytes taken since the last reset, with what alignment took
size_t arena_held(const struct arena *a);      // bytes of all blocks, for the memory metric
