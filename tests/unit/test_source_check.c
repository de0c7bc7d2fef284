#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/source_worker.h"

// --- Checks

static void check_names_what_is_wrong(void **state) {
    struct settings settings = settings_for("g");
    struct problem problem;
    int32_t count = 0;
    assert_int_equal(source_check_topic(&settings, NULL, 0, topic, &count, 10000, &problem), STATUS_OK);
    assert_int_equal(count, PARTITIONS);
    assert_int_equal(source_check_topic(&settings, NULL, 0, "engagment", &count, 10000, &problem),
                     STATUS_UNAVAILABLE);
    assert_string_equal(problem.code, "CLM-K3");
    assert_non_null(strstr(problem.what, "did you mean \"engagement\"?"));

    // The broker that answers names another one that does not.
    rd_kafka_mock_partition_set_leader(mock.cluster, topic, 3, 2);
    char first[64];
    snprintf(first, sizeof(first), "%.*s", (int)strcspn(mock.bootstrap, ","), mock.bootstrap);
    settings.kafka_bootstrap = first;
    rd_kafka_mock_broker_set_down(mock.cluster, 2);
    assert_int_equal(source_check_topic(&settings, NULL, 0, topic, &count, 3000, &problem),
                     STATUS_UNAVAILABLE);
    assert_string_equal(problem.code, "CLM-K2");

    settings.kafka_bootstrap = "127.0.0.1:1";
    int64_t before = clock_monotonic_ms();
    assert_int_equal(source_check_topic(&settings, NULL, 0, topic, &count, 1500, &problem),
                     STATUS_UNAVAILABLE);
    assert_in_range(clock_monotonic_ms() - before, 0, 4000);
    assert_string_equal(problem.code, "CLM-K1");
    assert_non_null(strstr(problem.what, "127.0.0.1:1"));
    assert_non_null(strstr(problem.what, "refused"));
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        ON_MOCK(check_names_what_is_wrong),
    };
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
