// What a store is of, fixed by the first aggregator that uses it: which log, from where on, and by what it is
// read. The file "meta" of the store, a JSON object.
#pragma once

#include <stdint.h>

#include "schemas/layout.h"
#include "stream/startup/basis.h"
#include "stream/store/store.h"

enum { STORE_LAYOUT = 1 };

struct store_meta {
    int64_t layout;
    char topic[256];
    char topic_id[64]; // "" where the cluster does not tell
    int32_t partitions;
    int64_t starts[PARTITIONS_MAX]; // the first offset of each that is read
    int64_t dedup_span;
    char framing[16];
    int64_t max_event_bytes, max_message_bytes;
    char rules_hash[17]; // of the first version
};

// STATUS_NO_INPUT where the store has none; STATUS_BAD_DATA (CLM-D3) where it is none.
enum status store_meta_read(struct store *store, struct store_meta *meta, struct problem *p);
// Writes it, unless another was quicker: then `meta` becomes that one.
enum status store_meta_begin(struct store *store, struct store_meta *meta, struct problem *p);
// What a store is begun with by who stands on this basis: all but the starts. Before its topic was looked at
// it has no partitions and no id.
void store_meta_of(struct store_meta *meta, const struct basis *basis);
// Is the store of this log, read in this way? STATUS_CONFIG (CLM-D4) with what differs. What of our topic is
// not known is passed over.
enum status store_meta_fit(const struct store_meta *stored, const struct store_meta *ours, struct problem *p);
