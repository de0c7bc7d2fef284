#include "aggregate/keep/earlier.h"

#include <stdlib.h>
#include <string.h>

#include "aggregate/keep/keep_files.h"
#include "runtime/hash.h"
#include "runtime/memory.h"

#define CACHE_BYTES_MAX ((size_t)256 << 20)
enum { STORED_MAX = 20000 }; // windows: more than 180 days have

struct cached {
    struct earlier_orders orders;
    struct rows *rows;
};

// The orders of a window that the store has.
struct stored {
    int64_t start_s;
    struct earlier_orders *at;
    size_t count;
};

struct earlier {
    struct earlier_orders *noted; // by (start_s, partition)
    size_t count, room;
    struct stored *stored; // by start_s
    size_t stored_count;
    struct stored looked; // what was not to be remembered
    struct cached *cache; // in no order
    size_t cached, cache_room, cache_bytes;
};

struct earlier *earlier_create(void) {
    return memory_take(sizeof(struct earlier));
}

static void cache_drop(struct earlier *e) {
    for (size_t i = 0; i < e->cached; i++)
        rows_destroy(&e->cache[i].rows);
    e->cached = e->cache_bytes = 0;
}

static void stored_drop(struct earlier *e) {
    for (size_t i = 0; i < e->stored_count; i++)
        free(e->stored[i].at);
    e->stored_count = 0;
}

void earlier_destroy(struct earlier **e) {
    if (*e == NULL)
        return;
    stored_drop(*e);
    free((*e)->looked.at);
    free((*e)->stored);
    cache_drop(*e);
    free((*e)->cache);
    free((*e)->noted);
    free(*e);
    *e = NULL;
}

// ---- what the records say

void earlier_forget(struct earlier *e) {
    e->count = 0;
}

static int orders_compare(const void *left, const void *right) {
    const struct earlier_orders *a = left, *b = right;
    if (a->start_s != b->start_s)
        return a->start_s < b->start_s ? -1 : 1;
    return (a->partition > b->partition) - (a->partition < b->partition);
}

static void note(struct earlier *e, struct earlier_orders orders) {
    if (e->count == e->room) {
        e->room = e->room == 0 ? 256 : 2 * e->room;
        e->noted = memory_grow(e->noted, e->room, sizeof(*e->noted));
    }
    e->noted[e->count++] = orders;
}

void earlier_note(struct earlier *e, const struct progress *progress) {
    for (size_t i = 0; i < progress->line_count; i++) {
        const struct line *line = &progress->lines[i];
        if (line->orders_to > 0 && line->start_s + WINDOW_S <= progress->sealed_s)
            note(e, (struct earlier_orders){line->start_s, progress->partition, line->orders_to, false});
    }
    if (e->count > 1)
        qsort(e->noted, e->count, sizeof(*e->noted), orders_compare);
}

// The first of a window that does not start before.
static size_t first_from(const struct earlier_orders *list, size_t count, int64_t start_s) {
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (list[middle].start_s < start_s)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static size_t place_of(const struct earlier *e, int64_t start_s) {
    return first_from(e->noted, e->count, start_s);
}

bool earlier_has(const struct earlier *e, int64_t start_s) {
    size_t place = place_of(e, start_s);
    return place < e->count && e->noted[place].start_s == start_s;
}

static uint64_t hash_between(const struct earlier *e, int64_t from_s, int64_t end_s) {
    size_t first = place_of(e, from_s), end = place_of(e, end_s);
    uint64_t hash = 0;
    for (size_t i = first; i < end; i++) {
        const int64_t words[] = {e->noted[i].start_s, e->noted[i].partition, e->noted[i].to};
        hash = hash_bytes(words, sizeof(words), hash);
    }
    return hash;
}

uint64_t earlier_hash(const struct earlier *e, int64_t start_s) {
    return hash_between(e, start_s - EARLIER_S, start_s);
}

uint64_t earlier_hash_of(const struct earlier *e, int64_t start_s) {
    return hash_between(e, start_s, start_s + 1);
}

const struct earlier_orders *earlier_of(const struct earlier *e, int64_t start_s, size_t *count) {
    return earlier_within(e->noted, e->count, start_s, start_s + 1, count);
}

size_t earlier_join(const struct earlier_orders *a, size_t a_count, const struct earlier_orders *b,
                    size_t b_count, struct earlier_orders **out) {
    size_t at = 0, other = 0, taken = 0;
    *out = memory_take((a_count + b_count + 1) * sizeof(**out));
    while (at < a_count || other < b_count) {
        int order = at == a_count ? 1 : other == b_count ? -1 : orders_compare(&a[at], &b[other]);
        struct earlier_orders next = order <= 0 ? a[at] : b[other];
        if (order == 0 && b[other].to > next.to)
            next.to = b[other].to;
        next.gone |= order == 0 && b[other].gone;
        at += order <= 0;
        other += order >= 0;
        (*out)[taken++] = next;
    }
    return taken;
}

size_t earlier_list(const struct earlier *e, int64_t start_s, const struct earlier_orders *published,
                    size_t count, struct earlier_orders **out) {
    size_t noted, within;
    const struct earlier_orders *lines =
        earlier_within(e->noted, e->count, start_s - EARLIER_S, start_s, &noted);
    published = earlier_within(published, count, start_s - EARLIER_S, start_s, &within);
    return earlier_join(lines, noted, published, within, out);
}

const struct earlier_orders *earlier_within(const struct earlier_orders *list, size_t count, int64_t from_s,
                                            int64_t end_s, size_t *within) {
    size_t first = first_from(list, count, from_s);
    *within = first_from(list, count, end_s) - first;
    return *within > 0 ? &list[first] : NULL;
}

// ---- what the store has

static size_t stored_place(const struct earlier *e, int64_t start_s) {
    size_t low = 0, high = e->stored_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (e->stored[middle].start_s < start_s)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void stored_keep(struct earlier *e, const struct stored *stored) {
    if (e->stored_count == STORED_MAX)
        stored_drop(e);
    if (e->stored == NULL)
        e->stored = memory_take(STORED_MAX * sizeof(*e->stored));
    size_t place = stored_place(e, stored->start_s);
    memmove(&e->stored[place + 1], &e->stored[place], (e->stored_count - place) * sizeof(*stored));
    e->stored[place] = *stored;
    e->stored_count++;
}

static enum status stored_list(struct keeper *k, struct stored *stored, struct problem *p) {
    struct part_name *files = memory_take(k->partitions * sizeof(*files));
    enum status status = shelf_orders(k->store, stored->start_s, files, k->partitions, p);
    stored->at = memory_take((k->partitions + 1) * sizeof(*stored->at));
    for (uint32_t i = 0; status == STATUS_OK && i < k->partitions; i++) {
        if (files[i].to >= 0)
            stored->at[stored->count++] = (struct earlier_orders){stored->start_s, i, files[i].to, false};
    }
    free(files);
    return status;
}

static const struct stored *stored_find(const struct earlier *e, int64_t start_s) {
    size_t place = stored_place(e, start_s);
    return place < e->stored_count && e->stored[place].start_s == start_s ? &e->stored[place] : NULL;
}

enum status earlier_stored(struct earlier *e, struct keeper *k, int64_t start_s, bool keeps,
                           const struct earlier_orders **out, size_t *count, struct problem *p) {
    const struct stored *found = keeps ? stored_find(e, start_s) : NULL;
    if (found == NULL) {
        free(e->looked.at);
        e->looked = (struct stored){.start_s = start_s};
        enum status status = stored_list(k, &e->looked, p);
        if (status != STATUS_OK)
            return status;
        found = &e->looked;
    }
    *count = found->count;
    *out = found->at;
    if (keeps && found == &e->looked) {
        stored_keep(e, found);
        e->looked.at = NULL;
    }
    return STATUS_OK;
}

// ---- the orders

static struct rows *cache_find(const struct earlier *e, const struct earlier_orders *orders) {
    for (size_t i = e->cached; i > 0; i--) {
        const struct earlier_orders *at = &e->cache[i - 1].orders;
        if (at->start_s == orders->start_s && at->partition == orders->partition && at->to == orders->to)
            return e->cache[i - 1].rows;
    }
    return NULL;
}

static void cache_take(struct earlier *e, const struct earlier_orders *orders, struct rows *rows) {
    if (e->cache_bytes > CACHE_BYTES_MAX)
        cache_drop(e);
    if (e->cached == e->cache_room) {
        e->cache_room = e->cache_room == 0 ? 64 : 2 * e->cache_room;
        e->cache = memory_grow(e->cache, e->cache_room, sizeof(*e->cache));
    }
    e->cache[e->cached++] = (struct cached){*orders, rows};
    e->cache_bytes += rows_memory(rows);
}

static enum status read_orders(struct earlier *e, struct keeper *k, const struct earlier_orders *orders,
                               int64_t start, struct rows **out, struct problem *p) {
    const struct part_name name = {orders->start_s, orders->partition, start, orders->to};
    *out = cache_find(e, orders);
    if (*out != NULL)
        return STATUS_OK;
    struct rows *rows = rows_create();
    enum status status = keep_files_read_orders(k, &name, rows, p);
    if (status != STATUS_OK) {
        rows_destroy(&rows);
        return status;
    }
    cache_take(e, orders, rows);
    *out = rows;
    return STATUS_OK;
}

enum status earlier_read(struct earlier *e, struct keeper *k, const struct earlier_orders *list, size_t count,
                         const int64_t *starts, struct rows *rows, struct problem *p) {
    enum status status = STATUS_OK;
    for (size_t i = 0; i < count && status == STATUS_OK; i++) {
        struct rows *orders;
        if (list[i].gone || list[i].to == 0)
            continue;
        status = read_orders(e, k, &list[i], starts[list[i].partition], &orders, p);
        if (status == STATUS_OK)
            rows_merge(rows, orders);
    }
    return status;
}
