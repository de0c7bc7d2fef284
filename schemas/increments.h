// What one event adds, and to which fields: the kind's counter, then the measures. Where it is added (which
// keys of Redis, which windows) is for each process to say; by how much is said here alone.
#pragma once

#include "runtime/config/rules.h"
#include "schemas/event.h"
#include "schemas/keys.h"

// Windows add to them: of a view how long it was, and of a purchase that it has a price.
enum { INCREMENTS_OF_WINDOWS = 3, INCREMENTS_MAX = 1 + EVENT_MEASURES_MAX + INCREMENTS_OF_WINDOWS };

struct increment {
    field_code field;
    int64_t value; // may be 0 or negative
};

struct increments {
    uint32_t count;
    bool has_kind; // the first is the counter of the event's kind
    struct increment at[INCREMENTS_MAX];
};

// Of a valid event, by the rules in force at its record time. Its kind's counter moves by the event's delta;
// one that is not listed has `kind_<number>`. A mention of a rival that the rules do not track is
// `mentions_untracked` instead.
void increments_of(struct increments *out, const struct event *e, const struct rules *rules);
