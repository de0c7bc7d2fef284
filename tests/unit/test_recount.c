// The recount's model by hand-made logs: records (partition, offset, time, value) in, what Redis must hold
// out. No Kafka, no Redis.
#include "recount_world.h"

static void an_event_counts_on_every_key_it_names(void **state) {
    struct world *w = world_plain();
    Clameur__V1__Event e = event(1);
    ProtobufCBinaryData tags[] = {bytes("a:b"), bytes("x"), bytes("a:b")};
    e.occurred_at = T0 + 7 * 60000 + 1;
    e.delta = -2;
    e.content_id = bytes("v1");
    e.campaign_id = bytes("c1");
    e.live_session_id = bytes("s1");
    e.tags = tags;
    e.n_tags = 3;
    give(w, 0, T0 + 8 * 60000, &e);
    static const char *const names[] = {
        "acct:acme",        "acct:acme:tiktok", "platform:tiktok",   "content:acme:tiktok:v1",
        "campaign:acme:c1", "live:acme:s1",     "tag:acme:tiktok:x", "tag:acme:tiktok:a%3Ab"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        assert_int_equal(sum(w, names[i], "likes"), -2);
    assert_int_equal(sum(w, "series:acme:tiktok:1767225600", "07:likes"), -2);
    assert_int_equal(sum(w, "top:acme:tiktok:1767225600", "v1"), -2);
    assert_int_equal(key(w, "series:acme:tiktok:1767225600")->expire_max_s, 1767225600 + 3600 + 48 * 3600);
    assert_int_equal(w->fold.tally.counted, 1);
    assert_int_equal(w->reach_count, 0);
    world_destroy(w);
}

static void unlisted_numbers_are_counted_by_number(void **state) {
    struct world *w = world_plain();
    Clameur__V1__Event e = event(1);
    e.platform = 4711;
    e.kind = 777;
    give(w, 0, T0, &e);
    assert_int_equal(sum(w, "acct:acme:platform_4711", "kind_777"), 1);
    world_destroy(w);
}

static void reach_asks_for_consent_and_an_actor(void **state) {
    struct world *w = world_plain();
    ProtobufCBinaryData tags[] = {bytes("x"), bytes("x")};
    Clameur__V1__Event e = event(1);
    e.actor_id = bytes("user-1");
    give(w, 0, T0, &e);
    e = event(2);
    e.consent = 1;
    give(w, 0, T0, &e);
    assert_int_equal(w->reach_count, 0);
    e = event(3);
    e.consent = 3;
    e.actor_id = bytes("user-1");
    e.tags = tags;
    e.n_tags = 2;
    give(w, 0, T0, &e);
    assert_int_equal(w->reach_count, 2);
    assert_string_equal(w->reached[0], "t:{3560}:reach:acme:tiktok:1767225600");
    assert_string_equal(w->reached[1], "t:{3560}:reach:acme:tiktok:tag:x:1767225600");
    static const unsigned char vector[16] = {0x0f, 0x69, 0x29, 0x2f, 0x90, 0x09, 0x9b, 0x28,
                                             0xc1, 0x75, 0x4f, 0x1c, 0x24, 0x4e, 0xcb, 0x8e};
    assert_memory_equal(w->actors[0], vector, 16);
    assert_int_equal(key(w, "reach:acme:tiktok:1767225600")->expire_max_s, 1767225600 + 86400 + 35 * 86400);
    world_destroy(w);
}

static void duplicates_are_those_within_the_span(void **state) {
    struct world *w = world_plain();
    Clameur__V1__Event e = event(1), bad = event(2);
    bad.account_id = bytes("");
    give(w, 0, T0, &e);   // 0: counted
    give(w, 1, T0, &e);   // another partition: counted
    give(w, 0, T0, &bad); // 1: refused, leaves no id
    bad.account_id = bytes("acme");
    give(w, 0, T0, &bad); // 2: repaired: counted
    w->next[0] = SPAN;
    give(w, 0, T0, &e); // 10: exactly the span: duplicate, and its id is noted
    w->next[0] = 2 * SPAN;
    give(w, 0, T0, &e); // 20: duplicate of a duplicate
    w->next[0] = 3 * SPAN + 1;
    give(w, 0, T0, &e); // 31: past the span: counted
    assert_int_equal(w->fold.tally.duplicates, 2);
    assert_int_equal(w->fold.tally.rejected[REJECT_NO_ACCOUNT], 1);
    assert_int_equal(sum(w, "acct:acme", "likes"), 4);
    assert_int_equal(w->fold.tally.read, 7);
    assert_int_equal(w->fold.tally.counted, 4);
    world_destroy(w);
}

static void a_batch_counts_each_event_and_an_id_once(void **state) {
    struct world *w = world_plain();
    Clameur__V1__Event a = event(1), b = event(2);
    Clameur__V1__Event *events[] = {&a, &b, &a};
    Clameur__V1__EventBatch batch = CLAMEUR__V1__EVENT_BATCH__INIT;
    batch.events = events;
    batch.n_events = 3;
    uint8_t packed[1024] = {0, 0, 0, 0, 7, 2, 2}; // Confluent: schema 7, message [1]
    size_t length = clameur__v1__event_batch__pack(&batch, packed + 7);
    give_bytes(w, 0, T0, (struct slice){(const char *)packed, length + 7});
    assert_int_equal(sum(w, "acct:acme", "likes"), 2);
    assert_int_equal(w->fold.tally.duplicates, 1);
    give_bytes(w, 1, T0, (struct slice){(const char *)packed + 7, length});
    assert_int_equal(sum(w, "acct:acme", "likes"), 4);
    world_destroy(w);
}

static void what_is_no_event_is_refused(void **state) {
    static const struct {
        struct slice value;
        enum reject reject;
    } cases[] = {
        {{NULL, 0}, REJECT_NULL_VALUE},
        {{"", 0}, REJECT_EMPTY},
        {{"\xff\xff", 2}, REJECT_UNDECODABLE},
        {{"\0\0\0\0\7\4\0\0", 8}, REJECT_UNDECODABLE},
        {{"\0\0\0\0\7\2\2", 7}, REJECT_BATCH_TOO_LONG},
        {{"\x38\x05", 2}, REJECT_UNDECODABLE},
        {{"\x40\x05", 2}, REJECT_NO_ID},
    };
    struct world *w = world_plain();
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        give_bytes(w, 0, T0, cases[i].value);
        if (cases[i].reject == REJECT_UNDECODABLE)
            continue;
        assert_int_equal(w->fold.tally.rejected[cases[i].reject], 1);
    }
    assert_int_equal(w->fold.tally.rejected_all, sizeof(cases) / sizeof(cases[0]));
    world_destroy(w);
}

// Bounds and rules, each by the event that just breaks it.
static void impossible_events_are_refused(void **state) {
    struct rules_book book;
    struct rules_kinds kinds;
    schemas_rules_kinds(&kinds);
    assert_int_equal(rules_load(&book, NULL, &kinds), STATUS_OK);
    const struct rules *rules = rules_at(&book, T0);
    Clameur__V1__Event e = event(1);
    assert_int_equal(recount_judge(&e, rules, T0), REJECT_NONE);
    e.occurred_at = T0 + 300000;
    assert_int_equal(recount_judge(&e, rules, T0), REJECT_NONE);
    e.occurred_at++;
    assert_int_equal(recount_judge(&e, rules, T0), REJECT_FUTURE);
    assert_int_equal(recount_judge(&e, rules, 0), REJECT_NONE);
    e.occurred_at = T0 - 90 * 24 * HOUR_MS - 1;
    assert_int_equal(recount_judge(&e, rules, T0), REJECT_TOO_OLD);
    e = event(1);
    e.delta = -RECOUNT_NUMBER_MAX - 1;
    assert_int_equal(recount_judge(&e, rules, T0), REJECT_OUT_OF_RANGE);
    e = event(1);
    static const char *const broken[] = {
        "\xc0\x80",         "\xe0\x80\x80", "\xed\xa0\x80", "\xf0\x80\x80\x80",
        "\xf4\x90\x80\x80", "\xe2\x82",     "\x80"};
    for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
        e.language = bytes(broken[i]);
        assert_int_equal(recount_judge(&e, rules, T0), REJECT_BAD_UTF8);
    }
    e.language = bytes("\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80");
    assert_int_equal(recount_judge(&e, rules, T0), REJECT_NONE);
    e = event(1);
    e.country = bytes("DEU");
    assert_int_equal(recount_judge(&e, rules, T0), REJECT_TOO_LONG);
    Clameur__V1__Commerce c = CLAMEUR__V1__COMMERCE__INIT;
    e = event(1);
    e.kind = (Clameur__V1__Kind)KIND_PURCHASE;
    e.body_case = CLAMEUR__V1__EVENT__BODY_COMMERCE;
    e.commerce = &c;
    assert_int_equal(recount_judge(&e, rules, T0), REJECT_NO_ORDER_ID);
    c.order_id = bytes("o1");
    c.tax_micros = 1;
    assert_int_equal(recount_judge(&e, rules, T0), REJECT_NO_CURRENCY);
    c.currency = bytes("EUR");
    assert_int_equal(recount_judge(&e, rules, T0), REJECT_NONE);
    e.delta = 2;
    assert_int_equal(recount_judge(&e, rules, T0), REJECT_BAD_DELTA);
    c.value_micros = -1;
    assert_int_equal(recount_judge(&e, rules, T0), REJECT_NEGATIVE_MEASURE);
    e = event(1);
    e.kind = (Clameur__V1__Kind)KIND_READING;
    assert_int_equal(recount_judge(&e, rules, T0), REJECT_BAD_BODY);
    rules_fini(&book);
}

static void an_erasure_counts_on_its_platform_alone(void **state) {
    struct world *w = world_plain();
    Clameur__V1__Erasure body = CLAMEUR__V1__ERASURE__INIT;
    Clameur__V1__Event e = event(1);
    e.kind = (Clameur__V1__Kind)KIND_ERASURE;
    e.account_id = bytes("");
    e.actor_id = bytes("user-1");
    e.consent = 1;
    e.body_case = CLAMEUR__V1__EVENT__BODY_ERASURE;
    e.erasure = &body;
    give(w, 0, T0, &e);
    assert_int_equal(sum(w, "platform:tiktok", "erasures"), 1);
    assert_int_equal(w->model.key_names.count, 1);
    assert_int_equal(w->reach_count, 0);
    world_destroy(w);
}

static void buckets_that_are_over_are_not_begun(void **state) {
    struct world *w = world_plain();
    Clameur__V1__Event e = event(1);
    e.content_id = bytes("v1");
    e.actor_id = bytes("user-1");
    e.consent = 1;
    give(w, 0, T0 + 49 * HOUR_MS, &e); // the expiry itself: over
    assert_null(key(w, "series:acme:tiktok:1767225600"));
    assert_null(key(w, "top:acme:tiktok:1767225600"));
    assert_int_equal(w->reach_count, 1);
    e = event(2);
    give(w, 0, T0 + 49 * HOUR_MS - 1, &e);
    assert_int_equal(sum(w, "series:acme:tiktok:1767225600", "00:likes"), 1);
    e = event(3);
    e.actor_id = bytes("user-1");
    e.consent = 1;
    give(w, 0, T0 + 36 * 24 * HOUR_MS, &e);
    assert_int_equal(w->reach_count, 1);
    assert_int_equal(sum(w, "acct:acme", "likes"), 3);
    world_destroy(w);
}

static void a_record_is_judged_by_the_rules_of_its_own_time(void **state) {
    struct world *w = world_create("- version: 1\n  since: 0\n"
                                   "- version: 2\n  since: 2026-01-01T01:00:00Z\n  weights: {like: 10}\n"
                                   "  series.retain: 90001ms\n",
                                   ALL, 1);
    Clameur__V1__Event e = event(1);
    e.content_id = bytes("v1");
    give(w, 0, T0 + HOUR_MS - 1, &e);
    assert_int_equal(sum(w, "top:acme:tiktok:1767225600", "v1"), 1);
    e.event_id.data[15] = 2;
    give(w, 0, T0 + HOUR_MS, &e);
    assert_int_equal(sum(w, "top:acme:tiktok:1767225600", "v1"), 11);
    assert_int_equal(key(w, "top:acme:tiktok:1767225600")->expire_min_s, 1767225600 + 3600 + 91);
    assert_int_equal(key(w, "top:acme:tiktok:1767225600")->expire_max_s, 1767225600 + 3600 + 48 * 3600);
    e.event_id.data[15] = 1;
    world_destroy(w);
}

static void a_kind_without_a_counter_of_its_own_may_have_a_weight(void **state) {
    struct world *w = world_create("- version: 1\n  since: 0\n  weights: {spend: 5}\n", ALL, 1);
    Clameur__V1__Spend spend = CLAMEUR__V1__SPEND__INIT;
    Clameur__V1__Event e = event(1);
    spend.cost_micros = 7;
    spend.currency = bytes("EUR");
    e.kind = CLAMEUR__V1__KIND__KIND_SPEND;
    e.body_case = CLAMEUR__V1__EVENT__BODY_SPEND;
    e.spend = &spend;
    e.content_id = bytes("v1");
    give(w, 0, T0, &e);
    assert_int_equal(w->fold.tally.counted, 1);
    assert_int_equal(sum(w, "top:acme:tiktok:1767225600", "v1"), 5);
    world_destroy(w);
}

static void families_switched_off_are_left_out(void **state) {
    struct world *w = world_create(NULL, ALL & ~(1u << KEY_CONTENT) & ~(1u << KEY_TOP), 1);
    Clameur__V1__Event e = event(1);
    e.content_id = bytes("v1");
    give(w, 0, T0, &e);
    give_reading(w, 2, T0, "v1", "views", 100);
    assert_null(key(w, "content:acme:tiktok:v1"));
    assert_null(key(w, "top:acme:tiktok:1767225600"));
    assert_int_equal(sum(w, "acct:acme", "likes"), 1);
    assert_int_equal(sum(w, "acct:acme", "views.read"), 0);
    world_destroy(w);
}

// Each shard counts the records before its own mark, and goes on from there in the next round.
static void each_shard_counts_up_to_its_own_mark(void **state) {
    struct world *w = world_create(NULL, ALL, 2);
    Clameur__V1__Event here = event(1), there = event(2);
    here.account_id = bytes("b"); // CRC16 of one byte is odd or even as its bits are
    there.account_id = bytes("a");
    assert_int_equal(key_shard(&w->space, slice_of("b")), 0);
    assert_int_equal(key_shard(&w->space, slice_of("a")), 1);
    int64_t marks[] = {2, 0, 1, 0}; // (shard, partition)
    recount_fold_fini(&w->fold);
    recount_fold_init(&w->fold, &w->setup, &w->model);
    recount_fold_round(&w->fold, marks);
    give(w, 0, T0, &there);
    give(w, 0, T0, &here);
    give(w, 0, T0, &there); // past both marks
    assert_int_equal(w->fold.tally.counted, 2);
    assert_int_equal(w->fold.tally.duplicates, 0);
    assert_int_equal(w->fold.tally.lag, 2);
    assert_int_equal(recount_fold_last(&w->fold, 0, 0).offset, 1);
    assert_int_equal(recount_fold_last(&w->fold, 1, 0).offset, 0);
    assert_int_equal(recount_fold_last(&w->fold, 1, 1).offset, -1);
    marks[2] = 3;
    recount_fold_round(&w->fold, marks);
    assert_int_equal(recount_fold_begin(&w->fold, 0), 0);
    w->next[0] = 0;
    give(w, 0, T0, &there);
    give(w, 0, T0, &here);
    give(w, 0, T0, &there); // a duplicate of what an earlier round counted
    assert_int_equal(w->fold.tally.counted, 2);
    assert_int_equal(w->fold.tally.duplicates, 1);
    assert_int_equal(recount_fold_last(&w->fold, 1, 0).offset, 2);
    world_destroy(w);
}

static void what_lies_before_the_start_leaves_only_ids(void **state) {
    struct world *w = world_plain();
    Clameur__V1__Event e = event(1);
    recount_fold_fini(&w->fold);
    w->starts[0] = 100;
    recount_fold_init(&w->fold, &w->setup, &w->model);
    int64_t marks[] = {200, 200};
    recount_fold_round(&w->fold, marks);
    assert_int_equal(recount_fold_begin(&w->fold, 0), 100 - SPAN);
    w->next[0] = 99;
    give(w, 0, T0, &e);
    give(w, 0, T0, &e);
    assert_int_equal(w->fold.tally.read, 1);
    assert_int_equal(w->fold.tally.duplicates, 1);
    assert_int_equal(w->model.key_names.count, 0);
    assert_int_equal(recount_fold_last(&w->fold, 0, 0).offset, 100);
    world_destroy(w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_event_counts_on_every_key_it_names),
        cmocka_unit_test(unlisted_numbers_are_counted_by_number),
        cmocka_unit_test(reach_asks_for_consent_and_an_actor),
        cmocka_unit_test(duplicates_are_those_within_the_span),
        cmocka_unit_test(a_batch_counts_each_event_and_an_id_once),
        cmocka_unit_test(what_is_no_event_is_refused),
        cmocka_unit_test(impossible_events_are_refused),
        cmocka_unit_test(an_erasure_counts_on_its_platform_alone),
        cmocka_unit_test(buckets_that_are_over_are_not_begun),
        cmocka_unit_test(a_record_is_judged_by_the_rules_of_its_own_time),
        cmocka_unit_test(a_kind_without_a_counter_of_its_own_may_have_a_weight),
        cmocka_unit_test(families_switched_off_are_left_out),
        cmocka_unit_test(each_shard_counts_up_to_its_own_mark),
        cmocka_unit_test(what_lies_before_the_start_leaves_only_ids),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
