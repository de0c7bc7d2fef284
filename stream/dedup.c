// A ring of the span's ids in the log's order, and a table of slots that finds an id's newest place in the
// ring:
//
//  - a new position is a duplicate if the table has its id at an offset of at least o - span; either way it
//  is appended;
//  - what the span has left behind is taken off the ring's tail, and out of the table unless the id has come
//  again since;
//  - a position at or below the high-water mark is answered from the list of remembered duplicates alone.
//
// The table: open addressing with linear probing, at most 5/8 full, deletion by shifting back, so that no
// tombstones pile up. A slot is an id's 32-bit tag, which also says where its probing begins, and its place:
// neither probing nor deleting touches the ring.
#include "stream/dedup.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/check.h"
#include "runtime/hash.h"
#include "runtime/memory.h"

enum { ID_BYTES = 16, RING_FIRST = 1024, SLOTS_FIRST = 2048, DUPLICATES_FIRST = 64, EXPIRY_AHEAD = 8 };

#define SLOT_EMPTY UINT32_MAX

struct entry {
    unsigned char id[ID_BYTES];
    int64_t offset;
};

struct slot {
    uint32_t tag;
    uint32_t place; // in the ring, or SLOT_EMPTY
};

struct position {
    int64_t offset;
    uint32_t index;
};

struct dedup {
    int64_t span;
    size_t max_ids;
    int64_t known_from;
    bool judged; // something was, since the last reset: `high` is set
    struct position high;

    struct entry *ring;
    size_t ring_size, ring_tail, ring_count;
    struct slot *slots;
    size_t slot_mask, slot_count;
    struct position *duplicates; // a ring too, its size a power of two
    size_t duplicate_mask, duplicate_tail, duplicate_count;
};

static uint32_t tag_of(const unsigned char id[ID_BYTES]) {
    return (uint32_t)hash_bytes(id, ID_BYTES, 0);
}

static size_t ring_place(const struct dedup *d, size_t nth) {
    size_t place = d->ring_tail + nth;
    return place < d->ring_size ? place : place - d->ring_size;
}

// --- the table ---

static struct slot *slots_take(size_t count) {
    struct slot *slots = memory_grow(NULL, count, sizeof(*slots));
    memset(slots, 0xff, count * sizeof(*slots));
    return slots;
}

// The slot of `id`, or the empty one where it would stand.
static struct slot *slot_find(const struct dedup *d, const unsigned char id[ID_BYTES], uint32_t tag) {
    for (size_t i = tag & d->slot_mask;; i = (i + 1) & d->slot_mask) {
        struct slot *slot = &d->slots[i];
        if (slot->place == SLOT_EMPTY)
            return slot;
        if (slot->tag == tag && memcmp(d->ring[slot->place].id, id, ID_BYTES) == 0)
            return slot;
    }
}

// Empties a slot, and moves those behind it up that would no longer be found past a hole.
static void slot_remove(struct dedup *d, struct slot *slot) {
    size_t hole = (size_t)(slot - d->slots);
    for (size_t i = (hole + 1) & d->slot_mask; d->slots[i].place != SLOT_EMPTY; i = (i + 1) & d->slot_mask) {
        size_t home = d->slots[i].tag & d->slot_mask;
        if (((i - home) & d->slot_mask) < ((i - hole) & d->slot_mask))
            continue;
        d->slots[hole] = d->slots[i];
        hole = i;
    }
    d->slots[hole].place = SLOT_EMPTY;
    d->slot_count--;
}

static void slots_grow(struct dedup *d) {
    size_t old_size = d->slot_mask + 1;
    struct slot *old = d->slots;
    d->slots = slots_take(2 * old_size);
    d->slot_mask = 2 * old_size - 1;
    for (size_t i = 0; i < old_size; i++) {
        if (old[i].place == SLOT_EMPTY)
            continue;
        size_t at = old[i].tag & d->slot_mask;
        while (d->slots[at].place != SLOT_EMPTY)
            at = (at + 1) & d->slot_mask;
        d->slots[at] = old[i];
    }
    free(old);
}

// --- the ring ---

static void ring_grow(struct dedup *d) {
    size_t size = 2 * d->ring_size < d->max_ids ? 2 * d->ring_size : d->max_ids;
    struct entry *ring = memory_grow(NULL, size, sizeof(*ring));
    size_t first = d->ring_size - d->ring_tail;
    memcpy(ring, d->ring + d->ring_tail, first * sizeof(*ring));
    memcpy(ring + first, d->ring, d->ring_tail * sizeof(*ring));
    for (size_t i = 0; i <= d->slot_mask; i++) {
        uint32_t place = d->slots[i].place;
        if (place != SLOT_EMPTY)
            d->slots[i].place = (uint32_t)(place >= d->ring_tail ? place - d->ring_tail : place + first);
    }
    free(d->ring);
    d->ring = ring;
    d->ring_size = size;
    d->ring_tail = 0;
}

static void ring_drop_tail(struct dedup *d) {
    const struct entry *oldest = &d->ring[d->ring_tail];
    // The ring is read in order, its slots are anywhere: fetch those that go next.
    if (d->ring_count > EXPIRY_AHEAD)
        dedup_prefetch(d, d->ring[ring_place(d, EXPIRY_AHEAD)].id);
    struct slot *slot = slot_find(d, oldest->id, tag_of(oldest->id));
    if (slot->place == d->ring_tail)
        slot_remove(d, slot);
    d->ring_tail = ring_place(d, 1);
    d->ring_count--;
}

static size_t duplicate_place(const struct dedup *d, size_t nth) {
    return (d->duplicate_tail + nth) & d->duplicate_mask;
}

static void duplicates_grow(struct dedup *d) {
    size_t size = d->duplicate_mask + 1;
    struct position *grown = memory_grow(NULL, 2 * size, sizeof(*grown));
    for (size_t i = 0; i < d->duplicate_count; i++)
        grown[i] = d->duplicates[duplicate_place(d, i)];
    free(d->duplicates);
    d->duplicates = grown;
    d->duplicate_mask = 2 * size - 1;
    d->duplicate_tail = 0;
}

static void duplicate_remember(struct dedup *d, struct position position) {
    if (d->duplicate_count > d->duplicate_mask)
        duplicates_grow(d);
    d->duplicates[duplicate_place(d, d->duplicate_count++)] = position;
}

// Below `least` nothing can be a duplicate's original, and no rewind goes.
static void expire(struct dedup *d, int64_t least) {
    while (d->ring_count > 0 && d->ring[d->ring_tail].offset < least)
        ring_drop_tail(d);
    while (d->duplicate_count > 0 && d->duplicates[d->duplicate_tail].offset < least) {
        d->duplicate_tail = duplicate_place(d, 1);
        d->duplicate_count--;
    }
}

// --- judging ---

static bool position_before(struct position a, struct position b) {
    return a.offset != b.offset ? a.offset < b.offset : a.index < b.index;
}

static enum dedup_verdict judge_again(const struct dedup *d, struct position position) {
    CHECK(dedup_remembers(d, position.offset));
    size_t low = 0, high = d->duplicate_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (position_before(d->duplicates[duplicate_place(d, middle)], position))
            low = middle + 1;
        else
            high = middle;
    }
    if (low == d->duplicate_count)
        return DEDUP_FIRST;
    return position_before(position, d->duplicates[duplicate_place(d, low)]) ? DEDUP_FIRST : DEDUP_DUPLICATE;
}

static enum dedup_verdict judge_new(struct dedup *d, const unsigned char id[ID_BYTES],
                                    struct position position) {
    expire(d, position.offset - d->span);
    if (d->ring_count == d->max_ids)
        return DEDUP_FULL;
    if (d->ring_count == d->ring_size)
        ring_grow(d);
    if (8 * d->slot_count >= 5 * (d->slot_mask + 1))
        slots_grow(d);

    uint32_t tag = tag_of(id);
    struct slot *slot = slot_find(d, id, tag);
    bool duplicate = slot->place != SLOT_EMPTY;
    if (duplicate)
        duplicate_remember(d, position);
    else
        d->slot_count++;
    size_t place = ring_place(d, d->ring_count++);
    memcpy(d->ring[place].id, id, ID_BYTES);
    d->ring[place].offset = position.offset;
    *slot = (struct slot){tag, (uint32_t)place};
    d->high = position;
    d->judged = true;
    return duplicate ? DEDUP_DUPLICATE : DEDUP_FIRST;
}

enum dedup_verdict dedup_judge(struct dedup *d, const unsigned char id[16], int64_t offset, uint32_t index) {
    struct position position = {offset, index};
    if (d->judged && !position_before(d->high, position))
        return judge_again(d, position);
    return judge_new(d, id, position);
}

// While ids are still being fed, nothing is: whoever went on at `offset` would leave out the rest of the
// feed.
bool dedup_remembers(const struct dedup *d, int64_t offset) {
    if (!d->judged || d->high.offset < d->known_from)
        return false;
    return offset >= d->known_from && offset >= d->high.offset - d->span;
}

void dedup_prefetch(const struct dedup *d, const unsigned char id[16]) {
    __builtin_prefetch(&d->slots[tag_of(id) & d->slot_mask], 1);
}

void dedup_reset(struct dedup *d, int64_t known_from) {
    d->known_from = known_from;
    d->judged = false;
    d->ring_tail = d->ring_count = 0;
    d->duplicate_tail = d->duplicate_count = 0;
    d->slot_count = 0;
    memset(d->slots, 0xff, (d->slot_mask + 1) * sizeof(*d->slots));
}

// A size that doubles to just above one id an offset: a span of single events fills its ring and does not
// double it once more.
static size_t ring_first(int64_t span, size_t max_ids) {
    size_t size = (size_t)span + 1;
    while (size > 2 * RING_FIRST)
        size = (size + 1) / 2;
    size = size > RING_FIRST ? size : RING_FIRST;
    return size < max_ids ? size : max_ids;
}

struct dedup *dedup_create(int64_t span, size_t max_ids) {
    CHECK(span > 0 && max_ids > 0 && max_ids < SLOT_EMPTY);
    struct dedup *d = memory_take(sizeof(*d));
    d->span = span;
    d->max_ids = max_ids;
    d->ring_size = ring_first(span, max_ids);
    d->ring = memory_grow(NULL, d->ring_size, sizeof(*d->ring));
    d->slots = slots_take(SLOTS_FIRST);
    d->slot_mask = SLOTS_FIRST - 1;
    d->duplicates = memory_grow(NULL, DUPLICATES_FIRST, sizeof(*d->duplicates));
    d->duplicate_mask = DUPLICATES_FIRST - 1;
    return d;
}

void dedup_destroy(struct dedup **d) {
    if (*d == NULL)
        return;
    free((*d)->ring);
    free((*d)->slots);
    free((*d)->duplicates);
    free(*d);
    *d = NULL;
}

size_t dedup_ids(const struct dedup *d) {
    return d->ring_count;
}

size_t dedup_memory(const struct dedup *d) {
    return sizeof(*d) + d->ring_size * sizeof(*d->ring) + (d->slot_mask + 1) * sizeof(*d->slots) +
           (d->duplicate_mask + 1) * sizeof(*d->duplicates);
}
