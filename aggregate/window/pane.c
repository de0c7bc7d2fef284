#include "aggregate/window/pane.h"

#include <stdlib.h>

#include "runtime/memory.h"
#include "schemas/layout.h"

bool window_is_late(int64_t start_s, const struct rules *rules, int64_t record_time_ms) {
    int64_t end_ms = (start_s + WINDOW_S) * 1000;
    return record_time_ms > 0 &&
           record_time_ms - rules->window_disorder_ms - rules->window_lateness_ms > end_ms;
}

void panes_fini(struct panes *p) {
    for (size_t i = 0; i < p->count; i++) {
        if (!p->at[i].adopted)
            rows_destroy(&p->at[i].rows);
    }
    free(p->at);
    *p = (struct panes){0};
}

static struct pane *pane_begin(struct panes *p, int64_t start_s) {
    if (p->count == p->room) {
        p->room = p->room == 0 ? 8 : 2 * p->room;
        p->at = memory_grow(p->at, p->room, sizeof(*p->at));
    }
    p->last = p->count++;
    p->at[p->last] = (struct pane){.start_s = start_s, .rows = rows_create()};
    return &p->at[p->last];
}

static struct pane *pane_of(struct panes *p, int64_t start_s) {
    if (p->count > 0 && p->at[p->last].start_s == start_s)
        return &p->at[p->last];
    for (size_t i = 0; i < p->count; i++) {
        if (p->at[i].start_s != start_s)
            continue;
        p->last = i;
        return &p->at[i];
    }
    return pane_begin(p, start_s);
}

static struct subject subject_of(const struct event *e) {
    return (struct subject){.account = e->account,
                            .platform = e->platform,
                            .origin = e->origin,
                            .format = e->content_format,
                            .paid = e->paid,
                            .content = e->content,
                            .campaign = e->campaign,
                            .tags = e->tags,
                            .tag_count = e->tag_count,
                            .topics = e->topics,
                            .topic_count = e->topic_count};
}

static void take_order(struct pane *pane, const struct event *e, const struct subject *subject,
                       const struct increments *increments) {
    struct order order = {
        .occurred_at_ms = e->occurred_at_ms, .subject = *subject, .increments = *increments};
    order_hash(order.order, e->order);
    memcpy(order.event_id, e->id, sizeof(order.event_id));
    rows_add_order(pane->rows, &order);
    pane->orders_to = pane->to;
}

static bool is_seen(const struct event *e) {
    return (e->consent & CONSENT_MEASUREMENT) != 0 && e->kind != KIND_ERASURE;
}

static void take_people(struct rows *rows, const struct event *e) {
    if (!is_seen(e))
        return;
    if (e->has_actor)
        rows_add_reached(rows, SKETCHED_ACTORS, e->account, e->platform, e->actor);
    if (e->has_person)
        rows_add_reached(rows, SKETCHED_PERSONS, e->account, e->platform, e->person);
}

// How long a view was; -1: unknown. A report of several views, or of one that is taken back, does not tell.
static int64_t watch_of(const struct event *e) {
    for (uint32_t i = 0; e->kind == KIND_VIEW && e->delta == 1 && i < e->measure_count; i++) {
        if (e->measures[i].counter == COUNTER_WATCH_MS)
            return e->measures[i].value;
    }
    return -1;
}

static void take_view(struct rows *rows, const struct event *e) {
    int64_t watch_ms = watch_of(e);
    if (watch_ms >= 0)
        rows_add_duration(rows, SKETCHED_WATCH_MS, e->account, e->platform, watch_ms);
}

static void take_since(struct rows *rows, const struct event *e, enum sketched of) {
    if (e->since_ms > 0)
        rows_add_duration(rows, of, e->account, e->platform, e->occurred_at_ms - e->since_ms);
}

static void take_duration(struct rows *rows, const struct event *e) {
    switch (e->kind) {
    case KIND_VIEW:
        take_view(rows, e);
        return;
    case KIND_MESSAGE_REPLY:
        take_since(rows, e, SKETCHED_RESPONSE_MS);
        return;
    case KIND_FIRST_RESPONSE:
        take_since(rows, e, SKETCHED_FIRST_RESPONSE_MS);
        return;
    case KIND_CASE_RESOLVED:
        take_since(rows, e, SKETCHED_RESOLUTION_MS);
        return;
    default:
        return;
    }
}

void panes_take(struct panes *p, const struct event *e, int64_t offset, const struct rules *rules,
                int64_t record_time_ms) {
    struct pane *pane = pane_of(p, window_start_s(e->occurred_at_ms));
    bool late = window_is_late(pane->start_s, rules, record_time_ms);
    struct subject subject = subject_of(e);
    struct increments increments;
    pane->counted += !late;
    pane->late += late;
    pane->to = offset + 1;
    if (e->kind == KIND_READING)
        return;
    increments_of(&increments, e);
    if (late) {
        rows_add_late(pane->rows, &subject, &increments);
        return;
    }
    take_people(pane->rows, e);
    take_duration(pane->rows, e);
    if (e->kind == KIND_PURCHASE)
        take_order(pane, e, &subject, &increments);
    else
        rows_add_subject(pane->rows, &subject, &increments);
}

static void prefetch_people(const struct rows *rows, const struct event *e) {
    if (!is_seen(e))
        return;
    if (e->has_actor)
        rows_prefetch_reached(rows, SKETCHED_ACTORS, e->account, e->platform, e->actor);
    if (e->has_person)
        rows_prefetch_reached(rows, SKETCHED_PERSONS, e->account, e->platform, e->person);
}

void panes_prefetch(const struct panes *p, const struct event *e) {
    if (p->count == 0)
        return;
    struct rows *rows = p->at[p->last].rows;
    struct subject subject = subject_of(e);
    rows_prefetch_subject(rows, &subject);
    prefetch_people(rows, e);
    int64_t watch_ms = watch_of(e);
    if (watch_ms >= 0)
        rows_prefetch_duration(rows, SKETCHED_WATCH_MS, e->account, e->platform, watch_ms);
}

size_t panes_memory(const struct panes *p) {
    size_t bytes = p->room * sizeof(*p->at);
    for (size_t i = 0; i < p->count; i++)
        bytes += rows_memory(p->at[i].rows);
    return bytes;
}
