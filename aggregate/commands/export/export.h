// The inside of the command export.
#pragma once

#include "aggregate/commands/export/choice.h"
#include "aggregate/commands/export/defined.h"
#include "aggregate/commands/export/sink.h"
#include "aggregate/commands/revisions.h"
#include "aggregate/commands/store_reader.h"
#include "aggregate/commands/velocities.h"
#include "aggregate/figures/live_figures.h"
#include "aggregate/figures/nearest_account.h"
#include "aggregate/figures/sheet.h"
#include "aggregate/figures/time/hour_week.h"
#include "runtime/config/rules.h"

struct exporter {
    struct export_sink *sink;
    struct published pub;
    struct store_asked asked;
    const char *every;
    struct filter filter;
    struct export_choice choice;
    struct rules rules;
    struct kpi_book book;
    const struct zone *zone;
    const struct period *period;
    // of the stretch that is being written
    struct rows *all;
    uint64_t late, counted; // events
    struct stretch stretch;
    // of all of it
    struct defined defined;
    struct hour_week week;
    struct live_windows live;
    struct velocities velocities;
    struct nearest_account nearest; // to the one that is asked for, where nothing is known of it
    struct freshness_sum freshness;
    struct freshness_sum lacks; // by what is missing alone
    size_t rows[EXPORT_TABLES], windows, windows_all;
    bool shows_progress;
    enum status status; // the first that failed, with its problem: nothing is written after it
    struct problem problem;
};

extern const struct export_columns export_columns[EXPORT_TABLES];

void export_row(struct exporter *e, enum export_table table, const struct output_cell *cells);

// What the KPIs and counters mean that are asked for.
void export_definitions(struct exporter *e);
// A row of counters, and what it means where no row before said it: counters by currency, of kinds that are
// not listed, and readings come as they come.
void export_counter(struct exporter *e, const struct output_cell cells[COUNTER_CELLS]);
// A window that is in the export.
void export_provenance(struct exporter *e, const struct revision *revision, const struct shelf_file *file);
// The windows of the range that are not.
void export_gaps(struct exporter *e, const struct period *period);
