// Records into the model: reads, judges, sets duplicates aside, and counts for each shard exactly the records
// that its marks name.
//
// Pure: records in, sums out; Kafka and Redis are elsewhere. Records come partition by partition in the log's
// order.
#pragma once

#include "loadtest/recount/reading/recount_dedup.h"
#include "loadtest/recount/reading/recount_event.h"
#include "loadtest/recount/reading/recount_ids.h"
#include "loadtest/recount/recount_model.h"

struct fold_setup {
    struct recount_framing framing;
    const struct rules_book *rules;
    const struct recount_keys *keys;
    int64_t dedup_span;
    int32_t partitions;
    const int64_t *starts; // of each partition: what lies before only leaves ids behind
};

// The last record before a mark.
struct fold_last {
    int64_t offset; // -1: none
    int64_t time_ms;
    uint64_t fingerprint;
};

struct fold_tally {
    uint64_t records; // up to the furthest mark of each partition, from its start on
    uint64_t read;    // events; one that cannot be decoded is one
    uint64_t counted;
    uint64_t duplicates;
    uint64_t rejected_all;
    uint64_t rejected[REJECT_COUNT];
    uint64_t lag; // records at or past the lowest mark
};

struct recount_fold {
    const struct fold_setup *setup;
    struct recount_model *model;
    struct recount_dedup *dedup; // by partition
    struct recount_events events;
    int64_t *from, *to;       // by shard and partition: what this round counts; see recount_fold_round
    int64_t *low, *high;      // by partition: the least and the greatest `to`
    int64_t *rejected_to;     // by partition: rejects before were tallied in an earlier round
    struct fold_last *common; // by partition: the last record before `low`
    struct fold_last
        *own; // by shard and partition: the last record from `low` on and before the shard's mark
    struct fold_tally tally;
};

// `setup` and `model` are borrowed. Every shard stands at the starts.
void recount_fold_init(struct recount_fold *f, const struct fold_setup *setup, struct recount_model *model);
void recount_fold_fini(struct recount_fold *f);

// Begins a round: every shard goes on from where the last one took it to its mark, `marks` by shard and
// partition. The records follow by recount_fold_record, each partition from recount_fold_begin on, and must
// reach the furthest mark.
void recount_fold_round(struct recount_fold *f, const int64_t *marks);
// Where the reading of a partition has to begin: a span before the lowest position, for the ids.
int64_t recount_fold_begin(const struct recount_fold *f, int32_t partition);
void recount_fold_record(struct recount_fold *f, const struct recount_record *r);

// The last record before the shard's mark.
struct fold_last recount_fold_last(const struct recount_fold *f, uint32_t shard, int32_t partition);
