// A topic read outside of any group, on librdkafka's mock cluster.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "stream/source/scan.h"
#include "tests/unit/mock_kafka.h"

enum { WAIT_MS = 50, STALL_MS = 700, LONG_MS = 60000 };

static struct mock mock;

static struct scan *open_at(int64_t offset) {
    struct settings settings = {.kafka_bootstrap = mock.bootstrap,
                                .kafka_topic = "t",
                                .kafka_group = "none",
                                .kafka_session_timeout_ms = 6000,
                                .kafka_static_id = ""};
    struct source_position from = {0, offset};
    struct problem problem = {0};
    struct scan *scan = NULL;
    if (scan_open(&scan, &settings, NULL, 0, &problem) != STATUS_OK ||
        scan_from(scan, &from, 1, &problem) != STATUS_OK)
        fail_msg("%s", problem.what);
    return scan;
}

static int set_up(void **state) {
    alarm(900);
    mock_start(&mock, 1);
    assert_int_equal(rd_kafka_mock_topic_create(mock.cluster, "t", 1, 1), 0);
    mock_produce(&mock, "t", 0, 1, 3, 10, "k");
    return 0;
}

static int tear_down(void **state) {
    mock_stop(&mock);
    return 0;
}

static void records_come_and_then_the_end(void **state) {
    struct scan *scan = open_at(1);
    struct record record;
    struct problem problem = {0};
    enum scan_step step = SCAN_NOTHING;
    for (int64_t offset = 1; step != SCAN_END;) {
        step = scan_await(scan, &record, WAIT_MS, LONG_MS, &problem);
        assert_int_not_equal(step, SCAN_FAILED);
        if (step == SCAN_RECORD)
            assert_int_equal(record.offset, offset++);
    }
    assert_int_equal(record.offset, 3);
    scan_close(&scan);
}

static void brokers_that_go_are_not_waited_for_without_end(void **state) {
    struct scan *scan = open_at(0);
    struct record record;
    struct problem problem = {0};
    rd_kafka_mock_broker_set_down(mock.cluster, 1);
    enum scan_step step;
    do
        step = scan_await(scan, &record, WAIT_MS, STALL_MS, &problem);
    while (step != SCAN_FAILED);
    assert_int_equal(problem.status, STATUS_UNAVAILABLE);
    assert_string_equal(problem.code, "CLM-K1");
    rd_kafka_mock_broker_set_up(mock.cluster, 1);
    scan_close(&scan);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(records_come_and_then_the_end, set_up, tear_down),
        cmocka_unit_test_setup_teardown(brokers_that_go_are_not_waited_for_without_end, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
