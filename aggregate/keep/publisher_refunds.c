// Which windows the orders of a window are held against, in which its refunds look up theirs, and how far the
// orders of those reach.
//
// Refunds stand in the window's parts. So where it is to be made, its parts were read, and say which windows
// those are; where it may be published already, the newest revision's header does, which names each of them:
// one without orders by a partition and the offset 0.
//
// A header has room for so many (SNAPSHOT_EARLIER_MAX). Those of 48 hours before always have it, for a topic
// has at most 4,096 partitions, and so has one list of each other window. What is left is for the further
// lists of those: first of such as revisions before have named, which are named for ever; then of those that
// lie less far back. What has no room is not looked up: it is named as gone, and its refunds are
// unattributed; which ones that are may differ from one revision to the next.
#include <stdlib.h>

#include "aggregate/keep/publisher_internal.h"
#include "runtime/log/log.h"
#include "runtime/memory.h"

enum { FAR_WINDOWS_MAX = 1 << 16 }; // that refunds name: of 22 months

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

// An earlier window, on its way into a header.
struct looked {
    const struct publisher *pub;
    struct keeper *keeper;
    const struct inputs *in;
    bool makes;
    bool *gone; // by partition: its line is gone
    int64_t start_s;
    bool left; // it is not read
    struct earlier_orders *at;
    size_t count;
};

// The partition's line of it is gone: it sealed the window, and has nothing to add to it.
static bool is_line_gone(const struct publisher *pub, uint32_t partition, int64_t start_s) {
    const struct progress *progress = &pub->throughs[partition].progress;
    return start_s < progress->settled_before_s && progress_line(progress, start_s) == NULL;
}

static bool lines_gone(const struct looked *l) {
    bool any = false;
    for (uint32_t i = 0; i < l->pub->partitions; i++) {
        l->gone[i] = is_line_gone(l->pub, i, l->start_s);
        any |= l->gone[i];
    }
    return any;
}

static bool are_all_stored(const struct looked *l, const int64_t *stored) {
    bool all = true;
    for (size_t i = 0; i < l->count; i++) {
        const struct earlier_orders *e = &l->at[i];
        all &= e->to == 0 || !l->gone[e->partition] || stored[e->partition] >= e->to;
    }
    return all;
}

static void all_are_gone(struct looked *l) {
    l->left = true;
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

static void stored_join(struct looked *l, const int64_t *stored) {
    struct earlier_orders *settled = memory_take((l->pub->partitions + 1) * sizeof(*settled));
    size_t count = 0;
    for (uint32_t i = 0; i < l->pub->partitions; i++) {
        if (l->gone[i] && stored[i] >= 0)
            settled[count++] = (struct earlier_orders){l->start_s, i, stored[i], false};
    }
    join(&l->at, &l->count, settled, count);
    free(settled);
}

// It may have left the store when somebody needs it.
static bool is_leaving(const struct looked *l) {
    return l->start_s + WINDOW_S <= l->pub->gone_before_s - EARLIER_S;
}

// Nothing is published anew because something has left: a window that may be published says what it said.
static enum status take_stored(struct looked *l, struct problem *p) {
    const int64_t *stored;
    if (is_leaving(l) || !lines_gone(l))
        return STATUS_OK;
    enum status status = earlier_stored(l->pub->earlier, l->keeper, l->start_s, l->gone, &stored, p);
    if (status != STATUS_OK)
        return status;
    if (l->makes && !are_all_stored(l, stored))
        return gone_tell(l, p);
    stored_join(l, stored);
    return STATUS_OK;
}

static bool is_any_gone(const struct looked *l) {
    size_t i = 0;
    while (i < l->count && !l->at[i].gone)
        i++;
    return i < l->count;
}

// Its orders have left the store, or are about to. What an earlier revision read of them is named still, so
// that the sum in the name of this one is no less.
static bool has_left(const struct looked *l) {
    return is_any_gone(l) || (l->makes && is_leaving(l));
}

static void take_published(struct looked *l) {
    size_t count;
    const struct earlier_orders *published =
        earlier_within(l->in->published, l->in->published_count, l->start_s, l->start_s + 1, &count);
    l->left = false;
    l->count = 0;
    join(&l->at, &l->count, published, count);
}

static enum status look_up(struct looked *l, struct problem *p) {
    size_t count;
    const struct earlier_orders *lines = earlier_of(l->pub->earlier, l->start_s, &count);
    take_published(l);
    if (has_left(l)) {
        all_are_gone(l);
        return STATUS_OK;
    }
    join(&l->at, &l->count, lines, count);
    return take_stored(l, p);
}

static void nothing_drop(struct looked *l) {
    size_t kept = 0;
    for (size_t i = 0; i < l->count; i++) {
        if (l->at[i].to > 0)
            l->at[kept++] = l->at[i];
    }
    l->count = kept;
}

// Where some partition has orders, those that have none are not named.
static void nothing_name(struct looked *l) {
    nothing_drop(l);
    if (l->count == 0)
        l->at[l->count++] = (struct earlier_orders){.start_s = l->start_s, .gone = l->left};
}

// What was found of all windows, from the last to the first.
struct found {
    struct earlier_orders *at;
    size_t count, room;
    size_t left_out; // windows that were not looked up
};

static void found_add(struct found *found, const struct looked *l) {
    while (found->room < found->count + l->count) {
        found->room = found->room == 0 ? 256 : 2 * found->room;
        found->at = memory_grow(found->at, found->room, sizeof(*found->at));
    }
    for (size_t i = l->count; i > 0; i--)
        found->at[found->count++] = l->at[i - 1];
}

static void found_turn(struct found *found) {
    for (size_t i = 0; i < found->count / 2; i++) {
        struct earlier_orders *a = &found->at[i], *b = &found->at[found->count - 1 - i], kept = *a;
        *a = *b;
        *b = kept;
    }
}

static void inputs_clear(struct inputs *in) {
    free(in->earlier);
    in->earlier = NULL;
    in->earlier_count = 0;
}

// The window's orders are held against those of 48 hours before.
static enum status orders_look_up(struct looked *l, int64_t start_s, struct inputs *in, struct problem *p) {
    struct found found = {0};
    enum status status = STATUS_OK;
    inputs_clear(in);
    if (!inputs_has_orders(l->pub, in))
        return STATUS_OK;
    for (int64_t w = WINDOW_S; w <= EARLIER_S && w <= start_s && status == STATUS_OK; w += WINDOW_S) {
        l->start_s = start_s - w;
        status = look_up(l, p);
        nothing_drop(l);
        found_add(&found, l);
    }
    found_turn(&found);
    in->earlier = found.at;
    in->earlier_count = found.count;
    return status;
}

static size_t published_of(const struct looked *l, int64_t start_s) {
    size_t count;
    earlier_within(l->in->published, l->in->published_count, start_s, start_s + 1, &count);
    return count > 1 ? count : 1;
}

// How many lists may be named of windows that lie further back than 48 hours, beyond one of each and beyond
// those that revisions before have named.
static size_t room_of(const struct looked *l, const int64_t *windows, size_t count) {
    size_t named = (size_t)l->pub->partitions * (EARLIER_S / WINDOW_S) + FAR_WINDOWS_MAX;
    for (size_t i = 0; i < count; i++)
        named += published_of(l, windows[i]) - 1;
    return named < SNAPSHOT_EARLIER_MAX ? SNAPSHOT_EARLIER_MAX - named : 0;
}

static enum status near_look_up(struct looked *l, struct problem *p) {
    enum status status = look_up(l, p);
    nothing_name(l);
    return status;
}

static void leave_out(struct looked *l, struct found *found) {
    take_published(l);
    all_are_gone(l);
    nothing_name(l);
    found->left_out++;
}

static bool is_known(struct looked *l) {
    take_published(l);
    return l->count > 0 && !is_any_gone(l);
}

// Once one has no room, none that lies further back has, but for what was looked up before.
static enum status far_look_up(struct looked *l, struct found *found, size_t *room, struct problem *p) {
    size_t published = published_of(l, l->start_s);
    if (*room == 0 && !is_known(l)) {
        leave_out(l, found);
        return STATUS_OK;
    }
    enum status status = near_look_up(l, p);
    size_t more = l->count > published ? l->count - published : 0;
    if (more <= *room) {
        *room -= more;
        return status;
    }
    *room = 0;
    leave_out(l, found);
    return status;
}

static enum status refunds_look_up(struct looked *l, int64_t start_s, const int64_t *windows, size_t count,
                                   struct found *found, struct problem *p) {
    enum status status = STATUS_OK;
    size_t i = count;
    while (i > 0 && windows[i - 1] >= start_s) // its own
        i--;
    for (; i > 0 && windows[i - 1] >= start_s - EARLIER_S && status == STATUS_OK; i--) {
        l->start_s = windows[i - 1];
        status = near_look_up(l, p);
        found_add(found, l);
    }
    size_t room = room_of(l, windows, i);
    for (; i > 0 && status == STATUS_OK; i--) {
        l->start_s = windows[i - 1];
        status = far_look_up(l, found, &room, p);
        found_add(found, l);
    }
    return status;
}

// Revisions of processes that knew nothing of each other may have named more together; and window.refunds may
// be longer than there is room for.
static enum status bound(int64_t start_s, const struct inputs *in, struct problem *p) {
    if (in->earlier_count <= SNAPSHOT_EARLIER_MAX)
        return STATUS_OK;
    return problem_set(p, STATUS_BAD_DATA, "CLM-D3", "remove its revisions: it is published anew",
                       "window %lld would name %zu lists of earlier orders, more than a header has room for",
                       (long long)start_s, in->earlier_count);
}

enum status inputs_look_up(const struct publisher *pub, struct keeper *k, int64_t start_s,
                           const int64_t *windows, size_t count, bool makes, struct inputs *in,
                           struct problem *p) {
    struct looked l = {.pub = pub,
                       .keeper = k,
                       .in = in,
                       .makes = makes,
                       .gone = memory_take(pub->partitions),
                       .at = memory_take(sizeof(*l.at))};
    struct found found = {0};
    enum status status = orders_look_up(&l, start_s, in, p);
    if (status == STATUS_OK)
        status = refunds_look_up(&l, start_s, windows, count, &found, p);
    found_turn(&found);
    join(&in->earlier, &in->earlier_count, found.at, found.count);
    if (makes && found.left_out > 0)
        log_warn("refunds_not_looked_up", FIELD("window", LOG_TIME(start_s)),
                 FIELD("windows", LOG_INT(found.left_out)));
    free(found.at);
    free(l.at);
    free(l.gone);
    return status == STATUS_OK ? bound(start_s, in, p) : status;
}

// ---- settling

static enum status settle_by(const struct publisher *pub, struct keeper *k, int64_t window_s,
                             const struct inputs *in, struct rows *rows, struct problem *p) {
    size_t count;
    const struct earlier_orders *list =
        earlier_within(in->earlier, in->earlier_count, window_s, window_s + 1, &count);
    const struct rows *sold;
    enum status status = earlier_sold(pub->earlier, k, list, count, pub->starts, &sold, p);
    if (status == STATUS_OK)
        rows_settle_refunds(rows, window_s, sold);
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
