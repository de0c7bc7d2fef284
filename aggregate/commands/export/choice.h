// What of an export is asked for: dimensions (--by) and KPIs (--kpi), each a list with commas; all where
// there is none.
#pragma once

#include <stdbool.h>

#include "aggregate/figures/sums.h"
#include "runtime/status.h"

struct export_choice {
    bool by[BY_COUNT];
    const char *kpis; // borrowed
};

// Refuses, and says on standard error, what nothing is called. STATUS_USAGE.
enum status export_choice_read(struct export_choice *choice, const char *by, const char *kpis);
bool export_choice_has(const struct export_choice *choice, const char *kpi);
// The counters of a table: with the dimensions that are read from it, and not where KPIs are named.
bool export_choice_counts(const struct export_choice *choice, enum table table);
