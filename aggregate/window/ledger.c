#include "aggregate/window/ledger.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/check.h"
#include "runtime/memory.h"

void ledger_init(struct ledger *l, uint32_t partition, int64_t start) {
    *l = (struct ledger){.partition = partition, .start = start, .offset = start, .watermark_ms = INT64_MIN};
}

void ledger_fini(struct ledger *l) {
    for (size_t i = 0; i < l->count; i++)
        rows_destroy(&l->at[i].rows);
    free(l->at);
    panes_fini(&l->apart);
    viewers_fini(&l->viewers);
    l->at = NULL;
    l->count = l->room = 0;
}

void handover_fini(struct handover *h) {
    panes_fini(&h->panes);
    free(h->viewers);
    h->viewers = NULL;
    h->viewer_count = 0;
}

// The first window that does not start before.
static size_t place_of(const struct ledger *l, int64_t start_s) {
    size_t low = 0, high = l->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (l->at[middle].start_s < start_s)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct ledger_window *ledger_find(const struct ledger *l, int64_t start_s) {
    size_t place = place_of(l, start_s);
    return place < l->count && l->at[place].start_s == start_s ? &l->at[place] : NULL;
}

static bool is_settled(const struct ledger *l, int64_t start_s) {
    return start_s < l->settled_before_s && ledger_find(l, start_s) == NULL;
}

// Is it one of which the store keeps nothing any more?
static bool is_gone(const struct ledger *l, int64_t start_s) {
    return start_s + WINDOW_S <= l->gone_before_s && is_settled(l, start_s);
}

bool ledger_is_away(const struct ledger *l, int64_t start_s) {
    const struct ledger_window *w = ledger_find(l, start_s);
    return w != NULL ? w->rows == NULL : is_settled(l, start_s) && !is_gone(l, start_s);
}

static struct ledger_window *window_begin(struct ledger *l, int64_t start_s) {
    size_t place = place_of(l, start_s);
    if (l->count == l->room) {
        l->room = l->room == 0 ? 16 : 2 * l->room;
        l->at = memory_grow(l->at, l->room, sizeof(*l->at));
    }
    memmove(&l->at[place + 1], &l->at[place], (l->count - place) * sizeof(*l->at));
    l->count++;
    l->at[place] = (struct ledger_window){.start_s = start_s, .to = l->start, .kept_to = -1};
    return &l->at[place];
}

void ledger_reopen(struct ledger *l, int64_t start_s, struct rows *taken, const struct coverage *coverage) {
    struct ledger_window *w = ledger_find(l, start_s);
    if (w == NULL) {
        w = window_begin(l, start_s);
        w->counted = coverage->counted;
        w->late = coverage->late;
        w->to = coverage->to;
        w->orders_to = coverage->orders_to;
        l->settled_counted -= coverage->counted;
        l->settled_late -= coverage->late;
    }
    CHECK(w->rows == NULL);
    w->rows = taken;
    w->kept_to = coverage->to;
}

static void take_rows(struct ledger_window *w, struct pane *pane) {
    if (w->rows != NULL) {
        rows_merge(w->rows, pane->rows);
        return;
    }
    w->rows = pane->rows;
    pane->adopted = true;
}

static bool take_apart(struct ledger *l, struct pane *pane) {
    struct pane *apart = ledger_apart(l, pane->start_s);
    if (apart == NULL)
        return false;
    pane_settle(pane);
    rows_merge(apart->rows, pane->rows);
    apart->counted += pane->counted;
    apart->late += pane->late;
    apart->to = pane->to;
    apart->orders_to = pane->orders_to > 0 ? pane->orders_to : apart->orders_to;
    return true;
}

static void take_pane(struct ledger *l, struct pane *pane) {
    struct ledger_window *w = ledger_find(l, pane->start_s);
    if (take_apart(l, pane))
        return;
    CHECK(!ledger_is_away(l, pane->start_s));
    if (is_gone(l, pane->start_s)) {
        l->settled_counted += pane->counted;
        l->settled_late += pane->late;
        return;
    }
    pane_settle(pane);
    if (w == NULL)
        w = window_begin(l, pane->start_s);
    take_rows(w, pane);
    w->counted += pane->counted;
    w->late += pane->late;
    w->to = pane->to;
    w->orders_to = pane->orders_to > 0 ? pane->orders_to : w->orders_to;
}

// ---- what stands apart

struct pane *ledger_apart(const struct ledger *l, int64_t start_s) {
    for (size_t i = 0; i < l->apart.count; i++) {
        if (l->apart.at[i].start_s == start_s)
            return &l->apart.at[i];
    }
    return NULL;
}

static void apart_begin(struct ledger *l, const struct pane *pane) {
    struct panes *apart = &l->apart;
    size_t place = apart->count;
    if (apart->count == apart->room) {
        apart->room = apart->room == 0 ? 8 : 2 * apart->room;
        apart->at = memory_grow(apart->at, apart->room, sizeof(*apart->at));
    }
    for (; place > 0 && apart->at[place - 1].start_s > pane->start_s; place--)
        apart->at[place] = apart->at[place - 1];
    apart->at[place] = *pane;
    apart->count++;
}

void ledger_set_apart(struct ledger *l, int64_t start_s, int64_t part_to) {
    apart_begin(l, &(struct pane){.start_s = start_s, .part_to = part_to, .rows = rows_create()});
}

void ledger_join(struct ledger *l, int64_t start_s) {
    struct pane *at = ledger_apart(l, start_s), pane = *at;
    size_t after = l->apart.count - (size_t)(at - l->apart.at) - 1;
    memmove(at, at + 1, after * sizeof(*at));
    l->apart.count--;
    take_pane(l, &pane);
    if (!pane.adopted)
        rows_destroy(&pane.rows);
}

void ledger_take(struct ledger *l, struct handover *h) {
    for (size_t i = 0; i < h->panes.count; i++)
        take_pane(l, &h->panes.at[i]);
    l->viewers.events = h->viewer_events;
    for (size_t i = 0; i < h->viewer_count; i++)
        viewers_put(&l->viewers, &h->viewers[i]);
    l->offset = h->offset;
    l->last_end = h->last_end;
    l->last_fingerprint = h->last_fingerprint;
    l->read = h->read;
    l->rejected = h->rejected;
    l->duplicate = h->duplicate;
    l->watermark_ms = h->watermark_ms;
    l->sealed_s = window_sealed_s(h->watermark_ms);
}

void ledger_close(struct ledger *l, int64_t lateness_ms) {
    for (size_t i = 0; i < l->count; i++) {
        struct ledger_window *w = &l->at[i];
        int64_t end_ms = (w->start_s + WINDOW_S) * 1000;
        if (w->rows != NULL && w->kept_to == w->to && l->watermark_ms > end_ms + lateness_ms)
            rows_destroy(&w->rows);
    }
}

void ledger_forget(struct ledger *l, struct ledger_window *w) {
    size_t place = (size_t)(w - l->at);
    CHECK(w->rows == NULL);
    l->settled_counted += w->counted;
    l->settled_late += w->late;
    if (l->settled_before_s < w->start_s + WINDOW_S)
        l->settled_before_s = w->start_s + WINDOW_S;
    l->count--;
    memmove(w, w + 1, (l->count - place) * sizeof(*w));
}

static bool may_settle(const struct ledger *l, size_t place) {
    bool is_beyond = l->count > LEDGER_LINES_KEPT && place < l->count - LEDGER_LINES_KEPT;
    return is_beyond || (place < l->count && l->at[place].start_s + WINDOW_S <= l->gone_before_s);
}

void ledger_settle(struct ledger *l, bool (*is_published)(void *context, const struct ledger_window *w),
                   void *context) {
    size_t i = 0;
    while (may_settle(l, i)) {
        struct ledger_window *w = &l->at[i];
        if (w->rows != NULL || !is_published(context, w))
            i++;
        else
            ledger_forget(l, w);
    }
}

void ledger_progress(const struct ledger *l, struct progress *out, struct line *lines) {
    *out = (struct progress){.partition = l->partition,
                             .start = l->start,
                             .offset = l->offset,
                             .last_end = l->last_end,
                             .last_fingerprint = l->last_fingerprint,
                             .watermark_ms = l->watermark_ms,
                             .sealed_s = l->sealed_s,
                             .read = l->read,
                             .rejected = l->rejected,
                             .duplicate = l->duplicate,
                             .settled_counted = l->settled_counted,
                             .settled_late = l->settled_late,
                             .settled_before_s = l->settled_before_s,
                             .viewer_events = l->viewers.events,
                             .lines = lines,
                             .line_count = l->count,
                             .apart = lines + l->count,
                             .apart_count = l->apart.count};
    for (size_t i = 0; i < l->count; i++) {
        const struct ledger_window *w = &l->at[i];
        lines[i] =
            (struct line){w->start_s, w->counted, w->late, w->to, ledger_is_only_here(w), w->orders_to, 0};
    }
    for (size_t i = 0; i < l->apart.count; i++) {
        const struct pane *pane = &l->apart.at[i];
        out->apart[i] = (struct line){pane->start_s, pane->counted,   pane->late,   pane->to,
                                      true,          pane->orders_to, pane->part_to};
    }
}

void ledger_restore(struct ledger *l, const struct progress *progress) {
    ledger_init(l, progress->partition, progress->start);
    l->offset = progress->offset;
    l->last_end = progress->last_end;
    l->last_fingerprint = progress->last_fingerprint;
    l->watermark_ms = progress->watermark_ms;
    l->sealed_s = progress->sealed_s;
    l->read = progress->read;
    l->rejected = progress->rejected;
    l->duplicate = progress->duplicate;
    l->settled_counted = progress->settled_counted;
    l->settled_late = progress->settled_late;
    l->settled_before_s = progress->settled_before_s;
    l->viewers.events = progress->viewer_events;
    for (size_t i = 0; i < progress->line_count; i++) {
        const struct line *line = &progress->lines[i];
        struct ledger_window *w = window_begin(l, line->start_s);
        w->counted = line->counted;
        w->late = line->late;
        w->to = line->to;
        w->orders_to = line->orders_to;
        w->rows = line->open ? rows_create() : NULL;
        w->kept_to = line->open ? -1 : line->to;
    }
    for (size_t i = 0; i < progress->apart_count; i++) {
        const struct line *line = &progress->apart[i];
        apart_begin(l, &(struct pane){.start_s = line->start_s,
                                      .counted = line->counted,
                                      .late = line->late,
                                      .to = line->to,
                                      .orders_to = line->orders_to,
                                      .part_to = line->part_to,
                                      .rows = rows_create()});
    }
}

size_t ledger_open_count(const struct ledger *l) {
    size_t count = 0;
    for (size_t i = 0; i < l->count; i++)
        count += l->at[i].rows != NULL;
    return count;
}

size_t ledger_memory(const struct ledger *l) {
    size_t bytes = l->room * sizeof(*l->at) + viewers_memory(&l->viewers);
    for (size_t i = 0; i < l->count; i++)
        bytes += l->at[i].rows != NULL ? rows_memory(l->at[i].rows) : 0;
    for (size_t i = 0; i < l->apart.count; i++)
        bytes += rows_memory(l->apart.at[i].rows);
    return bytes;
}
