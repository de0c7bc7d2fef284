// Quantiles of what a histogram gained between two answers of a worker.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "ingest/commands/status/status.h"

static json_t *histogram(int upto_1ms, int upto_50ms, int upto_2s, int all) {
    return json_pack("{s:i, s:f, s:{s:i, s:i, s:i, s:i}}", "count", all, "sum", 1.0, "buckets", "0.001",
                     upto_1ms, "0.05", upto_50ms, "2", upto_2s, "+Inf", all);
}

static void test_a_quantile_is_of_what_came_since(void **state) {
    json_t *before = histogram(1000, 1000, 1000, 1000);
    static const struct {
        int upto_1ms, upto_50ms, upto_2s, all;
        double q;
        int64_t ms;
    } rows[] = {{1000, 1000, 1000, 1000, 0.5, -1},
                {1098, 1100, 1100, 1100, 0.5, 1},
                {1098, 1100, 1100, 1100, 0.99, 50},
                {1000, 1001, 1100, 1100, 0.5, 2000},
                {1000, 1000, 1000, 1100, 0.5, 2000}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        json_t *now = histogram(rows[i].upto_1ms, rows[i].upto_50ms, rows[i].upto_2s, rows[i].all);
        assert_int_equal(status_quantile_ms(before, now, rows[i].q), rows[i].ms);
        json_decref(now);
    }
    assert_int_equal(status_quantile_ms(NULL, before, 0.99), 1); // of all its life
    assert_int_equal(status_quantile_ms(NULL, NULL, 0.99), -1);
    json_decref(before);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_a_quantile_is_of_what_came_since)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
