// The store's side of the aggregator: what was handed over is added to the ledger, kept, and published.
//
// Blocking, and slow where the store is: runs on the keeping thread, one call at a time, never on the data
// thread. A call that ends in STATUS_TRY_AGAIN has done a part of its work, and is made again with the same
// arguments: nothing is done twice.
//
//     parts -> checkpoint -> through record      the order of keeper_keep; then the offset may be committed.
//
// Whatever a crash leaves undone is done again from the checkpoint, and gives files of the same names and
// bytes. A zombie's files are as right as ours: all are functions of the log's prefix that their names say.
#pragma once

#include "aggregate/store/shelf.h"
#include "aggregate/window/ledger.h"

// As files name what they are of; texts are borrowed.
struct keeper {
    struct store *store;
    const char *topic, *topic_id, *rules_hash, *kpis_hash;
    uint32_t partitions;
    const int64_t *starts; // the first offset of each; NULL: 0
    int64_t retain_s;      // windows that are older leave the store (retention.h); 0: never
    int64_t now_s;         // the clock's, as of the job: what is sealed ahead of it makes nothing older
};

// A partition on the keeping thread's side.
struct kept {
    struct ledger ledger;
    bool taken;                // the handover under way is in the ledger already
    bool told_apart;           // the files are told that what stands apart waits for
    bool told;                 // when restored: the store has a through record of where the ledger stands
    int64_t last;              // offset of the newest checkpoint file that we follow; -1: none
    int64_t base, base_before; // offsets of the last two bases; -1: none
    uint64_t base_bytes, segment_bytes;
    uint32_t segments; // since the base
    int64_t looked_s;  // the last window that was looked up for being settled, where others wait for their
                       // turn; INT64_MIN: none do
    uint64_t part_bytes, checkpoint_bytes; // written, until somebody takes the figures
};

// What the store has of the partition: its newest whole checkpoint; torn ones are logged by name and skipped.
// Where files are swept while it reads, another process goes on: what is there is listed again, a few times,
// then STATUS_TRY_AGAIN. Without any, a ledger that begins at `start`. STATUS_TRY_AGAIN (CLM-D1).
enum status keeper_restore(struct keeper *k, uint32_t partition, int64_t start, struct kept **kept,
                           struct problem *p);
void keeper_release(struct kept **kept);

// Takes a handover and keeps what it changed. Where a part must be read again that is torn or gone, that is
// told (CLM-D3), what its window gains stands apart, and all else is kept. STATUS_TRY_AGAIN (CLM-D1).
enum status keeper_keep(struct keeper *k, struct kept *kept, struct handover *h, struct problem *p);
