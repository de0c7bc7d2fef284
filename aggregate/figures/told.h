// What is told of an account on a platform beside its counters: how many different actors, quantiles of
// durations, and what was read of it last (enum kpi_told). Pure.
#pragma once

#include "aggregate/figures/sums.h"
#include "schemas/kpi.h"

// Of a row of sums->rows; what is not known is left out. By origin and by paid or organic the reach is that
// of the row. Nobody is told by class where a window of the time has no classes, for the rest would pass for
// all.
void told_fill(struct kpi_input *input, const struct sums *sums, const struct row_key *key);

// What was read last of the account as a whole of a TOLD_READING. NULL: it was not read.
const struct latest_reading *told_reading(const struct sums *sums, const struct row_key *key,
                                          enum kpi_told told);
