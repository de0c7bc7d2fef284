#include "aggregate/window/viewers.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/check.h"
#include "runtime/hash.h"
#include "runtime/memory.h"

enum { FIRST_ROOM = 64 };

void viewers_fini(struct viewers *v) {
    free(v->at);
    free(v->changed);
    slots_fini(&v->slots);
    *v = (struct viewers){0};
}

// ---- the table

static uint32_t key_hash(const unsigned char key[VIEWER_KEY_SIZE]) {
    uint32_t hash;
    memcpy(&hash, key, sizeof(hash));
    return hash;
}

// The slot of the key, or the free one where it would stand. Of a table that has room.
static struct slot *slot_of(const struct viewers *v, const unsigned char key[VIEWER_KEY_SIZE]) {
    uint32_t hash = key_hash(key);
    struct slot *slot = slots_first(&v->slots, hash);
    while (slot->number != 0 &&
           (slot->hash != hash || memcmp(v->at[slot->number - 1].key, key, VIEWER_KEY_SIZE) != 0))
        slot = slots_next(&v->slots, slot);
    return slot;
}

static bool is_forgotten(const struct viewers *v, const struct viewer *viewer) {
    uint64_t span = v->span != 0 ? v->span : VIEWERS_SPAN;
    return presence_is_blank(viewer) || v->events - viewer->heard_event > span;
}

static void changed_append(struct viewers *v, uint32_t number) {
    if (v->changed_count == v->changed_room) {
        v->changed_room = 2 * v->changed_room + FIRST_ROOM;
        v->changed = memory_grow(v->changed, v->changed_room, sizeof(*v->changed));
    }
    v->changed[v->changed_count++] = number;
}

// Lets go of those that are forgotten; one that has changed is still to be told.
static void collect(struct viewers *v) {
    size_t count = v->count;
    v->count = v->changed_count = 0;
    slots_fini(&v->slots);
    slots_init(&v->slots);
    for (size_t i = 0; i < count; i++) {
        const struct viewer viewer = v->at[i];
        if (!viewer.changed && is_forgotten(v, &viewer))
            continue;
        slots_fill(&v->slots, slots_free(&v->slots, key_hash(viewer.key)), key_hash(viewer.key),
                   (uint32_t)v->count);
        if (viewer.changed)
            changed_append(v, (uint32_t)v->count);
        v->at[v->count++] = viewer;
    }
}

static void room_make(struct viewers *v) {
    if (v->count < v->room)
        return;
    collect(v);
    if (v->count <= v->room / 2 && v->room > 0)
        return;
    v->room = v->room == 0 ? FIRST_ROOM : 2 * v->room;
    v->at = memory_grow(v->at, v->room, sizeof(*v->at));
}

static struct viewer *viewer_find(struct viewers *v, const unsigned char key[VIEWER_KEY_SIZE]) {
    struct slot *slot = v->room > 0 ? slot_of(v, key) : NULL;
    return slot != NULL && slot->number != 0 ? &v->at[slot->number - 1] : NULL;
}

static struct viewer *viewer_at(struct viewers *v, const unsigned char key[VIEWER_KEY_SIZE]) {
    struct viewer *known = viewer_find(v, key);
    if (known != NULL)
        return known;
    room_make(v);
    CHECK(v->count < UINT32_MAX - 1);
    slots_fill(&v->slots, slot_of(v, key), key_hash(key), (uint32_t)v->count);
    struct viewer *viewer = &v->at[v->count++];
    *viewer = (struct viewer){0};
    memcpy(viewer->key, key, VIEWER_KEY_SIZE);
    return viewer;
}

void viewers_put(struct viewers *v, const struct viewer *viewer) {
    struct viewer *at = viewer_at(v, viewer->key);
    *at = *viewer;
    at->changed = false;
}

void viewers_copy(struct viewers *to, const struct viewers *from) {
    to->events = from->events;
    for (size_t i = 0; i < from->count; i++) {
        if (!is_forgotten(from, &from->at[i]))
            viewers_put(to, &from->at[i]);
    }
}

// ---- events

// The account, the session and the platform, each apart from the next, and the actor's pseudonym.
static void key_of(unsigned char key[VIEWER_KEY_SIZE], const struct event *e) {
    const uint32_t head[] = {e->platform, (uint32_t)e->account.length, (uint32_t)e->session.length};
    unsigned char bytes[sizeof(head) + ROWS_ACCOUNT_MAX + ROWS_ID_MAX + PSEUDONYM_SIZE], *at = bytes;
    CHECK(e->account.length <= ROWS_ACCOUNT_MAX && e->session.length <= ROWS_ID_MAX);
    memcpy(at, head, sizeof(head));
    at += sizeof(head);
    memcpy(at, e->account.at, e->account.length);
    at += e->account.length;
    memcpy(at, e->session.at, e->session.length);
    at += e->session.length;
    memcpy(at, e->actor, PSEUDONYM_SIZE);
    at += PSEUDONYM_SIZE;
    XXH128_canonical_t canonical;
    XXH128_canonicalFromHash(&canonical, XXH3_128bits(bytes, (size_t)(at - bytes)));
    memcpy(key, canonical.digest, VIEWER_KEY_SIZE);
}

static void mark_changed(struct viewers *v, struct viewer *viewer) {
    viewer->heard_event = v->events;
    if (!viewer->changed)
        changed_append(v, (uint32_t)(viewer - v->at));
    viewer->changed = true;
}

static void forget(struct viewer *viewer) {
    struct viewer blank = {.changed = viewer->changed};
    memcpy(blank.key, viewer->key, VIEWER_KEY_SIZE);
    *viewer = blank;
}

// The viewer as he is remembered; NULL where he is not known, and by the rules nobody is remembered anew.
static struct viewer *remembered(struct viewers *v, const unsigned char key[VIEWER_KEY_SIZE], bool anew) {
    struct viewer *viewer = anew ? viewer_at(v, key) : viewer_find(v, key);
    if (viewer != NULL && is_forgotten(v, viewer))
        forget(viewer);
    return viewer;
}

static bool is_heard(const struct event *e) {
    return e->has_actor &&
           (e->kind == KIND_LIVE_JOIN || e->kind == KIND_LIVE_LEAVE || e->kind == KIND_LIVE_HEARTBEAT);
}

bool viewers_take(struct viewers *v, const struct event *e, const struct rules *rules,
                  struct presence_change *out) {
    unsigned char key[VIEWER_KEY_SIZE];
    bool is_on = rules->window_heartbeat_ms > 0;
    if (!is_heard(e))
        return false;
    v->events++;
    if (!is_on && v->count == 0)
        return false;
    key_of(key, e);
    struct viewer *viewer = remembered(v, key, is_on);
    if (viewer == NULL || (!is_on && presence_is_blank(viewer)) ||
        e->occurred_at_ms < viewer->heard_ms - PRESENCE_OLD_MS)
        return false;
    const struct presence event = {.kind = e->kind,
                                   .delta = e->delta,
                                   .at_ms = e->occurred_at_ms,
                                   .timeout_ms = is_on ? rules->window_heartbeat_ms : 0};
    presence_take(viewer, &event, out);
    if (!is_on || presence_is_blank(viewer))
        forget(viewer);
    mark_changed(v, viewer);
    return true;
}

// ---- for files

static int key_order(const void *a, const void *b) {
    return memcmp(((const struct viewer *)a)->key, ((const struct viewer *)b)->key, VIEWER_KEY_SIZE);
}

static struct viewer *sorted(struct viewer *list, size_t count) {
    if (count > 1)
        qsort(list, count, sizeof(*list), key_order);
    return list;
}

struct viewer *viewers_take_changed(struct viewers *v, size_t *count) {
    struct viewer *list = memory_take((v->changed_count + 1) * sizeof(*list));
    for (size_t i = 0; i < v->changed_count; i++) {
        v->at[v->changed[i]].changed = false;
        list[i] = v->at[v->changed[i]];
    }
    *count = v->changed_count;
    v->changed_count = 0;
    return sorted(list, *count);
}

struct viewer *viewers_all(const struct viewers *v, size_t *count) {
    struct viewer *list = memory_take((v->count + 1) * sizeof(*list));
    *count = 0;
    for (size_t i = 0; i < v->count; i++) {
        if (!is_forgotten(v, &v->at[i]))
            list[(*count)++] = v->at[i];
    }
    return sorted(list, *count);
}

size_t viewers_memory(const struct viewers *v) {
    size_t slots = v->room > 0 ? slots_memory(&v->slots) : 0;
    return v->room * sizeof(*v->at) + slots + v->changed_room * sizeof(*v->changed);
}
