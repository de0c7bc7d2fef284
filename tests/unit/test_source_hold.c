#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/source_worker.h"

// --- Holding back

static void hold_for(struct worker *w, int64_t ms) {
    size_t before = w->marks->given;
    source_hold(w->source, true);
    poll_for(w, ms / 2);
    produce_all(100);
    poll_for(w, ms / 2);
    assert_int_equal(w->marks->given, before);
    source_hold(w->source, false);
}

static void hold_loses_and_repeats_nothing(void **state) {
    struct marks *marks = *state;
    struct worker w = {0};
    produce_all(1000);
    worker_start(&w, marks, "g");
    POLL_UNTIL(&w, NULL, marks->given >= 300);
    hold_for(&w, 200); // merely not asked
    POLL_UNTIL(&w, NULL, marks->given >= 600);
    hold_for(&w, 2000); // paused
    POLL_UNTIL(&w, NULL, marks->given >= 900);
    hold_for(&w, 2000);
    POLL_UNTIL(&w, NULL, marks->given == PARTITIONS * 1300);
    hold_for(&w, 2000); // at the end of the log
    POLL_UNTIL(&w, NULL, marks->given == PARTITIONS * 1400);
    poll_for(&w, 200);
    assert_each_once(marks, 1400);
    struct source_figures figures;
    source_figures_read(w.source, &figures);
    assert_in_range(figures.held_ms, 6000, 20000);
    assert_int_equal(figures.offset_jumps, 0);
    worker_stop(&w, 5000);
}

// What a poll gave and was not taken is given again, and an end that was reached behind it is none.
static void records_left_are_given_again(void **state) {
    struct marks *marks = *state;
    struct worker w = {0};
    produce_all(300);
    worker_start(&w, marks, "g");
    w.leaves = true;
    POLL_UNTIL(&w, NULL, marks->given >= PARTITIONS * 200);
    w.leaves = false;
    POLL_UNTIL(&w, NULL, marks->given == PARTITIONS * 300);
    poll_for(&w, 200);
    assert_each_once(marks, 300);
    struct source_figures figures;
    source_figures_read(w.source, &figures);
    assert_int_equal(figures.offset_jumps, 0);
    worker_stop(&w, 5000);
}

static void hold_still_serves_rebalances(void **state) {
    struct marks *marks = *state;
    struct worker a = {0}, b = {0};
    produce_all(300);
    worker_start(&a, marks, "g");
    POLL_UNTIL(&a, NULL, marks->given >= 100);
    source_hold(a.source, true);
    poll_for(&a, 1500);
    worker_start(&b, marks, "g");
    POLL_UNTIL(&a, &b, owned_count(&b) == PARTITIONS / 2);
    worker_stop(&b, 5000);
    POLL_UNTIL(&a, NULL, owned_count(&a) == PARTITIONS); // given back while held: stays held
    size_t before = marks->given;
    poll_for(&a, 500);
    assert_int_equal(marks->given, before);
    source_hold(a.source, false);
    POLL_UNTIL(&a, NULL, marks->given == PARTITIONS * 300);
    assert_each_once(marks, 300);
    worker_stop(&a, 5000);
}

// librdkafka remembers a pause over a rebalance: a partition that leaves while we hold and comes back
// afterwards must flow.
static void partition_paused_elsewhere_flows_again(void **state) {
    struct marks *marks = *state;
    struct worker a = {0}, b = {0};
    worker_start(&a, marks, "g");
    POLL_UNTIL(&a, NULL, owned_count(&a) == PARTITIONS);
    source_hold(a.source, true);
    poll_for(&a, 1500);
    worker_start(&b, marks, "g");
    POLL_UNTIL(&a, &b, owned_count(&b) == PARTITIONS / 2);
    source_hold(a.source, false);
    worker_stop(&b, 5000);
    POLL_UNTIL(&a, NULL, owned_count(&a) == PARTITIONS);
    produce_all(100);
    POLL_UNTIL(&a, NULL, marks->given == PARTITIONS * 100);
    assert_each_once(marks, 100);
    worker_stop(&a, 5000);
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        ON_MOCK(hold_loses_and_repeats_nothing),
        ON_MOCK(records_left_are_given_again),
        ON_MOCK(hold_still_serves_rebalances),
        ON_MOCK(partition_paused_elsewhere_flows_again),
    };
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
