// The fold: what one event does to the delta table of its account's shard. Pure: the event, its record's time
// and the rules in force then.
//
// Which keys an event touches, and by how much, is told in ingest/README.md; the names are in
// schemas/keys.def.
#pragma once

#include "ingest/delta.h"
#include "ingest/seen.h"
#include "runtime/config/rules.h"
#include "schemas/event.h"

struct count {
    const struct rules *rules;
    int64_t record_time_ms; // 0: the log has none
    uint32_t families;      // settings_families
    uint32_t shard;         // of the event's account
    struct seen *seen;
    uint64_t account_hash; // set by count_prepare
    uint64_t group_key;    // hash of the group's key
    uint64_t content_key;  // hash of the content's key; 0: none
    struct seen_place reach;
};

// Before the fold, over a few dozen events: hashes what it will look up, then fetches the memory it will
// touch, step by step over all of them (1 .. DELTA_PREFETCH_STEPS - 1 after prepare's own).
void count_prepare(struct count *c, const struct delta *d, const struct event *e);
void count_fetch(const struct count *c, const struct delta *d, int step);

void count_event(struct delta *d, const struct count *c, const struct event *e);

// Before a seal: adds the groups to the keys they stand for.
void count_spread(struct delta *d, uint32_t families);
