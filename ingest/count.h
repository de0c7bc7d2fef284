// The fold: what one event does to the delta table of its account's shard. Pure: the event, its record's time
// and the rules in force then.
//
// Which keys an event touches, and by how much, is told in ingest/README.md; the names are in
// schemas/keys.def.
#pragma once

#include "ingest/delta.h"
#include "ingest/seen.h"
#include "runtime/rules.h"
#include "schemas/event.h"

struct count {
    const struct rules *rules;
    int64_t record_time_ms; // 0: the log has none
    uint32_t families;      // settings_families
    uint32_t shard;         // of the event's account
    struct seen *seen;
    uint64_t account_hash; // set by count_prepare
    uint64_t content_hash;
};

// First of two steps over a few dozen events: hashes what the fold will look up, and fetches the memory it
// will touch.
void count_prepare(struct count *c, const struct delta *d, const struct event *e);

void count_event(struct delta *d, const struct count *c, const struct event *e);
