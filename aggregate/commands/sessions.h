// The live sessions of published windows, for show and export.
#pragma once

#include "aggregate/commands/revisions.h"
#include "aggregate/figures/live_figures.h"

// Before the time that is asked for, windows of so long say how many watched when it began.
enum { SESSIONS_BEFORE_S = 24 * 3600 };

void sessions_take(struct live_windows *w, const struct revision *revision, const struct rows *rows,
                   const struct filter *filter);
// Where the last window of the period ends that is published: whoever watches then may yet be heard.
int64_t sessions_known_s(const struct published *pub, const struct period *period);
// Once the windows of the time asked for were taken: those before it, unless there is no session in it. What
// lacks of them is said on standard error, and added to `lacks`.
enum status sessions_before(struct live_windows *w, const struct published *pub, int64_t start_s,
                            const struct filter *filter, struct freshness_sum *lacks, struct problem *p);
// live_figures_each; what the time asked for lacks, each session may lack.
void sessions_each(struct live_windows *w, int64_t start_s, int64_t known_s,
                   const struct freshness_sum *lacks, live_visit visit, void *context);
