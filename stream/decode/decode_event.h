// From the generated struct to struct event; for decode alone, which knows the generated types.
#pragma once

#include "clameur/v1/event.pb-c.h"
#include "runtime/arena.h"
#include "schemas/event.h"
#include "stream/pseudonym.h"

struct decode_context {
    const struct pseudonymiser *pseudonyms;
    bool persons; // fill event.person
    struct arena *arena;
    int64_t record_time_ms;
};

// Fills every field of `e` that counts mean something in; what lies past tag_count and measure_count is left
// as it was. Texts of `e` point where those of `message` do; `message` itself is not needed afterwards.
void decode_event(struct event *e, const Clameur__V1__Event *message, const struct decode_context *context);

// Fills since_ms, topics, order and its time, currency, has_value, read_at_ms and readings from the body, and
// adds to the flaws of `e` what the contract's bounds on the body find.
void decode_body(struct event *e, const Clameur__V1__Event *message, struct arena *arena);
