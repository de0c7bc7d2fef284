// What an event adds beside the counter of its kind, as schemas/counters.def documents it: the recount's own
// reading of that table.
#pragma once

#include "clameur/v1/event.pb-c.h"
#include "runtime/slice.h"
#include "schemas/registry.h"

enum { MEASURES_MAX = 16 };

struct measured {
    enum counter counter;
    int64_t value;         // never 0
    struct slice currency; // empty for counters that have none
};

// The event is valid. Returns how many were written.
size_t measures_of(const Clameur__V1__Event *e, struct measured out[MEASURES_MAX]);
