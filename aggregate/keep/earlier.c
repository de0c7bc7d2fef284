#include "aggregate/keep/earlier.h"

#include <stdlib.h>
#include <string.h>

#include "aggregate/keep/keep_files.h"
#include "aggregate/keep/recent.h"
#include "runtime/hash.h"
#include "runtime/memory.h"

#define SOLD_BYTES_MAX   ((size_t)256 << 20)
#define STORED_BYTES_MAX ((size_t)32 << 20)
enum { HAD_LINE = -2 }; // of a partition that the store was not asked about

// Orders of a window, of each partition as far as `to` (0: none of it).
struct sold {
    struct rows *rows;
    size_t count; // partitions that it has some of
    int64_t to[];
};

struct noted_window {
    int64_t start_s;
    uint64_t hash; // of what is noted of it
};

struct earlier {
    struct earlier_orders *noted; // by (start_s, partition)
    size_t count, room;
    struct noted_window *windows; // of them, by start_s
    size_t window_count, window_room;
    struct recent *stored; // int64_t[partitions]: see earlier_stored
    struct recent *sold;
};

static void sold_drop(void *value) {
    struct sold *sold = value;
    rows_destroy(&sold->rows);
    free(sold);
}

struct earlier *earlier_create(void) {
    struct earlier *e = memory_take(sizeof(*e));
    e->stored = recent_create(STORED_BYTES_MAX, free);
    e->sold = recent_create(SOLD_BYTES_MAX, sold_drop);
    return e;
}

void earlier_destroy(struct earlier **e) {
    if (*e == NULL)
        return;
    recent_destroy(&(*e)->sold);
    recent_destroy(&(*e)->stored);
    free((*e)->windows);
    free((*e)->noted);
    free(*e);
    *e = NULL;
}

// ---- what the records say

void earlier_forget(struct earlier *e) {
    e->count = e->window_count = 0;
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

// A line that is there again has more to say than what the store had when it was gone.
static void line_is_back(struct earlier *e, uint32_t partition, int64_t start_s) {
    const int64_t *to = recent_count(e->stored) > 0 ? recent_find(e->stored, start_s) : NULL;
    if (to != NULL && to[partition] != HAD_LINE)
        recent_forget(e->stored, start_s);
}

void earlier_note(struct earlier *e, const struct progress *progress) {
    for (size_t i = 0; i < progress->line_count; i++) {
        const struct line *line = &progress->lines[i];
        line_is_back(e, progress->partition, line->start_s);
        if (line->orders_to > 0 && line->start_s + WINDOW_S <= progress->sealed_s)
            note(e, (struct earlier_orders){line->start_s, progress->partition, line->orders_to, false});
    }
}

static struct noted_window *window_of(struct earlier *e, int64_t start_s) {
    if (e->window_count > 0 && e->windows[e->window_count - 1].start_s == start_s)
        return &e->windows[e->window_count - 1];
    if (e->window_count == e->window_room) {
        e->window_room = e->window_room == 0 ? 256 : 2 * e->window_room;
        e->windows = memory_grow(e->windows, e->window_room, sizeof(*e->windows));
    }
    e->windows[e->window_count] = (struct noted_window){.start_s = start_s};
    return &e->windows[e->window_count++];
}

// Hashed once a round: each window is asked about by all that it may concern.
void earlier_noted(struct earlier *e) {
    if (e->count > 1)
        qsort(e->noted, e->count, sizeof(*e->noted), orders_compare);
    for (size_t i = 0; i < e->count; i++) {
        struct noted_window *window = window_of(e, e->noted[i].start_s);
        const int64_t words[] = {e->noted[i].partition, e->noted[i].to};
        window->hash = hash_bytes(words, sizeof(words), window->hash);
    }
}

void earlier_ask_again(struct earlier *e) {
    recent_destroy(&e->stored);
    e->stored = recent_create(STORED_BYTES_MAX, free);
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
    size_t low = 0, high = e->window_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (e->windows[middle].start_s < start_s)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static const struct noted_window *window_at(const struct earlier *e, int64_t start_s) {
    size_t place = place_of(e, start_s);
    bool has = place < e->window_count && e->windows[place].start_s == start_s;
    return has ? &e->windows[place] : NULL;
}

uint64_t earlier_hash(const struct earlier *e, int64_t start_s) {
    size_t first = place_of(e, start_s - EARLIER_S), end = place_of(e, start_s);
    return first < end ? hash_bytes(&e->windows[first], (end - first) * sizeof(*e->windows), 0) : 0;
}

uint64_t earlier_hash_of(const struct earlier *e, int64_t start_s) {
    const struct noted_window *window = window_at(e, start_s);
    return window != NULL ? window->hash : 0;
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

const struct earlier_orders *earlier_within(const struct earlier_orders *list, size_t count, int64_t from_s,
                                            int64_t end_s, size_t *within) {
    size_t first = first_from(list, count, from_s);
    *within = first_from(list, count, end_s) - first;
    return *within > 0 ? &list[first] : NULL;
}

// ---- what the store has

static bool is_known(const int64_t *to, const bool *gone, uint32_t partitions) {
    uint32_t i = 0;
    while (i < partitions && (!gone[i] || to[i] != HAD_LINE))
        i++;
    return i == partitions;
}

static enum status stored_list(struct earlier *e, struct keeper *k, int64_t start_s, const bool *gone,
                               struct problem *p) {
    struct part_name *files = memory_take(k->partitions * sizeof(*files));
    enum status status = shelf_orders(k->store, start_s, files, k->partitions, p);
    if (status == STATUS_OK) {
        int64_t *to = memory_take(k->partitions * sizeof(*to));
        for (uint32_t i = 0; i < k->partitions; i++)
            to[i] = gone[i] ? files[i].to : HAD_LINE;
        recent_keep(e->stored, start_s, to, k->partitions * sizeof(*to));
    }
    free(files);
    return status;
}

enum status earlier_stored(struct earlier *e, struct keeper *k, int64_t start_s, const bool *gone,
                           const int64_t **to, struct problem *p) {
    *to = recent_find(e->stored, start_s);
    if (*to != NULL && is_known(*to, gone, k->partitions))
        return STATUS_OK;
    enum status status = stored_list(e, k, start_s, gone, p);
    *to = status == STATUS_OK ? recent_find(e->stored, start_s) : NULL;
    return status;
}

// ---- the orders

static bool is_wanted(const struct earlier_orders *orders) {
    return !orders->gone && orders->to > 0;
}

// What reaches further has all that reaches less far, so orders grow; these have some that are not wanted.
static bool has_too_many(const struct sold *sold, const struct earlier_orders *list, size_t count) {
    size_t wanted = 0;
    for (size_t i = 0; i < count; i++) {
        int64_t to = is_wanted(&list[i]) ? sold->to[list[i].partition] : 0;
        if (to > list[i].to)
            return true;
        wanted += to > 0;
    }
    return wanted < sold->count;
}

static bool is_any_wanted(const struct earlier_orders *list, size_t count) {
    size_t i = 0;
    while (i < count && !is_wanted(&list[i]))
        i++;
    return i < count;
}

static bool has_all(const struct sold *sold, const struct earlier_orders *list, size_t count) {
    size_t i = 0;
    while (i < count && (!is_wanted(&list[i]) || sold->to[list[i].partition] == list[i].to))
        i++;
    return i == count;
}

static enum status sold_read(struct keeper *k, struct sold *sold, const struct earlier_orders *orders,
                             int64_t start, struct problem *p) {
    const struct part_name name = {orders->start_s, orders->partition, start, orders->to};
    struct rows *rows;
    enum status status = keep_files_read_orders(k, &name, &rows, p);
    if (status != STATUS_OK)
        return status;
    rows_merge(sold->rows, rows);
    rows_destroy(&rows);
    sold->count += sold->to[orders->partition] == 0;
    sold->to[orders->partition] = orders->to;
    return STATUS_OK;
}

static enum status sold_extend(struct keeper *k, struct sold *sold, const struct earlier_orders *list,
                               size_t count, const int64_t *starts, struct problem *p) {
    enum status status = STATUS_OK;
    for (size_t i = 0; i < count && status == STATUS_OK; i++) {
        uint32_t partition = list[i].partition;
        if (is_wanted(&list[i]) && sold->to[partition] < list[i].to)
            status = sold_read(k, sold, &list[i], starts[partition], p);
    }
    return status;
}

static struct sold *sold_create(uint32_t partitions) {
    struct sold *sold = memory_take(sizeof(*sold) + partitions * sizeof(*sold->to));
    sold->rows = rows_create();
    return sold;
}

static size_t sold_bytes(const struct sold *sold, uint32_t partitions) {
    return rows_memory(sold->rows) + sizeof(*sold) + partitions * sizeof(*sold->to);
}

// What was read is kept where another cannot be: it need not be read again.
enum status earlier_sold(struct earlier *e, struct keeper *k, const struct earlier_orders *list, size_t count,
                         const int64_t *starts, const struct rows **out, struct problem *p) {
    *out = NULL;
    if (!is_any_wanted(list, count))
        return STATUS_OK;
    int64_t start_s = list[0].start_s;
    struct sold *sold = recent_find(e->sold, start_s);
    if (sold != NULL && has_too_many(sold, list, count)) {
        recent_forget(e->sold, start_s);
        sold = NULL;
    }
    if (sold == NULL || !has_all(sold, list, count)) {
        sold = sold != NULL ? recent_take(e->sold, start_s) : sold_create(k->partitions);
        enum status status = sold_extend(k, sold, list, count, starts, p);
        recent_keep(e->sold, start_s, sold, sold_bytes(sold, k->partitions));
        if (status == STATUS_BAD_DATA)
            recent_forget(e->stored, start_s); // it may have left the store since that was asked
        if (status != STATUS_OK)
            return status;
    }
    *out = sold->rows;
    return STATUS_OK;
}

enum status earlier_read(struct earlier *e, struct keeper *k, const struct earlier_orders *list, size_t count,
                         const int64_t *starts, struct rows *rows, struct problem *p) {
    enum status status = STATUS_OK;
    for (size_t i = 0, same = 0; i < count && status == STATUS_OK; i += same, same = 0) {
        const struct rows *sold;
        while (i + same < count && list[i + same].start_s == list[i].start_s)
            same++;
        status = earlier_sold(e, k, &list[i], same, starts, &sold, p);
        if (status == STATUS_OK && sold != NULL)
            rows_merge(rows, sold);
    }
    return status;
}
