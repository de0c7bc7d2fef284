// What an event adds beside the counter of its kind, as schemas/counters.def documents it: the recount's own
// reading of that table.
#pragma once

#include "clameur/v1/event.pb-c.h"
#include "runtime/config/rules.h"
#include "runtime/slice.h"
#include "schemas/keys.h"

enum { MEASURES_MAX = 16, RECOUNT_INCREMENTS_MAX = MEASURES_MAX + 1 };

struct measured {
    enum counter counter;
    int64_t value;         // never 0
    struct slice currency; // empty for counters that have none
};

// The event is valid. Returns how many were written.
size_t measures_of(const Clameur__V1__Event *e, struct measured out[MEASURES_MAX]);

// What an event adds by field: first what its kind's counter moves by, then the measures.
struct recount_increments {
    field_code kind; // 0: the kind counts nothing by itself
    size_t count;
    struct {
        field_code field;
        int64_t delta;
    } at[RECOUNT_INCREMENTS_MAX];
};

// The event is valid, and no reading.
void recount_increments_of(struct recount_increments *out, const Clameur__V1__Event *e,
                           const struct rules *rules);
