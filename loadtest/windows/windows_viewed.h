// The recount's own reading of the counters that windows alone keep of views (schemas/counters.def). Pure.
#pragma once

#include "clameur/v1/event.pb-c.h"
#include "loadtest/recount/reading/measures.h"

// Behind what recount_increments_of gave.
void windows_viewed_add(struct recount_increments *out, const Clameur__V1__Event *e);
