// One shard of the counters: its delta table, the marks it has for each partition, and the one flush that may
// be under way.
//
// A shard keeps two marks a partition: `acked`, what Redis was last known to hold, and `folded`, how far the
// table reaches where that is beyond the partition's present position (after a rewind on behalf of another
// shard: records before `folded` are skipped).
//
//     IDLE    -> SEALED   shard_seal: the table becomes bytes, and is empty again
//     SEALED  -> SENT     the dead letters it covers are acknowledged; the bytes are on their way
//     SENT    -> SEALED   the answer was lost, or Redis refused: the same bytes again
//     SENT    -> IDLE     APPLIED or REPEATED: `acked` moves
//     any     -> IDLE     shard_drop: GAP, FENCED, partitions lost: table and bytes are thrown away, marks
//     are to be read again
//
// No I/O here: the pipeline sends the bytes and hands in the answers.
#pragma once

#include "ingest/flush.h"

struct shard_slot {
    struct mark acked;
    struct mark folded;
    bool known;    // acked is what Redis was last heard to hold
    bool claimed;  // and its epoch is ours
    bool verified; // the record before the mark was seen in the log, with the same fingerprint
};

enum shard_state { SHARD_IDLE, SHARD_SEALED, SHARD_SENT };

struct shard {
    uint32_t number;
    int slot; // of Redis Cluster, where all its keys are
    enum shard_state state;
    struct delta delta;
    struct shard_slot *slots; // by partition
    int32_t slot_count;

    struct flush_call call;
    struct flush_mark *sealed; // the marks that `call` moves
    size_t sealed_count;
    size_t sealed_capacity;
    uint64_t letters;      // dead letters that must be settled before `call` is sent
    int64_t sealed_events; // that `call` counts, in all and by platform
    int64_t sealed_ops;
    int64_t sealed_platforms[DELTA_PLATFORMS];
    int64_t sealed_at_ms;   // when the last seal was
    int64_t first_fold_ms;  // when the oldest event in the table was folded; 0: none
    int64_t sealed_fold_ms; // the same of the sealed ones
    int64_t sent_at_ms;
    int64_t retry_at_ms;
    int64_t claim_at_ms;   // not before
    int64_t away_since_ms; // since when it cannot count, while others may; 0: it can

    uint64_t era;   // rises with every drop: answers to calls of an earlier era are void
    bool refused;   // Redis' last answer to the claim or the sealed call was an error
    bool claiming;  // a claim is under way
    bool rereading; // a reading of the marks is under way
    bool stale;     // dropped: marks are to be read again before anything is folded
    bool left_out;  // its slots were given up, until it is claimed again
};

void shard_init(struct shard *s, uint32_t number);
void shard_fini(struct shard *s);

struct shard_slot *shard_slot(struct shard *s, int32_t partition); // makes room

// May records of the partition be folded here, this one in particular?
bool shard_takes(struct shard *s, int32_t partition, int64_t offset);

// Where a partition stands for the process: `position.next` is the first offset not read yet.
struct shard_position {
    int32_t partition;
    struct mark position;
};

// Seals the table and the marks of all claimed slots among `positions`, at a message boundary. Only when IDLE
// and not stale.
void shard_seal(struct shard *s, const struct key_space *space, const struct flush_sender *sender,
                const struct shard_position *positions, size_t count, uint64_t letters, int64_t now_ms);

// Does the sealed call move a mark? Else it is a heartbeat.
bool shard_seal_moves(const struct shard *s);

// APPLIED or REPEATED: `acked` moves to what was sealed.
void shard_acknowledge(struct shard *s);

// How many events table and call hold.
int64_t shard_events(const struct shard *s);

// Throws away table and call. Returns how many events they held: they will be read again. The marks are stale
// until shard_reread.
int64_t shard_drop(struct shard *s);

// The shard is away, and holds up the others no longer: it folds nothing for the partition until it is
// claimed again. What Redis was last heard to hold stays known. After shard_drop.
void shard_leave_out(struct shard *s, int32_t partition);

// A rewind of the partition on behalf of other shards: this one has everything up to `position` already.
void shard_keep(struct shard *s, int32_t partition, const struct mark *position);

// The marks as read again (or claimed): the slot starts over from there.
void shard_place(struct shard *s, int32_t partition, const struct mark *mark);
