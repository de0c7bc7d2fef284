#include "loadtest/recount/recount_table.h"

#include <stdlib.h>

#include "runtime/check.h"
#include "runtime/hash.h"
#include "runtime/memory.h"

enum { FIRST_ROOM = 1024, ARENA_BLOCK = 64 << 10 };

void names_init(struct names *n) {
    *n = (struct names){.slot_room = FIRST_ROOM};
    arena_init(&n->arena, ARENA_BLOCK);
    n->slots = memory_take(n->slot_room * sizeof(*n->slots));
}

void names_fini(struct names *n) {
    arena_fini(&n->arena);
    free(n->at);
    free(n->slots);
    *n = (struct names){0};
}

static uint32_t *name_slot(const struct names *n, struct slice text) {
    size_t at = (size_t)hash_slice(text, 0) & (n->slot_room - 1);
    while (n->slots[at] != 0 && !slice_equal(n->at[n->slots[at] - 1], text))
        at = (at + 1) & (n->slot_room - 1);
    return &n->slots[at];
}

static void names_widen(struct names *n) {
    n->slot_room *= 2;
    free(n->slots);
    n->slots = memory_take(n->slot_room * sizeof(*n->slots));
    for (uint32_t i = 0; i < n->count; i++)
        *name_slot(n, n->at[i]) = i + 1;
}

uint32_t names_put(struct names *n, struct slice text) {
    uint32_t *slot = name_slot(n, text);
    if (*slot != 0)
        return *slot - 1;
    CHECK(n->count < TABLE_NONE - 1);
    if (n->count == n->room) {
        n->room = n->room == 0 ? FIRST_ROOM : 2 * n->room;
        n->at = memory_grow(n->at, n->room, sizeof(*n->at));
    }
    char *copy = arena_take_bytes(&n->arena, text.length + 1);
    if (text.length > 0)
        memcpy(copy, text.at, text.length);
    n->at[n->count++] = (struct slice){copy, text.length};
    *slot = n->count;
    if (2 * (size_t)n->count > n->slot_room)
        names_widen(n);
    return n->count - 1;
}

uint32_t names_find(const struct names *n, struct slice text) {
    uint32_t slot = *name_slot(n, text);
    return slot == 0 ? TABLE_NONE : slot - 1;
}

struct pair {
    uint64_t key; // never 0: the first number is stored one up
    uint32_t value;
};

static uint64_t pair_key(uint32_t first, uint32_t second) {
    return ((uint64_t)first + 1) << 32 | second;
}

static struct pair *pair_slot(struct pair *slots, size_t room, uint64_t key) {
    size_t at = (size_t)hash_integer(key) & (room - 1);
    while (slots[at].key != 0 && slots[at].key != key)
        at = (at + 1) & (room - 1);
    return &slots[at];
}

static void pairs_widen(struct pairs *p) {
    size_t room = p->room == 0 ? FIRST_ROOM : 2 * p->room;
    struct pair *slots = memory_take(room * sizeof(*slots));
    for (size_t i = 0; i < p->room; i++) {
        if (p->slots[i].key != 0)
            *pair_slot(slots, room, p->slots[i].key) = p->slots[i];
    }
    free(p->slots);
    p->slots = slots;
    p->room = room;
}

uint32_t *pairs_put(struct pairs *p, uint32_t first, uint32_t second) {
    if (5 * (p->used + 1) > 4 * p->room)
        pairs_widen(p);
    uint64_t key = pair_key(first, second);
    struct pair *slot = pair_slot(p->slots, p->room, key);
    if (slot->key == 0) {
        *slot = (struct pair){key, TABLE_NONE};
        p->used++;
    }
    return &slot->value;
}

uint32_t pairs_find(const struct pairs *p, uint32_t first, uint32_t second) {
    if (p->room == 0)
        return TABLE_NONE;
    const struct pair *slot = pair_slot(p->slots, p->room, pair_key(first, second));
    return slot->key == 0 ? TABLE_NONE : slot->value;
}

void pairs_fini(struct pairs *p) {
    free(p->slots);
    *p = (struct pairs){0};
}
