// KPIs by readings: of what a platform told as absolute values, and of nothing else. Pure.
//
// A KPI is told where every counter of both its sides was read: numerator and denominator are the latest
// readings of the same contents. Of a content they are that content's. Of a platform they are what was read
// of the account as a whole; where not all of it was, the sum over the contents of which all was, but for
// KPIs with a unique count (layout_is_unique), for those are no sums. By currency, and by the weights of
// interactions, nothing is read.
#pragma once

#include "aggregate/figures/kpi_figures.h"

// `key` is of CONTENT, or of TOTALS for a platform.
typedef void (*read_visit)(void *context, const struct row_key *key, const struct kpi_figure *figure);

// By account, platform, content, then in the table's order; nothing where `sums` are by what readings do not
// tell apart (sums.h).
void read_figures_each(const struct kpi_book *book, const struct sums *sums, read_visit visit, void *context);
