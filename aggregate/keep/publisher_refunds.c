// In which windows the refunds of a window look up their orders, and how far the orders of those reach.
//
// Refunds stand in the window's parts. So where it is to be made, its parts were read, and say which windows
// those are; where it may be published already, the newest revision's header does, which names each of them:
// one without orders by a partition and the offset 0.
#include <stdlib.h>

#include "aggregate/keep/publisher_internal.h"
#include "runtime/memory.h"

// More do not fit a header with room to spare; the windows that lie furthest back are left out.
enum { LOOKED_MAX = 1 << 19 };

size_t earlier_windows(const struct earlier_orders *list, size_t count, int64_t **starts) {
    size_t kept = 0;
    *starts = memory_take((count + 1) * sizeof(**starts));
    for (size_t i = 0; i < count; i++) {
        if (i == 0 || list[i].start_s != list[i - 1].start_s)
            (*starts)[kept++] = list[i].start_s;
    }
    return kept;
}

static void join(struct earlier_orders **list, size_t *count, const struct earlier_orders *other,
                 size_t other_count) {
    struct earlier_orders *before = *list;
    *count = earlier_join(before, *count, other, other_count, list);
    free(before);
}

// A window that refunds name, on its way into a header.
struct looked {
    const struct publisher *pub;
    struct keeper *keeper;
    const struct inputs *in;
    int64_t start_s;
    bool makes;
    struct earlier_orders *at;
    size_t count;
};

// The partition's line of it is gone: it sealed the window, and has nothing to add to it.
static bool is_line_gone(const struct publisher *pub, uint32_t partition, int64_t start_s) {
    const struct progress *progress = &pub->throughs[partition].progress;
    return start_s < progress->settled_before_s && progress_line(progress, start_s) == NULL;
}

static uint32_t lines_gone(const struct publisher *pub, int64_t start_s) {
    uint32_t gone = 0;
    for (uint32_t i = 0; i < pub->partitions; i++)
        gone += is_line_gone(pub, i, start_s);
    return gone;
}

static bool is_stored(const struct earlier_orders *stored, size_t count, const struct earlier_orders *e) {
    size_t i = 0;
    while (i < count && (stored[i].partition != e->partition || stored[i].to < e->to))
        i++;
    return i < count;
}

static bool are_all_stored(const struct looked *l, const struct earlier_orders *stored, size_t count) {
    bool all = true;
    for (size_t i = 0; i < l->count; i++) {
        const struct earlier_orders *e = &l->at[i];
        all &= e->to == 0 || !is_line_gone(l->pub, e->partition, l->start_s) || is_stored(stored, count, e);
    }
    return all;
}

static void all_are_gone(struct looked *l) {
    for (size_t i = 0; i < l->count; i++)
        l->at[i].gone = true;
}

// Where store.retain was shorter once, the window's own files left first; where they stand, its orders were
// taken away by somebody, and are missed when they are read.
static enum status gone_tell(struct looked *l, struct problem *p) {
    struct snapshot_name newest;
    enum status status = shelf_newest(l->keeper->store, l->start_s, &newest, p);
    if (status == STATUS_NO_INPUT)
        all_are_gone(l);
    return status == STATUS_NO_INPUT ? STATUS_OK : status;
}

static enum status take_stored(struct looked *l, struct problem *p) {
    uint32_t gone = lines_gone(l->pub, l->start_s);
    const struct earlier_orders *stored;
    size_t count, kept = 0;
    if (gone == 0)
        return STATUS_OK;
    enum status status = earlier_stored(l->pub->earlier, l->keeper, l->start_s, gone == l->pub->partitions,
                                        &stored, &count, p);
    if (status != STATUS_OK)
        return status;
    if (!are_all_stored(l, stored, count))
        return gone_tell(l, p);
    struct earlier_orders *settled = memory_take((count + 1) * sizeof(*settled));
    for (size_t i = 0; i < count; i++) {
        if (is_line_gone(l->pub, stored[i].partition, l->start_s))
            settled[kept++] = stored[i];
    }
    join(&l->at, &l->count, settled, kept);
    free(settled);
    return STATUS_OK;
}

static bool is_any_gone(const struct looked *l) {
    size_t i = 0;
    while (i < l->count && !l->at[i].gone)
        i++;
    return i < l->count;
}

// Its orders have left the store, or are about to. What an earlier revision read of them is named still, so
// that the sum in the name of this one is greater.
static bool has_left(const struct looked *l) {
    return is_any_gone(l) || l->start_s + WINDOW_S <= l->pub->gone_before_s - EARLIER_S;
}

static enum status look_up(struct looked *l, struct problem *p) {
    size_t published, lines;
    const struct earlier_orders *of_published =
        earlier_within(l->in->published, l->in->published_count, l->start_s, l->start_s + 1, &published);
    const struct earlier_orders *of_lines = earlier_of(l->pub->earlier, l->start_s, &lines);
    join(&l->at, &l->count, of_published, published);
    if (l->makes && has_left(l)) {
        all_are_gone(l);
        return STATUS_OK;
    }
    join(&l->at, &l->count, of_lines, lines);
    return l->makes ? take_stored(l, p) : STATUS_OK;
}

// Where some partition has orders, those that have none are not named.
static void nothing_drop(struct looked *l) {
    size_t kept = 0;
    bool gone = is_any_gone(l) || (l->makes && has_left(l));
    for (size_t i = 0; i < l->count; i++) {
        if (l->at[i].to > 0)
            l->at[kept++] = l->at[i];
    }
    if (kept == 0)
        l->at[kept++] = (struct earlier_orders){.start_s = l->start_s, .gone = gone};
    l->count = kept;
}

static bool has_orders(const struct publisher *pub, const struct coverage *coverage) {
    for (uint32_t i = 0; i < pub->partitions; i++) {
        if (coverage[i].orders_to > 0)
            return true;
    }
    return false;
}

// Of 48 hours before, for the window's orders.
static void inputs_begin(const struct publisher *pub, int64_t start_s, struct inputs *in) {
    size_t kept = 0;
    free(in->earlier);
    in->earlier = NULL;
    in->earlier_count = 0;
    if (!has_orders(pub, in->coverage))
        return;
    size_t count = earlier_list(pub->earlier, start_s, in->published, in->published_count, &in->earlier);
    for (size_t i = 0; i < count; i++) {
        if (in->earlier[i].to > 0)
            in->earlier[kept++] = in->earlier[i];
    }
    in->earlier_count = kept;
}

enum status inputs_look_up(const struct publisher *pub, struct keeper *k, int64_t start_s,
                           const int64_t *windows, size_t count, bool makes, struct inputs *in,
                           struct problem *p) {
    enum status status = STATUS_OK;
    inputs_begin(pub, start_s, in);
    size_t room = LOOKED_MAX;
    for (size_t i = count; i > 0 && status == STATUS_OK && room >= pub->partitions; i--) {
        struct looked l = {pub, k, in, windows[i - 1], makes, memory_take(sizeof(*l.at)), 0};
        if (l.start_s < start_s) { // else its own
            status = look_up(&l, p);
            nothing_drop(&l);
            join(&in->earlier, &in->earlier_count, l.at, l.count);
            room -= l.count;
        }
        free(l.at);
    }
    return status;
}

// ---- settling

static enum status settle_by(const struct publisher *pub, struct keeper *k, int64_t window_s,
                             const struct inputs *in, struct rows *rows, struct problem *p) {
    size_t count;
    const struct earlier_orders *list =
        earlier_within(in->earlier, in->earlier_count, window_s, window_s + 1, &count);
    struct rows *sold = rows_create();
    enum status status = earlier_read(pub->earlier, k, list, count, pub->starts, sold, p);
    if (status == STATUS_OK)
        rows_settle_refunds(rows, window_s, sold);
    rows_destroy(&sold);
    return status;
}

enum status refunds_settle(const struct publisher *pub, struct keeper *k, int64_t start_s,
                           const struct inputs *in, struct rows *rows, struct problem *p) {
    int64_t *windows;
    size_t count = rows_refund_windows(rows, &windows);
    enum status status = STATUS_OK;
    for (size_t i = 0; i < count && status == STATUS_OK; i++) {
        if (windows[i] == start_s)
            rows_settle_refunds(rows, start_s, rows);
        else
            status = settle_by(pub, k, windows[i], in, rows, p);
    }
    free(windows);
    return status;
}
