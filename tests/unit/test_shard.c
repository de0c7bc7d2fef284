// The state machine of one shard, and how its marks move.
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "ingest/shard.h"

static struct shard s;
static struct key_space space;
static struct rules version = {.version = 1, .hash = "00000000000000aa"};
static const struct rules_book book = {.versions = &version, .count = 1};
static const struct key_version key_1;
static const struct flush_sender sender = {"d", &book, &key_1, 1};

static int begin(void **state) {
    key_space_init(&space, "clm", 1);
    shard_init(&s, 0);
    return 0;
}

static int end(void **state) {
    shard_fini(&s);
    return 0;
}

static struct mark mark_of(int64_t epoch, int64_t next) {
    return (struct mark){epoch, next, next - 1, (uint64_t)next * 3, next * 1000};
}

static void fold(int64_t value) {
    struct delta_identity key = {.family = KEY_ACCOUNT, .account = slice_of("acme")};
    delta_identify(&key, 1, 0);
    delta_add(&s.delta, &key, 0, field_counter(COUNTER_OF_LIKE), value);
    s.delta.events++;
    s.delta.platforms[1]++;
}

static void place(int32_t partition, int64_t epoch, int64_t next) {
    struct mark mark = mark_of(epoch, next);
    shard_place(&s, partition, &mark);
}

static void seal_at(int64_t next) {
    struct shard_position position = {0, mark_of(0, next)};
    shard_seal(&s, &space, &sender, &position, 1, 7, 1000);
}

// Runs the body in a child, which a CHECK must end.
static void dies(void (*body)(void)) {
    int status;
    pid_t child = fork();
    if (child == 0) {
        freopen("/dev/null", "w", stderr);
        signal(SIGABRT, SIG_DFL);
        body();
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
}

static void a_record_is_taken_from_the_mark_on_by_claimed_slots_alone(void **state) {
    assert_false(shard_takes(&s, 0, 10));
    place(0, 1, 10);
    assert_false(shard_takes(&s, 0, 9));
    assert_true(shard_takes(&s, 0, 10));
    assert_false(shard_takes(&s, 1, 10));
    assert_false(shard_takes(&s, PARTITIONS_MAX - 1, 10));
    (void)shard_slot(&s, 1);
    assert_false(shard_takes(&s, 1, 10));
}

static void a_dropped_shard_takes_nothing_until_its_marks_are_read_again(void **state) {
    place(0, 1, 10);
    fold(1);
    uint64_t era = s.era;
    assert_int_equal(shard_drop(&s), 1);
    assert_true(s.stale);
    assert_int_equal(s.era, era + 1);
    assert_true(delta_is_empty(&s.delta));
    assert_false(shard_takes(&s, 0, 10));
    s.stale = false;
    place(0, 1, 5);
    assert_true(shard_takes(&s, 0, 5));
}

static void a_seal_moves_from_what_redis_holds_to_where_reading_stands(void **state) {
    place(0, 4, 10);
    fold(3);
    s.first_fold_ms = 900;
    seal_at(30);
    assert_int_equal(s.state, SHARD_SEALED);
    assert_int_equal(s.sealed_count, 1);
    assert_int_equal(s.sealed[0].partition, 0);
    assert_int_equal(s.sealed[0].from, 10);
    assert_int_equal(s.sealed[0].mark.next, 30);
    assert_int_equal(s.sealed[0].mark.last, 29);
    assert_int_equal(s.sealed[0].mark.epoch, 4); // the claim's, not the position's
    assert_int_equal(s.sealed[0].mark.fingerprint, 90);
    assert_int_equal(s.sealed_events, 1);
    assert_int_equal(s.sealed_ops, 1);
    assert_int_equal(s.sealed_platforms[1], 1);
    assert_int_equal(s.letters, 7);
    assert_int_equal(s.sealed_fold_ms, 900);
    assert_int_equal(s.first_fold_ms, 0);
    assert_true(delta_is_empty(&s.delta));
    assert_int_equal(s.slots[0].acked.next, 10); // not before the answer
    s.state = SHARD_SENT;
    shard_acknowledge(&s);
    assert_int_equal(s.state, SHARD_IDLE);
    assert_int_equal(s.slots[0].acked.next, 30);
    seal_at(30);
    assert_int_equal(s.sealed[0].from, 30);
    assert_int_equal(s.sealed[0].mark.next, 30);
}

// As the function keeps it: what the mark is held against, when its partition is read again.
static void a_mark_that_moves_over_no_record_names_the_last_one_still(void **state) {
    place(0, 4, 10);
    struct shard_position markers_alone = {0, {.next = 30, .last = -1}};
    shard_seal(&s, &space, &sender, &markers_alone, 1, 0, 1000);
    s.state = SHARD_SENT;
    shard_acknowledge(&s);
    const struct mark *acked = &s.slots[0].acked;
    assert_int_equal(acked->next, 30);
    assert_int_equal(acked->epoch, 4);
    assert_int_equal(acked->last, 9);
    assert_int_equal(acked->fingerprint, 30);
    assert_int_equal(acked->time_ms, 10000);
}

static void what_is_folded_while_a_call_is_under_way_is_not_in_it(void **state) {
    place(0, 1, 10);
    fold(1);
    seal_at(20);
    size_t length = s.call.length;
    fold(2);
    fold(3);
    assert_int_equal(s.call.length, length);
    assert_int_equal(s.sealed_events, 1);
    assert_int_equal(s.delta.events, 2);
    assert_int_equal(shard_drop(&s), 3); // both are read again
}

// After a rewind for another shard: nothing that was folded is folded again, and no mark goes back.
static void a_kept_shard_skips_what_it_has_and_its_mark_never_goes_back(void **state) {
    struct mark reached = mark_of(0, 50), behind = mark_of(0, 20);
    place(0, 1, 10);
    fold(1);
    shard_keep(&s, 0, &reached);
    assert_false(shard_takes(&s, 0, 49));
    assert_true(shard_takes(&s, 0, 50));
    shard_keep(&s, 0, &behind);
    assert_false(shard_takes(&s, 0, 49));
    seal_at(20); // reading has gone back
    assert_int_equal(s.sealed[0].from, 10);
    assert_int_equal(s.sealed[0].mark.next, 50);
    assert_int_equal(s.sealed[0].mark.last, 49);
    s.state = SHARD_SENT;
    shard_acknowledge(&s);
    seal_at(30);
    assert_int_equal(s.sealed[0].mark.next, 50);
}

static void a_seal_leaves_out_what_is_not_claimed(void **state) {
    struct shard_position positions[] = {{0, mark_of(0, 20)}, {3, mark_of(0, 30)}, {5, mark_of(0, 40)}};
    place(0, 1, 10);
    place(5, 2, 40);
    shard_seal(&s, &space, &sender, positions, 3, 0, 0);
    assert_int_equal(s.sealed_count, 2);
    assert_int_equal(s.sealed[1].partition, 5);
    assert_int_equal(s.sealed[1].mark.epoch, 2);
}

static void a_drop_while_sent_gives_back_both_tables(void **state) {
    place(0, 1, 10);
    fold(1);
    seal_at(20);
    s.state = SHARD_SENT;
    fold(1);
    assert_int_equal(shard_drop(&s), 2);
    assert_int_equal(s.state, SHARD_IDLE);
    assert_int_equal(s.slots[0].acked.next, 10);
    assert_int_equal(shard_drop(&s), 0);
}

static void seal_twice(void) {
    place(0, 1, 10);
    seal_at(20);
    seal_at(20);
}

static void seal_stale(void) {
    place(0, 1, 10);
    shard_drop(&s);
    seal_at(20);
}

// Redis would take it for a repetition: the events would be lost.
static void seal_events_without_moving(void) {
    place(0, 1, 10);
    fold(1);
    seal_at(10);
}

static void seal_events_without_marks(void) {
    fold(1);
    seal_at(10);
}

static void acknowledge_unsent(void) {
    place(0, 1, 10);
    seal_at(20);
    shard_acknowledge(&s);
}

static void transitions_that_do_not_exist_are_bugs(void **state) {
    dies(seal_twice);
    dies(seal_stale);
    dies(seal_events_without_moving);
    dies(seal_events_without_marks);
    dies(acknowledge_unsent);
}

int main(void) {
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, begin, end)
        T(a_record_is_taken_from_the_mark_on_by_claimed_slots_alone),
        T(a_dropped_shard_takes_nothing_until_its_marks_are_read_again),
        T(a_seal_moves_from_what_redis_holds_to_where_reading_stands),
        T(a_mark_that_moves_over_no_record_names_the_last_one_still),
        T(what_is_folded_while_a_call_is_under_way_is_not_in_it),
        T(a_kept_shard_skips_what_it_has_and_its_mark_never_goes_back),
        T(a_seal_leaves_out_what_is_not_claimed),
        T(a_drop_while_sent_gives_back_both_tables),
        T(transitions_that_do_not_exist_are_bugs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
