// Medians, and what they are printed from.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "loadtest/bench/bench_report.h"

static struct bench_report of_runs(int64_t runs) {
    struct bench_report report = {.runs = runs, .events = 20, .messages = 10};
    bench_report_add(&report, "floor", "", false);
    bench_report_add(&report, "worker", "account,content", true);
    return report;
}

static void test_the_median_of_an_even_number_is_the_mean_of_the_middle_two(void **state) {
    static const struct {
        double values[5];
        int count;
        struct bench_spread expected;
    } cases[] = {
        {{7}, 1, {7, 7, 7}},
        {{9, 1}, 2, {5, 1, 9}},
        {{9, 1, 4}, 3, {4, 1, 9}},
        {{2, 9, 1, 4}, 4, {3, 1, 9}},
        {{NAN, 9, NAN, 4, 1}, 5, {4, 1, 9}}, // what was not measured does not count
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct bench_report report = of_runs(cases[i].count);
        for (int r = 0; r < cases[i].count; r++)
            report.cases[0].runs[r].of[BENCH_CPU] = cases[i].values[r];
        struct bench_spread s = bench_spread_of(&report.cases[0], BENCH_CPU);
        assert_true(s.median == cases[i].expected.median && s.least == cases[i].expected.least &&
                    s.greatest == cases[i].expected.greatest);
        assert_true(isnan(bench_spread_of(&report.cases[0], BENCH_RSS).median));
        bench_report_fini(&report);
    }
}

static void test_what_was_not_measured_is_not_in_the_answer(void **state) {
    struct bench_report report = of_runs(1);
    report.cases[1].runs[0].of[BENCH_RATIO] = 2.5;
    json_t *answer = bench_report_json(&report);
    char *text = json_dumps(answer, JSON_COMPACT);
    json_decref(answer);
    assert_string_equal(text, "{\"events\":20,\"messages\":10,\"runs\":1,\"cases\":["
                              "{\"what\":\"floor\",\"families\":\"\",\"pinned\":false},"
                              "{\"what\":\"worker\",\"families\":\"account,content\",\"pinned\":true,"
                              "\"ratio_to_floor\":{\"median\":2.5,\"least\":2.5,\"greatest\":2.5}}]}");
    free(text);
    bench_report_fini(&report);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_median_of_an_even_number_is_the_mean_of_the_middle_two),
        cmocka_unit_test(test_what_was_not_measured_is_not_in_the_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
