// What is refused: by the record, by the poll, and a whole topic of it; no flush goes ahead of its letters.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "pipeline_world.h"

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

int main(void) {
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, begin, end)
        T(no_flush_goes_ahead_of_the_letters_it_covers),
        T(full_of_letters_it_takes_no_further_record_of_a_poll_and_loses_none),
        T(a_poll_of_the_largest_batches_is_bounded_by_events_letters_and_bytes),
        T(a_turn_ends_where_a_table_is_worth_many_flushes),
        T(what_is_read_again_is_not_refused_again),
        T(a_partition_beyond_what_can_be_counted_stops_the_worker),
        T(nothing_is_counted_or_dead_lettered_of_a_topic_of_something_else),
        T(a_quiet_topic_is_judged_by_what_there_is_before_its_partitions_go),
        T(withheld_letters_hold_the_marks_until_they_are_sent),
    };
    return cmocka_run_group_tests(tests, world_begin, world_end);
}
