#include "tests/sim/keyspace.h"

#include <stdlib.h>

#include "runtime/check.h"
#include "runtime/hash.h"
#include "runtime/memory.h"

enum { ROWS_FIRST = 8 };

struct text *text_make(struct slice bytes) {
    struct text *text = memory_take(sizeof(*text) + bytes.length + 1);
    text->references = 1;
    text->length = (uint32_t)bytes.length;
    memcpy(text->bytes, bytes.at, bytes.length);
    return text;
}

void text_drop(struct text *text) {
    if (text != NULL && --text->references == 0)
        free(text);
}

static void object_drop(struct object *o);

// ---- rows: an array, and slots that find a name in it

static uint32_t *slot_of(const struct rows *r, struct slice name) {
    uint32_t mask = r->slot_count - 1;
    for (uint32_t i = (uint32_t)hash_slice(name, 0) & mask;; i = (i + 1) & mask) {
        uint32_t *slot = &r->slots[i];
        if (*slot == 0 || slice_equal(text_slice(r->at[*slot - 1].name), name))
            return slot;
    }
}

static void slots_make(struct rows *r) {
    if (r->slot_count < 2 * r->room) {
        free(r->slots);
        r->slot_count = 2 * r->room;
        r->slots = memory_take(r->slot_count * sizeof(*r->slots));
    } else {
        memset(r->slots, 0, r->slot_count * sizeof(*r->slots));
    }
    for (uint32_t i = 0; i < r->count; i++)
        *slot_of(r, text_slice(r->at[i].name)) = i + 1;
}

struct row *rows_find(const struct rows *r, struct slice name) {
    uint32_t *slot = r->count > 0 ? slot_of(r, name) : NULL;
    return slot != NULL && *slot != 0 ? &r->at[*slot - 1] : NULL;
}

static struct row *rows_put(struct rows *r, struct slice name) {
    struct row *row = rows_find(r, name);
    if (row != NULL)
        return row;
    if (r->count == r->room) {
        r->room = r->room == 0 ? ROWS_FIRST : 2 * r->room;
        r->at = memory_grow(r->at, r->room, sizeof(*r->at));
        slots_make(r);
    }
    CHECK(r->at != NULL);
    row = &r->at[r->count++];
    *row = (struct row){.name = text_make(name)};
    *slot_of(r, name) = r->count;
    return row;
}

static void row_drop(struct row *row) {
    text_drop(row->name);
    text_drop(row->value);
    if (row->object != NULL)
        object_drop(row->object);
}

void rows_set(struct rows *r, struct slice name, struct slice value) {
    struct text *text = text_make(value); // first: `value` may be the old one
    struct row *row = rows_put(r, name);
    text_drop(row->value);
    row->value = text;
}

void rows_delete(struct rows *r, struct slice name) {
    struct row *row = rows_find(r, name);
    if (row == NULL)
        return;
    row_drop(row);
    r->count--;
    memmove(row, row + 1, (size_t)(&r->at[r->count] - row) * sizeof(*row));
    slots_make(r);
}

static void rows_clear(struct rows *r) {
    for (uint32_t i = 0; i < r->count; i++)
        row_drop(&r->at[i]);
    free(r->at);
    free(r->slots);
    *r = (struct rows){0};
}

static void rows_copy(struct rows *to, const struct rows *from) {
    *to = *from;
    if (from->room == 0)
        return;
    to->at = memory_take(from->room * sizeof(*to->at));
    to->slots = memory_take(from->slot_count * sizeof(*to->slots));
    memcpy(to->at, from->at, from->count * sizeof(*to->at));
    memcpy(to->slots, from->slots, from->slot_count * sizeof(*to->slots));
    for (uint32_t i = 0; i < to->count; i++) {
        to->at[i].name->references++;
        if (to->at[i].value != NULL)
            to->at[i].value->references++;
        if (to->at[i].object != NULL)
            to->at[i].object->references++;
    }
}

// ---- keys

static void object_drop(struct object *o) {
    if (--o->references > 0)
        return;
    rows_clear(&o->fields);
    free(o);
}

void keyspace_clear(struct keyspace *k) {
    rows_clear(&k->keys);
}

void keyspace_copy(struct keyspace *to, const struct keyspace *from) {
    keyspace_clear(to);
    rows_copy(&to->keys, &from->keys);
}

const struct object *keyspace_find(const struct keyspace *k, struct slice key) {
    const struct row *row = rows_find(&k->keys, key);
    return row != NULL ? row->object : NULL;
}

struct object *keyspace_own(struct keyspace *k, struct slice key, enum object_type type) {
    struct row *row = rows_put(&k->keys, key);
    struct object *held = row->object;
    if (held != NULL && held->references == 1)
        return held;
    struct object *own = memory_take(sizeof(*own));
    *own = (struct object){.references = 1, .type = type};
    if (held != NULL) {
        own->type = held->type;
        own->expire_s = held->expire_s;
        rows_copy(&own->fields, &held->fields);
        object_drop(held);
    }
    row->object = own;
    return own;
}

void keyspace_delete(struct keyspace *k, struct slice key) {
    rows_delete(&k->keys, key);
}
