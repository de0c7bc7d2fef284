// A window's live sessions against those that the log gives, second by second. Pure.
#pragma once

#include "loadtest/windows/compare/windows_report.h"
#include "loadtest/windows/windows_live.h"

void windows_compare_live(struct windows_report *r, int64_t window_s, const struct rows *rows,
                          struct windows_live *live);
