#include "ingest/delta.h"

#include <stdlib.h>

#include "runtime/check.h"
#include "runtime/hash.h"
#include "runtime/memory.h"

enum { FIRST_SLOTS = 1024, ID_BLOCK = 64 * 1024 };

// Makes room for one more element of an array.
#define array_reserve(array)                                                                                 \
    do {                                                                                                     \
        if ((array).count == (array).capacity) {                                                             \
            (array).capacity = (array).capacity == 0 ? 256 : 2 * (array).capacity;                           \
            (array).at = memory_grow((array).at, (array).capacity, sizeof(*(array).at));                     \
        }                                                                                                    \
    } while (0)

void delta_init(struct delta *d) {
    *d = (struct delta){0};
    arena_init(&d->ids, ID_BLOCK);
    d->key_slots = memory_take(FIRST_SLOTS * sizeof(struct delta_slot));
    d->cell_slots = memory_take(FIRST_SLOTS * sizeof(struct delta_slot));
    d->key_slot_mask = d->cell_slot_mask = FIRST_SLOTS - 1;
}

void delta_fini(struct delta *d) {
    arena_fini(&d->ids);
    free(d->keys.at);
    free(d->cells.at);
    free(d->elements.at);
    free(d->orders.at);
    free(d->increments.at);
    free(d->readings.at);
    free(d->key_slots);
    free(d->cell_slots);
}

void delta_clear(struct delta *d) {
    arena_reset(&d->ids);
    d->account = (struct slice){0};
    memset(d->key_slots, 0, (d->key_slot_mask + 1) * sizeof(*d->key_slots));
    memset(d->cell_slots, 0, (d->cell_slot_mask + 1) * sizeof(*d->cell_slots));
    d->keys.count = d->cells.count = d->elements.count = 0;
    d->orders.count = d->increments.count = d->readings.count = 0;
    d->group_cells = 0;
    d->spread = false;
    d->events = 0;
    memset(d->platforms, 0, sizeof(d->platforms));
}

void delta_identify(struct delta_identity *identity, uint64_t account_hash, uint64_t id_hash) {
    uint64_t kind = ((uint64_t)identity->family << 32) | identity->platform;
    uint64_t hash = hash_integer(account_hash ^ (kind * UINT64_C(0x9e3779b97f4a7c15)));
    identity->hash = hash_integer(hash ^ id_hash ^ ((uint64_t)identity->time_s << 20));
}

static bool identity_equal(const struct delta_identity *a, const struct delta_identity *b) {
    return a->hash == b->hash && a->family == b->family && a->platform == b->platform &&
           a->time_s == b->time_s && slice_equal(a->account, b->account) && slice_equal(a->id, b->id);
}

static uint64_t cell_hash(uint64_t key_hash, field_code field) {
    return hash_integer(key_hash ^ (field * 31));
}

static uint32_t tag_of(uint64_t hash) {
    return (uint32_t)(hash >> 32);
}

// Where the hash's probing begins, and the slot after one.
static uint32_t slot_first(uint64_t hash, uint32_t mask) {
    return (uint32_t)hash & mask;
}

static uint32_t slot_next(uint32_t slot, uint32_t mask) {
    return (slot + 1) & mask;
}

static void slot_fill(struct delta_slot *slots, uint32_t mask, uint64_t hash, uint32_t place) {
    uint32_t slot = slot_first(hash, mask);
    while (slots[slot].place != 0)
        slot = slot_next(slot, mask);
    slots[slot] = (struct delta_slot){tag_of(hash), place};
}

static void key_slots_grow(struct delta *d) {
    uint32_t slots = 2 * (d->key_slot_mask + 1);
    free(d->key_slots);
    d->key_slots = memory_take(slots * sizeof(*d->key_slots));
    d->key_slot_mask = slots - 1;
    for (uint32_t index = 0; index < d->keys.count; index++)
        slot_fill(d->key_slots, d->key_slot_mask, d->keys.at[index].identity.hash, index + 1);
}

// Goes by the old slots, not by the cells: the further cell of an overflown field has none.
static void cell_slots_grow(struct delta *d) {
    struct delta_slot *old = d->cell_slots;
    uint32_t old_slots = d->cell_slot_mask + 1;
    uint32_t slots = 2 * old_slots;
    d->cell_slots = memory_take(slots * sizeof(*d->cell_slots));
    d->cell_slot_mask = slots - 1;
    for (uint32_t i = 0; i < old_slots; i++) {
        if (old[i].place == 0)
            continue;
        const struct delta_cell *cell = &d->cells.at[old[i].place - 1];
        slot_fill(d->cell_slots, d->cell_slot_mask, cell_hash(cell->key_hash, cell->field), old[i].place);
    }
    free(old);
}

static struct slice keep(struct delta *d, struct slice text) {
    if (text.length == 0)
        return (struct slice){"", 0};
    char *copy = arena_take_bytes(&d->ids, text.length);
    memcpy(copy, text.at, text.length);
    return (struct slice){copy, text.length};
}

static struct slice keep_account(struct delta *d, struct slice account) {
    if (!slice_equal(d->account, account))
        d->account = keep(d, account);
    return d->account;
}

static uint32_t key_append(struct delta *d, const struct delta_identity *identity, int64_t expire_s) {
    array_reserve(d->keys);
    struct delta_key *key = &d->keys.at[d->keys.count];
    *key = (struct delta_key){
        .identity = *identity, .expire_s = expire_s, .first_cell = DELTA_NONE, .first_element = DELTA_NONE};
    key->identity.account = keep_account(d, identity->account);
    key->identity.id = keep(d, identity->id);
    return d->keys.count++;
}

uint32_t delta_key(struct delta *d, const struct delta_identity *identity, int64_t expire_s) {
    uint32_t slot = slot_first(identity->hash, d->key_slot_mask), tag = tag_of(identity->hash);
    for (; d->key_slots[slot].place != 0; slot = slot_next(slot, d->key_slot_mask)) {
        struct delta_key *key = &d->keys.at[d->key_slots[slot].place - 1];
        if (d->key_slots[slot].tag != tag || !identity_equal(&key->identity, identity))
            continue;
        // Rules may lengthen a retention between two records of one bucket: the later expiry holds.
        if (key->expire_s < expire_s)
            key->expire_s = expire_s;
        return d->key_slots[slot].place - 1;
    }
    uint32_t index = key_append(d, identity, expire_s);
    d->key_slots[slot] = (struct delta_slot){tag, index + 1};
    if (d->keys.count > d->key_slot_mask / 2)
        key_slots_grow(d);
    return index;
}

// Until the table is sealed, a score stands with its content.
static bool is_score(const struct delta_key *key, field_code field) {
    return key->identity.family == KEY_CONTENT && (field & DELTA_MEMBER) != 0;
}

static void cell_append(struct delta *d, uint32_t key, uint64_t key_hash, field_code field, int64_t value) {
    array_reserve(d->cells);
    struct delta_key *owner = &d->keys.at[key];
    d->cells.at[d->cells.count] = (struct delta_cell){
        .key_hash = key_hash, .field = field, .delta = value, .key = key, .next = owner->first_cell};
    owner->first_cell = d->cells.count++;
    owner->cell_count++;
    bool grouped = owner->identity.family >= KEY_FAMILY_COUNT;
    owner->used |= !grouped && !is_score(owner, field);
    d->group_cells += grouped;
}

// A sum that would leave 64 bits stays, and what came last goes on in a further cell, which only the key's
// list knows.
static void cell_add(struct delta *d, struct delta_cell *cell, int64_t value) {
    int64_t sum;
    if (__builtin_add_overflow(cell->delta, value, &sum))
        cell_append(d, cell->key, cell->key_hash, cell->field, value);
    else
        cell->delta = sum;
}

void delta_add(struct delta *d, const struct delta_identity *identity, int64_t expire_s, field_code field,
               int64_t value) {
    uint64_t hash = cell_hash(identity->hash, field);
    uint32_t slot = slot_first(hash, d->cell_slot_mask), tag = tag_of(hash);
    for (; d->cell_slots[slot].place != 0; slot = slot_next(slot, d->cell_slot_mask)) {
        if (d->cell_slots[slot].tag != tag)
            continue;
        struct delta_cell *cell = &d->cells.at[d->cell_slots[slot].place - 1];
        if (cell->field == field && cell->key_hash == identity->hash &&
            identity_equal(&d->keys.at[cell->key].identity, identity)) {
            if (d->keys.at[cell->key].expire_s < expire_s)
                d->keys.at[cell->key].expire_s = expire_s;
            cell_add(d, cell, value);
            return;
        }
    }
    uint32_t key = delta_key(d, identity, expire_s);
    cell_append(d, key, identity->hash, field, value);
    d->cell_slots[slot] = (struct delta_slot){tag, d->cells.count};
    if (d->cells.count > d->cell_slot_mask / 2)
        cell_slots_grow(d);
}

// What came first is met first: the fields of the commonest events.
void delta_add_at(struct delta *d, uint32_t key, field_code field, int64_t value) {
    uint32_t last = DELTA_NONE;
    for (uint32_t i = d->keys.at[key].first_cell; i != DELTA_NONE; i = d->cells.at[i].next) {
        if (d->cells.at[i].field == field) {
            cell_add(d, &d->cells.at[i], value);
            return;
        }
        last = i;
    }
    uint32_t added = d->cells.count;
    cell_append(d, key, d->keys.at[key].identity.hash, field, value);
    if (last == DELTA_NONE)
        return;
    d->keys.at[key].first_cell = d->cells.at[added].next;
    d->cells.at[added].next = DELTA_NONE;
    d->cells.at[last].next = added;
}

static void scores_move(struct delta *d, uint32_t content) {
    struct delta_key *key = &d->keys.at[content];
    for (uint32_t *link = &key->first_cell; *link != DELTA_NONE;) {
        struct delta_cell *cell = &d->cells.at[*link];
        if (!is_score(key, cell->field)) {
            link = &cell->next;
            continue;
        }
        uint32_t moved = *link;
        *link = cell->next;
        key->cell_count--;
        cell->key = (uint32_t)cell->field;
        cell->field = DELTA_MEMBER | content;
        struct delta_key *ranking = &d->keys.at[cell->key];
        cell->next = ranking->first_cell;
        ranking->first_cell = moved;
        ranking->cell_count++;
        ranking->used = true;
    }
}

void delta_rank(struct delta *d) {
    for (uint32_t i = 0; i < d->keys.count; i++) {
        if (d->keys.at[i].identity.family == KEY_CONTENT)
            scores_move(d, i);
    }
}

void delta_prefetch(const struct delta *d, uint64_t key_hash, int step) {
    uint32_t slot = slot_first(key_hash, d->key_slot_mask), tag = tag_of(key_hash);
    if (step == 0) {
        __builtin_prefetch(&d->key_slots[slot]);
        return;
    }
    while (d->key_slots[slot].place != 0 && d->key_slots[slot].tag != tag)
        slot = slot_next(slot, d->key_slot_mask);
    if (d->key_slots[slot].place == 0)
        return;
    const struct delta_key *key = &d->keys.at[d->key_slots[slot].place - 1];
    if (step == 1) {
        __builtin_prefetch(key);
        __builtin_prefetch((const char *)(key + 1) - 1);
        return;
    }
    __builtin_prefetch(key->identity.id.at);
    if (key->first_cell != DELTA_NONE)
        __builtin_prefetch(&d->cells.at[key->first_cell], 1);
}

void delta_add_element(struct delta *d, const struct delta_identity *identity, int64_t expire_s,
                       const unsigned char element[PSEUDONYM_SIZE]) {
    uint32_t index = delta_key(d, identity, expire_s);
    array_reserve(d->elements);
    struct delta_key *key = &d->keys.at[index];
    struct delta_element *added = &d->elements.at[d->elements.count];
    memcpy(added->bytes, element, PSEUDONYM_SIZE);
    added->next = key->first_element;
    key->first_element = d->elements.count++;
    key->element_count++;
    key->used = true;
}

struct delta_order *delta_order(struct delta *d, uint32_t key, struct slice order) {
    array_reserve(d->orders);
    struct delta_order *added = &d->orders.at[d->orders.count++];
    *added =
        (struct delta_order){.key = key, .order = keep(d, order), .first_increment = d->increments.count};
    delta_use(d, key);
    return added;
}

void delta_order_increment(struct delta *d, struct delta_order *order, uint32_t key, field_code field,
                           int64_t value) {
    CHECK(order->first_increment + order->increment_count == d->increments.count);
    array_reserve(d->increments);
    d->increments.at[d->increments.count++] = (struct delta_increment){key, field, value};
    order->increment_count++;
    delta_use(d, key);
}

struct delta_reading *delta_reading(struct delta *d, uint32_t key, struct slice counter) {
    array_reserve(d->readings);
    struct delta_reading *added = &d->readings.at[d->readings.count++];
    *added = (struct delta_reading){.key = key, .counter = keep(d, counter)};
    delta_use(d, key);
    return added;
}

void delta_use(struct delta *d, uint32_t key) {
    d->keys.at[key].used = true;
}

size_t delta_ops(const struct delta *d) {
    size_t cells = d->spread ? (size_t)d->cells.count - d->group_cells
                             : (size_t)d->cells.count + 3 * (size_t)d->group_cells;
    return cells + d->elements.count + d->increments.count + d->readings.count;
}

bool delta_is_empty(const struct delta *d) {
    return d->keys.count == 0;
}

size_t delta_memory(const struct delta *d) {
    return arena_held(&d->ids) + d->keys.capacity * sizeof(*d->keys.at) +
           d->cells.capacity * sizeof(*d->cells.at) + d->elements.capacity * sizeof(*d->elements.at) +
           d->orders.capacity * sizeof(*d->orders.at) + d->increments.capacity * sizeof(*d->increments.at) +
           d->readings.capacity * sizeof(*d->readings.at) +
           ((size_t)d->key_slot_mask + d->cell_slot_mask + 2) * sizeof(struct delta_slot);
}

size_t delta_key_name(char *out, const struct delta *d, uint32_t key, const struct key_space *space,
                      uint32_t shard) {
    const struct delta_identity *identity = &d->keys.at[key].identity;
    struct key_parts parts = {identity->account, identity->platform, identity->id, identity->time_s};
    return key_write(out, space, (enum key_family)identity->family, shard, &parts);
}

size_t delta_field_name(char *out, const struct delta *d, field_code field) {
    if ((field & DELTA_MEMBER) == 0)
        return field_write(out, field);
    struct slice id = d->keys.at[(uint32_t)field].identity.id;
    memcpy(out, id.at, id.length);
    return id.length;
}
