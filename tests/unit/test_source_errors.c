#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/source_worker.h"

// --- Failures

static void place_past_the_end_fails(void **state) {
    struct marks *marks = *state;
    struct worker w = {0};
    marks->next[2] = 500;
    mock_produce(&mock, topic, 2, 1, 20, 10, "k");
    worker_start(&w, marks, "g");
    POLL_UNTIL(&w, NULL, w.failed);
    assert_int_equal(w.problem.status, STATUS_BAD_DATA);
    assert_string_equal(w.problem.code, "CLM-M3");
    assert_non_null(strstr(w.problem.what, "partition 2"));
    poll_for(&w, 300); // told once
    worker_stop(&w, 5000);
}

static void place_the_log_no_longer_has_fails(void **state) {
    struct worker w = {0};
    mock_produce(&mock, topic, 4, 1, 200, 60000, "k"); // the mock keeps 5 MiB of a partition
    worker_start(&w, *state, "g");
    POLL_UNTIL(&w, NULL, w.failed);
    assert_string_equal(w.problem.code, "CLM-M2");
    int64_t first = 0, end = 0;
    struct problem problem;
    assert_int_equal(source_bounds(w.source, 4, &first, &end, 5000, &problem), STATUS_OK);
    assert_int_equal(end, 200);
    assert_in_range(first, 1, 199);
    worker_stop(&w, 5000);
}

static void destroy_is_bounded_without_a_broker(void **state) {
    struct marks *marks = *state;
    struct worker w = {0};
    produce_all(10);
    worker_start(&w, marks, "g");
    POLL_UNTIL(&w, NULL, marks->given == PARTITIONS * 10);
    rd_kafka_mock_broker_set_down(mock.cluster, 1);
    rd_kafka_mock_broker_set_down(mock.cluster, 2);
    struct source_figures figures = {0};
    for (int i = 0; i < 500 && !figures.brokers_down; i++) {
        turn(&w, NULL);
        source_figures_read(w.source, &figures);
    }
    assert_true(figures.brokers_down);
    int64_t before = clock_monotonic_ms();
    worker_stop(&w, 1000);
    assert_in_range(clock_monotonic_ms() - before, 0, 4000);
    assert_int_equal(owned_count(&w), 0);
}

static bool is_down_after(struct source *source, const char *state) {
    char statistics[128];
    int length =
        snprintf(statistics, sizeof(statistics), "{\"brokers\": {\"a\": {\"state\": \"%s\"}}}", state);
    source_on_statistics(NULL, statistics, (size_t)length, source);
    struct source_figures figures;
    source_figures_read(source, &figures);
    return figures.brokers_down;
}

static void without_a_word_of_it_an_outage_is_seen_in_the_statistics(void **state) {
    struct worker w = {0};
    worker_start(&w, *state, "g");
    POLL_UNTIL(&w, NULL, owned_count(&w) > 0); // before, the client could not be destroyed (source.c)
    assert_false(is_down_after(w.source, "DOWN"));
    assert_false(is_down_after(w.source, "UP"));
    assert_false(is_down_after(w.source, "CONNECT"));
    assert_true(is_down_after(w.source, "DOWN"));
    assert_false(is_down_after(w.source, "UP"));
    worker_stop(&w, 5000);
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        ON_MOCK(place_past_the_end_fails),
        ON_MOCK(place_the_log_no_longer_has_fails),
        ON_MOCK(destroy_is_bounded_without_a_broker),
        ON_MOCK(without_a_word_of_it_an_outage_is_seen_in_the_statistics),
    };
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
