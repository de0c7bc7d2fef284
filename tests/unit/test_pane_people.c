// Whom an account reached, and how long things took.
#include "runtime/hash.h"
#include "tests/unit/pane_fixture.h"
#include "tests/unit/watched_cases.h"

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
