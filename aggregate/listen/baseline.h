// What is usual for a topic, and whether a window is not: an exponentially weighted mean and variance of a
// series of window counts, with an alert on a significant deviation.
//
// For each window, with the mean and the variance of those before it:
//
//     deviation = the greatest of: the variance's root, the mean's root (by which counts vary by themselves),
//                 deviation_least, deviation_share x mean
//     score     = (count - mean) / deviation
//
// It is significant if the score is alert_score or more and the count is at least count_least, or if the
// score is -alert_score or less and the mean is at least count_least. Then
//
//     USUAL   -> RAISED     significant, and cold_windows were learned from: fewer never alert
//     RAISED  -> USUAL      calm_windows in a row had a score of less than calm_score, either way: recovered
//     RAISED  -> RAISED     significant in the other direction: a new alert
//     RAISED  -> USUAL      it has lasted adopt_windows: this is the usual now, and is learned from the start
//
// A raised series learns nothing, so that what is unusual does not become usual. Otherwise the window's count
// moves the mean and the variance by its weight; the first windows weigh 1/n each, as in an ordinary mean.
//
// Pure, and of libm it takes the square root alone: the same counts have the same verdicts everywhere.
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct baseline_rules {
    double weight;          // of a window, 0 < weight <= 1: about 2 / (1 + windows that are remembered)
    uint32_t cold_windows;  // at least 1
    double alert_score;     // at least calm_score
    double calm_score;      // above 0
    uint32_t calm_windows;  // at least 1
    uint32_t adopt_windows; // at least 1
    double deviation_least; // above 0: of counts
    double deviation_share; // 0 or more: of the mean
    uint64_t count_least;   // a smaller matter is none
};

bool baseline_rules_are_fit(const struct baseline_rules *rules); // within the bounds above

enum { BASELINE_GAP_MAX = 4096 };

// {0} before the first window.
struct baseline {
    bool is_begun;
    int raised;       // 0: usual; 1: alert above, -1: below the mean
    uint32_t learned; // windows
    uint32_t lasted;  // windows of the alert
    uint32_t calm;    // in a row, of the alert's
    int64_t next;     // window
    double mean, variance;
};

enum baseline_change {
    BASELINE_NONE,
    BASELINE_RAISED,    // an alert begins with this window
    BASELINE_RECOVERED, // with this window it is over
    BASELINE_ADOPTED,   // with this window it is over, because this is usual now
};

struct baseline_verdict {
    int64_t window;
    uint64_t count;
    enum baseline_change change;
    int raised;                    // after the window: as in struct baseline
    bool is_cold;                  // too little was learned to judge by
    double mean, deviation, score; // that it was judged by
};

// Judges the series' next window: the one after the last, with a count of 0, where that is before `window`,
// else `window` itself with its count. To be called until it is false, which it is once `window` was judged
// or if it was before. Of a gap only the last BASELINE_GAP_MAX windows are looked at. Windows are below
// INT64_MAX.
//
//     while (baseline_step(&b, &rules, window, count, &verdict))
//         tell(&verdict);
bool baseline_step(struct baseline *b, const struct baseline_rules *rules, int64_t window, uint64_t count,
                   struct baseline_verdict *verdict);
