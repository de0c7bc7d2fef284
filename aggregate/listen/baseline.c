#include "aggregate/listen/baseline.h"

#include <math.h>

bool baseline_rules_are_fit(const struct baseline_rules *rules) {
    return rules->weight > 0 && rules->weight <= 1 && rules->cold_windows >= 1 && rules->calm_score > 0 &&
           rules->alert_score >= rules->calm_score && isfinite(rules->alert_score) &&
           rules->calm_windows >= 1 && rules->adopt_windows >= 1 && rules->deviation_least > 0 &&
           isfinite(rules->deviation_least) && rules->deviation_share >= 0 &&
           isfinite(rules->deviation_share);
}

static double greater(double a, double b) {
    return a > b ? a : b;
}

static double deviation_of(const struct baseline *b, const struct baseline_rules *rules) {
    double by_itself = greater(sqrt(b->variance), sqrt(b->mean));
    return greater(by_itself, greater(rules->deviation_least, rules->deviation_share * b->mean));
}

// 1 above, -1 below, 0: not significant.
static int significance(const struct baseline_verdict *v, const struct baseline_rules *rules) {
    if (v->score >= rules->alert_score && v->count >= rules->count_least)
        return 1;
    return v->score <= -rules->alert_score && v->mean >= (double)rules->count_least ? -1 : 0;
}

// T. Finch, "Incremental calculation of weighted mean and variance" (2009), section 9.
static void learn(struct baseline *b, const struct baseline_rules *rules, uint64_t count) {
    double weight = greater(rules->weight, 1.0 / (b->learned + 1.0)), off = (double)count - b->mean;
    b->mean += weight * off;
    b->variance = (1 - weight) * (b->variance + weight * off * off);
    b->learned += b->learned < UINT32_MAX;
}

static enum baseline_change raise_alert(struct baseline *b, int direction) {
    b->raised = direction;
    b->lasted = 1;
    b->calm = 0;
    return BASELINE_RAISED;
}

static enum baseline_change judge_usual(struct baseline *b, const struct baseline_rules *rules,
                                        const struct baseline_verdict *v) {
    int direction = v->is_cold ? 0 : significance(v, rules);
    if (direction != 0)
        return raise_alert(b, direction);
    learn(b, rules, v->count);
    return BASELINE_NONE;
}

static enum baseline_change judge_raised(struct baseline *b, const struct baseline_rules *rules,
                                         const struct baseline_verdict *v) {
    if (significance(v, rules) == -b->raised)
        return raise_alert(b, -b->raised);
    b->lasted++;
    b->calm = fabs(v->score) < rules->calm_score ? b->calm + 1 : 0;
    bool is_over = b->calm >= rules->calm_windows, is_usual = b->lasted >= rules->adopt_windows;
    if (!is_over && !is_usual)
        return BASELINE_NONE;
    b->raised = 0;
    if (!is_over)
        b->learned = 0; // the next weighs all: nothing is left of what was before
    learn(b, rules, v->count);
    return is_over ? BASELINE_RECOVERED : BASELINE_ADOPTED;
}

// From whichever number windows are counted, no difference leaves 64 bits.
static void skip_to(struct baseline *b, int64_t window) {
    if (!b->is_begun)
        b->next = window;
    else if ((uint64_t)window - (uint64_t)b->next > BASELINE_GAP_MAX)
        b->next = window - BASELINE_GAP_MAX;
    b->is_begun = true;
}

bool baseline_step(struct baseline *b, const struct baseline_rules *rules, int64_t window, uint64_t count,
                   struct baseline_verdict *verdict) {
    if (b->is_begun && window < b->next)
        return false;
    skip_to(b, window);
    struct baseline_verdict v = {
        .window = b->next,
        .count = b->next == window ? count : 0,
        .is_cold = b->learned < rules->cold_windows,
        .mean = b->mean,
        .deviation = deviation_of(b, rules),
    };
    v.score = ((double)v.count - v.mean) / v.deviation;
    v.change = b->raised != 0 ? judge_raised(b, rules, &v) : judge_usual(b, rules, &v);
    v.raised = b->raised;
    b->next++;
    *verdict = v;
    return true;
}
