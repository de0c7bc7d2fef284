// What holds where the rules file says nothing of alerts.
#pragma once

#include "aggregate/listen/baseline.h"

static const struct baseline_rules baseline_rules_default = {
    .weight = 1.0 / 16,
    .cold_windows = 32,
    .alert_score = 5,
    .calm_score = 2.5,
    .calm_windows = 2,
    .adopt_windows = 96,
    .deviation_least = 3,
    .deviation_share = 0.1,
    .count_least = 20,
};
