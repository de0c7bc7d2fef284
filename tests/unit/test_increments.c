#include "schemas/increments.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const struct rules no_rules = {.version = 1};

static void assert_increments(const struct event *e, bool has_kind, const char *expected) {
    struct increments got;
    char text[1024] = "";
    increments_of(&got, e, &no_rules);
    for (uint32_t i = 0; i < got.count; i++) {
        char field[FIELD_MAX + 1];
        field[field_write(field, got.at[i].field)] = '\0';
        snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s %lld", i > 0 ? ", " : "", field,
                 (long long)got.at[i].value);
    }
    assert_string_equal(text, expected);
    assert_int_equal(got.has_kind, has_kind);
}

static void a_kind_moves_its_counter_by_the_delta(void **state) {
    assert_increments(&(struct event){.kind = KIND_LIKE, .delta = 1}, true, "likes 1");
    assert_increments(&(struct event){.kind = KIND_LIKE, .delta = -3}, true, "likes -3");
}

static void an_unlisted_kind_has_a_counter_of_its_number(void **state) {
    assert_increments(&(struct event){.kind = 777, .delta = 2}, true, "kind_777 2");
    assert_increments(&(struct event){.kind = UINT32_MAX, .delta = 1}, true, "kind_4294967295 1");
}

static void measures_follow_and_money_has_its_currency(void **state) {
    struct event e = {
        .kind = KIND_PURCHASE,
        .delta = 1,
        .currency = slice_of("EUR"),
        .measure_count = 3,
        .measures = {{COUNTER_GROSS_MICROS, 1500000}, {COUNTER_UNITS, 2}, {COUNTER_NET_MICROS, -1}}};
    assert_increments(&e, true, "orders 1, gross_micros:EUR 1500000, units 2, net_micros:EUR -1");
}

static void a_kind_that_counts_nothing_has_its_measures_alone(void **state) {
    struct event e = {.kind = KIND_SPEND,
                      .delta = 1,
                      .currency = slice_of("USD"),
                      .measure_count = 1,
                      .measures = {{COUNTER_SPEND_MICROS, 7}}};
    assert_increments(&e, false, "spend_micros:USD 7");
    e.measure_count = 0;
    assert_increments(&e, false, "");
}

static int64_t untracked_of(const char *account, const char *brand) {
    static const struct slice brands[] = {{"globex", 6}, {"initech", 7}};
    static const struct rules_tracked lists[] = {{{"acme", 4}, brands, 2}, {{"none", 4}, NULL, 0}};
    static const struct rules rules = {.version = 1, .tracked = lists, .tracked_count = 2};
    const struct event e = {.kind = KIND_MENTION,
                            .delta = 3,
                            .account = slice_of(account),
                            .tracked_brand = slice_of(brand),
                            .measure_count = 1,
                            .measures = {{COUNTER_MENTIONS_RIVAL, 3}}};
    struct increments got;
    increments_of(&got, &e, &rules);
    assert_int_equal(got.count, 2);
    assert_int_equal(got.at[1].value, 3);
    return got.at[1].field == field_counter(COUNTER_MENTIONS_UNTRACKED);
}

static void a_rival_that_is_not_on_the_list_is_not_tracked(void **state) {
    assert_false(untracked_of("acme", "globex"));
    assert_false(untracked_of("acme", "initech"));
    assert_true(untracked_of("acme", "globe"));
    assert_true(untracked_of("acme", "hooli"));
    assert_true(untracked_of("none", "globex"));
    assert_false(untracked_of("acm", "hooli")); // has no list
    assert_false(untracked_of("other", "globex"));
}

static void as_many_as_an_event_can_have_fit(void **state) {
    struct event e = {.kind = KIND_VIEW, .delta = 1, .measure_count = EVENT_MEASURES_MAX};
    struct increments got;
    for (uint32_t i = 0; i < EVENT_MEASURES_MAX; i++)
        e.measures[i] = (struct measure){COUNTER_WATCH_MS, i};
    increments_of(&got, &e, &no_rules);
    assert_int_equal(got.count, INCREMENTS_MAX - INCREMENTS_OF_WINDOWS);
    assert_int_equal(got.at[got.count - 1].value, EVENT_MEASURES_MAX - 1);
}

static void a_tag_is_repeated_where_it_stood_before(void **state) {
    struct event e = {.tag_count = 4, .tags = {slice_of("a"), slice_of("b"), slice_of("a"), slice_of("A")}};
    static const bool repeated[] = {false, false, true, false};
    for (uint32_t i = 0; i < e.tag_count; i++)
        assert_int_equal(event_tag_is_repeated(&e, i), repeated[i]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_kind_moves_its_counter_by_the_delta),
        cmocka_unit_test(an_unlisted_kind_has_a_counter_of_its_number),
        cmocka_unit_test(measures_follow_and_money_has_its_currency),
        cmocka_unit_test(a_kind_that_counts_nothing_has_its_measures_alone),
        cmocka_unit_test(a_rival_that_is_not_on_the_list_is_not_tracked),
        cmocka_unit_test(as_many_as_an_event_can_have_fit),
        cmocka_unit_test(a_tag_is_repeated_where_it_stood_before),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
