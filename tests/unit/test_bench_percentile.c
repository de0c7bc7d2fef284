// Percentiles against sorting, and the schedule that latencies are reckoned from.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "loadtest/bench/bench_feed.h"
#include "loadtest/bench/bench_percentile.h"
#include "loadtest/generate/random.h"
#include "runtime/memory.h"

static int by_value(const void *a, const void *b) {
    int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;
    return (left > right) - (left < right);
}

// The nearest-rank percentile of the sorted values.
static int64_t sorted_at(const int64_t *values, size_t count, size_t thousandths) {
    size_t rank = (count * thousandths + 999) / 1000;
    return values[rank > 0 ? rank - 1 : 0];
}

static void test_percentiles_are_those_of_the_sorted_values_to_a_thousandth(void **state) {
    enum { COUNT = 20000 };
    static int64_t values[COUNT];
    static const size_t asked[] = {0, 1, 250, 500, 900, 990, 999, 1000};
    struct percentile *p = memory_take(sizeof(*p));
    struct random r = random_at(7, 1, 0);
    for (size_t i = 0; i < COUNT; i++) {
        values[i] = (int64_t)(random_next(&r) >> (26 + random_below(&r, 37))); // of every magnitude
        percentile_add(p, values[i]);
    }
    qsort(values, COUNT, sizeof(values[0]), by_value);
    for (size_t i = 0; i < sizeof(asked) / sizeof(asked[0]); i++) {
        int64_t expected = sorted_at(values, COUNT, asked[i]);
        int64_t found = percentile_at(p, (double)asked[i] / 10);
        assert_true(found >= expected && found <= expected + expected / 1024);
    }
    assert_int_equal(percentile_at(p, 100), values[COUNT - 1]);
    free(p);
}

static void test_one_slow_event_in_a_hundred_is_the_p99_and_not_before(void **state) {
    struct percentile *p = memory_take(sizeof(*p));
    assert_int_equal(percentile_at(p, 99), 0);
    for (int i = 0; i < 98; i++)
        percentile_add(p, 1000);
    percentile_add(p, 700000);
    percentile_add(p, 800000);
    assert_in_range(percentile_at(p, 98), 1000, 1001);
    assert_in_range(percentile_at(p, 99), 700000, 700700);
    assert_int_equal(percentile_at(p, 99.9), 800000);
    percentile_add(p, -5); // a clock that went back: the least there is
    assert_int_equal(percentile_at(p, 0), 0);
    free(p);
}

static void test_the_rows_end_with_all_values(void **state) {
    struct percentile *one = memory_take(sizeof(*one)), *all = memory_take(sizeof(*all));
    for (int i = 1; i <= 1000; i++)
        percentile_add(one, i * 1000);
    percentile_merge(all, one);
    percentile_merge(all, one);
    json_t *rows = percentile_json(all);
    double before = -1;
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i);
        double percent = json_number_value(json_array_get(row, 1));
        assert_true(percent > before);
        before = percent;
    }
    const json_t *last = json_array_get(rows, json_array_size(rows) - 1);
    assert_true(json_number_value(json_array_get(last, 0)) == 1000);
    assert_true(json_number_value(json_array_get(last, 1)) == 100);
    assert_int_equal(json_integer_value(json_array_get(last, 2)), 2000);
    json_decref(rows);
    free(one);
    free(all);
}

static void test_every_event_is_due_at_its_place_in_the_second(void **state) {
    static const uint64_t rates[] = {1, 3, 7, 1000, 50000, 999983};
    for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++) {
        uint64_t rate = rates[i];
        assert_int_equal(feed_due_ns(0, rate), 0);
        assert_int_equal(feed_due_ns(rate * 86400 * 365, rate), INT64_C(86400000000000) * 365);
        for (uint64_t index = 0; index < 3000; index++) {
            int64_t due = feed_due_ns(index, rate);
            assert_int_equal(feed_due_count(due, rate), index + 1);
            if (index > 0)
                assert_int_equal(feed_due_count(due - 1, rate), index);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_percentiles_are_those_of_the_sorted_values_to_a_thousandth),
        cmocka_unit_test(test_one_slow_event_in_a_hundred_is_the_p99_and_not_before),
        cmocka_unit_test(test_the_rows_end_with_all_values),
        cmocka_unit_test(test_every_event_is_due_at_its_place_in_the_second),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
