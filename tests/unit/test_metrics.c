#include <fcntl.h>
#include <jansson.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#include "runtime/clock.h"
#include "runtime/http/metrics.h"

enum { READ, REJECTED, LAG, SECONDS, STAGES, ROWS };
static const struct metric_row rows[ROWS] = {
    {"clameur_events_read_total", METRIC_COUNTER, NULL, "events read"},
    {"clameur_events_rejected_total", METRIC_COUNTER, "reason", "a \\ and \"quotes\"\nand a line"},
    {"clameur_kafka_lag_seconds", METRIC_GAUGE, "partition", "lag"},
    {"clameur_flush_seconds", METRIC_HISTOGRAM, NULL, "flush"},
    {"clameur_stage_seconds", METRIC_HISTOGRAM, "stage", "stage"},
};

static int set_up(void **state) {
    *state = metrics_create(rows, ROWS);
    return 0;
}

static int tear_down(void **state) {
    metrics_destroy((struct metrics **)state);
    assert_null(*state);
    return 0;
}

// The text must begin with `expected`, and go on with what metrics adds itself.
static void assert_text(struct metrics *m, const char *expected) {
    size_t length;
    const char *text = metrics_prometheus(m, &length);
    assert_int_equal(strlen(text), length);
    char *head = strndup(text, strlen(expected));
    assert_string_equal(head, expected);
    free(head);
    assert_int_equal(strncmp(text + strlen(expected), "# HELP process_cpu_seconds_total ", 33), 0);
    assert_int_equal(text[length - 1], '\n');
}

static void nothing_set_nothing_said(void **state) {
    assert_text(*state, "");
}

static void exact_text(void **state) {
    struct metrics *m = *state;
    metrics_set(m, READ, NULL, 1234567890123456);
    metrics_set(m, REJECTED, "no \"id\"", 2);
    metrics_set(m, REJECTED, "back\\slash\nline", 0);
    metrics_set(m, LAG, "10", 0.1);
    metrics_set(m, LAG, "9", -1.5);
    assert_text(m, "# HELP clameur_events_read_total events read\n"
                   "# TYPE clameur_events_read_total counter\n"
                   "clameur_events_read_total 1234567890123456\n"
                   "# HELP clameur_events_rejected_total a \\\\ and \"quotes\"\\nand a line\n"
                   "# TYPE clameur_events_rejected_total counter\n"
                   "clameur_events_rejected_total{reason=\"back\\\\slash\\nline\"} 0\n"
                   "clameur_events_rejected_total{reason=\"no \\\"id\\\"\"} 2\n"
                   "# HELP clameur_kafka_lag_seconds lag\n"
                   "# TYPE clameur_kafka_lag_seconds gauge\n"
                   "clameur_kafka_lag_seconds{partition=\"9\"} -1.5\n"
                   "clameur_kafka_lag_seconds{partition=\"10\"} 0.1\n");
}

static void numbers(void **state) {
    static const struct {
        double value;
        const char *prometheus;
        const char *json;
    } table[] = {
        {0, "0", "0"},
        {-3, "-3", "-3"},
        {1e15, "1000000000000000", "1000000000000000"},
        {9007199254740991.0, "9007199254740991", "9007199254740991"},
        {1e300, "1e+300", "1e+300"},
        {0.1, "0.1", "0.1"},
        {0.1 + 0.2, "0.30000000000000004", "0.30000000000000004"},
        {INFINITY, "+Inf", "null"},
        {-INFINITY, "-Inf", "null"},
        {NAN, "NaN", "null"},
    };
    struct metrics *m = *state;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        char expected[256];
        size_t length;
        metrics_clear(m);
        metrics_set(m, READ, NULL, table[i].value);
        snprintf(expected, sizeof(expected), "\nclameur_events_read_total %s\n", table[i].prometheus);
        assert_non_null(strstr(metrics_prometheus(m, &length), expected));
        snprintf(expected, sizeof(expected), "{\"clameur_events_read_total\":%s,", table[i].json);
        assert_int_equal(strncmp(metrics_json(m, &length), expected, strlen(expected)), 0);
    }
}

// A repeated series would make Prometheus refuse the whole page.
static void last_value_of_a_label_stands_once(void **state) {
    struct metrics *m = *state;
    metrics_set(m, LAG, "1", 5);
    metrics_set(m, LAG, "0", 6);
    metrics_set(m, LAG, "1", 7);
    metrics_set(m, READ, NULL, 1);
    metrics_set(m, READ, NULL, 2);
    const char *expected = "# HELP clameur_events_read_total events read\n"
                           "# TYPE clameur_events_read_total counter\n"
                           "clameur_events_read_total 2\n"
                           "# HELP clameur_kafka_lag_seconds lag\n"
                           "# TYPE clameur_kafka_lag_seconds gauge\n"
                           "clameur_kafka_lag_seconds{partition=\"0\"} 6\n"
                           "clameur_kafka_lag_seconds{partition=\"1\"} 7\n";
    assert_text(m, expected);
    assert_text(m, expected); // asking changes nothing
    metrics_set(m, LAG, "1", 8);
    size_t length;
    assert_non_null(strstr(metrics_prometheus(m, &length), "partition=\"1\"} 8\n"));
}

static void series_end_with_what_they_described(void **state) {
    struct metrics *m = *state;
    for (int round = 0; round < 3; round++) {
        metrics_clear(m);
        char label[16];
        for (int partition = round; partition < 1000; partition++) {
            snprintf(label, sizeof(label), "%d", partition);
            metrics_set(m, LAG, label, partition);
        }
    }
    size_t length;
    const char *text = metrics_prometheus(m, &length);
    assert_null(strstr(text, "{partition=\"1\"}"));
    assert_non_null(strstr(text, "{partition=\"2\"} 2\n"));
    assert_non_null(strstr(text, "{partition=\"999\"} 999\n"));
    metrics_clear(m);
    assert_text(m, "");
}

static void histogram_buckets(void **state) {
    static const struct {
        double seconds;
        size_t bucket;
    } table[] = {{0, 0}, {0.001, 0}, {0.0010001, 1}, {0.25, 9}, {60, 17}, {60.001, 18}, {1e9, 18}};
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        struct histogram h = {0};
        histogram_add(&h, table[i].seconds);
        assert_int_equal(h.counts[table[i].bucket], 1);
        assert_int_equal(h.count, 1);
    }
    for (size_t i = 1; i < HISTOGRAM_BUCKETS; i++)
        assert_true(histogram_bounds[i] > histogram_bounds[i - 1]);
    assert_true(histogram_bounds[0] == 0.001 && histogram_bounds[HISTOGRAM_BUCKETS - 1] == 60);
}

static void histogram_text(void **state) {
    struct metrics *m = *state;
    struct histogram h = {0};
    histogram_add(&h, 0.002);
    histogram_add(&h, 0.5);
    histogram_add(&h, 100);
    metrics_set_histogram(m, SECONDS, NULL, &h);
    metrics_set_histogram(m, STAGES, "a\"b", &h);
    h = (struct histogram){0}; // it was copied
    size_t length;
    const char *text = metrics_prometheus(m, &length);
    assert_non_null(strstr(text, "# TYPE clameur_flush_seconds histogram\n"
                                 "clameur_flush_seconds_bucket{le=\"0.001\"} 0\n"
                                 "clameur_flush_seconds_bucket{le=\"0.002\"} 1\n"));
    assert_non_null(strstr(text, "clameur_flush_seconds_bucket{le=\"30\"} 2\n"
                                 "clameur_flush_seconds_bucket{le=\"60\"} 2\n"
                                 "clameur_flush_seconds_bucket{le=\"+Inf\"} 3\n"
                                 "clameur_flush_seconds_sum 100.502\n"
                                 "clameur_flush_seconds_count 3\n"));
    assert_non_null(strstr(text, "clameur_stage_seconds_bucket{stage=\"a\\\"b\",le=\"+Inf\"} 3\n"
                                 "clameur_stage_seconds_sum{stage=\"a\\\"b\"} 100.502\n"
                                 "clameur_stage_seconds_count{stage=\"a\\\"b\"} 3\n"));
}

static double process_value(struct metrics *m, const char *name) {
    size_t length;
    json_t *all = json_loads(metrics_json(m, &length), 0, NULL);
    assert_non_null(all);
    double value = json_number_value(json_object_get(all, name));
    json_decref(all);
    return value;
}

static void process_metrics(void **state) {
    struct metrics *m = *state;
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    assert_true(process_value(m, "process_max_fds") == (double)limit.rlim_cur);
    double fds = process_value(m, "process_open_fds");
    int fd = open("/dev/null", O_RDONLY);
    assert_true(process_value(m, "process_open_fds") == fds + 1);
    close(fd);
    double cpu = process_value(m, "process_cpu_seconds_total");
    for (int64_t end = clock_monotonic_ms() + 20; clock_monotonic_ms() < end;)
        ;
    assert_true(process_value(m, "process_cpu_seconds_total") > cpu);
    assert_true(process_value(m, "process_resident_memory_bytes") > 100000);
    double age = (double)clock_wall_ms() / 1000 - process_value(m, "process_start_time_seconds");
    assert_true(age > -2 && age < 600);

    size_t length;
    assert_non_null(strstr(metrics_prometheus(m, &length),
                           "\n# TYPE clameur_build_info gauge\nclameur_build_info{version=\"" CLAMEUR_VERSION
                           "\",hiredis=\""));
}

static void json_says_the_same(void **state) {
    struct metrics *m = *state;
    struct histogram h = {0};
    histogram_add(&h, 0.5);
    metrics_set(m, READ, NULL, 12);
    metrics_set(m, REJECTED, "a \"quote\"\\\n\x01", 3);
    metrics_set(m, REJECTED, "other", 4);
    metrics_set_histogram(m, SECONDS, NULL, &h);
    metrics_set_histogram(m, STAGES, "flush", &h);
    size_t length;
    const char *text = metrics_json(m, &length);
    json_t *all = json_loadb(text, length, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(all);
    assert_int_equal(json_integer_value(json_object_get(all, "clameur_events_read_total")), 12);
    json_t *reasons = json_object_get(all, "clameur_events_rejected_total");
    assert_int_equal(json_object_size(reasons), 2);
    assert_int_equal(json_integer_value(json_object_get(reasons, "a \"quote\"\\\n\x01")), 3);
    json_t *flush = json_object_get(all, "clameur_flush_seconds");
    assert_int_equal(json_integer_value(json_object_get(flush, "count")), 1);
    assert_true(json_number_value(json_object_get(flush, "sum")) == 0.5);
    json_t *buckets = json_object_get(flush, "buckets");
    assert_int_equal(json_object_size(buckets), HISTOGRAM_BUCKETS + 1);
    assert_int_equal(json_integer_value(json_object_get(buckets, "0.25")), 0);
    assert_int_equal(json_integer_value(json_object_get(buckets, "+Inf")), 1);
    assert_true(json_equal(json_object_get(json_object_get(all, "clameur_stage_seconds"), "flush"), flush));
    assert_null(json_object_get(all, "clameur_kafka_lag_seconds"));
    assert_string_equal(
        json_string_value(json_object_get(json_object_get(all, "clameur_build_info"), "version")),
        CLAMEUR_VERSION);
    json_decref(all);
}

#define WITH_METRICS(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH_METRICS(nothing_set_nothing_said),
        WITH_METRICS(exact_text),
        WITH_METRICS(numbers),
        WITH_METRICS(last_value_of_a_label_stands_once),
        WITH_METRICS(series_end_with_what_they_described),
        cmocka_unit_test(histogram_buckets),
        WITH_METRICS(histogram_text),
        WITH_METRICS(process_metrics),
        WITH_METRICS(json_says_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
