// One event of the generated world, written into a draft: who, where, what, when, by the event's index alone.
#pragma once

#include "loadtest/generate/mix.h"
#include "loadtest/generate/zipf.h"

struct world {
    uint64_t seed;
    const struct mix *mix;
    uint64_t mix_weight;
    uint64_t accounts;
    uint64_t actors;
    struct zipf contents;
};

// The moment of an event, as the generator's clock and fate have it.
struct moment {
    uint64_t index;
    int64_t sent_ms;      // the record's timestamp
    int64_t shift_ms;     // of occurred_at: below 0 late, above 0 in the future
    uint64_t hot_content; // 0, or the rank that a burst has taken over with
};

// The kind of an event.
uint32_t compose_kind(const struct world *w, uint64_t index);

// Resets and fills the draft. Everything written is valid by the contract.
void compose_event(const struct world *w, const struct moment *m, struct draft *d);
