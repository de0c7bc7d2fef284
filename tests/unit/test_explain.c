// What explain understands of its argument, and the updates of each sort of event as it tells them.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "ingest/commands/explain/explain.h"
#include "schemas/layout.h"
#include "schemas/weighable.h"

#define T0 (INT64_C(1767225600000))

static void test_an_id_is_32_hex_digits_or_a_uuid(void **state) {
    static const char uuid[] = "00010203-0405-0607-0809-0A0b0C0d0E0f";
    unsigned char id[16];
    for (int form = 0; form < 2; form++) {
        memset(id, 0xff, sizeof(id));
        assert_true(explain_is_id(form == 0 ? uuid : "000102030405060708090a0b0c0d0e0f", id));
        for (unsigned char i = 0; i < 16; i++)
            assert_int_equal(id[i], i);
    }
    static const char *const others[] = {"",
                                         "00",
                                         "000102030405060708090a0b0c0d0e0f0",
                                         "0001-02030405060708090a0b0c0d0e0f",
                                         "000102030405060708090a0b0c0d0e0g",
                                         "events.jsonl"};
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        assert_false(explain_is_id(others[i], id));
}

static void test_a_place_is_topic_partition_offset(void **state) {
    static const char *const places[] = {"engagement/3/81220", "a.b_c-d/0/0"};
    static const char *const others[] = {"engagement/3",    "engagement/3/",   "/3/4",
                                         "engagement/-1/4", "engagement/3/4x", "engagement/x/4",
                                         "engagement/3/-4", "engagement/3/4/5"};
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
        assert_true(explain_is_place(places[i]));
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        assert_false(explain_is_place(others[i]));
}

// --- Effects

static struct key_space keys;
static struct effects effects;
static struct rules_book book;

static int begin(void **state) {
    struct rules_kinds kinds;
    schemas_rules_kinds(&kinds);
    key_space_init(&keys, "clm", 1);
    effects_init(&effects, &keys, UINT32_MAX);
    return rules_load(&book, "", &kinds) == STATUS_OK ? 0 : -1;
}

static int end(void **state) {
    effects_fini(&effects);
    rules_fini(&book);
    return 0;
}

static struct event event_of(uint32_t kind) {
    struct event e = {.id = {1},
                      .id_length = 16,
                      .occurred_at_ms = T0,
                      .platform = PLATFORM_TIKTOK,
                      .kind = kind,
                      .delta = 1};
    e.account = slice_of("acme");
    return e;
}

// "op name field delta if", one a line.
static char *told(const struct event *e) {
    static char text[4096];
    size_t length = 0;
    effects_tell(&effects, e, book.versions, T0);
    for (size_t i = 0; i < effects.count; i++) {
        const struct effect *f = &effects.at[i];
        assert_memory_equal(f->key.at, "clm:{3560}:", 11);
        assert_ptr_equal(f->name.at, f->key.at + 11);
        length += (size_t)snprintf(
            text + length, sizeof(text) - length, "%s %.*s %.*s %lld%s%s\n", effect_op_name(f->op),
            (int)f->name.length, f->name.at, (int)f->field.length, f->field.at, (long long)f->delta,
            f->condition != NULL ? " if " : "", f->condition != NULL ? f->condition : "");
    }
    text[length] = '\0';
    return text;
}

static void test_a_like_moves_its_keys_and_is_forgotten_by_the_next(void **state) {
    static const char expected[] = "add acct:acme likes 1\n"
                                   "add acct:acme:tiktok likes 1\n"
                                   "add content:acme:tiktok:c1 likes 1\n"
                                   "add series:acme:tiktok:1767225600 00:likes 1\n"
                                   "score top:acme:tiktok:1767225600 c1 1\n"
                                   "reach reach:acme:tiktok:1767225600 02000000000000000000000000000000 1\n"
                                   "add platform:tiktok likes 1\n";
    struct event e = event_of(KIND_LIKE);
    e.content = slice_of("c1");
    e.has_actor = true;
    e.consent = CONSENT_MEASUREMENT;
    e.actor[0] = 2;
    assert_string_equal(told(&e), expected);
    assert_string_equal(told(&e), expected); // reached again, as if by nobody before
}

static void test_an_order_says_on_what_it_depends(void **state) {
    struct event e = event_of(KIND_PURCHASE);
    e.order = slice_of("o-1");
    const char *text = told(&e);
    assert_non_null(strstr(text, "order orders:acme "));
    assert_non_null(strstr(text, "add acct:acme orders 1 if it is the least copy of the order\n"));
    assert_non_null(strstr(text, "add acct:acme order_copies 1 if it is not the least copy of the order\n"));
    assert_int_equal(effects.at[0].op, EFFECT_ORDER);
    assert_int_equal(effects.at[0].rank.length, ORDER_RANK_SIZE);
}

static void test_a_reading_is_set_and_moves_its_totals(void **state) {
    static const struct reading readings[] = {{{"likes", 5}, 41}, {{"reach", 5}, 7}};
    struct event e = event_of(KIND_READING);
    e.content = slice_of("c1");
    e.read_at_ms = T0;
    e.reading_count = 2;
    e.readings = readings;
    assert_string_equal(told(&e), "set content:acme:tiktok:c1 likes.read 41 if no later reading is there\n"
                                  "move acct:acme likes.read 0 if no later reading is there\n"
                                  "move acct:acme:tiktok likes.read 0 if no later reading is there\n"
                                  "move platform:tiktok likes.read 0 if no later reading is there\n"
                                  "set content:acme:tiktok:c1 reach.read 7 if no later reading is there\n");
    assert_int_equal(effects.at[0].read_at_ms, T0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_id_is_32_hex_digits_or_a_uuid),
        cmocka_unit_test(test_a_place_is_topic_partition_offset),
        cmocka_unit_test_setup_teardown(test_a_like_moves_its_keys_and_is_forgotten_by_the_next, begin, end),
        cmocka_unit_test_setup_teardown(test_an_order_says_on_what_it_depends, begin, end),
        cmocka_unit_test_setup_teardown(test_a_reading_is_set_and_moves_its_totals, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
