#include "aggregate/window/pane.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "aggregate/window/viewed.h"
#include "aggregate/window/waiting.h"
#include "runtime/check.h"
#include "runtime/memory.h"
#include "schemas/layout.h"

enum { COHORT_BYTES = 24, FORMAT_MESSAGE = 15 };

_Static_assert((int)WINDOW_S == (int)ROWS_WINDOW_S, "a live session in a window is kept by the same seconds");

bool window_is_late(int64_t start_s, const struct rules *rules, int64_t record_time_ms) {
    int64_t end_ms = (start_s + WINDOW_S) * 1000;
    return record_time_ms > 0 &&
           record_time_ms - rules->window_disorder_ms - rules->window_lateness_ms > end_ms;
}

void panes_fini(struct panes *p) {
    for (size_t i = 0; i < p->count; i++) {
        waiting_destroy(&p->at[i].waiting);
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
    p->at[p->last] = (struct pane){.start_s = start_s, .rows = rows_create(), .waiting = waiting_create()};
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

// What an event adds to windows: what it adds to Redis, of views what Redis does not keep, and of a purchase
// with a value that it has one.
static void window_increments_of(struct increments *out, const struct event *e, const struct rules *rules) {
    increments_of(out, e, rules);
    viewed_add(out, e);
    for (uint32_t i = 0; e->kind == KIND_PURCHASE && i < e->measure_count; i++) {
        if (e->measures[i].counter != COUNTER_GROSS_MICROS)
            continue;
        CHECK(out->count < INCREMENTS_MAX);
        out->at[out->count++] =
            (struct increment){field_currency(field_counter(COUNTER_PRICED_ORDERS), e->currency), 1};
    }
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

// Is the order named, and placed at a time that is looked up? It is never known of an order without a time.
static bool is_of_order(const struct event *e, const struct rules *rules) {
    return e->order.length > 0 && e->order_occurred_at_ms > 0 &&
           e->order_occurred_at_ms <= e->occurred_at_ms &&
           e->occurred_at_ms - e->order_occurred_at_ms <= rules->window_refunds_ms;
}

static void take_refund(struct rows *rows, const struct event *e, const struct subject *subject,
                        const struct increments *increments, const struct rules *rules) {
    if (!is_of_order(e, rules)) {
        rows_add_unattributed(rows, subject, increments);
        return;
    }
    struct refund refund = {
        .order_occurred_at_ms = e->order_occurred_at_ms, .subject = *subject, .increments = *increments};
    order_hash(refund.order, e->order);
    rows_add_refund(rows, &refund);
}

static bool is_seen(const struct event *e) {
    return (e->consent & CONSENT_MEASUREMENT) != 0 && e->kind != KIND_ERASURE;
}

static bool is_of_member(const struct event *e) {
    switch (e->kind) {
    case KIND_MEMBER_ACTIVE:
    case KIND_MESSAGE_REPLY:
        return true;
    case KIND_LIKE:
    case KIND_REACTION:
    case KIND_COMMENT:
    case KIND_REPLY:
    case KIND_POLL_VOTE:
    case KIND_ANSWER:
        return e->content_format == FORMAT_MESSAGE;
    default:
        return false;
    }
}

static bool is_at_live(const struct event *e) {
    return e->kind == KIND_LIVE_JOIN || e->kind == KIND_LIVE_HEARTBEAT || e->kind == KIND_LIVE_SPEAK;
}

static void take_actor(struct pane *pane, const struct event *e, enum sketched of) {
    waiting_reached(pane->waiting, pane->rows, of, e->account, e->platform, e->actor);
}

static void take_people(struct pane *pane, const struct event *e) {
    if (!is_seen(e))
        return;
    if (e->has_actor)
        waiting_acted(pane->waiting, pane->rows, sketched_class(e->paid, e->origin), e->account, e->platform,
                      e->actor);
    if (e->has_actor && is_of_member(e))
        take_actor(pane, e, SKETCHED_ACTIVE_MEMBERS);
    if (e->has_actor && is_at_live(e))
        take_actor(pane, e, SKETCHED_LIVE_ACTORS);
    if (e->has_person)
        waiting_reached(pane->waiting, pane->rows, SKETCHED_PERSONS, e->account, e->platform, e->person);
}

// A report of several views, or of one that is taken back, says nothing of how long one was.
static void take_view(struct pane *pane, const struct event *e) {
    for (uint32_t i = 0; e->delta == 1 && i < e->measure_count; i++) {
        if (e->measures[i].counter == COUNTER_WATCH_MS)
            waiting_duration(pane->waiting, pane->rows, SKETCHED_WATCH_MS, e->account, e->platform,
                             e->measures[i].value);
    }
}

static void take_since(struct pane *pane, const struct event *e, enum sketched of) {
    if (e->since_ms > 0)
        waiting_duration(pane->waiting, pane->rows, of, e->account, e->platform,
                         e->occurred_at_ms - e->since_ms);
}

static void take_duration(struct pane *pane, const struct event *e) {
    switch (e->kind) {
    case KIND_VIEW:
        take_view(pane, e);
        return;
    case KIND_MESSAGE_REPLY:
        take_since(pane, e, SKETCHED_RESPONSE_MS);
        return;
    case KIND_FIRST_RESPONSE:
        take_since(pane, e, SKETCHED_FIRST_RESPONSE_MS);
        return;
    case KIND_CASE_RESOLVED:
        take_since(pane, e, SKETCHED_RESOLUTION_MS);
        return;
    case KIND_DEAL_WON:
        take_since(pane, e, SKETCHED_CYCLE_MS);
        return;
    default:
        return;
    }
}

// Of one event the first value of a counter is meant, as in Redis.
static bool is_read_before(const struct event *e, uint32_t index) {
    uint32_t i = 0;
    while (i < index && !slice_equal(e->readings[i].counter, e->readings[index].counter))
        i++;
    return i < index;
}

static void take_readings(struct rows *rows, const struct event *e) {
    struct latest_reading reading = {
        .platform = e->platform, .account = e->account, .content = e->content, .read_at_ms = e->read_at_ms};
    memcpy(reading.event_id, e->id, sizeof(reading.event_id));
    for (uint32_t i = 0; i < e->reading_count; i++) {
        reading.counter = e->readings[i].counter;
        reading.value = e->readings[i].value;
        if (!is_read_before(e, i))
            rows_add_reading(rows, &reading);
    }
}

// When the case was opened that an event is of; 0: that is not said, or it is of none.
static int64_t opened_ms(const struct event *e) {
    switch (e->kind) {
    case KIND_CASE_OPENED:
        return e->occurred_at_ms;
    case KIND_FIRST_RESPONSE:
    case KIND_CASE_RESOLVED:
    case KIND_BOT_CONTAINED:
    case KIND_BOT_HANDOFF:
        return e->since_ms > 0 && e->since_ms < EVENT_TIME_END_MS ? e->since_ms : 0;
    default:
        return 0;
    }
}

static void take_case(struct rows *rows, const struct event *e, const struct increments *increments) {
    char cohort[COHORT_BYTES];
    int64_t opened = opened_ms(e);
    if (opened == 0)
        return;
    int length = snprintf(cohort, sizeof(cohort), "%" PRId64, window_start_s(opened));
    const struct row_key key = {.table = TABLE_COHORT,
                                .platform = e->platform,
                                .account = e->account,
                                .id = {cohort, (size_t)length}};
    rows_add(rows, rows_row(rows, &key), increments->at[0].field, increments->at[0].value);
}

// Of a viewer who is remembered the event may change more than it says itself.
static void take_presence(struct live_session *live, struct live_change changes[PRESENCE_CHANGES],
                          const struct presence_change *presence) {
    live->expired = presence->expired;
    live->returned = presence->returned;
    live->change_count = 0;
    for (int i = 0; i < PRESENCE_CHANGES; i++) {
        if (presence->at[i].change != 0)
            changes[live->change_count++] = (struct live_change){
                (uint32_t)(presence->at[i].at_s - live->start_s), presence->at[i].change};
    }
}

// Nothing but joins, leaves and heartbeats changes how many watch.
static void take_live(struct rows *rows, struct viewers *viewers, const struct event *e, int64_t start_s,
                      const struct rules *rules, const struct increments *increments) {
    struct live_change changes[PRESENCE_CHANGES] = {{(uint32_t)(e->occurred_at_ms / 1000 - start_s), 0}};
    struct presence_change presence;
    struct live_session live = {.platform = e->platform,
                                .account = e->account,
                                .session = e->session,
                                .start_s = start_s,
                                .changes = changes};
    for (uint32_t i = 0; i < increments->count; i++) {
        const struct increment *increment = &increments->at[i];
        if (increment->field == field_counter(COUNTER_OF_LIVE_JOIN))
            live.joins = changes[0].change = increment->value;
        else if (increment->field == field_counter(COUNTER_OF_LIVE_LEAVE))
            changes[0].change = -(live.leaves = increment->value);
        else if (increment->field == field_counter(COUNTER_LIVE_WATCH_MS))
            live.watch_ms = increment->value;
    }
    live.change_count = changes[0].change != 0;
    if (viewers_take(viewers, e, rules, &presence))
        take_presence(&live, changes, &presence);
    if (!live_session_is_empty(&live))
        rows_add_live(rows, &live);
}

static void take_in_time(struct pane *pane, struct viewers *viewers, const struct event *e,
                         const struct rules *rules) {
    struct subject subject = subject_of(e);
    struct increments increments;
    if (e->kind == KIND_READING) {
        take_readings(pane->rows, e);
        return;
    }
    window_increments_of(&increments, e, rules);
    take_people(pane, e);
    take_duration(pane, e);
    take_case(pane->rows, e, &increments);
    if (e->session.length > 0)
        take_live(pane->rows, viewers, e, pane->start_s, rules, &increments);
    if (e->kind == KIND_PURCHASE)
        take_order(pane, e, &subject, &increments);
    else if (e->kind == KIND_REFUND)
        take_refund(pane->rows, e, &subject, &increments, rules);
    else
        rows_add_subject(pane->rows, &subject, &increments);
}

static void take_late(struct pane *pane, const struct event *e, const struct rules *rules) {
    struct subject subject = subject_of(e);
    struct increments increments;
    if (e->kind == KIND_READING)
        return;
    window_increments_of(&increments, e, rules);
    rows_add_late(pane->rows, &subject, &increments);
}

bool panes_take(struct panes *p, struct viewers *viewers, const struct event *e, int64_t offset,
                const struct rules *rules, int64_t record_time_ms) {
    struct pane *pane = pane_of(p, window_start_s(e->occurred_at_ms));
    bool late = window_is_late(pane->start_s, rules, record_time_ms);
    pane->counted += !late;
    pane->late += late;
    pane->to = offset + 1;
    if (late)
        take_late(pane, e, rules);
    else
        take_in_time(pane, viewers, e, rules);
    return late;
}

void pane_settle(struct pane *pane) {
    if (pane->waiting != NULL)
        waiting_settle(pane->waiting, pane->rows);
}

void panes_prefetch(const struct panes *p, const struct event *e) {
    if (p->count == 0)
        return;
    struct rows *rows = p->at[p->last].rows;
    struct subject subject = subject_of(e);
    rows_prefetch_subject(rows, &subject);
}

size_t panes_memory(const struct panes *p) {
    size_t bytes = p->room * sizeof(*p->at);
    for (size_t i = 0; i < p->count; i++)
        bytes += rows_memory(p->at[i].rows) + waiting_memory(p->at[i].waiting);
    return bytes;
}
