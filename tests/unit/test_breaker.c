#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "stream/breaker.h"

static void see(struct breaker *b, int count, struct slice value, enum reject reject) {
    const struct event event = {.id_length = 16};
    const struct record record = {.value = value};
    for (int i = 0; i < count; i++)
        breaker_see(b, &record, reject, &event, reject == REJECT_NONE ? 1 : 0);
}

static void test_more_than_half_of_a_thousand(void **state) {
    for (int foreign = 499; foreign <= 502; foreign++) {
        struct breaker b = {0};
        see(&b, foreign, slice_of("text"), REJECT_UNDECODABLE);
        assert_int_equal(breaker_judge(&b, false), BREAKER_WATCHING);
        see(&b, BREAKER_WINDOW - foreign, slice_of("event"), REJECT_NONE);
        assert_int_equal(breaker_judge(&b, false), foreign > 500 ? BREAKER_TRIPPED : BREAKER_PASSED);
        see(&b, 5000, slice_of("text"), REJECT_UNDECODABLE); // the first ones only
        assert_int_equal(b.messages, BREAKER_WINDOW);
    }
}

static void test_an_ordinary_topic_passes_as_soon_as_it_must(void **state) {
    struct breaker b = {0};
    see(&b, 499, slice_of("event"), REJECT_NONE);
    assert_int_equal(breaker_judge(&b, false), BREAKER_WATCHING);
    see(&b, 1, slice_of("event"), REJECT_NONE);
    assert_int_equal(breaker_judge(&b, false), BREAKER_PASSED);
}

static void test_a_few_are_too_few_to_judge_by(void **state) {
    struct breaker b = {0};
    see(&b, BREAKER_LEAST - 1, slice_of("text"), REJECT_UNDECODABLE);
    assert_int_equal(breaker_judge(&b, true), BREAKER_WATCHING);
    see(&b, 1, slice_of("text"), REJECT_UNDECODABLE);
    assert_int_equal(breaker_judge(&b, false), BREAKER_WATCHING);
    assert_int_equal(breaker_judge(&b, true), BREAKER_TRIPPED);
}

// Of another kind: it is stepped over to the end, and nothing is left. A broken event of ours is not foreign.
static void test_what_decodes_to_nothing_is_foreign(void **state) {
    struct event events[2] = {{.id_length = 3, .platform = 2}, {.kind = 9}};
    struct record record = {.value = slice_of("{\"user\": 1}")};
    struct breaker b = {0};
    breaker_see(&b, &record, REJECT_NONE, events, 2);
    assert_int_equal(b.foreign, 1);
    events[1].occurred_at_ms = 1;
    breaker_see(&b, &record, REJECT_NONE, events, 2);
    events[1] = (struct event){.account = slice_of("acme")};
    breaker_see(&b, &record, REJECT_NONE, events, 2);
    events[1] = (struct event){.id_length = 16};
    breaker_see(&b, &record, REJECT_NONE, events, 2);
    assert_int_equal(b.messages, 4);
    assert_int_equal(b.foreign, 1);
}

static void expect_words(const struct breaker *b, const char *framing, const char *what, const char *remedy) {
    const struct settings settings = {.decode_framing = framing};
    struct problem p;
    assert_int_equal(breaker_problem(b, &settings, &p), STATUS_BAD_DATA);
    assert_string_equal(p.code, "CLM-S1");
    assert_string_equal(p.what, what);
    assert_memory_equal(p.remedy, remedy, strlen(remedy));
    assert_non_null(strstr(p.remedy, "--dlq.breaker=false"));
}

static void test_it_says_what_it_saw(void **state) {
    static const struct {
        struct slice values[2];
        const char *framing, *what, *remedy;
    } cases[] = {
        {{{"\0\0\0\0\7abc", 8}, {"\0\0\0\0\7xyz", 8}},
         "auto",
         "they are in Confluent framing, schema id 7",
         "name the right kafka.topic"},
        {{{"\0\0\0\0\7abc", 8}, {"\0\0\0\0\7xyz", 8}},
         "raw",
         "they are in Confluent framing, schema id 7",
         "decode.framing: auto"},
        {{{"{\"a\":1}", 7}, {"{\"b\":1}", 7}},
         "auto",
         "they begin like JSON objects of another kind",
         "name the right kafka.topic"},
        {{{"hello", 5}, {"world", 5}}, "auto", "the first begins like text", "name"},
        {{{"\x1f\x8b\1", 3}, {"\x1f\x8b\2", 3}}, "json", "they begin like gzip", "decode.framing: auto"},
        {{{"\xff", 1}, {"\xff\1", 2}}, "auto", "they begin like nothing that is known", "name"},
        {{{NULL, 0}, {"", 0}}, "auto", "most have no value", "name"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char what[256];
        struct breaker b = {0};
        see(&b, 88, slice_of("event"), REJECT_NONE);
        see(&b, 900, cases[i].values[0], REJECT_UNDECODABLE);
        see(&b, 12, cases[i].values[1], REJECT_UNDECODABLE);
        assert_int_equal(breaker_judge(&b, false), BREAKER_TRIPPED);
        snprintf(what, sizeof(what), "912 of 1000 messages are not clameur.v1.Event; %s", cases[i].what);
        expect_words(&b, cases[i].framing, what, cases[i].remedy);
    }
}

static void test_what_is_too_large_is_said_to_be(void **state) {
    struct breaker b = {0};
    see(&b, 100, slice_of("aaaaaaa"), REJECT_OVERSIZED);
    assert_int_equal(breaker_judge(&b, true), BREAKER_TRIPPED);
    expect_words(&b, "auto",
                 "100 of 100 messages are not clameur.v1.Event; they begin like text; most are "
                 "larger than decode.max_event_bytes",
                 "name");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_more_than_half_of_a_thousand),
        cmocka_unit_test(test_an_ordinary_topic_passes_as_soon_as_it_must),
        cmocka_unit_test(test_a_few_are_too_few_to_judge_by),
        cmocka_unit_test(test_what_decodes_to_nothing_is_foreign),
        cmocka_unit_test(test_it_says_what_it_saw),
        cmocka_unit_test(test_what_is_too_large_is_said_to_be),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
