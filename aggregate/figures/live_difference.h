// Where the live sessions of two sets of rows differ, second by second. Pure.
#pragma once

#include "aggregate/figures/difference.h"

// The end of difference_each: sorted by session, window and second.
size_t live_difference_each(const struct rows *left, const struct rows *right, difference_visit visit,
                            void *context);
