// What is better and what is worse than an earlier answer.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "loadtest/bench/bench_memory.h"
#include "loadtest/bench/scenes/bench_baseline.h"

static void set(struct bench_report *report, size_t at, double ratio, double cpu, double fold, double rate) {
    struct bench_figures *figures = &report->cases[at].runs[0];
    figures->of[BENCH_RATIO] = ratio;
    figures->of[BENCH_CPU] = cpu;
    figures->of[BENCH_FOLD] = fold;
    figures->of[BENCH_RATE] = rate;
}

static struct bench_report make(void) {
    struct bench_report report = {.runs = 1};
    bench_report_add(&report, "worker", "all", false);
    bench_report_add(&report, "worker", "all", true);
    return report;
}

static void test_ratios_come_first_and_the_worst_of_them(void **state) {
    struct bench_report before = make(), now = make();
    set(&before, 0, 4, 1000, 0.5, 200000);
    set(&before, 1, 2, NAN, 1, NAN);
    set(&now, 0, 5, 3000, 0.6, 100000);
    set(&now, 1, 1, 77, 0.4, 5); // what the baseline does not have is not compared
    json_t *baseline = bench_report_json(&before);
    struct bench_changes changes;
    bench_baseline_compare(&changes, &now, baseline);
    static const struct {
        size_t at;
        enum bench_figure figure;
        double worse;
    } expected[] = {
        {1, BENCH_FOLD, 0.6},   {0, BENCH_RATIO, 0.25}, {0, BENCH_FOLD, -0.2},
        {1, BENCH_RATIO, -0.5}, {0, BENCH_CPU, 2},      {0, BENCH_RATE, 0.5},
    };
    assert_int_equal(changes.count, 6);
    for (size_t i = 0; i < 6; i++) {
        assert_ptr_equal(changes.changes[i].c, &now.cases[expected[i].at]);
        assert_int_equal(changes.changes[i].figure, expected[i].figure);
        assert_true(fabs(changes.changes[i].worse - expected[i].worse) < 1e-9);
    }
    assert_true(fabs(bench_changes_worst_ratio(&changes) - 0.6) < 1e-9);
    bench_changes_fini(&changes);
    json_decref(baseline);
    bench_report_fini(&before);
    bench_report_fini(&now);
}

static void test_another_case_is_not_compared(void **state) {
    struct bench_report before = {.runs = 1}, now = make();
    bench_report_add(&before, "worker", "content", false);
    bench_report_add(&before, "latency", "all", false);
    set(&before, 0, 4, 1000, 0.5, 200000);
    set(&before, 1, 4, 1000, 0.5, 200000);
    set(&now, 0, 5, 3000, 0.6, 100000);
    json_t *baseline = bench_report_json(&before);
    struct bench_changes changes;
    bench_baseline_compare(&changes, &now, baseline);
    assert_int_equal(changes.count, 0);
    assert_true(bench_changes_worst_ratio(&changes) == 0);
    bench_changes_fini(&changes);
    json_decref(baseline);
    bench_report_fini(&before);
    bench_report_fini(&now);
}

static void test_memory_is_flat_or_grows_after_its_first_third(void **state) {
    struct memory_course flat = {0}, growing = {0}, few = {0};
    for (int s = 0; s < 90; s++) {
        memory_course_add(&flat, s, s < 30 ? 10 * s : 300);
        memory_course_add(&growing, s, 100 + 0.5 * s);
    }
    struct memory_trend trend = memory_course_trend(&flat);
    assert_true(trend.mib_per_minute == 0 && trend.middle_mib == 300 && trend.last_mib == 300);
    trend = memory_course_trend(&growing);
    assert_true(fabs(trend.mib_per_minute - 30) < 1e-9 &&
                fabs(trend.last_mib - trend.middle_mib - 15) < 1e-9);
    memory_course_add(&few, 0, 1);
    assert_true(isnan(memory_course_trend(&few).mib_per_minute));
    memory_course_fini(&flat);
    memory_course_fini(&growing);
    memory_course_fini(&few);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ratios_come_first_and_the_worst_of_them),
        cmocka_unit_test(test_another_case_is_not_compared),
        cmocka_unit_test(test_memory_is_flat_or_grows_after_its_first_third),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
