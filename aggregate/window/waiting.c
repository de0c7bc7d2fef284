#include "aggregate/window/waiting.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/memory.h"

enum { ROOM_FIRST = 64, ROOM_MOST = 16384, AHEAD = 8 };

enum what { ACTED, REACHED, DURATION };

struct one {
    union {
        unsigned char pseudonym[PSEUDONYM_SIZE];
        int64_t duration_ms;
    };
    uint32_t sketch; // its number
    uint8_t what;
    uint8_t class; // of ACTED
};

struct waiting {
    struct one *at;
    size_t count, room;
};

struct waiting *waiting_create(void) {
    return memory_take(sizeof(struct waiting));
}

void waiting_destroy(struct waiting **w) {
    if (*w != NULL)
        free((*w)->at);
    free(*w);
    *w = NULL;
}

static struct one *one_more(struct waiting *w, struct rows *rows) {
    if (w->count == ROOM_MOST)
        waiting_settle(w, rows);
    if (w->count == w->room) {
        w->room = w->room == 0 ? ROOM_FIRST : 2 * w->room;
        w->at = memory_grow(w->at, w->room, sizeof(*w->at));
    }
    return &w->at[w->count++];
}

void waiting_acted(struct waiting *w, struct rows *rows, unsigned class, struct slice account,
                   uint32_t platform, const unsigned char pseudonym[PSEUDONYM_SIZE]) {
    struct one *one = one_more(w, rows);
    memcpy(one->pseudonym, pseudonym, PSEUDONYM_SIZE);
    one->sketch = rows_sketch_number(rows, SKETCHED_ACTED, account, platform);
    one->what = ACTED;
    one->class = (uint8_t) class;
}

void waiting_reached(struct waiting *w, struct rows *rows, enum sketched of, struct slice account,
                     uint32_t platform, const unsigned char pseudonym[PSEUDONYM_SIZE]) {
    struct one *one = one_more(w, rows);
    memcpy(one->pseudonym, pseudonym, PSEUDONYM_SIZE);
    one->sketch = rows_sketch_number(rows, of, account, platform);
    one->what = REACHED;
}

void waiting_duration(struct waiting *w, struct rows *rows, enum sketched of, struct slice account,
                      uint32_t platform, int64_t duration_ms) {
    struct one *one = one_more(w, rows);
    one->duration_ms = duration_ms;
    one->sketch = rows_sketch_number(rows, of, account, platform);
    one->what = DURATION;
}

static void settle_one(struct rows *rows, const struct one *one) {
    if (one->what == ACTED)
        rows_add_acted(rows, one->sketch, one->class, one->pseudonym);
    else if (one->what == DURATION)
        rows_add_duration(rows, one->sketch, one->duration_ms);
    else
        rows_add_reached(rows, one->sketch, one->pseudonym);
}

static void fetch_one(const struct rows *rows, const struct one *one) {
    if (one->what == ACTED)
        rows_prefetch_acted(rows, one->sketch, one->class, one->pseudonym);
    else if (one->what == DURATION)
        rows_prefetch_duration(rows, one->sketch, one->duration_ms);
    else
        rows_prefetch_reached(rows, one->sketch, one->pseudonym);
}

// Before each `i`, in that order: those that come soon, the sketches of those that come sooner, and where the
// next ones go in theirs.
static void fetch(const struct waiting *w, const struct rows *rows, const uint32_t *order, size_t i) {
    if (i + 3 * AHEAD < w->count)
        __builtin_prefetch(&w->at[order[i + 3 * AHEAD]]);
    if (i + 2 * AHEAD < w->count)
        rows_prefetch_sketch(rows, w->at[order[i + 2 * AHEAD]].sketch);
    if (i + AHEAD < w->count)
        fetch_one(rows, &w->at[order[i + AHEAD]]);
}

// By sketch: how many each has says where its first one goes.
static uint32_t *order_of(const struct waiting *w, size_t sketches) {
    uint32_t *order = memory_grow(NULL, w->count + 1, sizeof(*order));
    uint32_t *places = memory_take((sketches + 1) * sizeof(*places));
    for (size_t i = 0; i < w->count; i++)
        places[w->at[i].sketch + 1]++;
    for (size_t i = 1; i <= sketches; i++)
        places[i] += places[i - 1];
    for (uint32_t i = 0; i < w->count; i++)
        order[places[w->at[i].sketch]++] = i;
    free(places);
    return order;
}

void waiting_settle(struct waiting *w, struct rows *rows) {
    if (w->count == 0)
        return;
    uint32_t *order = order_of(w, rows_sketch_count(rows));
    for (size_t i = 0; i < w->count; i++) {
        fetch(w, rows, order, i);
        settle_one(rows, &w->at[order[i]]);
    }
    free(order);
    w->count = 0;
}

size_t waiting_memory(const struct waiting *w) {
    return sizeof(*w) + w->room * sizeof(*w->at);
}
