// A published window's sketches against what they must stand for: of each reach every register, and how many
// it says there are; of quantiles each bucket. Pure.
#pragma once

#include "loadtest/windows/compare/windows_report.h"

void windows_compare_sketches(struct windows_report *r, int64_t window_s, const struct rows *rows,
                              struct window_sketches *sketches);
