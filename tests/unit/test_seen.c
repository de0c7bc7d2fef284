// The mirror of Redis' HyperLogLog registers, against the registers themselves.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "flush_fixture.h"
#include "ingest/seen.h"

enum { ELEMENTS = 100000 };

static int begin(void **state) {
    tell("FLUSHALL");
    return 0;
}

static void element(unsigned char out[PSEUDONYM_SIZE], uint64_t number) {
    uint64_t half = hash_integer(number);
    memcpy(out, &half, sizeof(half));
    half = hash_integer(number ^ 0x5555);
    memcpy(out + 8, &half, sizeof(half));
}

static bool raise_day(struct seen *s, uint32_t shard, int64_t day_s, uint64_t number, bool ahead) {
    unsigned char bytes[PSEUDONYM_SIZE];
    struct delta_identity key = identity(KEY_REACH, "", day_s);
    element(bytes, number);
    struct seen_place place = {0};
    if (ahead)
        place = seen_find(s, shard, &key, bytes);
    return seen_raise(s, place, shard, &key, day_s + 100, bytes);
}

static void pfadd(const char *key, uint64_t number) {
    unsigned char bytes[PSEUDONYM_SIZE];
    element(bytes, number);
    assert_int_equal(redisAppendCommand(redis, "PFADD %s %b", key, bytes, sizeof(bytes)), REDIS_OK);
}

static void answers(size_t count) {
    for (size_t i = 0; i < count; i++) {
        void *reply;
        assert_int_equal(redisGetReply(redis, &reply), REDIS_OK);
        assert_int_equal(((redisReply *)reply)->type, REDIS_REPLY_INTEGER);
        freeReplyObject(reply);
    }
}

static void what_the_mirror_lets_through_makes_the_very_same_registers(void **state) {
    struct seen *s = seen_create(4);
    size_t sent = 0, calls = 0;
    for (uint64_t i = 0; i < ELEMENTS; i++) {
        uint64_t number = i % 7 == 0 ? i / 2 : i; // some come again
        pfadd("all", number);
        calls++;
        if (raise_day(s, 0, 0, number, i % 2 == 0)) {
            pfadd("some", number);
            sent++;
            calls++;
        }
        if (calls >= 1000) {
            answers(calls);
            calls = 0;
        }
    }
    answers(calls);
    assert_in_range(sent, 10000, 60000);
    redisReply *all = ask("PFDEBUG GETREG all"), *some = ask("PFDEBUG GETREG some");
    assert_int_equal(all->elements, 1 << 14);
    for (size_t i = 0; i < all->elements; i++)
        assert_int_equal(all->element[i]->integer, some->element[i]->integer);
    freeReplyObject(all);
    freeReplyObject(some);
    all = ask("PFCOUNT all");
    some = ask("PFCOUNT some");
    assert_int_equal(all->integer, some->integer);
    freeReplyObject(all);
    freeReplyObject(some);
    seen_destroy(&s);
    assert_null(s);
}

static void keys_and_shards_have_registers_of_their_own(void **state) {
    struct seen *s = seen_create(8);
    assert_true(raise_day(s, 0, 0, 1, false));
    assert_false(raise_day(s, 0, 0, 1, true));
    assert_true(raise_day(s, 0, 86400, 1, true));
    assert_true(raise_day(s, 1, 0, 1, true));
    assert_int_equal(seen_keys(s), 3);
    seen_destroy(&s);
}

static void a_cleared_shard_repeats_and_the_others_do_not(void **state) {
    struct seen *s = seen_create(64);
    for (uint32_t shard = 0; shard < 4; shard++)
        for (int64_t day = 0; day < 10; day++)
            assert_true(raise_day(s, shard, day * 86400, 1, false));
    seen_clear_shard(s, 2);
    assert_int_equal(seen_keys(s), 30);
    for (uint32_t shard = 0; shard < 4; shard++)
        for (int64_t day = 0; day < 10; day++)
            assert_int_equal(raise_day(s, shard, day * 86400, 1, false), shard == 2);
    assert_int_equal(seen_keys(s), 40);
    seen_destroy(&s);
}

static void a_place_found_before_a_clear_is_not_used_after_it(void **state) {
    for (int by_shard = 0; by_shard < 2; by_shard++) {
        struct seen *s = seen_create(8);
        unsigned char bytes[PSEUDONYM_SIZE];
        struct delta_identity key = identity(KEY_REACH, "", 0);
        element(bytes, 1);
        assert_true(raise_day(s, 0, 0, 1, false));
        struct seen_place place = seen_find(s, 0, &key, bytes);
        assert_non_null(place.registers);
        if (by_shard == 1)
            seen_clear_shard(s, 0);
        else
            seen_clear(s);
        assert_true(seen_raise(s, place, 0, &key, 100, bytes));
        assert_false(raise_day(s, 0, 0, 1, false));
        seen_destroy(&s);
    }
}

static void a_later_expiry_lets_an_element_through_once_and_an_earlier_one_does_not(void **state) {
    struct seen *s = seen_create(2);
    unsigned char bytes[PSEUDONYM_SIZE];
    struct delta_identity key = identity(KEY_REACH, "", 0);
    element(bytes, 1);
    assert_true(raise_day(s, 0, 0, 1, false));
    static const struct {
        int64_t expire_s;
        bool sent;
    } rows[] = {{100, false}, {101, true}, {101, false}, {99, false}, {200, true}, {200, false}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct seen_place place = seen_find(s, 0, &key, bytes);
        assert_int_equal(seen_may_raise(s, place, rows[i].expire_s), rows[i].sent);
        assert_int_equal(seen_raise(s, place, 0, &key, rows[i].expire_s, bytes), rows[i].sent);
    }
    seen_destroy(&s);
}

static void a_full_mirror_forgets_and_goes_on(void **state) {
    struct seen *s = seen_create(3);
    for (int64_t day = 0; day < 10; day++)
        assert_true(raise_day(s, 0, day * 86400, 1, true));
    assert_int_equal(seen_keys_max(s), 3);
    assert_in_range(seen_keys(s), 1, 3);
    assert_false(raise_day(s, 0, 9 * 86400, 1, false));
    assert_true(raise_day(s, 0, 0, 1, false));
    seen_destroy(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(what_the_mirror_lets_through_makes_the_very_same_registers, begin),
        cmocka_unit_test(keys_and_shards_have_registers_of_their_own),
        cmocka_unit_test(a_cleared_shard_repeats_and_the_others_do_not),
        cmocka_unit_test(a_place_found_before_a_clear_is_not_used_after_it),
        cmocka_unit_test(a_later_expiry_lets_an_element_through_once_and_an_earlier_one_does_not),
        cmocka_unit_test(a_full_mirror_forgets_and_goes_on),
    };
    return cmocka_run_group_tests(tests, redis_begin, redis_end);
}
