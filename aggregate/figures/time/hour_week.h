// When in the week people react: interactions by hour of the local week, for whoever looks for the best time
// to post. Pure.
//
// A window belongs to the hour that the zone's clock shows where it begins: zones that are off by 30 or 45
// minutes have whole windows, too. Where clocks go forward an hour has none in that week, where they go back
// it has eight.
#pragma once

#include "aggregate/figures/kpi_figures.h"

enum { HOURS_OF_WEEK = 7 * 24 };

// 0 is Monday's first.
unsigned hour_of_week(const struct zone *zone, int64_t time_s);
// "mon 09".
const char *hour_of_week_write(char out[LABEL_MAX], unsigned hour);

struct hour_week {
    const struct zone *zone;
    const struct kpi_book *book;
    uint64_t windows[HOURS_OF_WEEK];
    struct rows *places;            // accounts on platforms, as rows of TOTALS without a cell
    int64_t (*sums)[HOURS_OF_WEEK]; // by the number of the row
    size_t room;
};

// Zone and book stay the caller's.
void hour_week_init(struct hour_week *w, const struct zone *zone, const struct kpi_book *book);
void hour_week_fini(struct hour_week *w);

// A window of which all is known, be it that nothing happened.
void hour_week_know(struct hour_week *w, int64_t start_s);
// What happened in it: the KPI "interactions" (kpis.def) of its totals.
void hour_week_take(struct hour_week *w, int64_t start_s, const struct rows *rows,
                    const struct filter *filter);

// Of each account on a platform that has any interaction, and each hour of which windows are known:
// interactions by window. The hour is the origin of `key`, as BY_HOUR_OF_WEEK has it.
typedef void (*hour_visit)(void *context, const struct row_key *key, const struct kpi_figure *figure);
void hour_week_each(const struct hour_week *w, hour_visit visit, void *context);
