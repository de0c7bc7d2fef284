#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "stream/murmur2.h"
#include "tests/unit/source_worker.h"

// --- Records

static void two_workers_read_everything_once(void **state) {
    struct marks *marks = *state;
    struct worker a = {.turned = &loop}, b = {.turned = &loop};
    produce_all(500);
    worker_start(&a, marks, "g");
    POLL_UNTIL(&a, NULL, marks->given >= 1000);
    worker_start(&b, marks, "g");
    POLL_UNTIL(&a, &b, owned_count(&b) == PARTITIONS / 2 && owned_count(&a) == PARTITIONS / 2);
    produce_all(500);
    POLL_UNTIL(&a, &b, marks->given == (size_t)PARTITIONS * 1000);
    POLL_UNTIL(&a, &b, a.ended[0] + b.ended[0] > 0);
    struct source_figures figures;
    source_figures_read(a.source, &figures);
    assert_true(figures.rebalances_assigned >= 1);
    assert_true(figures.rebalances_revoked >= 1);
    assert_int_equal(figures.offset_jumps, 0);
    worker_stop(&b, 5000);
    assert_int_equal(owned_count(&b), 0);
    POLL_UNTIL(&a, NULL, owned_count(&a) == PARTITIONS);
    produce_all(100);
    POLL_UNTIL(&a, NULL, marks->given == (size_t)PARTITIONS * 1100);
    poll_for(&a, 200);
    assert_each_once(marks, 1100);
    assert_false(a.lost || b.lost || a.failed || b.failed);
    assert_int_equal(source_end(a.source, 0), 1100);
    worker_stop(&a, 5000);
    assert_int_equal(owned_count(&a), 0);
}

static void record_wakes_the_loop(void **state) {
    struct worker w = {0};
    worker_start(&w, *state, "g");
    POLL_UNTIL(&w, NULL, w.ended[PARTITIONS - 1] == 0 && owned_count(&w) == PARTITIONS);
    poll_for(&w, 300);
    int64_t before = clock_monotonic_ms();
    mock_produce(&mock, topic, 0, 1, 1, 10, "k");
    while (worker_poll(&w) == 0)
        loop_turn(&loop, 10000);
    assert_true(clock_monotonic_ms() - before < 5000);
    worker_stop(&w, 5000);
}

static void misplaced_keys_are_seen(void **state) {
    struct marks *marks = *state;
    struct worker w = {0};
    int32_t home = murmur2_partition(slice_of("a:1:x"), PARTITIONS);
    worker_start(&w, marks, "g");
    source_expect(w.source, PARTITIONS);
    mock_produce(&mock, topic, home, 1, 640, 10, "a:1:x");
    POLL_UNTIL(&w, NULL, marks->given == 640);
    struct source_figures figures;
    source_figures_read(w.source, &figures);
    assert_int_equal(figures.misplaced, 0);
    mock_produce(&mock, topic, (home + 1) % PARTITIONS, 1, 640, 10, "a:1:x");
    POLL_UNTIL(&w, NULL, marks->given == 1280);
    source_figures_read(w.source, &figures);
    assert_int_equal(figures.misplaced, 10);
    worker_stop(&w, 5000);
}

// --- Seeks

static void rewind_to(struct worker *w, int64_t offset) {
    struct source_position positions[PARTITIONS];
    for (int32_t i = 0; i < PARTITIONS; i++) {
        positions[i] = (struct source_position){i, offset};
        w->marks->next[i] = offset;
    }
    w->marks->given = 0;
    int64_t until_ms = clock_monotonic_ms() + PATIENCE_MS;
    enum status status = source_seek(w->source, positions, PARTITIONS);
    while (status == STATUS_TRY_AGAIN &&
           clock_monotonic_ms() < until_ms) // not yet: allowed on a busy machine
        status = source_seek(w->source, positions, PARTITIONS);
    assert_int_equal(status, STATUS_OK);
}

// worker_poll demands that the first record after a seek is the one sought, and each after it the next.
static void seek_gives_nothing_from_before(void **state) {
    struct marks *marks = *state;
    struct worker w = {0};
    produce_all(1000);
    worker_start(&w, marks, "g");
    POLL_UNTIL(&w, NULL, marks->given >= 1500);
    for (int i = 0; i < 20; i++) {
        rewind_to(&w, 10 * i);
        POLL_UNTIL(&w, NULL, marks->given >= 200);
    }
    rewind_to(&w, 0);
    POLL_UNTIL(&w, NULL, marks->given == PARTITIONS * 1000);
    POLL_UNTIL(&w, NULL, w.ended[PARTITIONS - 1] == 1000);
    w.ended[PARTITIONS - 1] = 0;
    rewind_to(&w, 1000); // to the end: told again
    POLL_UNTIL(&w, NULL, w.ended[PARTITIONS - 1] == 1000);
    struct source_position foreign = {PARTITIONS + 5, 0};
    assert_int_equal(source_seek(w.source, &foreign, 1), STATUS_TRY_AGAIN);
    worker_stop(&w, 5000);
}

static void unknown_start_gives_nothing_before_a_seek(void **state) {
    struct marks *marks = *state;
    struct worker w = {.unknown_start = true};
    produce_all(50);
    worker_start(&w, marks, "g");
    POLL_UNTIL(&w, NULL, owned_count(&w) == PARTITIONS);
    produce_all(50);
    poll_for(&w, 500);
    assert_int_equal(marks->given, 0);
    rewind_to(&w, 3);
    POLL_UNTIL(&w, NULL, marks->given == PARTITIONS * 97);
    worker_stop(&w, 5000);
}

static void set_round_trip(int ms) {
    for (int32_t broker = 1; broker <= 2; broker++)
        assert_int_equal(rd_kafka_mock_broker_set_rtt(mock.cluster, broker, ms), 0);
}

// Whatever was asked of a broker before the seek, and is answered after it, moves no partition.
static void seek_holds_against_late_answers(void **state) {
    struct marks *marks = *state;
    struct worker w = {.unknown_start = true};
    produce_all(50);
    produce_all(50);
    worker_start(&w, marks, "g");
    POLL_UNTIL(&w, NULL, owned_count(&w) == PARTITIONS);
    set_round_trip(1000);
    poll_for(&w, 600);
    rewind_to(&w, 3);
    set_round_trip(0);
    POLL_UNTIL(&w, NULL, marks->given == PARTITIONS * 97);
    poll_for(&w, 1000);
    worker_stop(&w, 5000);
}

// --- Commits

static void commit_is_accepted_only_by_the_group(void **state) {
    struct marks *marks = *state;
    struct worker w = {0};
    produce_all(10);
    worker_start(&w, marks, "g");
    POLL_UNTIL(&w, NULL, marks->given == PARTITIONS * 10);
    struct source_position positions[] = {{0, 10}, {1, 10}};
    uint64_t id = source_commit(w.source, positions, 2);
    POLL_UNTIL(&w, NULL, w.answered == id);
    assert_true(w.accepted);

    // The group has gone on without us: whatever we own is lost.
    rd_kafka_mock_push_request_errors(mock.cluster, 8 /* OffsetCommit */, 1,
                                      RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION);
    id = source_commit(w.source, positions, 2);
    assert_int_equal(id, w.answered + 1);
    POLL_UNTIL(&w, NULL, w.answered == id);
    assert_false(w.accepted);
    POLL_UNTIL(&w, NULL, w.lost);
    POLL_UNTIL(&w, NULL, owned_count(&w) == PARTITIONS);
    produce_all(10);
    POLL_UNTIL(&w, NULL, marks->given == PARTITIONS * 20);
    assert_each_once(marks, 20);
    struct source_figures figures;
    source_figures_read(w.source, &figures);
    assert_int_equal(figures.rebalances_lost, 1);
    worker_stop(&w, 5000);
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        ON_MOCK(two_workers_read_everything_once),
        ON_MOCK(record_wakes_the_loop),
        ON_MOCK(misplaced_keys_are_seen),
        ON_MOCK(seek_gives_nothing_from_before),
        ON_MOCK(unknown_start_gives_nothing_before_a_seek),
        ON_MOCK(seek_holds_against_late_answers),
        ON_MOCK(commit_is_accepted_only_by_the_group),
    };
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
