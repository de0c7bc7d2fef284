// The inside of the command show.
#pragma once

#include "aggregate/commands/revisions.h"
#include "aggregate/commands/snapshot_file.h"
#include "aggregate/commands/velocities.h"
#include "aggregate/figures/live_figures.h"
#include "aggregate/figures/nearest_account.h"
#include "aggregate/figures/sheet.h"
#include "aggregate/figures/time/hour_week.h"
#include "runtime/config/rules.h"

struct show {
    // what is asked for
    const struct zone *zone;
    enum by by;
    struct filter filter;
    const char *kpi;    // "": all
    bool counters, all; // the counters as well; also KPIs that have nothing to tell
    bool may_be_brief;  // nothing more than a time and an account is asked for, at a terminal
    int64_t top;        // so many rows, the greatest of the KPI first; 0: all
    struct rules rules; // in force now
    struct kpi_book book;
    // where it goes
    struct output output;
    struct output_column columns[KPI_CELLS];
    int shown[KPI_CELLS]; // cells, in the order of the columns
    bool sparse[KPI_CELLS];
    size_t column_count;
    // of the stretch that is being added up
    struct sums sums;
    struct rows *late;
    struct rows *tops; // keys of those rows; NULL: all are
    size_t top_count;  // of them, the first
    uint64_t late_events, counted_events;
    bool is_brief;                // headlines alone, as there are too many figures to read
    size_t left_out;              // figures, for that
    struct hour_week week;        // of BY_HOUR_OF_WEEK alone
    struct live_windows live;     // of BY_SESSION alone
    struct velocities velocities; // of BY_TAG alone
    struct stretch stretch;
    struct nearest_account nearest; // to the one that is asked for, where nothing is known of it
    const struct row_key *key;      // of the row whose figures are being printed
};

// ---- show_rows.c: what was added up, as rows

// One figure of the stretch, of a `struct show`; nothing of a row that is none of the top.
void show_figure(void *context, const struct row_key *key, const struct kpi_figure *figure);
// `freshness` NULL: nobody knows it.
void show_stretch(struct show *s, int64_t start_s, int64_t end_s, const struct freshness_sum *freshness);
// What was left out, and how it is asked for; nothing where nothing was.
void show_left_out(const struct show *s);
void show_hours(struct show *s, const struct period *period, const struct freshness_sum *freshness);
void show_sessions(struct show *s, int64_t start_s, int64_t end_s, int64_t known_s,
                   const struct freshness_sum *lacks);

// ---- show_windows.c: what is added up

enum status show_period(struct show *s, const struct published *pub, const struct period *period,
                        struct problem *p);
// A snapshot by itself. STATUS_USAGE where it cannot tell what is asked for.
enum status show_file(struct show *s, const struct snapshot_file *f, struct problem *p);
