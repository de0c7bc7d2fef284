#include "runtime/arena.h"

#include <stdint.h>
#include <stdlib.h>

#include "runtime/memory.h"

struct arena_block {
    struct arena_block *next;
    size_t size;
    size_t used;
    _Alignas(16) char bytes[];
};

static struct arena_block *block_create(struct arena *a, size_t size) {
    struct arena_block *block = memory_take(sizeof(*block) + size);
    block->size = size;
    a->held += size;
    return block;
}

void arena_init(struct arena *a, size_t block_size) {
    arena_init_growing(a, block_size, block_size);
}

void arena_init_growing(struct arena *a, size_t first, size_t most) {
    *a = (struct arena){.block_size = first, .block_most = most};
    a->first = block_create(a, first);
    a->current = a->first;
}

void arena_fini(struct arena *a) {
    struct arena_block *block = a->first;
    while (block != NULL) {
        struct arena_block *next = block->next;
        free(block);
        block = next;
    }
    *a = (struct arena){0};
}

// Moves to the next block with room, adding one where there is none. A larger take than block_size gets its
// own.
static void *take_elsewhere(struct arena *a, size_t size) {
    struct arena_block *next = a->current->next;
    if (next == NULL || next->size < size) {
        a->block_size = 2 * a->block_size < a->block_most ? 2 * a->block_size : a->block_most;
        struct arena_block *fresh = block_create(a, size > a->block_size ? size : a->block_size);
        fresh->next = next;
        a->current->next = fresh;
        next = fresh;
    }
    next->used = size;
    a->current = next;
    return next->bytes;
}

void *arena_take(struct arena *a, size_t size) {
    struct arena_block *block = a->current;
    size_t start = (block->used + 15) & ~(size_t)15;
    if (start > block->size || size > block->size - start)
        return take_elsewhere(a, size);
    block->used = start + size;
    return block->bytes + start;
}

void *arena_take_bytes(struct arena *a, size_t size) {
    struct arena_block *block = a->current;
    if (size > block->size - block->used)
        return take_elsewhere(a, size);
    void *taken = block->bytes + block->used;
    block->used += size;
    return taken;
}

void arena_reset(struct arena *a) {
    a->current = a->first;
    a->first->used = 0;
}

void arena_trim(struct arena *a, size_t keep) {
    size_t held = a->first->size;
    for (struct arena_block **at = &a->first->next; *at != NULL;) {
        struct arena_block *block = *at;
        if (block->size <= keep && held <= keep - block->size) {
            held += block->size;
            at = &block->next;
        } else {
            *at = block->next;
            a->held -= block->size;
            free(block);
        }
    }
}

size_t arena_used(const struct arena *a) {
    size_t used = a->current->used;
    for (const struct arena_block *block = a->first; block != a->current; block = block->next)
        used += block->used;
    return used;
}

size_t arena_held(const struct arena *a) {
    return a->held;
}
