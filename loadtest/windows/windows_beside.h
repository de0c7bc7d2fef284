// The recount's own reading of the counters that windows alone keep, beside those of Redis
// (schemas/counters.def). Pure.
#pragma once

#include "clameur/v1/event.pb-c.h"
#include "loadtest/recount/reading/measures.h"

// Behind what recount_increments_of gave: of views how long they were, of a purchase that it has a value.
void windows_beside_add(struct recount_increments *out, const Clameur__V1__Event *e);

// What a refund adds, and that its order is not known.
struct recount_increments windows_beside_unattributed(const struct recount_increments *of);
