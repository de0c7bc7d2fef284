// What an event does to its window.
#include "tests/unit/pane_fixture.h"

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

// A view and a purchase with as many measures as an event can have, all of another counter.
static void the_most_that_an_event_can_say_finds_room(void **state) {
    static const uint32_t kinds[] = {KIND_VIEW, KIND_PURCHASE};
    for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
        struct panes panes = {0};
        struct event e = event_at(0);
        e.kind = kinds[k];
        e.platform = PLATFORM_YOUTUBE;
        e.duration_ms = 10;
        e.order = AT("o-1");
        e.currency = AT("EUR");
        e.measure_count = EVENT_MEASURES_MAX;
        for (uint32_t i = 0; i < EVENT_MEASURES_MAX; i++)
            e.measures[i] = (struct measure){(enum counter)(COUNTER_WATCH_MS + i), 30};
        e.measures[1].counter = COUNTER_GROSS_MICROS;
        panes_take(&panes, &nobody, &e, 1, &rules, 0);
        assert_int_equal(panes.at[0].counted, 1);
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
        cmocka_unit_test(the_most_that_an_event_can_say_finds_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
