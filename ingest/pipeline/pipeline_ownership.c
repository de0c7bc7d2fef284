// Partitions gained, lost and fenced.
//
//   gained    every shard is asked to claim them: its epoch rises and it says where its mark stands. Reading
//   starts a dedup span before the
//             lowest mark; each shard skips what it has.
//   lost      taken away in good order: everything is flushed first. In disorder, or too slowly: the tables
//   of all shards are dropped,
//             because a folded table cannot be split by partition, and the rest is read again from the marks.
//   fenced    another worker claimed it. All tables are dropped, the partition is passed over. It is claimed
//   again only when a commit sent
//             after the fence was accepted: then the group still counts us its owner. (Answering a fence with
//             a claim livelocks.)
//   dropped   a shard whose table was dropped (gap, fence, loss) is stale: its marks are read again, then
//   each partition is sought back
//             to the lowest of them.
//
// A shard that does not answer is left out: its slots stay unclaimed, and records for it are passed over
// until it does.

#include <stdio.h>
#include <stdlib.h>

#include "ingest/pipeline/pipeline_internal.h"
#include "runtime/check.h"
#include "runtime/log/log.h"
#include "runtime/memory.h"

struct asked {
    struct pipeline *pipeline;
    struct shard *shard;
    uint64_t era;
};

static struct owned *owned_at(const struct pipeline *p, int32_t partition) {
    return partition >= 0 && partition < PARTITIONS_MAX ? p->owned[partition] : NULL;
}

static struct asked *asked_create(struct pipeline *p, struct shard *shard) {
    struct asked *asked = memory_take(sizeof(*asked));
    *asked = (struct asked){p, shard, shard->era};
    return asked;
}

// ---- marks read again

static void mark_is_malformed(struct pipeline *p, const struct shard *shard, int32_t partition) {
    struct problem problem;
    problem_set(&problem, STATUS_BAD_DATA, "CLM-M1", "restore the newest backup of Redis",
                "the mark of partition %d in shard %u is not one", partition, shard->number);
    pipeline_fail(p, &problem);
}

// What the marks hash says of one partition; NULL: nothing.
static const redisReply *mark_find(const redisReply *reply, int32_t partition) {
    char name[16];
    snprintf(name, sizeof(name), "%d", partition);
    for (size_t i = 0; i + 1 < reply->elements; i += 2) {
        if (reply->element[i]->type == REDIS_REPLY_STRING && strcmp(reply->element[i]->str, name) == 0)
            return reply->element[i + 1];
    }
    return NULL;
}

static bool mark_read(struct mark *mark, const redisReply *value) {
    return value->type == REDIS_REPLY_STRING &&
           mark_parse(mark, (struct slice){value->str, (size_t)value->len});
}

// A mark that is missing was lost, and our claim with it. Either the shard was put back to before anybody
// claimed the partition, or it lost everything and has no start to count from: the claim tells which.
static void marks_place(struct pipeline *p, struct shard *shard, const redisReply *reply) {
    int32_t taken[PARTITIONS_MAX];
    size_t taken_count = 0;
    for (size_t i = 0; i < p->owned_count; i++) {
        struct owned *o = p->owned[p->owned_numbers[i]];
        struct shard_slot *slot = shard_slot(shard, o->partition);
        const redisReply *value = mark_find(reply, o->partition);
        struct mark stored;
        slot->claimed = slot->claimed && value != NULL;
        if (!slot->claimed)
            continue;
        if (!mark_read(&stored, value)) {
            mark_is_malformed(p, shard, o->partition);
            return;
        }
        if (stored.epoch > slot->acked.epoch) {
            taken[taken_count++] = o->partition;
            continue;
        }
        stored.epoch = slot->acked.epoch;
        reading_place(p, shard, o, &stored);
    }
    if (taken_count > 0)
        ownership_fence(p, taken, taken_count);
}

static void marks_answered(void *context, enum redis_outcome outcome, const redisReply *reply) {
    struct asked asked = *(struct asked *)context;
    free(context);
    struct shard *shard = asked.shard;
    if (shard->era != asked.era)
        return;
    shard->rereading = false;
    if (outcome != REDIS_LINK_REPLY)
        return; // asked again when the link is up
    if (reply->type != REDIS_REPLY_ARRAY) {
        shard->claim_at_ms = asked.pipeline->now_ms + RETRY_MS;
        return;
    }
    shard->stale = false;
    marks_place(asked.pipeline, shard, reply);
}

static void marks_ask(struct pipeline *p, struct shard *shard) {
    char name[KEY_MAX];
    const struct key_parts none = {0};
    size_t length = key_write(name, &p->startup->keys, KEY_MARK, shard->number, &none);
    const char *words[] = {"HGETALL", name};
    const size_t lengths[] = {7, length};
    shard->rereading = true;
    redis_router_command(p->redis, shard->slot, 2, words, lengths, marks_answered, asked_create(p, shard));
}

// ---- claims

// The mirror of the registers may be ahead of Redis, where that was restored while these partitions were not
// ours.
static void claim_place(struct pipeline *p, struct shard *shard, const struct flush_claimed *claimed,
                        size_t count) {
    seen_clear_shard(p->seen, shard->number);
    for (size_t i = 0; i < count; i++) {
        int32_t partition = claimed[i].partition;
        struct owned *o = owned_at(p, partition);
        if (o != NULL && !o->fenced) // else released or fenced while the claim was under way
            reading_place(p, shard, o, &claimed[i].mark);
    }
}

static void claim_answered(void *context, enum redis_outcome outcome, const redisReply *reply) {
    struct asked asked = *(struct asked *)context;
    free(context);
    struct pipeline *p = asked.pipeline;
    struct shard *shard = asked.shard;
    shard->claiming = false;
    if (outcome != REDIS_LINK_REPLY || shard->era != asked.era)
        return; // asked again next turn
    size_t count;
    char error[256];
    enum flush_verdict verdict = flush_parse_claim(p->claimed, PARTITIONS_MAX, &count, reply, error);
    if (verdict == FLUSH_APPLIED) {
        if (shard->left_out)
            log_info("shard_back", FIELD("shard", LOG_INT(shard->number)));
        shard->refused = shard->left_out = false;
        claim_place(p, shard, p->claimed, count);
        return;
    }
    shard->claim_at_ms = p->now_ms + RETRY_MS;
    shard->refused = verdict == FLUSH_NO_FUNCTION;
    if (verdict == FLUSH_NO_FUNCTION)
        redis_load_functions(p, shard);
    else if (verdict == FLUSH_UNINITIALISED)
        redis_uninitialised(p, shard);
    else if (verdict == FLUSH_RULES)
        rules_refused(p, shard->number, error);
    else
        redis_refused(p, shard, error);
}

static void claim_ask(struct pipeline *p, struct shard *shard) {
    int32_t wanted[PARTITIONS_MAX];
    size_t count = 0;
    for (size_t i = 0; i < p->owned_count; i++) {
        const struct owned *o = p->owned[p->owned_numbers[i]];
        if (!o->fenced && !shard_slot(shard, o->partition)->claimed)
            wanted[count++] = o->partition;
    }
    if (count == 0)
        return;
    struct flush_call call = {0};
    struct flush_sender sender = startup_sender(p->startup);
    flush_encode_claim(&call, &p->startup->keys, shard->number, &sender, wanted, count);
    shard->claiming = true;
    redis_router_send(p->redis, shard->slot, call.bytes, call.length, claim_answered, asked_create(p, shard));
    flush_call_fini(&call);
}

static void ask_shards(struct pipeline *p) {
    for (uint32_t i = 0; i < p->startup->keys.shards; i++) {
        struct shard *shard = &p->shards[i];
        if (shard->claim_at_ms > p->now_ms || !redis_serves(p, shard))
            continue;
        if (shard->stale && !shard->rereading)
            marks_ask(p, shard);
        if (!shard->claiming)
            claim_ask(p, shard);
    }
}

static bool is_asking(const struct pipeline *p) {
    for (uint32_t i = 0; i < p->startup->keys.shards; i++) {
        if (p->shards[i].claiming || p->shards[i].rereading)
            return true;
    }
    return false;
}

void ownership_turn(struct pipeline *p) {
    ask_shards(p);
    if (is_asking(p))
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
    struct owned *o = owned_at(p, partition);
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

static bool is_claimed_by(struct pipeline *p, struct shard *shard) {
    for (size_t i = 0; i < p->owned_count; i++) {
        const struct owned *o = p->owned[p->owned_numbers[i]];
        if (!o->fenced && !shard_slot(shard, o->partition)->claimed)
            return false;
    }
    return true;
}

// Shards that are away while others answer are not waited for, beyond the moment that connecting takes.
static bool is_claimed_everywhere(struct pipeline *p) {
    away_turn(p);
    for (uint32_t i = 0; i < p->startup->keys.shards; i++) {
        struct shard *shard = &p->shards[i];
        if (!is_claimed_by(p, shard) && !away_is_excused(p, shard))
            return false;
    }
    return true;
}

static void claims_await(struct pipeline *p) {
    int64_t deadline_ms = loop_now_ms(&p->loop) + p->startup->basis.settings.redis_timeout_ms;
    while (!p->stopping && !is_claimed_everywhere(p)) {
        p->now_ms = loop_now_ms(&p->loop);
        if (p->now_ms >= deadline_ms)
            return;
        ask_shards(p);
        redis_loop_turn(p, 10);
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
        struct owned *o = owned_at(p, positions[i].partition);
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
    // people raised, and no gap will tell us.
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
    struct owned *o = owned_at(p, partition);
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
        struct owned *o = owned_at(p, partition);
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
