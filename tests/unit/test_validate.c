#include "stream/validate.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "clameur/v1/event.pb-c.h"

#define NOW_MS INT64_C(1767225600000)

static const struct rules rules = {.max_future_skew_ms = 300000, .max_past_ms = 7776000000};

static struct event good(uint32_t kind) {
    struct event e = {
        .id_length = 16,
        .occurred_at_ms = NOW_MS,
        .platform = PLATFORM_TIKTOK,
        .kind = kind,
        .delta = 1,
        .account = slice_of("brand"),
    };
    return e;
}

static void assert_verdict(const struct event *e, enum reject expected) {
    assert_string_equal(reject_name(validate_event(e, &rules, NOW_MS)), reject_name(expected));
}

static void test_a_plain_event_passes(void **state) {
    for (uint32_t kind = 1; kind < 2000; kind++) {
        struct event e = good(kind);
        bool asks_for_more = kind == KIND_PURCHASE || kind == KIND_READING || kind == KIND_SPEND ||
                             kind == KIND_ERASURE || (kind >= KIND_LIVE_JOIN && kind <= KIND_LIVE_SPEAK);
        assert_int_equal(validate_event(&e, &rules, NOW_MS) != REJECT_NONE, asks_for_more);
    }
}

static void test_what_every_event_needs(void **state) {
    struct event e = good(KIND_LIKE);
    e.id_length = 15;
    assert_verdict(&e, REJECT_NO_ID);
    e = good(KIND_LIKE);
    e.occurred_at_ms = 0;
    assert_verdict(&e, REJECT_NO_TIME);
    e.occurred_at_ms = -1;
    assert_verdict(&e, REJECT_NO_TIME);
    e = good(KIND_LIKE);
    e.platform = 0;
    assert_verdict(&e, REJECT_NO_PLATFORM);
    e = good(0);
    assert_verdict(&e, REJECT_NO_KIND);
    e = good(KIND_LIKE);
    e.account.length = 0;
    assert_verdict(&e, REJECT_NO_ACCOUNT);
}

static void test_times_are_judged_by_the_record_and_the_rules(void **state) {
    static const struct {
        int64_t occurred_at_ms, record_time_ms, max_past_ms;
        enum reject expected;
    } cases[] = {
        {NOW_MS + 300000, NOW_MS, 1000, REJECT_NONE},
        {NOW_MS + 300001, NOW_MS, 1000, REJECT_FUTURE},
        {INT64_MAX, NOW_MS, 1000, REJECT_FUTURE},
        {NOW_MS - 1000, NOW_MS, 1000, REJECT_NONE},
        {NOW_MS - 1001, NOW_MS, 1000, REJECT_TOO_OLD},
        {NOW_MS - 1, NOW_MS, 0, REJECT_TOO_OLD},
        {1, NOW_MS, -1, REJECT_NONE},
        // Without a record time there is nothing to hold it to but what a time can be.
        {1, 0, 1000, REJECT_NONE},
        {NOW_MS * 2, 0, 1000, REJECT_NONE},
        {(INT64_C(1) << 53) - 1, 0, 1000, REJECT_NONE},
        {INT64_C(1) << 53, 0, 1000, REJECT_OUT_OF_RANGE},
        {INT64_MAX, 0, 1000, REJECT_OUT_OF_RANGE},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct event e = good(KIND_LIKE);
        struct rules in_force = {.max_future_skew_ms = 300000, .max_past_ms = cases[i].max_past_ms};
        e.occurred_at_ms = cases[i].occurred_at_ms;
        assert_string_equal(reject_name(validate_event(&e, &in_force, cases[i].record_time_ms)),
                            reject_name(cases[i].expected));
    }
}

static void test_flaws_become_reasons(void **state) {
    static const struct {
        unsigned flaws;
        enum reject expected;
    } cases[] = {
        {EVENT_FLAW_TOO_LONG, REJECT_TOO_LONG},
        {EVENT_FLAW_TOO_MANY, REJECT_TOO_LONG},
        {EVENT_FLAW_UTF8, REJECT_BAD_UTF8},
        {EVENT_FLAW_NEGATIVE, REJECT_NEGATIVE_MEASURE},
        {EVENT_FLAW_OUT_OF_RANGE, REJECT_OUT_OF_RANGE},
        {EVENT_FLAW_OUT_OF_RANGE | EVENT_FLAW_NEGATIVE, REJECT_NEGATIVE_MEASURE},
        {EVENT_FLAW_NEGATIVE | EVENT_FLAW_UTF8, REJECT_BAD_UTF8},
        {EVENT_FLAW_UTF8 | EVENT_FLAW_TOO_MANY, REJECT_TOO_LONG},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct event e = good(KIND_LIKE);
        e.flaws = cases[i].flaws;
        assert_verdict(&e, cases[i].expected);
    }
}

static void test_a_value_needs_three_capitals(void **state) {
    static const struct {
        const char *currency;
        enum reject expected;
    } cases[] = {
        {"EUR", REJECT_NONE},        {"AAZ", REJECT_NONE},        {"", REJECT_NO_CURRENCY},
        {"eur", REJECT_NO_CURRENCY}, {"EU", REJECT_NO_CURRENCY},  {"EURO", REJECT_NO_CURRENCY},
        {"E R", REJECT_NO_CURRENCY}, {"EU[", REJECT_NO_CURRENCY}, {"@UR", REJECT_NO_CURRENCY},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct event e = good(KIND_OTHER);
        e.currency = slice_of(cases[i].currency);
        assert_verdict(&e, REJECT_NONE);
        e.has_value = true;
        assert_verdict(&e, cases[i].expected);
    }
}

static void test_a_purchase_is_one_order(void **state) {
    struct event e = good(KIND_PURCHASE);
    assert_verdict(&e, REJECT_NO_ORDER_ID);
    e.order = slice_of("o-1");
    assert_verdict(&e, REJECT_NONE);
    e.delta = -1;
    assert_verdict(&e, REJECT_BAD_DELTA);
    e.delta = 2;
    assert_verdict(&e, REJECT_BAD_DELTA);
    e.order.length = 0;
    assert_verdict(&e, REJECT_NO_ORDER_ID);
}

static void test_live_kinds_need_their_session(void **state) {
    for (uint32_t kind = KIND_LIVE_JOIN; kind <= KIND_LIVE_SPEAK; kind++) {
        struct event e = good(kind);
        assert_verdict(&e, REJECT_NO_SESSION);
        e.session = slice_of("show");
        assert_verdict(&e, REJECT_NONE);
    }
}

static void test_a_reading_names_its_counters(void **state) {
    static const struct {
        const char *counter;
        enum reject expected;
    } cases[] = {
        {"views", REJECT_NONE},      {"a_9", REJECT_NONE},
        {"", REJECT_BAD_READING},    {"Views", REJECT_BAD_READING},
        {"a-b", REJECT_BAD_READING}, {"a.read", REJECT_BAD_READING},
        {"a:b", REJECT_BAD_READING}, {"caf\xc3\xa9", REJECT_BAD_READING},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct reading readings[2] = {{slice_of("likes"), 1}, {slice_of(cases[i].counter), 2}};
        struct event e = good(KIND_READING);
        e.body = CLAMEUR__V1__EVENT__BODY_READING;
        e.read_at_ms = 1;
        e.readings = readings;
        assert_verdict(&e, REJECT_BAD_READING);
        e.reading_count = 2;
        assert_verdict(&e, cases[i].expected);
        e.read_at_ms = 0;
        assert_verdict(&e, REJECT_BAD_READING);
    }
}

// The latest reading stands, so that one from the future would stand until then.
static void test_a_reading_is_held_to_the_skew_too(void **state) {
    static const struct {
        uint32_t kind;
        int64_t read_at_ms, record_time_ms;
        enum reject expected;
    } cases[] = {
        {KIND_READING, NOW_MS + 300000, NOW_MS, REJECT_NONE},
        {KIND_READING, NOW_MS + 300001, NOW_MS, REJECT_FUTURE},
        {KIND_READING, INT64_MAX, NOW_MS, REJECT_FUTURE},
        {KIND_READING, 1, NOW_MS, REJECT_NONE}, // a late one does not win, nor harm
        {KIND_READING, INT64_MIN, NOW_MS, REJECT_BAD_READING},
        {KIND_READING, NOW_MS * 2, 0, REJECT_NONE},
        {KIND_LIKE, NOW_MS + 300001, NOW_MS, REJECT_NONE}, // not counted
    };
    struct reading reading = {slice_of("likes"), 1};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct event e = good(cases[i].kind);
        e.body = CLAMEUR__V1__EVENT__BODY_READING;
        e.read_at_ms = cases[i].read_at_ms;
        e.readings = &reading;
        e.reading_count = 1;
        assert_string_equal(reject_name(validate_event(&e, &rules, cases[i].record_time_ms)),
                            reject_name(cases[i].expected));
    }
}

static void test_kinds_that_are_nothing_without_their_body(void **state) {
    static const struct {
        uint32_t kind, body;
    } cases[] = {
        {KIND_SPEND, CLAMEUR__V1__EVENT__BODY_SPEND},
        {KIND_READING, CLAMEUR__V1__EVENT__BODY_READING},
        {KIND_ERASURE, CLAMEUR__V1__EVENT__BODY_ERASURE},
    };
    struct reading reading = {slice_of("likes"), 1};
    for (size_t i = 0; i < 3; i++) {
        struct event e = good(cases[i].kind);
        e.read_at_ms = 1;
        e.readings = &reading;
        e.reading_count = 1;
        assert_verdict(&e, REJECT_BAD_BODY);
        e.body = CLAMEUR__V1__EVENT__BODY_VIEW;
        assert_verdict(&e, REJECT_BAD_BODY);
        e.body = cases[i].body;
        assert_verdict(&e, REJECT_NONE);
    }
    struct event e = good(KIND_ERASURE);
    e.body = CLAMEUR__V1__EVENT__BODY_ERASURE;
    e.account.length = 0;
    assert_verdict(&e, REJECT_NONE);
}

// An event with everything wrong is mended one by one: the reasons come in the order of rejects.def.
static void test_the_first_reason_counts(void **state) {
    struct event e = {.kind = 0, .flaws = 31, .has_value = true, .delta = 2};
    assert_verdict(&e, REJECT_NO_ID);
    e.id_length = 16;
    assert_verdict(&e, REJECT_NO_TIME);
    e.occurred_at_ms = INT64_C(1) << 53;
    assert_verdict(&e, REJECT_FUTURE);
    e.occurred_at_ms = 1;
    assert_verdict(&e, REJECT_TOO_OLD);
    e.occurred_at_ms = NOW_MS;
    assert_verdict(&e, REJECT_NO_PLATFORM);
    e.platform = 1;
    assert_verdict(&e, REJECT_NO_KIND);
    e.kind = KIND_PURCHASE;
    assert_verdict(&e, REJECT_NO_ACCOUNT);
    e.account = slice_of("a");
    assert_verdict(&e, REJECT_TOO_LONG);
    e.flaws = EVENT_FLAW_UTF8 | EVENT_FLAW_NEGATIVE | EVENT_FLAW_OUT_OF_RANGE;
    assert_verdict(&e, REJECT_BAD_UTF8);
    e.flaws = EVENT_FLAW_NEGATIVE | EVENT_FLAW_OUT_OF_RANGE;
    assert_verdict(&e, REJECT_NEGATIVE_MEASURE);
    e.flaws = EVENT_FLAW_OUT_OF_RANGE;
    assert_verdict(&e, REJECT_OUT_OF_RANGE);
    e.flaws = 0;
    assert_verdict(&e, REJECT_NO_CURRENCY);
    e.currency = slice_of("EUR");
    assert_verdict(&e, REJECT_NO_ORDER_ID);
    e.order = slice_of("o");
    assert_verdict(&e, REJECT_BAD_DELTA);
    e.delta = 1;
    assert_verdict(&e, REJECT_NONE);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_plain_event_passes),
        cmocka_unit_test(test_what_every_event_needs),
        cmocka_unit_test(test_times_are_judged_by_the_record_and_the_rules),
        cmocka_unit_test(test_flaws_become_reasons),
        cmocka_unit_test(test_a_value_needs_three_capitals),
        cmocka_unit_test(test_a_purchase_is_one_order),
        cmocka_unit_test(test_live_kinds_need_their_session),
        cmocka_unit_test(test_a_reading_names_its_counters),
        cmocka_unit_test(test_a_reading_is_held_to_the_skew_too),
        cmocka_unit_test(test_kinds_that_are_nothing_without_their_body),
        cmocka_unit_test(test_the_first_reason_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
