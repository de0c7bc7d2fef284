// Orders and readings as Redis keeps them: whatever the order of arrival, the same state; and malformed
// calls.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "flush_delta.h"

#define ORDERS "clm:{3560}:orders:acme"

static const struct copy {
    int64_t occurred_at_ms;
    unsigned char last; // of the event's id
    int64_t micros;
    const char *content;
} copies[] = {
    {5000, 0xaa, 10, "a"}, {4000, 0x0b, 20, "b"}, {4000, 0x0a, 9007199254740993, "c"}, {6000, 0x01, 40, "a"}};
enum { COPIES = sizeof(copies) / sizeof(copies[0]), LEAST = 2 };

static void purchase(const struct copy *c, const char *order) {
    struct delta_identity orders = identity(KEY_ORDERS, "", 0), account = identity(KEY_ACCOUNT, "", 0);
    struct delta_identity content = identity(KEY_CONTENT, c->content, 0), top = identity(KEY_TOP, "", 7200);
    uint32_t key = delta_key(&d, &account, 0), member = delta_key(&d, &content, 0);
    struct delta_order *o = delta_order(&d, delta_key(&d, &orders, 0), slice_of(order));
    o->occurred_at_ms = c->occurred_at_ms;
    memset(o->event_id, 0xaa, 15); // a run that some locales collate after all else
    o->event_id[15] = c->last;
    o->copy_keys[o->copy_key_count++] = key;
    delta_use(&d, key);
    delta_order_increment(&d, o, key, field_counter(COUNTER_OF_PURCHASE), 1);
    delta_order_increment(&d, o, member, field_counter(COUNTER_GROSS_MICROS), c->micros);
    delta_order_increment(&d, o, delta_key(&d, &top, 4000000000), DELTA_MEMBER | member, 5);
}

static void expect_least_copy_alone(int arrived) {
    char further[16];
    snprintf(further, sizeof(further), "%d", arrived - 1);
    expect("1", "HGET clm:{3560}:acct:acme orders");
    expect(further, "HGET clm:{3560}:acct:acme order_copies");
    expect("9007199254740993", "HGET clm:{3560}:content:acme:instagram:c gross_micros");
    expect("5", "ZSCORE clm:{3560}:top:acme:instagram:7200 c");
    for (int i = 0; i < 2; i++) {
        redisReply *sum = ask("HGET clm:{3560}:content:acme:instagram:%s gross_micros", copies[i].content);
        redisReply *score = ask("ZSCORE clm:{3560}:top:acme:instagram:7200 %s", copies[i].content);
        assert_true(sum->str == NULL || strcmp(sum->str, "0") == 0);
        assert_true(score->str == NULL || strcmp(score->str, "0") == 0);
        freeReplyObject(sum);
        freeReplyObject(score);
    }
    expect("1", "HLEN " ORDERS);
}

// The numbers 0..COPIES-1 in the order of the n-th permutation.
static void permute(int n, int out[COPIES]) {
    int left[COPIES], count = COPIES;
    for (int i = 0; i < COPIES; i++)
        left[i] = i;
    for (int i = 0; i < COPIES; i++, count--) {
        int pick = n % count;
        n /= count;
        out[i] = left[pick];
        memmove(left + pick, left + pick + 1, sizeof(int) * (size_t)(count - pick - 1));
    }
}

static void copies_in_any_order_and_any_cut_leave_the_least_one_counted(void **state) {
    for (int n = 0; n < 24; n++) {
        int arrival[COPIES];
        permute(n, arrival);
        for (int cut = 0; cut <= COPIES; cut++) { // how many are in the first of two flushes
            end(state);
            begin(state);
            for (int i = 0; i < COPIES; i++) {
                if (i == cut)
                    assert_int_equal(flush_range(&d, 0, 10), FLUSH_APPLIED);
                purchase(&copies[arrival[i]], "o1");
            }
            assert_int_equal(cut == COPIES ? flush_range(&d, 0, 10) : flush_range(&d, 10, 20), FLUSH_APPLIED);
            assert_int_equal(answer.faults, 0);
            expect_least_copy_alone(COPIES);
        }
    }
}

static enum flush_verdict call_answer(const struct flush_call *call, redisReply **reply) {
    *reply = call_send(call);
    flush_parse(&answer, *reply);
    return answer.verdict;
}

// A fresh key in a slot on the move would split the counter.
static void what_is_taken_back_from_keys_not_declared_is_asked_for_first(void **state) {
    struct flush_call call = {0};
    struct flush_mark mark = mark_at(0, 10, 20);
    redisReply *reply;
    char before[64], after[64];
    purchase(&copies[0], "o1");
    purchase(&copies[1], "o2");
    assert_int_equal(flush_range(&d, 0, 10), FLUSH_APPLIED);
    purchase(&copies[LEAST], "o1");
    purchase(&copies[LEAST], "o2");
    digest(before);
    flush_encode(&call, &keys, 0, &sender, &mark, 1, &d);
    assert_int_equal(call_answer(&call, &reply), FLUSH_KEYS);
    digest(after);
    assert_string_equal(before, after);
    assert_int_equal(reply->elements, 3); // each once, and what is declared is not asked for
    assert_string_equal(reply->element[1]->str, "clm:{3560}:content:acme:instagram:a");
    assert_string_equal(reply->element[2]->str, "clm:{3560}:content:acme:instagram:b");
    flush_declare(&call, reply);
    freeReplyObject(reply);
    assert_int_equal(call_answer(&call, &reply), FLUSH_APPLIED);
    freeReplyObject(reply);
    assert_int_equal(call_answer(&call, &reply), FLUSH_REPEATED);
    freeReplyObject(reply);
    expect("2", "HGET clm:{3560}:acct:acme orders");
    expect("0", "HGET clm:{3560}:content:acme:instagram:a gross_micros");
    expect("0", "HGET clm:{3560}:content:acme:instagram:b gross_micros");
    flush_call_fini(&call);
}

static void the_same_event_beyond_the_dedup_span_is_a_copy(void **state) {
    for (int64_t i = 0; i < 3; i++) {
        purchase(&copies[LEAST], "o1");
        assert_int_equal(flush_range(&d, i, i + 1), FLUSH_APPLIED);
    }
    expect_least_copy_alone(3);
}

static void orders_are_told_apart_by_their_id(void **state) {
    purchase(&copies[0], "o1");
    purchase(&copies[1], "o2");
    assert_int_equal(flush_range(&d, 0, 10), FLUSH_APPLIED);
    expect("2", "HGET clm:{3560}:acct:acme orders");
    expect("", "HGET clm:{3560}:acct:acme order_copies");
    expect("2", "HLEN " ORDERS);
}

// What an expired bucket gave back must not come to life again.
static void a_take_back_from_an_expired_bucket_leaves_no_key(void **state) {
    purchase(&copies[0], "o1");
    assert_int_equal(flush_range(&d, 0, 10), FLUSH_APPLIED);
    redisReply *entry = ask("HKEYS " ORDERS);
    // The entry's own expiry, 4000000000, becomes one that has passed.
    tell("EVAL %s 1 " ORDERS " %s",
         "local v = redis.call('HGET', KEYS[1], ARGV[1]) return redis.call('HSET', KEYS[1], ARGV[1], "
         "(string.gsub(v, '4000000000', '1000000000')))",
         entry->element[0]->str);
    freeReplyObject(entry);
    tell("DEL clm:{3560}:top:acme:instagram:7200");
    struct delta_identity orders = identity(KEY_ORDERS, "", 0);
    struct delta_order *o = delta_order(&d, delta_key(&d, &orders, 0), slice_of("o1"));
    o->occurred_at_ms = 1;
    assert_int_equal(flush_range(&d, 10, 20), FLUSH_APPLIED);
    expect("0", "EXISTS clm:{3560}:top:acme:instagram:7200");
    expect("0", "HGET clm:{3560}:acct:acme orders");
}

static void a_wrong_type_under_orders_counts_the_order_and_is_a_fault(void **state) {
    tell("SET " ORDERS " x");
    purchase(&copies[0], "o1");
    assert_int_equal(flush_range(&d, 0, 10), FLUSH_APPLIED);
    assert_int_equal(answer.faults, 1);
    expect("1", "HGET clm:{3560}:acct:acme orders");
}

// ---- trimming

enum { OLD = 1000 };

static void trim_after(int64_t time_0_ms, int64_t time_1_ms, const char *left) {
    struct flush_mark marks[] = {mark_at(0, 10, 20), mark_at(1, 17, 20)};
    struct copy old = copies[0], new = copies[0];
    old.occurred_at_ms = OLD;
    purchase(&old, "old");
    assert_int_equal(flush_range(&d, 0, 10), FLUSH_APPLIED);
    marks[0].mark.time_ms = time_0_ms;
    marks[1].mark.time_ms = time_1_ms;
    new.occurred_at_ms = OLD + 97 * HOUR_MS;
    purchase(&new, "new");
    assert_int_equal(flush_marks(&d, marks, 2), FLUSH_APPLIED);
    expect(left, "HLEN " ORDERS);
}

static void an_entry_beyond_96_hours_of_every_mark_is_trimmed(void **state) {
    trim_after(OLD + 96 * HOUR_MS + 1, OLD + 97 * HOUR_MS, "1");
}

static void an_entry_of_just_96_hours_is_kept(void **state) {
    trim_after(OLD + 96 * HOUR_MS, OLD + 97 * HOUR_MS, "2");
}

static void an_entry_is_kept_while_one_mark_is_behind(void **state) {
    trim_after(OLD + 200 * HOUR_MS, OLD + 96 * HOUR_MS, "2");
}

// Its copy may still be in a partition that no worker has come to yet.
static void trim_with(const char *added_mark) {
    struct flush_mark mark = mark_at(0, 10, 20);
    struct copy old = copies[0];
    tell("HDEL clm:{3560}:mark 1");
    if (added_mark != NULL)
        tell("HSET clm:{3560}:mark 2 %s", added_mark);
    old.occurred_at_ms = OLD;
    purchase(&old, "old");
    assert_int_equal(flush_range(&d, 0, 10), FLUSH_APPLIED);
    mark.mark.time_ms = OLD + 200 * HOUR_MS;
    purchase(&copies[0], "new");
    assert_int_equal(flush_marks(&d, &mark, 1), FLUSH_APPLIED);
    expect("2", "HLEN " ORDERS);
}

static void nothing_is_trimmed_before_every_partition_has_a_mark(void **state) {
    trim_with(NULL);
}

static void a_mark_of_an_added_partition_is_none_of_those(void **state) {
    trim_with("1 5 4 00000000000000aa 999999999999");
}

// ---- readings

static const struct seen_reading {
    int64_t value, read_at_ms;
    unsigned char last;
} readings[] = {{100, 5000, 0xaa}, {70, 6000, 0x0a}, {9007199254740993, 6000, 0xaa}, {300, 4000, 0xff}};
enum { GREATEST = 2 };

static void read_value(const struct seen_reading *r, const char *content) {
    struct delta_identity subject = identity(KEY_CONTENT, content, 0), account = identity(KEY_ACCOUNT, "", 0);
    struct delta_identity platform = identity(KEY_PLATFORM, "", 0);
    uint32_t totals[] = {delta_key(&d, &account, 0), delta_key(&d, &platform, 0)};
    struct delta_reading *reading = delta_reading(&d, delta_key(&d, &subject, 0), slice_of("views"));
    reading->value = r->value;
    reading->read_at_ms = r->read_at_ms;
    memset(reading->event_id, 0xaa, 15);
    reading->event_id[15] = r->last;
    for (size_t i = 0; i < 2; i++) {
        reading->total_keys[reading->total_key_count++] = totals[i];
        delta_use(&d, totals[i]);
    }
}

static void readings_in_any_order_leave_the_greatest(void **state) {
    for (int n = 0; n < 24; n++) {
        int arrival[COPIES];
        permute(n, arrival);
        end(state);
        begin(state);
        read_value(&readings[0], "other");
        for (int i = 0; i < COPIES; i++) {
            read_value(&readings[arrival[i]], "c");
            if (i % 2 == 1)
                assert_int_equal(flush_range(&d, i - 1, i + 1), FLUSH_APPLIED);
        }
        assert_int_equal(answer.faults, 0);
        expect("9007199254740993", "HGET clm:{3560}:content:acme:instagram:c views.read");
        expect("6000", "HGET clm:{3560}:content:acme:instagram:c views.read_at");
        expect("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "HGET clm:{3560}:content:acme:instagram:c views.read_id");
        expect("9007199254741093", "HGET clm:{3560}:acct:acme views.read");
        expect("9007199254741093", "HGET clm:{3560}:platform:instagram views.read");
    }
}

// Times that no double tells apart, and such as differ in length.
static void readings_are_ordered_by_every_digit_of_their_time(void **state) {
    static const struct seen_reading late[] = {{7, 9007199254740993, 0x0a}, {8, 9007199254740992, 0xff}};
    static const struct seen_reading longer[] = {{7, 10000, 0x0a}, {8, 9999, 0xff}};
    for (int turn = 0; turn < 2; turn++) {
        end(state);
        begin(state);
        for (int64_t i = 0; i < 2; i++) {
            read_value(&late[i ^ turn], "late");
            read_value(&longer[i ^ turn], "longer");
            assert_int_equal(flush_range(&d, i, i + 1), FLUSH_APPLIED);
        }
        expect("7", "HGET clm:{3560}:content:acme:instagram:late views.read");
        expect("7", "HGET clm:{3560}:content:acme:instagram:longer views.read");
        expect("14", "HGET clm:{3560}:acct:acme views.read");
    }
}

static void an_equal_reading_changes_nothing(void **state) {
    struct seen_reading again = readings[0];
    again.value = 7;
    read_value(&readings[0], "c");
    read_value(&again, "c");
    assert_int_equal(flush_range(&d, 0, 10), FLUSH_APPLIED);
    expect("100", "HGET clm:{3560}:content:acme:instagram:c views.read");
    expect("100", "HGET clm:{3560}:acct:acme views.read");
}

static void a_reading_of_a_wrong_type_is_a_fault_and_moves_no_total(void **state) {
    tell("SET clm:{3560}:content:acme:instagram:c x");
    read_value(&readings[0], "c");
    assert_int_equal(flush_range(&d, 0, 10), FLUSH_APPLIED);
    assert_int_equal(answer.faults, 1);
    expect("100", "HGET clm:{3560}:faults %s", "[\"clm:{3560}:content:acme:instagram:c\",\"views.read\"]");
    expect("0", "EXISTS clm:{3560}:acct:acme");
}

// ---- expiry

static void the_latest_expiry_holds_in_any_order(void **state) {
    static const int64_t expiries[][2] = {{4000000000, 4000003600}, {4000003600, 4000000000}};
    struct delta_identity series = identity(KEY_SERIES, "", 7200);
    for (size_t row = 0; row < 2; row++) {
        end(state);
        begin(state);
        for (int64_t i = 0; i < 2; i++) {
            delta_add(&d, &series, expiries[row][i], field_counter(COUNTER_OF_LIKE), 1);
            assert_int_equal(flush_range(&d, i, i + 1), FLUSH_APPLIED);
        }
        expect("4000003600", "EXPIRETIME clm:{3560}:series:acme:instagram:7200");
    }
}

static void an_expiry_that_has_passed_leaves_no_key(void **state) {
    struct delta_identity series = identity(KEY_SERIES, "", 7200);
    delta_add(&d, &series, 1000000000, field_counter(COUNTER_OF_LIKE), 1);
    assert_int_equal(flush_range(&d, 0, 10), FLUSH_APPLIED);
    expect("0", "EXISTS clm:{3560}:series:acme:instagram:7200");
}

// ---- malformed

#define HEAD                                                                                                 \
    "FCALL clameur_flush_v1 5 clm:{3560}:meta clm:{3560}:mark clm:{3560}:faults clm:{3560}:rules "           \
    "clm:{3560}:acct:acme "
#define START HEAD DEPLOYMENT " 1 %s 1 %s"
#define CALL  START " 1 0 1 0 10 9 abcdef 1 H 5 0 1 likes 5 "
#define RANK  "0000000000005000aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static void malformed_arguments_change_nothing(void **state) {
    static const char *const calls[] = {
        HEAD DEPLOYMENT,
        START,
        START " x",
        START " -1",
        START " 1 0 1 0 10 9 abcdef",
        START " 2 0 1 0 10 9 abcdef 1",
        START " 1 0 x 0 10 9 abcdef 1",
        START " 1 0 1 0 1e1 9 abcdef 1",
        START " 1 x 1 0 10 9 abcdef 1",
        START " 1 0 1 0 10 9 abcdef x",
        START " 1 0 1 0 -10 9 abcdef 1",
        START " 1 0 1 0 10 9 wxyz 1",
        CALL "X 4 0 1 likes 5",
        CALL "G 4 1 1 likes 5",
        CALL "G 6 1 1 likes 5",
        CALL "G 5 2 1 likes 5 5",
        CALL "G 5 1 1 likes",
        CALL "G 5 1 2 likes 5",
        CALL "G 5 1 2 likes views 5",
        CALL "G 5 1 2 likes views 5 x",
        CALL "G 5 1 1 likes 5 5",
        CALL "G 5 0.5 1 likes 5",
        CALL "G 5 inf 1 likes 5",
        CALL "G 5 0 inf likes 5",
        CALL "G 5 1 -1 likes 5",
        CALL "G 5 1",
        CALL "G 5 1 1 likes 5.5",
        CALL "G 5 1 1 likes -",
        CALL "H 6 0 1 likes 5",
        CALL "H 0 0 1 likes 5",
        CALL "H 4 0 1 0 5", // the rules are not an operation's
        CALL "H 5 0 1 likes",
        CALL "H 5 0 2 likes 5",
        CALL "H 5 0 0.5 likes 5",
        CALL "H 5 0 -1",
        CALL "H 5 0 inf",
        CALL "H 5 x 1 likes 5",
        CALL "H 5 0 1 likes 5.5",
        CALL "H 5 0 1 likes x",
        CALL "Z 5 0 1 member nan",
        CALL "P 5 0 2 element",
        CALL "P 5 x 1 element",
        CALL "R 5 views 7 5000",
        CALL "R 5 views x 5000 aa 0",
        CALL "R 5 views 7 x aa 0",
        CALL "R 5 views 7 5000 aa 1",
        CALL "R 5 views 7 5000 aa 1 9",
        CALL "O 5 hash short 0 0",
        CALL "O 5 hash " RANK " 1",
        CALL "O 5 hash " RANK " 1 9 0",
        CALL "O 5 hash " RANK " 0 1 H 5 0 likes",
        CALL "O 5 hash " RANK " 0 1 P 5 0 likes 5",
        CALL "O 5 hash " RANK " 0 1 H 9 0 likes 5",
        CALL "O 5 hash " RANK " 0 1 H 5 x likes 5",
        CALL "O 5 hash " RANK " 0 1 H 5 0 likes x",
    };
    char before[64], after[64];
    digest(before);
    for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
        redisReply *reply = ask(calls[i], "0 00000000000000aa", "0 00000000000000bb");
        if (reply->type != REDIS_REPLY_ERROR)
            fail_msg("taken: %s", calls[i]);
        flush_parse(&answer, reply);
        assert_int_equal(answer.verdict, FLUSH_REFUSED);
        freeReplyObject(reply);
    }
    digest(after);
    assert_string_equal(before, after);
    redisReply *reply =
        ask(CALL, "0 00000000000000aa", "0 00000000000000bb"); // and without the flaw it passes
    flush_parse(&answer, reply);
    assert_int_equal(answer.verdict, FLUSH_APPLIED);
    freeReplyObject(reply);
}

int main(void) {
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, begin, end)
        T(copies_in_any_order_and_any_cut_leave_the_least_one_counted),
        T(what_is_taken_back_from_keys_not_declared_is_asked_for_first),
        T(the_same_event_beyond_the_dedup_span_is_a_copy),
        T(orders_are_told_apart_by_their_id),
        T(a_take_back_from_an_expired_bucket_leaves_no_key),
        T(a_wrong_type_under_orders_counts_the_order_and_is_a_fault),
        T(an_entry_beyond_96_hours_of_every_mark_is_trimmed),
        T(an_entry_of_just_96_hours_is_kept),
        T(an_entry_is_kept_while_one_mark_is_behind),
        T(nothing_is_trimmed_before_every_partition_has_a_mark),
        T(a_mark_of_an_added_partition_is_none_of_those),
        T(readings_in_any_order_leave_the_greatest),
        T(readings_are_ordered_by_every_digit_of_their_time),
        T(an_equal_reading_changes_nothing),
        T(a_reading_of_a_wrong_type_is_a_fault_and_moves_no_total),
        T(the_latest_expiry_holds_in_any_order),
        T(an_expiry_that_has_passed_leaves_no_key),
        T(malformed_arguments_change_nothing),
    };
    return cmocka_run_group_tests(tests, redis_begin, redis_end);
}
