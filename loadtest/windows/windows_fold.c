#include "loadtest/windows/windows_fold.h"

#include <stdlib.h>

#include "loadtest/windows/windows_named.h"
#include "runtime/check.h"
#include "runtime/memory.h"

struct windows_end {
    int64_t to;
    struct windows_window *window;
};

struct windows_ahead {
    struct windows_end *at; // by `to`
    size_t count, room, next;
};

static size_t partitions(const struct windows_fold *f) {
    return (size_t)f->setup->partitions;
}

void windows_fold_init(struct windows_fold *f, const struct windows_setup *setup, windows_finish finish,
                       void *context) {
    *f = (struct windows_fold){.setup = setup, .finish = finish, .context = context};
    f->dedup = memory_take(partitions(f) * sizeof(*f->dedup));
    f->presence = memory_take(partitions(f) * sizeof(*f->presence));
    for (size_t p = 0; p < partitions(f); p++)
        windows_presence_init(&f->presence[p]);
    f->ahead = memory_take(partitions(f) * sizeof(*f->ahead));
    f->fates = memory_take(partitions(f) * sizeof(*f->fates));
}

void windows_fold_fini(struct windows_fold *f) {
    for (size_t p = 0; f->setup != NULL && p < partitions(f); p++) {
        recount_dedup_fini(&f->dedup[p]);
        windows_presence_fini(&f->presence[p]);
        free(f->ahead[p].at);
    }
    for (size_t i = 0; i < f->count; i++) {
        window_model_destroy(&f->at[i]->model);
        free(f->at[i]->shares);
        free(f->at[i]->covers);
        free(f->at[i]->earlier);
        free(f->at[i]->covered);
        free(f->at[i]);
    }
    recount_events_fini(&f->events);
    windows_sold_fini(&f->sold);
    free(f->dedup);
    free(f->presence);
    free(f->ahead);
    free(f->fates);
    free(f->at);
    *f = (struct windows_fold){0};
}

// ---- windows

// The first that does not start before.
static size_t place_of(const struct windows_fold *f, int64_t start_s) {
    size_t low = 0, high = f->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (f->at[middle]->start_s < start_s)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool is_at(const struct windows_fold *f, size_t place, int64_t start_s) {
    return place < f->count && f->at[place]->start_s == start_s;
}

static struct windows_window *window_at(struct windows_fold *f, int64_t start_s) {
    if (is_at(f, f->last, start_s))
        return f->at[f->last];
    f->last = place_of(f, start_s);
    if (is_at(f, f->last, start_s))
        return f->at[f->last];
    if (f->count == f->room) {
        f->room = f->room == 0 ? 64 : 2 * f->room;
        f->at = memory_grow(f->at, f->room, sizeof(struct windows_window *));
    }
    memmove(&f->at[f->last + 1], &f->at[f->last], (f->count - f->last) * sizeof(struct windows_window *));
    f->count++;
    struct windows_window *w = memory_take(sizeof(*w));
    w->start_s = start_s;
    w->shares = memory_take(partitions(f) * sizeof(*w->shares));
    return f->at[f->last] = w;
}

const struct windows_window *windows_fold_find(const struct windows_fold *f, int64_t start_s) {
    size_t place = place_of(f, start_s);
    return is_at(f, place, start_s) ? f->at[place] : NULL;
}

void windows_fold_published(struct windows_fold *f, int64_t start_s, const int64_t *covers,
                            const struct earlier_orders *earlier, size_t earlier_count) {
    struct windows_window *w = window_at(f, start_s);
    CHECK(w->covers == NULL);
    w->covers = memory_take(partitions(f) * sizeof(*w->covers));
    w->covered = memory_take(partitions(f) * sizeof(*w->covered));
    memcpy(w->covers, covers, partitions(f) * sizeof(*covers));
    w->earlier = memory_take((earlier_count + 1) * sizeof(*w->earlier));
    w->earlier_count = earlier_count;
    for (size_t i = 0; i < earlier_count; i++)
        w->earlier[i] = earlier[i];
}

static void model_begin(struct windows_fold *f, struct windows_window *w) {
    w->model = window_model_create();
    f->memory += w->model->memory;
    f->held++;
}

static void model_drop(struct windows_fold *f, struct windows_window *w) {
    if (w->model == NULL)
        return;
    f->memory -= w->model->memory;
    f->held--;
    window_model_destroy(&w->model);
}

struct held_against {
    const struct windows_fold *fold;
    struct windows_window *window;
    struct earlier_orders *own; // what it reaches itself
};

// Had the orders of that window left the store?
static bool has_gone(const struct windows_window *w, int64_t start_s) {
    for (size_t i = 0; i < w->earlier_count; i++) {
        if (w->earlier[i].start_s == start_s && w->earlier[i].gone)
            return true;
    }
    return false;
}

static bool was_sold(void *context, struct slice order) {
    const struct held_against *h = context;
    const struct windows_window *w = h->window;
    return windows_sold_before(&h->fold->sold, order, w->start_s, w->earlier, w->earlier_count);
}

// A refund's order, in the window that it was placed in: as far as this one reaches where it is the same,
// else as far as it says that it was looked up. One that it might have found is of a revision to come.
static const struct windows_sale *sale_of(void *context, struct slice order, int64_t placed_s) {
    const struct held_against *h = context;
    struct windows_window *w = h->window;
    bool elsewhere;
    const struct windows_sale *sale =
        placed_s == w->start_s ? windows_sold_in(&h->fold->sold, order, placed_s, h->own, partitions(h->fold),
                                                 h->fold->setup->limits, &elsewhere)
                               : windows_sold_in(&h->fold->sold, order, placed_s, w->earlier,
                                                 w->earlier_count, h->fold->setup->limits, &elsewhere);
    w->beyond += elsewhere && !has_gone(w, placed_s);
    return sale;
}

static struct earlier_orders *own_reach(const struct windows_fold *f, const struct windows_window *w) {
    struct earlier_orders *own = memory_take((partitions(f) + 1) * sizeof(*own));
    for (size_t p = 0; p < partitions(f); p++)
        own[p] = (struct earlier_orders){w->start_s, (uint32_t)p, w->covers[p], false};
    return own;
}

static void window_finish(struct windows_fold *f, struct windows_window *w) {
    if (w->model != NULL) {
        size_t before = w->model->memory;
        struct held_against against = {f, w, own_reach(f, w)};
        window_model_settle(w->model, was_sold, &against);
        window_model_refund(w->model, sale_of, &against);
        free(against.own);
        windows_named_fold(w->model);
        f->memory += w->model->memory - before;
    }
    w->finished = true;
    f->finish(f->context, w);
    model_drop(f, w);
}

// Leaves the newest window that is held to a further pass; never the only one.
static void window_defer(struct windows_fold *f) {
    if (f->held < 2)
        return;
    size_t newest = f->count - 1;
    while (f->at[newest]->model == NULL)
        newest--;
    f->at[newest]->deferred = true;
    model_drop(f, f->at[newest]);
}

// ---- passes

static int end_compare(const void *left, const void *right) {
    int64_t a = ((const struct windows_end *)left)->to, b = ((const struct windows_end *)right)->to;
    return (a > b) - (a < b);
}

static void end_add(struct windows_ahead *ahead, struct windows_window *w, int64_t to) {
    if (ahead->count == ahead->room) {
        ahead->room = ahead->room == 0 ? 64 : 2 * ahead->room;
        ahead->at = memory_grow(ahead->at, ahead->room, sizeof(*ahead->at));
    }
    ahead->at[ahead->count++] = (struct windows_end){to, w};
}

// How far a partition must have been read before the window is complete: to what it covers, and to the
// earlier orders.
static int64_t needs(const struct windows_window *w, size_t partition) {
    int64_t to = w->covers[partition];
    for (size_t i = 0; i < w->earlier_count; i++) {
        if (w->earlier[i].partition == partition && w->earlier[i].to > to)
            to = w->earlier[i].to;
    }
    return to;
}

static void window_begin(struct windows_fold *f, struct windows_window *w) {
    memset(w->covered, 0, partitions(f) * sizeof(*w->covered));
    w->deferred = false;
    w->unread = 0;
    for (size_t p = 0; p < partitions(f); p++) {
        int64_t to = needs(w, p);
        if (to <= f->setup->starts[p])
            continue;
        end_add(&f->ahead[p], w, to);
        w->unread++;
    }
}

bool windows_fold_begin(struct windows_fold *f) {
    size_t begun = 0;
    for (size_t p = 0; p < partitions(f); p++) {
        recount_dedup_fini(&f->dedup[p]);
        windows_presence_fini(&f->presence[p]);
        windows_presence_init(&f->presence[p]);
        f->ahead[p].count = f->ahead[p].next = 0;
    }
    for (size_t i = 0; i < f->count; i++) {
        struct windows_window *w = f->at[i];
        if (w->covers == NULL || w->finished)
            continue;
        window_begin(f, w);
        begun++;
    }
    for (size_t p = 0; p < partitions(f); p++) {
        if (f->ahead[p].count > 0)
            qsort(f->ahead[p].at, f->ahead[p].count, sizeof(*f->ahead[p].at), end_compare);
    }
    return begun > 0 || f->passes == 0;
}

// The partition has been read up to an offset.
static void reached(struct windows_fold *f, int32_t partition, int64_t offset) {
    struct windows_ahead *ahead = &f->ahead[partition];
    while (ahead->next < ahead->count && ahead->at[ahead->next].to <= offset) {
        struct windows_window *w = ahead->at[ahead->next++].window;
        if (--w->unread == 0 && !w->deferred)
            window_finish(f, w);
    }
}

void windows_fold_end(struct windows_fold *f) {
    for (size_t i = 0; i < f->count; i++) {
        struct windows_window *w = f->at[i];
        if (w->covers != NULL && !w->finished && !w->deferred)
            window_finish(f, w);
    }
    f->passes++;
}

// ---- records

// Is it of the first pass, and before the limit? Then it is in the balances.
static bool is_tallied(const struct windows_fold *f, const struct recount_record *r) {
    return f->passes == 0 && r->offset < f->setup->limits[r->partition];
}

static void tally_reject(struct windows_fold *f, const struct recount_record *r, enum reject reject) {
    if (!is_tallied(f, r))
        return;
    f->fates[r->partition].read++;
    f->fates[r->partition].rejected++;
    f->tally.read++;
    f->tally.rejected_all++;
    f->tally.rejected[reject]++;
}

static void tally_duplicate(struct windows_fold *f, const struct recount_record *r) {
    if (!is_tallied(f, r))
        return;
    f->fates[r->partition].read++;
    f->fates[r->partition].duplicate++;
    f->tally.read++;
    f->tally.duplicates++;
}

static void share_add(struct windows_share *share, const struct recount_record *r, bool late) {
    share->to = r->offset + 1;
    share->counted += !late;
    share->late += late;
}

static void tally_taken(struct windows_fold *f, struct windows_window *w, const struct recount_record *r,
                        bool late) {
    if (!is_tallied(f, r))
        return;
    f->fates[r->partition].read++;
    f->tally.read++;
    f->tally.counted += !late;
    f->tally.late += late;
    share_add(&w->shares[r->partition], r, late);
    w->beyond += w->covers != NULL && r->offset >= w->covers[r->partition];
}

static void window_take(struct windows_fold *f, struct windows_window *w, const struct recount_record *r,
                        const Clameur__V1__Event *e, const struct rules *rules, bool late) {
    struct windows_moves moves = {0};
    if (!late) // whatever the window covers: those after it depend on it
        moves = windows_presence_hear(&f->presence[r->partition], f->setup->keys, r->time_ms, e, rules);
    if (w->covers == NULL || w->finished || w->deferred || r->offset >= w->covers[r->partition])
        return;
    share_add(&w->covered[r->partition], r, late);
    if (w->model == NULL)
        model_begin(f, w);
    size_t before = w->model->memory;
    window_model_add(w->model, e, rules, late);
    if (!late) {
        window_model_watch(w->model, e, &moves);
        window_model_see(w->model, f->setup->keys, r->time_ms, e);
    }
    f->memory += w->model->memory - before;
    if (f->memory > f->setup->memory_max)
        window_defer(f);
}

// By record time alone, past the window's end, the disorder and the lateness; never where the log has none.
static bool is_late(int64_t start_s, const struct rules *rules, int64_t time_ms) {
    int64_t end_ms = (start_s + RECOUNT_WINDOW_S) * 1000;
    return time_ms != 0 && time_ms > end_ms + rules->window_disorder_ms + rules->window_lateness_ms;
}

static void sale_add(struct windows_fold *f, int64_t start_s, const struct recount_record *r,
                     const Clameur__V1__Event *e) {
    char name[WINDOW_ORDER_MAX];
    windows_sold_add(&f->sold, window_order_write(name, e), start_s, r->partition, r->offset, e);
}

static void fold_event(struct windows_fold *f, const struct recount_record *r, const Clameur__V1__Event *e) {
    const struct rules *rules = rules_at(f->setup->rules, r->time_ms);
    enum reject reject = recount_judge(e, rules, r->time_ms);
    if (reject != REJECT_NONE)
        return tally_reject(f, r, reject);
    if (recount_dedup_seen(&f->dedup[r->partition], e->event_id.data, r->offset, f->setup->dedup_span))
        return tally_duplicate(f, r);
    int64_t occurred_s = e->occurred_at / 1000;
    struct windows_window *w = window_at(f, occurred_s - occurred_s % RECOUNT_WINDOW_S);
    bool late = is_late(w->start_s, rules, r->time_ms);
    tally_taken(f, w, r, late);
    if (f->passes == 0 && !late && (uint32_t)e->kind == KIND_PURCHASE)
        sale_add(f, w->start_s, r, e);
    window_take(f, w, r, e, rules, late);
}

void windows_fold_record(struct windows_fold *f, const struct recount_record *r) {
    CHECK(r->partition >= 0 && r->partition < f->setup->partitions);
    if (r->offset < f->setup->starts[r->partition])
        return;
    reached(f, r->partition, r->offset);
    f->tally.records += is_tallied(f, r);
    f->tally.lag += f->passes == 0 && r->offset >= f->setup->limits[r->partition];
    enum reject reject = recount_events_read(&f->events, &f->setup->framing, r->value);
    if (reject != REJECT_NONE)
        tally_reject(f, r, reject);
    for (size_t i = 0; i < f->events.count; i++)
        fold_event(f, r, f->events.at[i]);
    recount_events_clear(&f->events);
}
