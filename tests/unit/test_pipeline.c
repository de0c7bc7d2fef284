// What happens to a worker, in any order, and every event counted once.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "pipeline_world.h"

static void dump(int from, int to) {
    redisReply *names;
    tell("SELECT %d", to);
    tell("FLUSHDB");
    tell("SELECT %d", from);
    names = ask("KEYS *");
    for (size_t i = 0; i < names->elements; i++)
        tell("COPY %s %s DB %d", names->element[i]->str, names->element[i]->str, to);
    freeReplyObject(names);
    tell("SELECT 0");
}

// ---- one thing at a time

static void a_fence_does_not_let_marks_pass_what_was_dropped(void **state) {
    assign(0);
    assign(1);
    log_end = 100;
    turns(60);
    expect_exact(100);
    log_end = 140;
    turns(5);
    another_claims(0);    // what has been folded is dropped
    bounds_known = false; // claimed again, but reading waits for Kafka, while heartbeats go on
    turns(300);
    assert_false(p->owned[0]->fenced);
    assert_false(p->owned[0]->begun);
    take_away(0, true);
    settle(200);
}

static void assign_both(void) {
    struct source_position positions[] = {{0, SOURCE_START_UNKNOWN}, {1, SOURCE_START_UNKNOWN}};
    ownership_events.assigned(p, positions, PARTITIONS);
    for (int32_t i = 0; i < PARTITIONS; i++) {
        reading_at[i] = positions[i].offset;
        owned[i] = true;
    }
}

static void the_bounds_of_all_logs_are_one_question__goes_red_if_each_is_one(void **state) {
    assign_both();
    assert_int_equal(questions, 1);
    assert_true(p->owned[0]->begun && p->owned[1]->begun);
    log_end = 100;
    turns(60);
    settle(150);
    assert_int_equal(questions, 1);
}

// What was said of the log before another worker went on in it: by that, its marks would lie past the end.
static void bounds_are_asked_for_each_time__goes_red_if_they_are_remembered(void **state) {
    assign_both();
    log_end = 100;
    turns(60);
    another_claims(0);
    turns(300);
    assert_true(p->owned[0]->begun);
    another_claims(0);
    bounds_known = false;
    turns(300);
    assert_false(p->owned[0]->fenced);
    assert_false(p->owned[0]->begun);
    bounds_known = true;
    settle(150);
}

// Whichever of them it is: the other is read, and it itself once it has a leader.
static void one_without_a_leader_holds_up_no_other__goes_red_if_all_are_asked_again(void **state) {
    for (leaderless = 0; leaderless < PARTITIONS; leaderless++) {
        end(state);
        int32_t without = leaderless;
        begin(state);
        leaderless = without;
        assign_both();
        assert_false(p->owned[0]->begun || p->owned[1]->begun);
        log_end = 60;
        turns(3000);
        assert_true(p->owned[1 - without]->begun);
        assert_false(p->owned[without]->begun);
        leaderless = -1;
        log_end = 100;
        turns(3000);
        settle(150);
        leaderless = without;
    }
}

static void a_claim_answered_late_goes_back_for_its_shard(void **state) {
    fates[1] = HELD;
    assign(0);
    assign(1);
    log_end = 150;
    turns(100);
    settle(200);
}

// Three shards with marks far apart, the middle one answering when reading has passed its mark.
static void a_late_shard_between_two_marks_is_no_other_log(void **state) {
    assign(0);
    assign(1);
    log_end = 10;
    turns(60);
    fates[0] = fates[1] = HELD;
    log_end = 100;
    turns(60);
    fates[1] = DELIVERED;
    turns(60);
    fates[1] = HELD;
    log_end = 180;
    turns(60);
    take_away(0, true);
    take_away(1, true);
    fates[0] = DELIVERED;
    fates[1] = UNSENT;
    loop_turn(NULL, 0);
    log_end = 0;
    assign(0);
    assign(1);
    log_end = 110;
    turns(40);
    settle(250);
}

static void a_dump_from_before_the_claims_is_counted_again(void **state) {
    dump(0, 1);
    assign(0);
    assign(1);
    log_end = 100;
    turns(60);
    dump(1, 0);
    settle(150);
}

static void shard_empty(uint32_t shard) {
    redisReply *names = ask("KEYS clm:{%s}:*", keys.tags[shard]);
    for (size_t i = 0; i < names->elements; i++)
        tell("DEL %s", names->element[i]->str);
    freeReplyObject(names);
}

// The marks are read from a shard that has none: it is not one that stands at its beginning, which the log
// has no more.
static void emptied_while_its_marks_are_read(void) {
    assign(0);
    assign(1);
    log_end = 100;
    turns(60);
    log_first = 80;
    dump(0, 1);
    shard_empty(0);
    flush_drop(p, &p->shards[0]);
}

static void a_shard_that_lost_everything_stops_the_worker_and_moves_no_reading(void **state) {
    emptied_while_its_marks_are_read();
    stop_code = "CLM-M1";
    for (int i = 0; i < 100 && !p->stopping; i++)
        turn();
    assert_true(p->stopping);
    assert_int_equal(reading_at[0], 100);
}

static void put_back_before_its_marks_are_asked_for_again_it_goes_on(void **state) {
    emptied_while_its_marks_are_read();
    while (!p->shards[0].claiming)
        turn();
    dump(1, 0);
    turns(100);
    assert_int_equal(reading_at[0], 100);
    settle(150);
}

// The mirror still knows persons that Redis has forgotten.
static void an_older_dump_between_two_ownerships_brings_every_person_again(void **state) {
    assign(0);
    dump(0, 1);
    log_end = 100;
    turns(60);
    take_away(0, false);
    dump(1, 0);
    settle(100);
}

// A flush is under way when the log's end moves past what is no record: the drain waits for that too.
static void a_drain_ends_when_every_mark_is_where_reading_stands(void **state) {
    assign(0);
    log_end = 8;
    turns(1);
    fates[0] = HELD;
    turns(20);
    assert_int_equal(p->shards[0].state, SHARD_SENT);
    log_end = 9;
    turns(1);
    assert_int_equal(p->owned[0]->position.next, 9);
    assert_false(flush_all(p, now_ms + 100));
    fates[0] = DELIVERED;
    assert_true(flush_all(p, now_ms + 100));
    for (int i = 0; i < SHARDS; i++)
        assert_int_equal(p->shards[i].slots[0].acked.next, 9);
}

static void an_older_dump_behind_an_idle_worker_is_found(void **state) {
    assign(0);
    assign(1);
    log_end = 60;
    turns(60);
    dump(0, 1);
    log_end = 120;
    turns(60);
    expect_exact(120);
    dump(1, 0);
    settle(120);
}

// The shards go back to unequal marks, one after the other, behind where the partition was begun; and the
// seek has to wait. Goes red where a place to go back to is kept as one that has been read.
static void an_older_dump_with_unequal_marks_loses_nothing_while_the_seek_waits(void **state) {
    assign(0);
    log_end = 10;
    turns(60);
    fates[0] = HELD;
    log_end = 30;
    turns(60);
    dump(0, 1); // the first shard is behind
    fates[0] = DELIVERED;
    log_end = 60;
    turns(60);
    take_away(0, false);
    assign(0);
    log_end = 70;
    turns(60);
    bounds_known = false;
    dump(1, 0);
    turns(300);
    settle(150);
}

static void revoked_with_a_shard_that_does_not_answer_nothing_is_lost(void **state) {
    assign(0);
    assign(1);
    log_end = 100;
    turns(20);
    fates[2] = UNANSWERED;
    turns(3);
    take_away(0, false);
    turns(3);
    settle(200);
}

static void nothing_is_flushed_for_a_fenced_partition_before_the_group_confirms(void **state) {
    assign(0);
    log_end = 100;
    turns(60);
    another_claims(0);
    commits_accepted = false;
    turns(400);
    assert_true(p->owned[0]->fenced);
    expect("2 100 99 *", "EVAL %s 1 clm:{%s}:mark",
           "return string.gsub(redis.call('HGET', KEYS[1], '0'), '(%d+ %d+ %d+).*', '%1 *')", keys.tags[0]);
    settle(200);
}

// A shard that loads a dump says nothing of its marks: they are not lost, and nothing is to be claimed anew,
// for another worker may have claimed it since.
static void marks_that_are_not_told_are_not_lost__goes_red_if_an_error_holds_no_marks(void **state) {
    assign(0);
    log_end = 100;
    turns(60);
    commits_accepted = false;
    fates[0] = REFUSED;
    flush_drop(p, &p->shards[0]);
    turns(30);
    another_claims(0);
    fates[0] = DELIVERED;
    turns(100);
    assert_true(p->owned[0]->fenced);
    expect("2 100 99 *", "EVAL %s 1 clm:{%s}:mark",
           "return string.gsub(redis.call('HGET', KEYS[1], '0'), '(%d+ %d+ %d+).*', '%1 *')", keys.tags[0]);
    settle(200);
}

// ---- everything at once

static uint64_t random_state;

static uint32_t random_below(uint32_t limit) {
    random_state = hash_integer(random_state + 1);
    return (uint32_t)(random_state % limit);
}

static void misfortune(void) {
    int32_t partition = (int32_t)random_below(PARTITIONS);
    switch (random_below(10)) {
    case 0:
    case 1:
        fates[random_below(SHARDS)] = (enum fate)random_below(5);
        return;
    case 2:
        for (int i = 0; i < SHARDS; i++)
            fates[i] = (enum fate)random_below(5);
        return;
    case 3:
        if (owned[partition])
            take_away(partition, random_below(2) == 0);
        else
            assign(partition);
        return;
    case 4:
        another_claims(partition);
        return;
    case 5:
        dump(0, 1);
        return;
    case 6:
        if (random_below(3) == 0)
            dump(1, 0);
        return;
    case 7:
        bounds_known = !bounds_known;
        return;
    case 8:
        away[random_below(SHARDS)] = random_below(2) == 0;
        return;
    default:
        commits_accepted = !commits_accepted;
        return;
    }
}

static void whatever_happens_every_event_counts_once(void **state) {
    const char *chosen = getenv("SEED");
    uint64_t first = chosen != NULL ? strtoull(chosen, NULL, 10) : 1, last = chosen != NULL ? first : 150;
    for (uint64_t seed = first; seed <= last; seed++) {
        print_message("seed %llu\n", (unsigned long long)seed);
        end(state);
        begin(state);
        random_state = seed * 1000003;
        routed = seed % 2 == 0; // then a shard that is full while it is away is left out
        startup.basis.settings.redis_flush_max_ops = routed ? 12 : 4000;
        dump(0, 1);
        for (int step = 0; step < 60; step++) {
            misfortune();
            if (log_end < LOG - 50)
                log_end += random_below(12);
            turns((int)random_below(25));
            expect_balance();
        }
        settle(LOG);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, begin, end)
        T(a_fence_does_not_let_marks_pass_what_was_dropped),
        T(the_bounds_of_all_logs_are_one_question__goes_red_if_each_is_one),
        T(bounds_are_asked_for_each_time__goes_red_if_they_are_remembered),
        T(one_without_a_leader_holds_up_no_other__goes_red_if_all_are_asked_again),
        T(a_claim_answered_late_goes_back_for_its_shard),
        T(a_late_shard_between_two_marks_is_no_other_log),
        T(a_dump_from_before_the_claims_is_counted_again),
        T(a_shard_that_lost_everything_stops_the_worker_and_moves_no_reading),
        T(put_back_before_its_marks_are_asked_for_again_it_goes_on),
        T(an_older_dump_between_two_ownerships_brings_every_person_again),
        T(a_drain_ends_when_every_mark_is_where_reading_stands),
        T(an_older_dump_behind_an_idle_worker_is_found),
        T(an_older_dump_with_unequal_marks_loses_nothing_while_the_seek_waits),
        T(revoked_with_a_shard_that_does_not_answer_nothing_is_lost),
        T(marks_that_are_not_told_are_not_lost__goes_red_if_an_error_holds_no_marks),
        T(nothing_is_flushed_for_a_fenced_partition_before_the_group_confirms),
        T(whatever_happens_every_event_counts_once),
    };
    return cmocka_run_group_tests(tests, world_begin, world_end);
}
