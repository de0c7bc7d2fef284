// The rows of which a KPI is greatest: contents, campaigns, tags, topics. Pure.
#pragma once

#include "aggregate/figures/kpi_figures.h"

// Are rows compared by it? Amounts of money are not, for they are of different currencies, nor what is no KPI
// of events.
bool ranking_takes(const char *kpi);
// Of sums by what has a name: writes the numbers of at most `most` rows, the greatest first, and returns how
// many there are; rows of which the KPI is null, or that have no name (rows_fold), are none of them. Equal
// ones stand in the order of rows_sort. Of a KPI by currency a row's greatest counts.
size_t ranking_of(const struct kpi_book *book, const struct sums *sums, const char *kpi, size_t most,
                  uint32_t *numbers);
