// What an event adds to counters beside that of its kind: the rows of counters.def, measured from the body.
// For decode alone, which knows the generated types.
#pragma once

#include "clameur/v1/event.pb-c.h"
#include "schemas/event.h"

// Fills e->measures; what is 0 is left out. e->kind, delta and body are set, and no flaw of e is NEGATIVE or
// OUT_OF_RANGE: every amount is within 0 and 10^17.
void measure_event(struct event *e, const Clameur__V1__Event *message);

// The sum of the items' quantities; false where it leaves 64 bits.
bool measure_units(const Clameur__V1__Commerce *commerce, int64_t *units);
