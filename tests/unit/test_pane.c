// What an event does to its window.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "aggregate/window/pane.h"
#include "runtime/hash.h"
#include "tests/unit/watched_cases.h"

static struct viewers nobody; // by rules without window.heartbeat none is remembered

#define START_S  INT64_C(1767225600)
#define SECOND   INT64_C(1000)
#define MINUTE   (60 * SECOND)
#define AT(text) ((struct slice){text, sizeof(text) - 1})

static const struct rules rules = {
    .window_disorder_ms = MINUTE, .window_lateness_ms = 10 * MINUTE, .window_refunds_ms = 60 * MINUTE};

static struct event event_at(int64_t offset_ms) {
    return (struct event){.id = {1},
                          .occurred_at_ms = START_S * 1000 + offset_ms,
                          .platform = PLATFORM_TIKTOK,
                          .kind = KIND_LIKE,
                          .delta = 1,
                          .account = AT("acme")};
}

static int64_t value(const struct pane *pane, const struct row_key *key, enum counter counter) {
    size_t before = rows_count(pane->rows);
    int64_t found = rows_value(pane->rows, rows_row(pane->rows, key), field_counter(counter));
    if (rows_count(pane->rows) != before)
        return -1; // there was no such row
    return found;
}

static struct row_key key_of(enum table table, struct slice id) {
    return (struct row_key){.table = table, .platform = PLATFORM_TIKTOK, .account = AT("acme"), .id = id};
}

static void an_event_belongs_to_the_quarter_of_an_hour_it_occurred_in(void **state) {
    static const struct {
        int64_t offset_ms, start_s;
    } cases[] = {
        {0, START_S}, {900 * SECOND - 1, START_S}, {900 * SECOND, START_S + 900}, {-1, START_S - 900}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct panes panes = {0};
        struct event e = event_at(cases[i].offset_ms);
        panes_take(&panes, &nobody, &e, 41, &rules, 0);
        assert_int_equal(panes.count, 1);
        assert_int_equal(panes.at[0].start_s, cases[i].start_s);
        assert_int_equal(panes.at[0].to, 42);
        panes_fini(&panes);
    }
}

static void late_is_past_the_end_by_more_than_disorder_and_lateness(void **state) {
    int64_t last_ms = (START_S + WINDOW_S) * 1000 + 11 * MINUTE;
    assert_false(window_is_late(START_S, &rules, last_ms));
    assert_true(window_is_late(START_S, &rules, last_ms + 1));
    assert_false(window_is_late(START_S, &rules, 0));
    assert_false(window_is_late(START_S, &rules, INT64_MIN));
    assert_true(window_is_late(START_S, &rules, INT64_MAX));
}

static void what_comes_in_time_touches_every_row_it_names(void **state) {
    struct panes panes = {0};
    struct slice tags[] = {AT("a"), AT("b"), AT("a")}, topics[] = {AT("price"), AT("size"), AT("price")};
    struct event e = event_at(0);
    e.delta = 3;
    e.content = AT("video");
    e.campaign = AT("spring");
    e.origin = 2;
    e.content_format = 5;
    e.paid = true;
    memcpy(e.tags, tags, sizeof(tags));
    e.tag_count = 3;
    e.topics = topics;
    e.topic_count = 3;
    e.measures[e.measure_count++] = (struct measure){COUNTER_WATCH_MS, 70};
    panes_take(&panes, &nobody, &e, 1, &rules, e.occurred_at_ms);
    const struct pane *pane = &panes.at[0];
    struct row_key totals = key_of(TABLE_TOTALS, AT(""));
    totals.origin = 2;
    totals.format = 5;
    totals.paid = true;
    struct row_key content = key_of(TABLE_CONTENT, AT("video")),
                   campaign = key_of(TABLE_CAMPAIGN, AT("spring"));
    struct row_key tag_a = key_of(TABLE_TAG, AT("a")), tag_b = key_of(TABLE_TAG, AT("b"));
    struct row_key price = key_of(TABLE_TOPIC, AT("price")), size = key_of(TABLE_TOPIC, AT("size"));
    assert_int_equal(pane->counted, 1);
    assert_int_equal(rows_count(pane->rows), 7);
    assert_int_equal(value(pane, &totals, COUNTER_OF_LIKE), 3);
    assert_int_equal(value(pane, &totals, COUNTER_WATCH_MS), 70);
    assert_int_equal(value(pane, &content, COUNTER_OF_LIKE), 3);
    assert_int_equal(value(pane, &campaign, COUNTER_WATCH_MS), 70);
    assert_int_equal(value(pane, &tag_a, COUNTER_OF_LIKE), 3);
    assert_int_equal(value(pane, &tag_b, COUNTER_OF_LIKE), 3);
    assert_int_equal(value(pane, &tag_b, COUNTER_WATCH_MS), 0);
    assert_int_equal(value(pane, &price, COUNTER_OF_LIKE), 3);
    assert_int_equal(value(pane, &price, COUNTER_WATCH_MS), 70);
    assert_int_equal(value(pane, &size, COUNTER_OF_LIKE), 3);
    panes_fini(&panes);
}

static void what_is_late_touches_the_late_table_alone(void **state) {
    struct panes panes = {0};
    struct event e = event_at(0);
    e.content = AT("video");
    panes_take(&panes, &nobody, &e, 1, &rules, e.occurred_at_ms + 60 * MINUTE);
    struct row_key late = key_of(TABLE_LATE, AT(""));
    assert_int_equal(panes.at[0].late, 1);
    assert_int_equal(panes.at[0].counted, 0);
    assert_int_equal(rows_count(panes.at[0].rows), 1);
    assert_int_equal(value(&panes.at[0], &late, COUNTER_OF_LIKE), 1);
    panes_fini(&panes);
}

// What stands of cases in the cohort of a window, after one event of that kind; -1: there is no such row.
static int64_t of_cohort(uint32_t kind, int64_t opened_ms, const char *start, enum counter counter) {
    struct panes panes = {0};
    struct event e = event_at(0);
    e.kind = kind;
    e.delta = 2;
    e.since_ms = opened_ms;
    e.content = AT("video");
    panes_take(&panes, &nobody, &e, 1, &rules, e.occurred_at_ms);
    struct row_key key = key_of(TABLE_COHORT, slice_of(start));
    int64_t found = value(&panes.at[0], &key, counter);
    panes_fini(&panes);
    return found;
}

static void a_case_is_of_the_window_it_was_opened_in(void **state) {
    static const struct {
        uint32_t kind;
        enum counter counter;
    } ends[] = {{KIND_FIRST_RESPONSE, COUNTER_OF_FIRST_RESPONSE},
                {KIND_CASE_RESOLVED, COUNTER_OF_CASE_RESOLVED},
                {KIND_BOT_CONTAINED, COUNTER_OF_BOT_CONTAINED},
                {KIND_BOT_HANDOFF, COUNTER_OF_BOT_HANDOFF}};
    char now[24], before[24];
    int64_t earlier_s = START_S - 5 * WINDOW_S;
    snprintf(now, sizeof(now), "%lld", (long long)START_S);
    snprintf(before, sizeof(before), "%lld", (long long)earlier_s);
    assert_int_equal(of_cohort(KIND_CASE_OPENED, 0, now, COUNTER_OF_CASE_OPENED), 2);
    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        assert_int_equal(of_cohort(ends[i].kind, earlier_s * 1000, before, ends[i].counter), 2);
        assert_int_equal(of_cohort(ends[i].kind, (earlier_s + WINDOW_S) * 1000 - 1, before, ends[i].counter),
                         2);
        assert_int_equal(of_cohort(ends[i].kind, 0, "0", ends[i].counter), -1);
        assert_int_equal(of_cohort(ends[i].kind, -1, "0", ends[i].counter), -1);
        assert_int_equal(of_cohort(ends[i].kind, EVENT_TIME_END_MS, "0", ends[i].counter), -1);
    }
    assert_int_equal(of_cohort(KIND_MESSAGE_REPLY, earlier_s * 1000, before, COUNTER_OF_MESSAGE_REPLY), -1);
}

static void a_reading_is_counted_and_adds_nothing(void **state) {
    struct panes panes = {0};
    struct event e = event_at(0);
    e.kind = KIND_READING;
    panes_take(&panes, &nobody, &e, 1, &rules, 0);
    assert_int_equal(panes.at[0].counted, 1);
    assert_int_equal(rows_count(panes.at[0].rows), 0);
    panes_fini(&panes);
}

static void the_last_of_a_counter_that_was_read_is_kept(void **state) {
    const struct reading values[] = {{AT("views"), 5}, {AT("followers"), 0}, {AT("views"), 900}};
    struct panes panes = {0};
    struct event e = event_at(0);
    e.kind = KIND_READING;
    e.content = AT("video");
    e.read_at_ms = e.occurred_at_ms - 5;
    e.readings = values;
    e.reading_count = 3;
    panes_take(&panes, &nobody, &e, 1, &rules, 0);
    e.read_at_ms--;
    e.reading_count = 1;
    e.readings = &values[2];
    panes_take(&panes, &nobody, &e, 2, &rules, 0);
    e.read_at_ms += 100;
    panes_take(&panes, &nobody, &e, 3, &rules, e.occurred_at_ms + 60 * MINUTE); // late
    const struct rows *rows = panes.at[0].rows;
    assert_int_equal(panes.at[0].counted, 2);
    assert_int_equal(panes.at[0].late, 1);
    assert_int_equal(rows_count(rows), 0);
    assert_int_equal(rows_reading_count(rows), 2);
    assert_int_equal(rows_reading(rows, 0)->value, 5); // the first of its name in the event
    assert_int_equal(rows_reading(rows, 0)->read_at_ms, START_S * 1000 - 5);
    assert_int_equal(rows_reading(rows, 1)->value, 0);
    panes_fini(&panes);
}

// What happened in a live session: the second of the window that it happened in, in ms, and what.
struct happened {
    int64_t offset_ms;
    uint32_t kind;
    int64_t delta, watch_ms;
};

static void live_take(struct panes *panes, struct happened h, int64_t record_time_ms) {
    struct event e = event_at(h.offset_ms);
    e.kind = h.kind;
    e.delta = h.delta;
    e.session = AT("show");
    e.measures[0] = (struct measure){COUNTER_LIVE_WATCH_MS, h.watch_ms};
    e.measure_count = h.watch_ms != 0;
    panes_take(panes, &nobody, &e, 1, &rules, record_time_ms);
}

static void assert_live(const struct live_session *live, int64_t joins, int64_t leaves, int64_t watch_ms) {
    assert_true(slice_equal(live->session, AT("show")));
    assert_int_equal(live->joins, joins);
    assert_int_equal(live->leaves, leaves);
    assert_int_equal(live->watch_ms, watch_ms);
}

static void joins_and_leaves_change_a_second_of_their_window(void **state) {
    static const struct happened all[] = {
        {5999, KIND_LIVE_JOIN, 1, 0},    {5000, KIND_LIVE_JOIN, 40, 0},
        {5500, KIND_LIVE_LEAVE, 2, 70},  {5500, KIND_LIVE_HEARTBEAT, 1, 0},
        {8000, KIND_LIVE_SPEAK, 1, 5},   {6000, KIND_LIVE_LEAVE, -1, 0}, // taken back
        {899999, KIND_LIVE_LEAVE, 3, 0}, {900000, KIND_LIVE_JOIN, 7, 0},
        {9000, KIND_LIKE, 1, 0}};
    struct panes panes = {0};
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        live_take(&panes, all[i], 0);
    assert_int_equal(panes.count, 2);
    assert_int_equal(rows_live_count(panes.at[0].rows), 1);
    const struct live_session *first = rows_live(panes.at[0].rows, 0), *next = rows_live(panes.at[1].rows, 0);
    assert_live(first, 41, 4, 75);
    assert_int_equal(first->start_s, START_S);
    assert_int_equal(first->change_count, 3);
    static const struct live_change expected[] = {{5, 39}, {6, 1}, {899, -3}};
    for (int i = 0; i < 3; i++) {
        assert_int_equal(first->changes[i].second, expected[i].second);
        assert_int_equal(first->changes[i].change, expected[i].change);
    }
    assert_live(next, 7, 0, 0);
    assert_int_equal(next->start_s, START_S + 900);
    assert_int_equal(next->changes[0].second, 0);
    panes_fini(&panes);
}

static void what_is_late_or_moves_nobody_is_no_live_session(void **state) {
    struct panes panes = {0};
    live_take(&panes, (struct happened){5000, KIND_LIVE_JOIN, 1, 9}, START_S * 1000 + 60 * MINUTE);
    live_take(&panes, (struct happened){5000, KIND_LIVE_HEARTBEAT, 1, 0}, 0);
    assert_int_equal(panes.at[0].late, 1);
    assert_int_equal(rows_live_count(panes.at[0].rows), 0);
    panes_fini(&panes);
}

static void a_purchase_waits_for_its_copies(void **state) {
    struct panes panes = {0};
    struct event e = event_at(5);
    e.kind = KIND_PURCHASE;
    e.order = AT("o-1");
    panes_take(&panes, &nobody, &e, 1, &rules, 0);
    e.id[0] = 2;
    e.occurred_at_ms--;
    panes_take(&panes, &nobody, &e, 2, &rules, 0);
    struct rows *rows = panes.at[0].rows;
    struct row_key totals = key_of(TABLE_TOTALS, AT(""));
    assert_int_equal(rows_count(rows), 0);
    assert_int_equal(rows_order_count(rows), 2);
    rows_settle(rows, NULL);
    assert_int_equal(value(&panes.at[0], &totals, COUNTER_OF_PURCHASE), 1);
    assert_int_equal(value(&panes.at[0], &totals, COUNTER_ORDER_COPIES), 1);
    panes_fini(&panes);
}

static void a_purchase_with_a_value_is_one_of_its_currency(void **state) {
    const field_code euros = field_currency(field_counter(COUNTER_PRICED_ORDERS), AT("EUR"));
    struct panes panes = {0};
    struct event e = event_at(5);
    e.kind = KIND_PURCHASE;
    e.order = AT("o-1");
    panes_take(&panes, &nobody, &e, 1, &rules, 0);
    e.order = AT("o-2");
    e.currency = AT("EUR");
    e.measures[e.measure_count++] = (struct measure){COUNTER_GROSS_MICROS, 70};
    panes_take(&panes, &nobody, &e, 2, &rules, 0);
    panes_take(&panes, &nobody, &e, 3, &rules, 0);
    panes_take(&panes, &nobody, &e, 3, &rules, e.occurred_at_ms + 60 * MINUTE);
    struct rows *rows = panes.at[0].rows;
    struct row_key totals = key_of(TABLE_TOTALS, AT("")), late = key_of(TABLE_LATE, AT(""));
    rows_settle(rows, NULL);
    assert_int_equal(value(&panes.at[0], &totals, COUNTER_OF_PURCHASE), 2);
    assert_int_equal(rows_value(rows, rows_row(rows, &totals), euros), 1);
    assert_int_equal(rows_value(rows, rows_row(rows, &late), euros), 1);
    panes_fini(&panes);
}

static struct event refund_at(int64_t offset_ms, struct slice order, int64_t placed_ms) {
    struct event e = event_at(offset_ms);
    e.kind = KIND_REFUND;
    e.order = order;
    e.order_occurred_at_ms = placed_ms;
    e.currency = AT("EUR");
    e.measures[e.measure_count++] = (struct measure){COUNTER_REFUNDED_MICROS, 7};
    e.measures[e.measure_count++] = (struct measure){COUNTER_NET_MICROS, -7};
    return e;
}

// Exactly as far back as the rules say, and no further.
static void
a_refund_waits_where_it_names_an_order_that_is_looked_up__goes_red_without_the_bound(void **state) {
    const int64_t now = START_S * 1000 + 5;
    const struct {
        struct slice order;
        int64_t placed_ms;
        bool waits;
    } cases[] = {
        {AT("o-1"), now, true},
        {AT("o-1"), now - 60 * MINUTE, true},
        {AT("o-1"), now - 60 * MINUTE - 1, false},
        {AT("o-1"), now + 1, false},
        {AT("o-1"), 0, false},
        {AT("o-1"), -1, false},
        {AT("o-1"), INT64_MIN, false},
        {AT("o-1"), INT64_MAX, false},
        {AT(""), now, false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct panes panes = {0};
        struct event e = refund_at(5, cases[i].order, cases[i].placed_ms);
        panes_take(&panes, &nobody, &e, 1, &rules, 0);
        struct rows *rows = panes.at[0].rows;
        struct row_key totals = key_of(TABLE_TOTALS, AT(""));
        assert_int_equal(rows_refund_count(rows), cases[i].waits);
        assert_int_equal(value(&panes.at[0], &totals, COUNTER_OF_REFUND), cases[i].waits ? -1 : 1);
        panes_fini(&panes);
    }
}

static void a_refund_of_no_order_is_counted_as_such(void **state) {
    struct panes panes = {0};
    struct event e = refund_at(5, AT(""), 0);
    e.delta = 2;
    e.campaign = AT("spring");
    e.tags[0] = AT("a");
    e.tag_count = 1;
    panes_take(&panes, &nobody, &e, 1, &rules, 0);
    struct rows *rows = panes.at[0].rows;
    struct row_key keys[] = {key_of(TABLE_TOTALS, AT("")), key_of(TABLE_CAMPAIGN, AT("spring"))};
    struct row_key tag = key_of(TABLE_TAG, AT("a"));
    for (int i = 0; i < 2; i++) {
        uint32_t row = rows_row(rows, &keys[i]);
        assert_int_equal(rows_value(rows, row, field_counter(COUNTER_OF_REFUND)), 2);
        assert_int_equal(rows_value(rows, row, field_counter(COUNTER_REFUNDS_UNATTRIBUTED)), 2);
        assert_int_equal(
            rows_value(rows, row, field_currency(field_counter(COUNTER_UNATTRIBUTED_MICROS), AT("EUR"))), 7);
        assert_int_equal(rows_value(rows, row, field_currency(field_counter(COUNTER_NET_MICROS), AT("EUR"))),
                         -7);
    }
    assert_int_equal(value(&panes.at[0], &tag, COUNTER_OF_REFUND), 2);
    assert_int_equal(value(&panes.at[0], &tag, COUNTER_REFUNDS_UNATTRIBUTED), 0);
    panes_fini(&panes);
}

static void a_late_refund_is_late_alone(void **state) {
    struct panes panes = {0};
    struct event e = refund_at(5, AT("o-1"), START_S * 1000);
    panes_take(&panes, &nobody, &e, 1, &rules, e.occurred_at_ms + 60 * MINUTE);
    struct row_key late = key_of(TABLE_LATE, AT(""));
    assert_int_equal(rows_refund_count(panes.at[0].rows), 0);
    assert_int_equal(value(&panes.at[0], &late, COUNTER_OF_REFUND), 1);
    assert_int_equal(value(&panes.at[0], &late, COUNTER_REFUNDS_UNATTRIBUTED), 0);
    panes_fini(&panes);
}

// As it is told of a window.
static uint64_t reached(struct panes *panes, enum sketched of) {
    struct rows *united = rows_create();
    pane_settle(&panes->at[0]);
    rows_merge(united, panes->at[0].rows);
    rows_unite(united);
    const struct sketch *s = rows_sketch_find(united, of, AT("acme"), PLATFORM_TIKTOK);
    uint64_t count = s == NULL ? 0 : rows_sketch_reached(s);
    rows_destroy(&united);
    return count;
}

static struct event event_of_somebody(unsigned char who) {
    struct event e = event_at(0);
    e.consent = CONSENT_MEASUREMENT | CONSENT_ADS;
    e.has_actor = true;
    e.actor[0] = who;
    return e;
}

static void actors_and_persons_are_reached_apart_and_once(void **state) {
    struct panes panes = {0};
    for (unsigned char i = 0; i < 20; i++) {
        struct event e = event_of_somebody(i % 5);
        e.has_person = i % 2 == 0;
        e.person[0] = i % 3;
        panes_take(&panes, &nobody, &e, i, &rules, 0);
    }
    struct event purchase = event_of_somebody(9);
    purchase.kind = KIND_PURCHASE;
    panes_take(&panes, &nobody, &purchase, 20, &rules, 0);
    assert_int_equal(reached(&panes, SKETCHED_ACTORS), 6);
    assert_int_equal(reached(&panes, SKETCHED_PERSONS), 3);
    panes_fini(&panes);
}

// Each event is of one class, a person of as many as his events: 1 and 2 are of two.
static void actors_are_told_by_class_and_nobody_twice(void **state) {
    static const struct {
        unsigned char who;
        bool paid;
        uint32_t origin;
    } seen[] = {{1, false, 1}, {1, true, 1},  {2, false, 3}, {2, false, 4}, {3, false, 4}, {4, true, 2},
                {5, false, 0}, {6, true, 99}, {1, false, 1}, {7, false, 4}, {7, false, 1}};
    static const struct {
        enum sketched of;
        uint64_t count;
    } expected[] = {
        {SKETCHED_ACTORS, 7},          {SKETCHED_ACTORS_PAID, 3},     {SKETCHED_ACTORS_ORGANIC, 5},
        {SKETCHED_ACTORS_BRAND, 2},    {SKETCHED_ACTORS_UGC, 1},      {SKETCHED_ACTORS_AMBASSADOR, 1},
        {SKETCHED_ACTORS_EMPLOYEE, 3}, {SKETCHED_ACTORS_ADVOCACY, 3}, {SKETCHED_ACTED, 0}};
    struct panes panes = {0};
    for (size_t i = 0; i < sizeof(seen) / sizeof(seen[0]); i++) {
        struct event e = event_of_somebody(seen[i].who);
        e.paid = seen[i].paid;
        e.origin = seen[i].origin;
        panes_take(&panes, &nobody, &e, (int64_t)i, &rules, 0);
    }
    for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++)
        assert_int_equal(reached(&panes, expected[i].of), expected[i].count);
    assert_null(rows_sketch_find(panes.at[0].rows, SKETCHED_ACTORS, AT("acme"), PLATFORM_TIKTOK));
    panes_fini(&panes);
}

static void who_came_to_lives_and_who_took_part_are_apart(void **state) {
    static const struct {
        uint32_t kind, format;
        bool is_live, is_member;
    } cases[] = {{KIND_LIVE_JOIN, 0, true, false},     {KIND_LIVE_HEARTBEAT, 0, true, false},
                 {KIND_LIVE_SPEAK, 8, true, false},    {KIND_LIVE_LEAVE, 0, false, false},
                 {KIND_MEMBER_ACTIVE, 0, false, true}, {KIND_MESSAGE_REPLY, 0, false, true},
                 {KIND_MEMBER_JOIN, 0, false, false},  {KIND_MESSAGE_READ, 15, false, false},
                 {KIND_REACTION, 15, false, true},     {KIND_REACTION, 1, false, false},
                 {KIND_POLL_VOTE, 15, false, true},    {KIND_LIKE, 15, false, true},
                 {KIND_COMMENT, 15, false, true},      {KIND_REPLY, 15, false, true},
                 {KIND_ANSWER, 15, false, true},       {KIND_VIEW, 15, false, false}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct panes panes = {0};
        struct event e = event_of_somebody(1);
        e.kind = cases[i].kind;
        e.content_format = cases[i].format;
        panes_take(&panes, &nobody, &e, 1, &rules, 0);
        panes_take(&panes, &nobody, &e, 2, &rules, 0);
        assert_int_equal(reached(&panes, SKETCHED_LIVE_ACTORS), cases[i].is_live);
        assert_int_equal(reached(&panes, SKETCHED_ACTIVE_MEMBERS), cases[i].is_member);
        assert_int_equal(reached(&panes, SKETCHED_ACTORS), 1);
        panes_fini(&panes);
    }
}

static void watched_and_looped_time_is_told_on_its_platform(void **state) {
    for (size_t i = 0; i < WATCHED_TOLD * WATCHED_CASES; i++) {
        const struct watched_case *watched = &watched_cases[i / WATCHED_TOLD];
        struct panes panes = {0};
        struct event e = event_at(0);
        e.kind = watched->kind;
        e.platform = watched_told[i % WATCHED_TOLD].platform;
        e.delta = watched->delta;
        e.duration_ms = watched->duration_ms;
        e.content = AT("video");
        e.measure_count = watched->watch_ms > 0;
        e.measures[0] = (struct measure){COUNTER_WATCH_MS, watched->watch_ms};
        panes_take(&panes, &nobody, &e, 1, &rules, 0);
        for (enum table table = TABLE_TOTALS; table <= TABLE_CONTENT; table++) {
            struct row_key key = key_of(table, table == TABLE_CONTENT ? AT("video") : AT(""));
            key.platform = e.platform;
            for (size_t c = 0; c < WATCHED_TOLD; c++)
                assert_int_equal(value(&panes.at[0], &key, watched_told[c].counter),
                                 watched_told[c].platform == e.platform ? watched->told[c] : 0);
        }
        panes_fini(&panes);
    }
}

// More than wait at a time, of several sketches in turns.
static void many_that_wait_are_all_settled(void **state) {
    enum { EVENTS = 40000 };
    struct panes panes = {0};
    int64_t median;
    for (uint32_t i = 0; i < EVENTS; i++) {
        struct event e = event_of_somebody(0);
        uint64_t hash = hash_integer(i); // as a pseudonym is one
        memcpy(e.actor, &hash, sizeof(hash));
        e.has_person = true;
        e.person[0] = (unsigned char)(i % 100);
        e.kind = KIND_VIEW;
        e.delta = 1;
        e.measure_count = 1;
        e.measures[0] = (struct measure){COUNTER_WATCH_MS, 1 + i % 3};
        panes_take(&panes, &nobody, &e, i, &rules, 0);
    }
    assert_in_range(reached(&panes, SKETCHED_ACTORS), EVENTS * 96 / 100, EVENTS * 104 / 100);
    assert_int_equal(reached(&panes, SKETCHED_PERSONS), 100);
    const struct sketch *took =
        rows_sketch_find(panes.at[0].rows, SKETCHED_WATCH_MS, event_at(0).account, PLATFORM_TIKTOK);
    assert_int_equal(quantiles_count(&took->quantiles), EVENTS);
    assert_true(quantiles_at(&took->quantiles, 500, &median));
    assert_int_equal(median, 2);
    panes_fini(&panes);
}

static void who_did_not_consent_or_came_late_was_not_reached(void **state) {
    struct panes panes = {0};
    struct event e = event_of_somebody(1);
    e.consent = CONSENT_ADS;
    panes_take(&panes, &nobody, &e, 1, &rules, 0);
    e = event_of_somebody(2);
    assert_true(panes_take(&panes, &nobody, &e, 2, &rules, e.occurred_at_ms + 60 * MINUTE));
    e.kind = KIND_READING;
    panes_take(&panes, &nobody, &e, 3, &rules, 0);
    e.kind = KIND_ERASURE;
    panes_take(&panes, &nobody, &e, 4, &rules, 0);
    e = event_at(0);
    assert_false(panes_take(&panes, &nobody, &e, 5, &rules, 0));
    assert_int_equal(rows_sketch_count(panes.at[0].rows), 0);
    panes_fini(&panes);
}

static void what_took_how_long_is_kept_by_its_name(void **state) {
    static const struct {
        uint32_t kind;
        int64_t delta, before_ms, watch_ms; // began so long before; 0: not said
        enum sketched of;
        int64_t expected_ms; // -1: nothing
    } cases[] = {
        {KIND_VIEW, 1, 0, 80, SKETCHED_WATCH_MS, 80},
        {KIND_VIEW, 2, 0, 80, SKETCHED_WATCH_MS, -1},
        {KIND_VIEW, -1, 0, 80, SKETCHED_WATCH_MS, -1},
        {KIND_VIEW, 1, 0, 0, SKETCHED_WATCH_MS, -1},
        {KIND_LIKE, 1, 0, 80, SKETCHED_WATCH_MS, -1},
        {KIND_MESSAGE_REPLY, 1, 70, 0, SKETCHED_RESPONSE_MS, 70},
        {KIND_MESSAGE_REPLY, 1, 0, 0, SKETCHED_RESPONSE_MS, -1},
        {KIND_MESSAGE_REPLY, 1, -5, 0, SKETCHED_RESPONSE_MS, 0},
        {KIND_FIRST_RESPONSE, 1, 60, 0, SKETCHED_FIRST_RESPONSE_MS, 60},
        {KIND_CASE_RESOLVED, 1, 50, 0, SKETCHED_RESOLUTION_MS, 50},
        {KIND_DEAL_WON, 1, 90, 0, SKETCHED_CYCLE_MS, 90},
        {KIND_DEAL_WON, 1, 0, 0, SKETCHED_CYCLE_MS, -1},
        {KIND_DEAL_LOST, 1, 90, 0, SKETCHED_CYCLE_MS, -1},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct panes panes = {0};
        struct event e = event_at(0);
        int64_t got = -1;
        e.kind = cases[i].kind;
        e.delta = cases[i].delta;
        e.since_ms = cases[i].before_ms != 0 ? e.occurred_at_ms - cases[i].before_ms : 0;
        e.measure_count = cases[i].watch_ms > 0;
        e.measures[0] = (struct measure){COUNTER_WATCH_MS, cases[i].watch_ms};
        panes_take(&panes, &nobody, &e, 1, &rules, 0);
        pane_settle(&panes.at[0]);
        const struct sketch *s = rows_sketch_find(panes.at[0].rows, cases[i].of, e.account, PLATFORM_TIKTOK);
        assert_int_equal(rows_sketch_count(panes.at[0].rows), cases[i].expected_ms >= 0);
        assert_true(s == NULL || quantiles_at(&s->quantiles, 500, &got));
        assert_int_equal(got, cases[i].expected_ms);
        panes_fini(&panes);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_event_belongs_to_the_quarter_of_an_hour_it_occurred_in),
        cmocka_unit_test(late_is_past_the_end_by_more_than_disorder_and_lateness),
        cmocka_unit_test(what_comes_in_time_touches_every_row_it_names),
        cmocka_unit_test(what_is_late_touches_the_late_table_alone),
        cmocka_unit_test(a_case_is_of_the_window_it_was_opened_in),
        cmocka_unit_test(a_reading_is_counted_and_adds_nothing),
        cmocka_unit_test(the_last_of_a_counter_that_was_read_is_kept),
        cmocka_unit_test(joins_and_leaves_change_a_second_of_their_window),
        cmocka_unit_test(what_is_late_or_moves_nobody_is_no_live_session),
        cmocka_unit_test(a_purchase_waits_for_its_copies),
        cmocka_unit_test(a_purchase_with_a_value_is_one_of_its_currency),
        cmocka_unit_test(
            a_refund_waits_where_it_names_an_order_that_is_looked_up__goes_red_without_the_bound),
        cmocka_unit_test(a_refund_of_no_order_is_counted_as_such),
        cmocka_unit_test(a_late_refund_is_late_alone),
        cmocka_unit_test(actors_and_persons_are_reached_apart_and_once),
        cmocka_unit_test(actors_are_told_by_class_and_nobody_twice),
        cmocka_unit_test(who_came_to_lives_and_who_took_part_are_apart),
        cmocka_unit_test(watched_and_looped_time_is_told_on_its_platform),
        cmocka_unit_test(many_that_wait_are_all_settled),
        cmocka_unit_test(who_did_not_consent_or_came_late_was_not_reached),
        cmocka_unit_test(what_took_how_long_is_kept_by_its_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
