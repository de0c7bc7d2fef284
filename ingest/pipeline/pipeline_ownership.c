// Partitions gained, lost and fenced.
//
//   gained    every shard is asked to claim them (pipeline_claims.c): its epoch rises and it says where its
//             mark stands. Reading starts a dedup span before the lowest mark; each shard skips what it has.
//   lost      taken away in good order: everything is flushed first. In disorder, or too slowly: the tables
//             of all shards are dropped, because a folded table cannot be split by partition, and the rest is
//             read again from the marks.
//   fenced    another worker claimed it. All tables are dropped, the partition is passed over. It is claimed
//             again only when a commit sent after the fence was accepted: then the group still counts us its
//             owner. (Answering a fence with a claim livelocks.)
//   dropped   a shard whose table was dropped (gap, fence, loss) is stale: its marks are read again, then
//             each partition is sought back to the lowest of them.
//
// A shard that does not answer is left out: its slots stay unclaimed, and records for it are passed over
// until it does.

#include <stdlib.h>

#include "ingest/pipeline/pipeline_internal.h"
#include "runtime/check.h"
#include "runtime/log/log.h"
#include "runtime/memory.h"

struct owned *ownership_of(const struct pipeline *p, int32_t partition) {
    return partition >= 0 && partition < PARTITIONS_MAX ? p->owned[partition] : NULL;
}

void ownership_turn(struct pipeline *p) {
    claims_ask(p);
    if (claims_under_way(p))
        return; // several shards may send a partition back: one seek for all
    reading_ask(p);
    for (size_t i = 0; i < p->owned_count && !p->stopping; i++) {
        struct owned *o = p->owned[p->owned_numbers[i]];
        if (o->seeking && !o->fenced)
            reading_seek(p, o);
    }
    reading_forget(p);
}

// ---- gained and lost

static void unclaim(struct pipeline *p, int32_t partition) {
    for (uint32_t i = 0; i < p->startup->keys.shards; i++)
        *shard_slot(&p->shards[i], partition) = (struct shard_slot){0};
}

static struct owned *owned_add(struct pipeline *p, int32_t partition) {
    CHECK(partition >= 0 && partition < PARTITIONS_MAX && p->owned[partition] == NULL);
    struct owned *o = memory_take(sizeof(*o));
    o->partition = partition;
    o->seeking = true;
    o->committed = -1;
    o->end = -1;
    o->dedup = dedup_create(p->startup->meta.dedup_span, (size_t)p->startup->basis.settings.dedup_max_ids);
    p->owned[partition] = o;
    p->owned_numbers[p->owned_count++] = partition;
    unclaim(p, partition);
    return o;
}

static void owned_remove(struct pipeline *p, int32_t partition) {
    struct owned *o = ownership_of(p, partition);
    if (o == NULL)
        return;
    unclaim(p, partition);
    dedup_destroy(&o->dedup);
    free(o);
    p->owned[partition] = NULL;
    for (size_t i = 0; i < p->owned_count; i++) {
        if (p->owned_numbers[i] == partition)
            p->owned_numbers[i--] = p->owned_numbers[--p->owned_count];
    }
}

// A topic that has grown past what can be: the worker stops, at its start as well.
static bool can_be_counted(struct pipeline *p, int32_t partition) {
    struct problem problem;
    if (partition < PARTITIONS_MAX)
        return true;
    startup_crowded_problem(&problem, p->startup->meta.topic,
                            partition < p->startup->basis.partitions ? p->startup->basis.partitions
                                                                     : partition + 1);
    pipeline_fail(p, &problem);
    return false;
}

static void assigned(void *context, struct source_position *positions, size_t count) {
    struct pipeline *p = context;
    for (size_t i = 0; i < count; i++) {
        if (can_be_counted(p, positions[i].partition))
            owned_add(p, positions[i].partition);
    }
    claims_await(p);
    reading_ask(p);
    for (size_t i = 0; i < count; i++) {
        struct owned *o = ownership_of(p, positions[i].partition);
        int64_t start = SOURCE_START_UNKNOWN;
        positions[i].offset = start;
        if (o == NULL)
            continue;
        o->seeking = p->stopping || !reading_begin(p, o, &start);
        positions[i].offset = o->seeking ? SOURCE_START_UNKNOWN : start;
        log_info("partition_assigned", FIELD("partition", LOG_INT(o->partition)),
                 FIELD("start", LOG_INT(positions[i].offset)),
                 FIELD("counting_from", LOG_INT(o->refeed_until)));
    }
    reading_forget(p);
}

static void revoked(void *context, const int32_t *partitions, size_t count, bool lost) {
    struct pipeline *p = context;
    breaker_settle(p);
    int64_t deadline_ms = loop_now_ms(&p->loop) + p->startup->basis.settings.shutdown_drain_ms;
    bool flushed = !lost && flush_all(p, deadline_ms);
    if (flushed)
        commit_now(p);
    else
        flush_drop_all(p);
    // Their marks are not ours to look at any more: a shard that goes back behind them loses what their
    // people raised, and no gap will tell us, nor the claim when they are ours again.
    seen_clear(p->seen);
    for (size_t i = 0; i < count; i++) {
        log_info("partition_revoked", FIELD("partition", LOG_INT(partitions[i])),
                 FIELD("how", LOG_TEXT(lost      ? "lost"
                                       : flushed ? "flushed"
                                                 : "dropped")));
        owned_remove(p, partitions[i]);
    }
}

static void ended(void *context, int32_t partition, int64_t offset) {
    struct pipeline *p = context;
    struct owned *o = ownership_of(p, partition);
    if (o != NULL)
        o->end = offset; // the records before it may still wait in this batch
}

static void failed(void *context, const struct problem *problem) {
    pipeline_fail(context, problem);
}

static void committed(void *context, uint64_t commit_id, bool accepted) {
    struct pipeline *p = context;
    if (accepted)
        p->tally.commits_accepted++;
    else
        p->tally.commits_refused++;
    ownership_confirm(p, commit_id, accepted);
}

// Counting goes on, exact by the marks; dedup is by partition, so it ends where a key moved.
static void grew(void *context, int32_t before, int32_t after) {
    struct pipeline *p = context;
    struct problem problem;
    p->startup->basis.partitions = after;
    startup_grown_problem(&problem, &p->startup->meta, before, after);
    log_problem(LOG_LEVEL_WARN, "partitions_added", &problem);
}

const struct source_events ownership_events = {assigned, revoked, ended, committed, failed, grew};

// ---- fenced

void ownership_fence(struct pipeline *p, const int32_t *partitions, size_t count) {
    flush_drop_all(p);
    for (size_t i = 0; i < count; i++) {
        int32_t partition = partitions[i];
        struct owned *o = ownership_of(p, partition);
        if (o == NULL || o->fenced)
            continue;
        log_warn("partition_fenced", FIELD("partition", LOG_INT(partition)));
        int64_t lowest = reading_lowest(p, partition);
        o->committed = lowest >= 0 ? lowest : o->committed;
        unclaim(p, partition);
        o->fenced = true;
        o->begun = false;
        o->seeking = true;
        o->position = (struct mark){.next = 0, .last = -1};
        o->fence_commit = 0;
        o->fence_retry_ms = 0;
    }
}

// A partition that was revoked since has a `struct owned` of its own, which knows nothing of the commit: what
// is confirmed was ours all the time.
void ownership_confirm(struct pipeline *p, uint64_t commit_id, bool accepted) {
    for (size_t i = 0; i < p->owned_count; i++) {
        struct owned *o = p->owned[p->owned_numbers[i]];
        if (!o->fenced || o->fence_commit != commit_id)
            continue;
        o->fenced = !accepted;
        o->fence_commit = 0;
        o->fence_retry_ms = p->now_ms + COMMIT_MS;
        if (accepted)
            log_info("partition_confirmed", FIELD("partition", LOG_INT(o->partition)));
    }
}
