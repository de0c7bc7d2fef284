// A partition that is given back with another log than the one that was counted stops the worker.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "pipeline_world.h"

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

int main(void) {
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, begin, end)
        T(a_log_that_begins_past_the_mark_stops_the_worker),
        T(a_log_that_ends_before_the_mark_stops_the_worker),
        T(another_record_before_the_mark_stops_the_worker),
        T(a_log_without_the_record_before_the_mark_stops_the_worker),
        T(so_does_one_that_has_none_after_it_either),
    };
    return cmocka_run_group_tests(tests, world_begin, world_end);
}
