// What happens to a worker, in any order, and every event counted once.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "pipeline_world.h"

static void another_claims(int32_t partition) {
    struct flush_claimed claimed;
    for (uint32_t i = 0; i < SHARDS; i++)
        assert_int_equal(claim_on(i, &partition, 1, &claimed), FLUSH_APPLIED);
}

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

// ---- dead letters

static void no_flush_goes_ahead_of_the_letters_it_covers(void **state) {
    spoiled = 10;
    assign(0);
    log_end = 30;
    turns(200);
    assert_int_equal(p->tally.rejected, 1);
    assert_int_equal(reading_lowest(p, 0), 0);
    letters_settled = letters_sent;
    turns(200);
    assert_int_equal(reading_lowest(p, 0), 30);
    expect_balance();
}

static void full_of_letters_it_takes_no_further_record_of_a_poll_and_loses_none(void **state) {
    foreign_to = 60;
    letters_bound = 2;
    assign(0);
    assign(1);
    log_end = 120;
    for (int i = 0; i < 600; i++) {
        turn();
        assert_in_range(letters_sent - letters_settled, 0, letters_bound + 1);
        expect_balance();
        if (i % 3 == 0)
            letters_settled = letters_sent;
    }
    assert_int_equal(letters_sent, PARTITIONS * (60 - 60 / 9));
    assert_int_equal(p->tally.rejected, letters_sent);
    for (int32_t i = 0; i < PARTITIONS; i++)
        assert_int_equal(reading_lowest(p, i), 120);
}

// A few hundred kilobytes of them would come to two million letters and gigabytes of decoded events.
static void a_poll_of_the_largest_batches_is_bounded_by_events_letters_and_bytes(void **state) {
    enum { COUNT = 32, EVENTS = 65535 };
    static unsigned char batch[EVENTS * 3];
    struct record records[COUNT];
    foreign_to = LOG;
    assign(0);
    turn();
    for (size_t i = 0; i < EVENTS; i++)
        memcpy(batch + 3 * i, "\xfa\x07", 3); // an event of no bytes
    for (int i = 0; i < COUNT; i++)
        records[i] =
            (struct record){0, i, FIXTURE_TIME_MS + i, {NULL, 0}, {(const char *)batch, sizeof(batch)}};
    p->batch_records = BATCH_RECORDS;
    assert_int_equal(records_process(p, records, COUNT), 5);
    assert_int_equal(letters_sent, 5 * EVENTS);
    assert_int_equal(p->owned[0]->position.next, 5);
    assert_int_equal(p->batch_records, 1);
    assert_in_range(arena_peak, 0, EVENTS * sizeof(struct event) + (2 << 20)); // one record's
    assert_in_range(arena_held(&p->arena), 0, 16 << 20);
    letters_bound = 5 * EVENTS + 50000;
    assert_int_equal(records_process(p, records + 5, COUNT - 5), 1);
    assert_int_equal(letters_sent, 6 * EVENTS);
    assert_int_equal(p->owned[0]->position.next, 6);
    expect_balance();
}

// A batch of likes, each of its own content.
static size_t write_batch(unsigned char *out, int number, int events) {
    size_t length = 0;
    for (int i = 0; i < events; i++) {
        char id[32], content[32];
        Clameur__V1__Event m = plain_event();
        snprintf(id, sizeof(id), "%08d%08d", number, i);
        snprintf(content, sizeof(content), "post-%d", i);
        m.event_id = text_of(id); // 16 digits
        m.content_id = text_of(content);
        size_t size = clameur__v1__event__get_packed_size(&m);
        assert_in_range(size, 1, 127);
        memcpy(out + length, (unsigned char[]){0xfa, 0x07, (unsigned char)size}, 3);
        length += 3 + clameur__v1__event__pack(&m, out + length + 3);
    }
    return length;
}

// A table is sealed between records, so none is folded into one that is large already, wherever in a chunk it
// stands.
static void a_turn_ends_where_a_table_is_worth_many_flushes(void **state) {
    enum { COUNT = 8, EVENTS = 200 };
    static unsigned char batches[COUNT][EVENTS * 80];
    struct record records[COUNT];
    startup.basis.settings.redis_flush_max_ops = 4;
    assign(0);
    turns(5);
    int64_t first = p->owned[0]->position.next;
    for (int i = 0; i < COUNT; i++) {
        size_t length = write_batch(batches[i], i, EVENTS);
        records[i] =
            (struct record){0, first + i, FIXTURE_TIME_MS + i, {NULL, 0}, {(const char *)batches[i], length}};
    }
    assert_int_equal(records_process(p, records, COUNT), 1);
    assert_int_equal(p->owned[0]->position.next, first + 1);
    assert_int_equal(p->tally.in_flight, EVENTS);
    startup.basis.settings.redis_flush_max_ops = 4000;
    assert_int_equal(records_process(p, records + 1, COUNT - 1), COUNT - 1);
    assert_int_equal(p->tally.in_flight, COUNT * EVENTS);
    expect_balance();
}

static void what_is_read_again_is_not_refused_again(void **state) {
    spoiled = 20;
    assign(0);
    log_end = 30;
    turns(10);
    letters_settled = letters_sent;
    turns(200);
    another_claims(0);
    turns(400);
    assert_true(p->owned[0]->position.next == 30 && p->tally.replayed > 0);
    assert_int_equal(p->tally.rejected, 1);
    assert_int_equal(letters_sent, 1);
    expect_balance();
}

static void a_partition_beyond_what_can_be_counted_stops_the_worker(void **state) {
    const int32_t beyond = PARTITIONS_MAX;
    struct source_position positions[] = {{0, SOURCE_START_UNKNOWN}, {beyond, 5}};
    stop_code = "CLM-M6";
    ownership_events.assigned(p, positions, 2);
    owned[0] = true;
    assert_true(p->stopping);
    assert_int_equal(p->owned_count, 1);
    assert_int_equal(positions[1].offset, SOURCE_START_UNKNOWN); // nothing is read of it
    ownership_events.ended(p, beyond, 7);
    ownership_events.revoked(p, &beyond, 1, true);
}

static void breaker_on(void) {
    startup.basis.settings.dlq_breaker = true;
    breaker_open(p);
    startup.basis.settings.dlq_breaker = false;
}

static void nothing_is_counted_or_dead_lettered_of_a_topic_of_something_else(void **state) {
    breaker_on();
    foreign_to = LOG - 100; // and a hundred events: more than half are foreign
    assign(0);
    assign(1);
    log_end = LOG;
    turns(100); // all is read, and the letters wait
    assert_true(letters_withheld && letters_sent > 500);
    expect_balance();
    turns(300);
    assert_int_equal(p->breaker.state, BREAKER_TRIPPED);
    assert_int_equal(letters_sent, 0);
    assert_int_equal(p->tally.rejected + p->tally.counted + p->tally.in_flight, 0);
    expect_balance();
    for (int32_t i = 0; i < PARTITIONS; i++)
        assert_int_equal(reading_lowest(p, i), 0);
    assert_true(flush_all(p, now_ms + 100)); // a stop waits for nothing
    assert_int_equal(p->tally.counted, 0);
}

static void a_quiet_topic_is_judged_by_what_there_is_before_its_partitions_go(void **state) {
    breaker_on();
    foreign_to = 80;
    assign(0);
    assign(1);
    log_end = 80;
    turns(20);
    take_away(0, false);
    assert_int_equal(p->breaker.state, BREAKER_TRIPPED);
    assert_int_equal(letters_sent, 0);
    assert_int_equal(reading_lowest(p, 1), 0);
    expect_balance();
}

static void withheld_letters_hold_the_marks_until_they_are_sent(void **state) {
    breaker_on();
    spoiled = 10;
    assign(0);
    log_end = 30;
    turns(100);
    assert_true(letters_withheld && letters_sent == 1);
    int64_t folded = 0;
    for (size_t i = 0; i < SHARDS; i++)
        folded += p->shards[i].sealed_events + p->shards[i].delta.events;
    assert_int_equal(p->tally.in_flight, 1 + folded);
    assert_int_equal(reading_lowest(p, 0), 0);
    turns(200); // too few messages to judge by: the letter is sent, the next one withheld again
    assert_int_equal(p->breaker.state, BREAKER_WATCHING);
    assert_true(letters_withheld);
    assert_int_equal(p->tally.rejected, 1);
    assert_int_equal(reading_lowest(p, 0), 0);
    letters_settled = letters_sent;
    turns(200);
    assert_int_equal(reading_lowest(p, 0), 30);
    expect_balance();
    foreign_to = 90; // 60 foreign ones among more than a hundred
    log_end = LOG;
    turns(400);
    assert_int_equal(p->breaker.state, BREAKER_WATCHING);
    letters_settled = letters_sent;
    assign(1);
    turns(400);
    assert_int_equal(p->breaker.state, BREAKER_PASSED);
    assert_false(letters_withheld);
    letters_settled = letters_sent;
    turns(400);
    assert_int_equal(reading_lowest(p, 0), LOG);
    expect_balance();
}

// ---- another log

// Counted up to 100, taken away, and given back.
static void counted_and_taken_away(void) {
    assign(0);
    log_end = 100;
    turns(60);
    assert_int_equal(reading_lowest(p, 0), 100);
    take_away(0, false);
    log_end = 120;
}

static void given_back_it_stops(const char *code) {
    int64_t counted = p->tally.counted;
    stop_code = code;
    assign(0);
    for (int i = 0; i < 100 && !p->stopping; i++)
        turn();
    assert_true(p->stopping);
    assert_int_equal(p->tally.counted, counted);
}

static void a_log_that_begins_past_the_mark_stops_the_worker(void **state) {
    counted_and_taken_away();
    log_first = 101;
    given_back_it_stops("CLM-M2");
}

static void a_log_that_ends_before_the_mark_stops_the_worker(void **state) {
    counted_and_taken_away();
    log_last = 99;
    given_back_it_stops("CLM-M3");
}

static void another_record_before_the_mark_stops_the_worker(void **state) {
    counted_and_taken_away();
    log_shift_ms = 1;
    given_back_it_stops("CLM-M3");
}

static void a_log_without_the_record_before_the_mark_stops_the_worker(void **state) {
    counted_and_taken_away();
    log_hole = 99;
    given_back_it_stops("CLM-M3");
}

static void so_does_one_that_has_none_after_it_either(void **state) {
    counted_and_taken_away();
    log_hole = 99;
    log_end = 100;
    given_back_it_stops("CLM-M3");
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
        T(nothing_is_flushed_for_a_fenced_partition_before_the_group_confirms),
        T(no_flush_goes_ahead_of_the_letters_it_covers),
        T(full_of_letters_it_takes_no_further_record_of_a_poll_and_loses_none),
        T(a_poll_of_the_largest_batches_is_bounded_by_events_letters_and_bytes),
        T(a_turn_ends_where_a_table_is_worth_many_flushes),
        T(what_is_read_again_is_not_refused_again),
        T(a_partition_beyond_what_can_be_counted_stops_the_worker),
        T(nothing_is_counted_or_dead_lettered_of_a_topic_of_something_else),
        T(a_quiet_topic_is_judged_by_what_there_is_before_its_partitions_go),
        T(withheld_letters_hold_the_marks_until_they_are_sent),
        T(a_log_that_begins_past_the_mark_stops_the_worker),
        T(a_log_that_ends_before_the_mark_stops_the_worker),
        T(another_record_before_the_mark_stops_the_worker),
        T(a_log_without_the_record_before_the_mark_stops_the_worker),
        T(so_does_one_that_has_none_after_it_either),
        T(whatever_happens_every_event_counts_once),
    };
    return cmocka_run_group_tests(tests, world_begin, world_end);
}
