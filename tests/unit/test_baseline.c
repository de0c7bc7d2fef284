#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "sketch_bytes.h"
#include "tests/unit/baseline_rules.h"

static const struct baseline_rules *rules = &baseline_rules_default;

// A series under way, and what came of it.
struct series {
    struct baseline b;
    int64_t window;
    struct baseline_verdict last;
    int raised, recovered, adopted;
};

static void note(struct series *s) {
    s->raised += s->last.change == BASELINE_RAISED;
    s->recovered += s->last.change == BASELINE_RECOVERED;
    s->adopted += s->last.change == BASELINE_ADOPTED;
}

static enum baseline_change see(struct series *s, uint64_t count) {
    int64_t window = s->window++;
    assert_true(baseline_step(&s->b, rules, window, count, &s->last));
    assert_int_equal(s->last.window, window);
    assert_int_equal(s->last.count, count);
    note(s);
    struct baseline_verdict none;
    assert_false(baseline_step(&s->b, rules, window, count, &none));
    return s->last.change;
}

// So many arrivals in a window as come by chance, with that mean.
static uint64_t by_chance(double mean, uint64_t *seed) {
    uint64_t count = 0;
    for (double at = 0;; count++) {
        at -= log(((double)(next_number(seed) >> 11) + 0.5) * 0x1p-53);
        if (at >= mean)
            return count;
    }
}

static void see_some(struct series *s, int windows, double mean, uint64_t *seed) {
    for (int i = 0; i < windows; i++)
        see(s, by_chance(mean, seed));
}

static void test_a_quiet_series_never_alerts(void **state) {
    static const double means[] = {0, 0.2, 3, 12, 30, 200, 3000};
    uint64_t seed = 1;
    for (size_t i = 0; i < sizeof(means) / sizeof(means[0]); i++) {
        struct series s = {0};
        see_some(&s, i < 6 ? 5000 : 500, means[i], &seed);
        assert_int_equal(s.raised, 0);
        assert_true(fabs(s.b.mean - means[i]) <= 2 * sqrt(means[i]) + 0.5);
        assert_true(fabs(sqrt(s.b.variance) - sqrt(means[i])) <= sqrt(means[i]) + 0.5);
    }
}

static void test_a_burst_alerts_once_recovers_and_may_come_again(void **state) {
    uint64_t seed = 2;
    struct series s = {0};
    see_some(&s, 100, 100, &seed);
    for (int burst = 1; burst <= 3; burst++) {
        double usual = s.b.mean;
        assert_int_equal(see(&s, 1000), BASELINE_RAISED);
        assert_true(s.last.score > 10 && s.last.mean == usual && s.last.raised == 1);
        for (int i = 0; i < 8; i++)
            assert_int_equal(see(&s, 1000), BASELINE_NONE);
        assert_true(s.b.mean == usual); // nothing was learned
        assert_int_equal(see(&s, 100), BASELINE_NONE);
        assert_int_equal(s.last.raised, 1); // one calm window is not yet the end
        assert_int_equal(see(&s, 900), BASELINE_NONE);
        assert_int_equal(see(&s, 100), BASELINE_NONE);
        assert_int_equal(see(&s, 100), BASELINE_RECOVERED);
        assert_int_equal(s.last.raised, 0);
        assert_int_equal(s.raised, burst);
    }
    see_some(&s, 1000, 100, &seed);
    assert_int_equal(s.raised, 3);
    assert_int_equal(s.recovered, 3);
}

// Between calm and significant: no new alert, and no end.
static void test_what_is_neither_calm_nor_significant_keeps_the_alert(void **state) {
    struct series s = {0};
    for (int i = 0; i < 100; i++)
        see(&s, 100); // deviation 10
    assert_int_equal(see(&s, 149), BASELINE_NONE);
    s = (struct series){0};
    for (int i = 0; i < 100; i++)
        see(&s, 100);
    assert_int_equal(see(&s, 150), BASELINE_RAISED);
    for (int i = 0; i < 20; i++)
        assert_int_equal(see(&s, 125), BASELINE_NONE);
    assert_int_equal(see(&s, 124), BASELINE_NONE);
    assert_int_equal(see(&s, 76), BASELINE_RECOVERED);
    assert_int_equal(see(&s, 200), BASELINE_RAISED);
    assert_int_equal(see(&s, 100), BASELINE_NONE); // calm windows of an earlier alert do not count
    assert_int_equal(see(&s, 100), BASELINE_RECOVERED);
}

static void test_few_are_no_matter_however_unusual(void **state) {
    for (uint64_t count = 18; count <= 21; count++) {
        struct series s = {0};
        for (int i = 0; i < 100; i++)
            see(&s, 0);
        assert_int_equal(see(&s, count), count >= rules->count_least ? BASELINE_RAISED : BASELINE_NONE);
    }
}

static void test_few_are_no_loss(void **state) {
    static struct baseline_rules easy;
    easy = *rules;
    easy.alert_score = 3;
    rules = &easy;
    for (uint64_t usual = 18; usual <= 21; usual++) {
        struct series s = {0};
        for (int i = 0; i < 100; i++)
            see(&s, usual);
        assert_int_equal(see(&s, 0), usual >= rules->count_least ? BASELINE_RAISED : BASELINE_NONE);
        assert_true(s.last.score < -4);
    }
    rules = &baseline_rules_default;
}

// The first windows weigh 1/n, however few of them are cold, and then each weighs the same.
static void test_a_window_has_its_weight(void **state) {
    static struct baseline_rules soon;
    soon = *rules;
    soon.cold_windows = 2;
    rules = &soon;
    struct series s = {0};
    for (int i = 1; i <= 16; i++) {
        see(&s, (uint64_t)i);
        assert_true(fabs(s.b.mean - (i + 1) / 2.0) < 1e-12);
    }
    for (int i = 0; i < 500; i++)
        see(&s, 10);
    see(&s, 10 + 8);
    assert_true(fabs(s.b.mean - 10.5) < 1e-9);
    rules = &baseline_rules_default;
}

// The floors of the deviation, one by one, where the series itself does not vary.
static void test_the_deviation_has_floors(void **state) {
    static const struct {
        uint64_t usual;
        double deviation;
    } cases[] = {{0, 3}, {4, 3}, {16, 4}, {64, 8}, {100, 10}, {400, 40}, {10000, 1000}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct series s = {0};
        for (int window = 0; window < 200; window++)
            see(&s, cases[i].usual);
        see(&s, cases[i].usual);
        assert_true(fabs(s.last.deviation - cases[i].deviation) < 1e-9);
        struct series wild = {0};
        for (int window = 0; window < 400; window++)
            see(&wild, window % 2 == 0 ? 0 : 100 + 4 * cases[i].usual);
        assert_true(wild.last.deviation > 45 + 1.9 * (double)cases[i].usual);
        assert_int_equal(wild.raised, 0); // that is how it is
    }
}

static void test_a_slow_drift_is_followed(void **state) {
    static const double rates[] = {1.01, 0.99, 1.004, 0.996};
    uint64_t seed = 3;
    for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++) {
        struct series s = {0};
        double mean = rates[i] > 1 ? 50 : 2000;
        see_some(&s, 200, mean, &seed);
        while (mean >= 50 && mean <= 2000) {
            see(&s, by_chance(mean, &seed));
            mean *= rates[i];
        }
        assert_int_equal(s.raised, 0);
        assert_int_equal(see(&s, (uint64_t)(mean * 10)), BASELINE_RAISED);
    }
}

static void test_a_cold_start_never_alerts(void **state) {
    uint64_t seed = 4;
    for (int series = 0; series < 200; series++) {
        struct series s = {0};
        for (uint32_t i = 0; i < rules->cold_windows; i++) {
            see(&s, number_below(&seed, 20) == 0 ? 100000 : number_below(&seed, 30));
            assert_true(s.last.is_cold);
        }
        assert_int_equal(s.raised, 0);
        assert_int_equal(see(&s, 10000000), BASELINE_RAISED);
        assert_false(s.last.is_cold);
    }
}

// Windows without a row, as an outage leaves them.
static void test_an_outage_alerts_in_its_first_window(void **state) {
    struct series s = {0};
    uint64_t seed = 5;
    see_some(&s, 100, 1000, &seed);
    int64_t first = s.window;
    struct baseline_verdict verdicts[16];
    int count = 0;
    while (baseline_step(&s.b, rules, first + 10, 1000, &verdicts[count]))
        count++;
    assert_int_equal(count, 11);
    assert_int_equal(verdicts[0].change, BASELINE_RAISED);
    assert_int_equal(verdicts[0].window, first);
    assert_int_equal(verdicts[0].count, 0);
    assert_int_equal(verdicts[0].raised, -1);
    assert_true(verdicts[0].score < -5);
    for (int i = 1; i < 11; i++)
        assert_int_equal(verdicts[i].change, BASELINE_NONE);
    assert_int_equal(verdicts[10].count, 1000);
    s.window = first + 11;
    assert_int_equal(see(&s, 1000), BASELINE_RECOVERED);
}

static void test_gaps_are_zeros(void **state) {
    uint64_t seed = 6;
    for (int series = 0; series < 100; series++) {
        struct series whole = {0};
        struct baseline sparse = {0};
        struct baseline_verdict verdict = {0};
        see(&whole, 1);
        assert_true(baseline_step(&sparse, rules, 0, 1, &verdict));
        for (int window = 1; window < 300; window++) {
            uint64_t count = number_below(&seed, 3) == 0 ? 30 + number_below(&seed, 40) : 0;
            see(&whole, count);
            if (count == 0)
                continue;
            while (baseline_step(&sparse, rules, window, count, &verdict))
                continue;
            assert_memory_equal(&sparse, &whole.b, sizeof(sparse));
            assert_memory_equal(&verdict, &whole.last, sizeof(verdict));
        }
    }
}

static void test_a_gap_of_ages_takes_as_long_as_one_of_weeks(void **state) {
    struct series s = {0};
    struct baseline_verdict verdict;
    for (int i = 0; i < 100; i++)
        see(&s, 500);
    int steps = 0, raised = 0, adopted = 0;
    for (; baseline_step(&s.b, rules, INT64_C(1) << 62, 500, &verdict); steps++) {
        raised += verdict.change == BASELINE_RAISED;
        adopted += verdict.change == BASELINE_ADOPTED;
    }
    assert_int_equal(steps, BASELINE_GAP_MAX + 1);
    assert_int_equal(raised, 2); // the silence, which became usual, and its end
    assert_int_equal(adopted, 1);
    assert_int_equal(verdict.window, INT64_C(1) << 62);
    struct baseline before = s.b;
    assert_false(baseline_step(&s.b, rules, 5, 500, &verdict)); // long judged
    assert_memory_equal(&before, &s.b, sizeof(before));
    struct baseline b = {0};
    assert_true(baseline_step(&b, rules, INT64_MIN, 1, &verdict));
    assert_true(baseline_step(&b, rules, INT64_MAX - 1, 1, &verdict));
    assert_int_equal(verdict.window, INT64_MAX - 1 - BASELINE_GAP_MAX);
}

static void test_what_lasts_for_a_day_is_usual(void **state) {
    uint64_t seed = 7;
    struct series s = {0};
    see_some(&s, 200, 100, &seed);
    assert_int_equal(see(&s, 1000), BASELINE_RAISED);
    see_some(&s, (int)rules->adopt_windows - 2, 1000, &seed);
    assert_int_equal(s.last.raised, 1);
    assert_int_equal(see(&s, 1000), BASELINE_ADOPTED);
    assert_int_equal(s.last.raised, 0);
    assert_true(s.b.mean == 1000 && s.b.variance == 0); // of before nothing is left
    see_some(&s, 500, 1000, &seed);
    assert_int_equal(s.raised, 1);
    assert_int_equal(s.recovered, 0);
    assert_int_equal(see(&s, 100), BASELINE_RAISED);
    assert_int_equal(s.last.raised, -1);
}

static void test_a_burst_that_turns_into_an_outage_alerts_again(void **state) {
    struct series s = {0};
    for (int i = 0; i < 100; i++)
        see(&s, 100);
    assert_int_equal(see(&s, 1000), BASELINE_RAISED);
    assert_int_equal(see(&s, 0), BASELINE_RAISED);
    assert_int_equal(s.last.raised, -1);
    assert_int_equal(see(&s, 0), BASELINE_NONE);
    assert_int_equal(see(&s, 1000), BASELINE_RAISED);
    assert_int_equal(s.last.raised, 1);
}

// To the last bit, as another program has it: nothing is fused, nothing is left to a libm.
static void test_the_numbers_are_these(void **state) {
    static const uint64_t counts[] = {10, 12, 0, 7, 31, 15, 9, 22, 18, 3};
    struct series s = {0};
    for (int i = 0; i < 50; i++)
        see(&s, counts[i % 10]);
    assert_true(s.b.mean == 0x1.9bcb8090c1dfbp3);
    assert_true(s.b.variance == 0x1.323a4363d2bc9p6);
    see(&s, 100);
    assert_true(s.last.score == 0x1.3ea9e6137f3cfp3);
}

static void test_rules_have_bounds(void **state) {
    assert_true(baseline_rules_are_fit(rules));
#define SPOILED(field, value)                                                                                \
    do {                                                                                                     \
        struct baseline_rules spoiled = *rules;                                                              \
        spoiled.field = value;                                                                               \
        assert_false(baseline_rules_are_fit(&spoiled));                                                      \
    } while (0)
    SPOILED(weight, 0);
    SPOILED(weight, 1.01);
    SPOILED(weight, NAN);
    SPOILED(cold_windows, 0);
    SPOILED(calm_windows, 0);
    SPOILED(adopt_windows, 0);
    SPOILED(alert_score, 2.4);
    SPOILED(alert_score, INFINITY);
    SPOILED(alert_score, NAN);
    SPOILED(calm_score, 0);
    SPOILED(calm_score, NAN);
    SPOILED(deviation_least, 0);
    SPOILED(deviation_least, INFINITY);
    SPOILED(deviation_share, -0.1);
    SPOILED(deviation_share, INFINITY);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_quiet_series_never_alerts),
        cmocka_unit_test(test_a_burst_alerts_once_recovers_and_may_come_again),
        cmocka_unit_test(test_what_is_neither_calm_nor_significant_keeps_the_alert),
        cmocka_unit_test(test_few_are_no_matter_however_unusual),
        cmocka_unit_test(test_few_are_no_loss),
        cmocka_unit_test(test_a_window_has_its_weight),
        cmocka_unit_test(test_the_deviation_has_floors),
        cmocka_unit_test(test_a_slow_drift_is_followed),
        cmocka_unit_test(test_a_cold_start_never_alerts),
        cmocka_unit_test(test_an_outage_alerts_in_its_first_window),
        cmocka_unit_test(test_gaps_are_zeros),
        cmocka_unit_test(test_a_gap_of_ages_takes_as_long_as_one_of_weeks),
        cmocka_unit_test(test_what_lasts_for_a_day_is_usual),
        cmocka_unit_test(test_a_burst_that_turns_into_an_outage_alerts_again),
        cmocka_unit_test(test_the_numbers_are_these),
        cmocka_unit_test(test_rules_have_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
