// Flush and claim against a real Redis: encoded in C, applied by the library, the answer parsed in C.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "flush_delta.h"
#include "runtime/memory.h"

// ---- applied, and never twice

static void an_applied_flush_holds_what_the_table_held(void **state) {
    struct delta_identity series = identity(KEY_SERIES, "", 7200), top = identity(KEY_TOP, "", 7200);
    struct delta_identity content = identity(KEY_CONTENT, "a:b", 0), reach = identity(KEY_REACH, "", 86400);
    unsigned char actor[PSEUDONYM_SIZE] = "0123456789abcde";
    add(&d, KEY_ACCOUNT, "", 3);
    add(&d, KEY_ACCOUNT, "", -1);
    add(&d, KEY_PLATFORM, "", 2);
    delta_add(&d, &series, 4000000000, field_minute(field_counter(COUNTER_OF_LIKE), 7), 2);
    delta_add(&d, &content, 0, field_currency(field_counter(COUNTER_GROSS_MICROS), slice_of("EUR")), 990000);
    delta_add(&d, &content, 0, field_kind(777), 1);
    delta_add(&d, &top, 4000000000, DELTA_MEMBER | delta_key(&d, &content, 0), 5);
    delta_add_element(&d, &reach, 4000000000, actor);
    assert_int_equal(delta_ops(&d), 7);
    assert_int_equal(flush_range(&d, 0, 10), FLUSH_APPLIED);
    assert_int_equal(answer.faults, 0);
    expect("2", "HGET clm:{3560}:acct:acme likes");
    expect("2", "HGET clm:{3560}:platform:instagram likes");
    expect("2", "HGET clm:{3560}:series:acme:instagram:7200 07:likes");
    expect("4000000000", "EXPIRETIME clm:{3560}:series:acme:instagram:7200");
    expect("990000", "HGET clm:{3560}:content:acme:instagram:a%%3Ab gross_micros:EUR");
    expect("1", "HGET clm:{3560}:content:acme:instagram:a%%3Ab kind_777");
    expect("-1", "EXPIRETIME clm:{3560}:content:acme:instagram:a%%3Ab");
    expect("5", "ZSCORE clm:{3560}:top:acme:instagram:7200 a:b");
    expect("4000000000", "EXPIRETIME clm:{3560}:top:acme:instagram:7200");
    expect("1", "PFCOUNT clm:{3560}:reach:acme:instagram:86400");
    expect("4000000000", "EXPIRETIME clm:{3560}:reach:acme:instagram:86400");
    expect("1 10 9 0000000000abcdef 1700000000000", "HGET clm:{3560}:mark 0");
    expect("1 17 -1 0000000000000000 0", "HGET clm:{3560}:mark 1");
    expect("9", "DBSIZE"); // these, meta, mark and rules
}

static void the_same_bytes_again_are_repeated_and_change_nothing(void **state) {
    struct flush_call call = {0};
    struct flush_mark marks[] = {mark_at(0, 0, 10), mark_at(1, 17, 17)};
    char before[64], after[64];
    add(&d, KEY_ACCOUNT, "", 3);
    flush_encode(&call, &keys, 0, &sender, marks, 2, &d);
    assert_int_equal(call_judge(&call), FLUSH_APPLIED);
    digest(before);
    for (int i = 0; i < 3; i++)
        assert_int_equal(call_judge(&call), FLUSH_REPEATED);
    digest(after);
    assert_string_equal(before, after);
    flush_call_fini(&call);
}

// Marks are 0 at 10 and 1 at 20.
static void marks_that_are_not_at_from_are_a_gap_and_nothing_is_applied(void **state) {
    static const struct {
        int64_t from[2], to[2];
        size_t gaps;
        int32_t first;
    } rows[] = {
        {{0, 17}, {15, 25}, 2, 0},
        {{10, 17}, {15, 25}, 1, 1},
        {{9, 20}, {15, 25}, 1, 0},
        {{11, 20}, {15, 25}, 1, 0},
        {{0, 20}, {10, 25}, 1, 0}, // one at `to`, one at `from`: neither skip nor
                                   // apply
        {{10, 17}, {15, 20}, 1, 1},
    };
    struct flush_mark start[] = {mark_at(0, 0, 10), mark_at(1, 17, 20)};
    char before[64], after[64];
    assert_int_equal(flush_marks(&d, start, 2), FLUSH_APPLIED);
    digest(before);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct flush_mark marks[] = {mark_at(0, rows[i].from[0], rows[i].to[0]),
                                     mark_at(1, rows[i].from[1], rows[i].to[1])};
        add(&d, KEY_ACCOUNT, "", 1);
        assert_int_equal(flush_marks(&d, marks, 2), FLUSH_GAP);
        assert_int_equal(answer.partition_count, rows[i].gaps);
        assert_int_equal(answer.partitions[0], rows[i].first);
    }
    digest(after);
    assert_string_equal(before, after);
}

static void a_heartbeat_finds_marks_that_were_rolled_back(void **state) {
    assert_int_equal(flush_range(&d, 0, 10), FLUSH_APPLIED);
    assert_int_equal(flush_range(&d, 10, 10), FLUSH_REPEATED);
    tell("HSET clm:{3560}:mark 0 %s", "1 5 4 0000000000abcdef 1700000000000");
    assert_int_equal(flush_range(&d, 10, 10), FLUSH_GAP);
}

static void a_claim_fences_who_held_the_partition_before(void **state) {
    struct flush_mark both[] = {mark_at(0, 0, 10), mark_at(1, 17, 20)};
    char before[64], after[64];
    static const int32_t second = 1;
    struct flush_claimed claimed;
    assert_int_equal(claim_on(0, &second, 1, &claimed), FLUSH_APPLIED);
    digest(before);
    add(&d, KEY_ACCOUNT, "", 1);
    assert_int_equal(flush_marks(&d, both, 2), FLUSH_FENCED);
    assert_int_equal(answer.partition_count, 1);
    assert_int_equal(answer.partitions[0], 1);
    digest(after);
    assert_string_equal(before, after);
    both[1].mark.epoch = 2;
    assert_int_equal(flush_marks(&d, both, 2), FLUSH_APPLIED);
}

// Applied, its answer lost, claimed by another: the zombie must drop its tables, so it is not told REPEATED.
static void a_fence_goes_before_a_repetition(void **state) {
    assert_int_equal(flush_range(&d, 0, 10), FLUSH_APPLIED);
    claim_partitions(1);
    assert_int_equal(flush_range(&d, 0, 10), FLUSH_FENCED);
}

static void marks_over_no_record_keep_the_last_one(void **state) {
    struct flush_mark mark = mark_at(0, 10, 12);
    assert_int_equal(flush_range(&d, 0, 10), FLUSH_APPLIED);
    mark.mark = (struct mark){1, 12, -1, 0, 0};
    assert_int_equal(flush_marks(&d, &mark, 1), FLUSH_APPLIED);
    expect("1 12 9 0000000000abcdef 1700000000000", "HGET clm:{3560}:mark 0");
}

// A dump from before the first claim was restored: the worker goes on from the recorded start, and from
// nowhere else.
static void a_missing_mark_is_the_recorded_start_and_nothing_else(void **state) {
    struct flush_mark late = mark_at(7, 0, 3), sibling = mark_at(1, 17, 20);
    tell("DEL clm:{3560}:mark");
    assert_int_equal(flush_range(&d, 10, 20), FLUSH_GAP);
    assert_int_equal(flush_range(&d, 10, 10), FLUSH_GAP);
    expect("0", "EXISTS clm:{3560}:mark");
    assert_int_equal(flush_range(&d, 0, 5), FLUSH_APPLIED);
    assert_int_equal(flush_marks(&d, &sibling, 1), FLUSH_APPLIED);
    assert_int_equal(flush_marks(&d, &late, 1), FLUSH_APPLIED);
}

static void an_unknown_deployment_is_uninitialised(void **state) {
    char before[64], after[64];
    tell("HSET clm:{3560}:meta deployment another");
    digest(before);
    add(&d, KEY_ACCOUNT, "", 1);
    assert_int_equal(flush_range(&d, 0, 10), FLUSH_UNINITIALISED);
    digest(after);
    assert_string_equal(before, after);
    tell("DEL clm:{3560}:meta");
    assert_int_equal(flush_range(&d, 0, 10), FLUSH_UNINITIALISED);
}

// ---- claims

static void a_claim_raises_the_epoch_and_answers_the_mark(void **state) {
    static const int32_t numbers[] = {1, 0, 5};
    static const int64_t starts[] = {17, 0, 0}; // the fifth was added after init: from 0
    struct flush_claimed claimed[3];
    tell("DEL clm:{3560}:mark");
    for (int64_t epoch = 1; epoch <= 3; epoch++) {
        assert_int_equal(claim_on(0, numbers, 3, claimed), FLUSH_APPLIED);
        for (int i = 0; i < 3; i++) {
            assert_int_equal(claimed[i].partition, numbers[i]);
            assert_int_equal(claimed[i].mark.epoch, epoch);
            assert_int_equal(claimed[i].mark.next, starts[i]);
            assert_int_equal(claimed[i].mark.last, -1);
        }
    }
    struct flush_mark mark = mark_at(1, 17, 30);
    mark.mark.epoch = 3;
    assert_int_equal(flush_marks(&d, &mark, 1), FLUSH_APPLIED);
    assert_int_equal(claim_on(0, numbers, 1, claimed), FLUSH_APPLIED);
    assert_int_equal(claimed[0].mark.epoch, 4);
    assert_int_equal(claimed[0].mark.next, 30);
    assert_int_equal(claimed[0].mark.last, 29);
    assert_int_equal(claimed[0].mark.fingerprint, 0xabcdef);
    assert_int_equal(claimed[0].mark.time_ms, 1700000000000);
}

static void a_claim_is_refused_where_nothing_says_where_to_start(void **state) {
    static const int32_t second = 1;
    struct flush_claimed claimed;
    tell("DEL clm:{3560}:mark");
    tell("HSET clm:{3560}:meta starts 0");
    assert_int_equal(claim_on(0, &second, 1, &claimed), FLUSH_REFUSED);
    expect("0", "EXISTS clm:{3560}:mark");
    tell("HSET clm:{3560}:mark 1 nonsense");
    assert_int_equal(claim_on(0, &second, 1, &claimed), FLUSH_REFUSED);
    tell("DEL clm:{3560}:meta");
    assert_int_equal(claim_on(0, &second, 1, &claimed), FLUSH_UNINITIALISED);
}

// ---- refused: nothing applied, and the same bytes pass when Redis is mended

static void refusal(const char *word) {
    char before[64], after[64];
    digest(before);
    add(&d, KEY_ACCOUNT, "", 1);
    struct delta_identity top = identity(KEY_TOP, "", 7200), content = identity(KEY_CONTENT, "c", 0);
    delta_add(&d, &top, 4000000000, DELTA_MEMBER | delta_key(&d, &content, 0), 5);
    assert_int_equal(flush_range(&d, 0, 10), FLUSH_REFUSED);
    assert_memory_equal(answer.error, word, strlen(word));
    digest(after);
    assert_string_equal(before, after);
}

static void a_missing_library_is_told_apart(void **state) {
    tell("FUNCTION FLUSH");
    add(&d, KEY_ACCOUNT, "", 1);
    assert_int_equal(flush_range(&d, 0, 10), FLUSH_NO_FUNCTION);
}

static void a_replica_refuses(void **state) {
    tell("REPLICAOF 127.0.0.1 1");
    refusal("READONLY");
    tell("REPLICAOF NO ONE");
    add(&d, KEY_ACCOUNT, "", 1);
    assert_int_equal(flush_range(&d, 0, 10), FLUSH_APPLIED);
    expect("1", "HGET clm:{3560}:acct:acme likes");
}

static void a_full_redis_refuses(void **state) {
    tell("CONFIG SET maxmemory 1");
    refusal("OOM");
    tell("CONFIG SET maxmemory 0");
    assert_int_equal(flush_range(&d, 0, 10), FLUSH_APPLIED);
}

static void too_few_replicas_refuse(void **state) {
    tell("CONFIG SET min-replicas-to-write 1");
    refusal("NOREPLICAS");
    tell("CONFIG SET min-replicas-to-write 0");
}

// Each command that a flush may come to needs, missing one at a time: refused whole, not found out half way.
static void a_user_who_lacks_one_command_is_refused_before_anything_is_written(void **state) {
    static const char *const commands[] = {"expireat", "hdel",  "hget",       "hincrby", "hmget",
                                           "hset",     "hvals", "hrandfield", "pfadd",   "zincrby"};
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        tell("ACL SETUSER default -%s", commands[i]);
        char before[64], after[64];
        digest(before);
        add(&d, KEY_ACCOUNT, "", 1);
        assert_int_equal(flush_range(&d, 0, 10), FLUSH_REFUSED);
        tell("ACL SETUSER default +@all");
        digest(after);
        assert_string_equal(before, after);
    }
    tell("ACL SETUSER default resetkeys ~clm:{3560}:m* ~clm:{3560}:f*");
    add(&d, KEY_ACCOUNT, "", 1);
    assert_int_equal(flush_range(&d, 0, 10), FLUSH_REFUSED);
    assert_memory_equal(answer.error, "NOPERM", 6);
    tell("ACL SETUSER default ~*");
    expect("0", "EXISTS clm:{3560}:acct:acme");
}

static void without_a_place_for_faults_nothing_is_applied(void **state) {
    tell("SET clm:{3560}:faults x");
    refusal("WRONGTYPE");
}

static void an_answer_that_says_nothing_known_is_refused(void **state) {
    static redisReply word = {.type = REDIS_REPLY_STRING, .str = (char *)"APPLIE", .len = 6};
    redisReply *elements[] = {&word};
    const redisReply replies[] = {
        {.type = REDIS_REPLY_NIL},
        {.type = REDIS_REPLY_INTEGER, .integer = 1},
        {.type = REDIS_REPLY_STATUS, .str = (char *)"APPLIED", .len = 7},
        {.type = REDIS_REPLY_ARRAY, .elements = 0},
        {.type = REDIS_REPLY_ARRAY, .elements = 1, .element = elements},
    };
    for (size_t i = 0; i < sizeof(replies) / sizeof(replies[0]); i++) {
        flush_parse(&answer, &replies[i]);
        assert_int_equal(answer.verdict, FLUSH_REFUSED);
    }
}

// ---- faults

static void what_cannot_be_applied_is_kept_and_the_marks_move(void **state) {
    struct delta_identity top = identity(KEY_TOP, "", 7200), content = identity(KEY_CONTENT, "c", 0);
    struct delta_identity reach = identity(KEY_REACH, "", 86400);
    tell("SET clm:{3560}:acct:acme x");
    tell("HSET clm:{3560}:top:acme:instagram:7200 f v");
    tell("HSET clm:{3560}:reach:acme:instagram:86400 f v");
    tell("HSET clm:{3560}:platform:instagram likes 9223372036854775807");
    for (int round = 1; round <= 2; round++) {
        add(&d, KEY_ACCOUNT, "", 3);
        add(&d, KEY_PLATFORM, "", 4);
        add(&d, KEY_CONTENT, "c", 5);
        delta_add(&d, &top, 4000000000, DELTA_MEMBER | delta_key(&d, &content, 0), 6);
        delta_add_element(&d, &reach, 4000000000, (const unsigned char *)"0123456789abcdef");
        assert_int_equal(flush_range(&d, 10 * (round - 1), 10 * round), FLUSH_APPLIED);
        assert_int_equal(answer.faults, 4);
    }
    expect("10", "HGET clm:{3560}:content:acme:instagram:c likes");
    expect("9223372036854775807", "HGET clm:{3560}:platform:instagram likes");
    expect("6", "HGET clm:{3560}:faults %s", "[\"clm:{3560}:acct:acme\",\"likes\"]");
    expect("8", "HGET clm:{3560}:faults %s", "[\"clm:{3560}:platform:instagram\",\"likes\"]");
    expect("12", "HGET clm:{3560}:faults %s", "[\"clm:{3560}:top:acme:instagram:7200\",\"c\"]");
    expect("2", "HGET clm:{3560}:faults %s", "[\"clm:{3560}:reach:acme:instagram:86400\",\"pfadd\"]");
    expect("ERR increment or decrement would overflow", "HGET clm:{3560}:faults %s",
           "[\"clm:{3560}:platform:instagram\",\"likes\",\"error\"]");
    expect("8", "HLEN clm:{3560}:faults");
    expect("1 20 19 0000000000abcdef 1700000000000", "HGET clm:{3560}:mark 0");
}

// Two cells of one field, each the largest number there is: the first is applied, the second and the third
// are faults.
static void a_fault_that_overflows_goes_on_in_a_further_field(void **state) {
    static const char *const fields[] = {"[\"clm:{3560}:acct:acme\",\"likes\"]",
                                         "[\"clm:{3560}:acct:acme\",\"likes\",\"1\"]",
                                         "[\"clm:{3560}:acct:acme\",\"likes\",\"2\"]"};
    for (int64_t i = 0; i < 4; i++) {
        add(&d, KEY_ACCOUNT, "", INT64_MAX);
        assert_int_equal(flush_range(&d, i, i + 1), FLUSH_APPLIED);
    }
    expect("9223372036854775807", "HGET clm:{3560}:acct:acme likes");
    for (int i = 0; i < 3; i++)
        expect("9223372036854775807", "HGET clm:{3560}:faults %s", fields[i]);
}

// ---- sizes

static void integers_beyond_two_to_the_53_are_exact(void **state) {
    add(&d, KEY_ACCOUNT, "", 9007199254740993);
    assert_int_equal(flush_range(&d, 0, 9007199254740993), FLUSH_APPLIED);
    add(&d, KEY_ACCOUNT, "", 9007199254740992);
    assert_int_equal(flush_range(&d, 9007199254740992, 9007199254740995), FLUSH_GAP); // equal as doubles
    add(&d, KEY_ACCOUNT, "", 2);
    assert_int_equal(flush_range(&d, 9007199254740993, 9007199254740995), FLUSH_APPLIED);
    expect("9007199254740995", "HGET clm:{3560}:acct:acme likes");
    add(&d, KEY_PLATFORM, "", INT64_MIN);
    assert_int_equal(flush_range(&d, 9007199254740995, INT64_MAX), FLUSH_APPLIED);
    expect("-9223372036854775808", "HGET clm:{3560}:platform:instagram likes");
    expect("1 9223372036854775807 9223372036854775806 0000000000abcdef 1700000000000",
           "HGET clm:{3560}:mark 0");
}

static void twenty_thousand_elements_go_in_one_call(void **state) {
    struct delta_identity reach = identity(KEY_REACH, "", 86400);
    unsigned char actor[PSEUDONYM_SIZE] = {0};
    for (uint32_t i = 0; i < 20000; i++) {
        memcpy(actor, &i, sizeof(i));
        delta_add_element(&d, &reach, 4000000000, actor);
        tell("PFADD want %b", actor, sizeof(actor));
    }
    assert_int_equal(flush_range(&d, 0, 10), FLUSH_APPLIED);
    assert_int_equal(answer.faults, 0);
    redisReply *want = ask("PFCOUNT want"), *have = ask("PFCOUNT clm:{3560}:reach:acme:instagram:86400");
    assert_int_equal(want->integer, have->integer);
    freeReplyObject(want);
    freeReplyObject(have);
}

static void a_flush_of_a_hundred_thousand_updates_is_one_call(void **state) {
    char id[16];
    for (int i = 0; i < 100000; i++) {
        snprintf(id, sizeof(id), "%d", i % 50000);
        struct delta_identity key = identity(KEY_CONTENT, id, 0);
        delta_add(&d, &key, 0, field_counter(i < 50000 ? COUNTER_OF_LIKE : COUNTER_OF_VIEW), i);
    }
    assert_int_equal(delta_ops(&d), 100000);
    assert_int_equal(flush_range(&d, 0, 10), FLUSH_APPLIED);
    expect("50003", "DBSIZE");
    expect("49999", "HGET clm:{3560}:content:acme:instagram:49999 likes");
    expect("99999", "HGET clm:{3560}:content:acme:instagram:49999 views");
}

int main(void) {
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, begin, end)
        T(an_applied_flush_holds_what_the_table_held),
        T(the_same_bytes_again_are_repeated_and_change_nothing),
        T(marks_that_are_not_at_from_are_a_gap_and_nothing_is_applied),
        T(a_heartbeat_finds_marks_that_were_rolled_back),
        T(a_claim_fences_who_held_the_partition_before),
        T(a_fence_goes_before_a_repetition),
        T(marks_over_no_record_keep_the_last_one),
        T(a_missing_mark_is_the_recorded_start_and_nothing_else),
        T(an_unknown_deployment_is_uninitialised),
        T(a_claim_raises_the_epoch_and_answers_the_mark),
        T(a_claim_is_refused_where_nothing_says_where_to_start),
        T(a_missing_library_is_told_apart),
        T(a_replica_refuses),
        T(a_full_redis_refuses),
        T(too_few_replicas_refuse),
        T(a_user_who_lacks_one_command_is_refused_before_anything_is_written),
        T(without_a_place_for_faults_nothing_is_applied),
        T(an_answer_that_says_nothing_known_is_refused),
        T(what_cannot_be_applied_is_kept_and_the_marks_move),
        T(a_fault_that_overflows_goes_on_in_a_further_field),
        T(integers_beyond_two_to_the_53_are_exact),
        T(twenty_thousand_elements_go_in_one_call),
        T(a_flush_of_a_hundred_thousand_updates_is_one_call),
    };
    return cmocka_run_group_tests(tests, redis_begin, redis_end);
}
