// What each shard is asked about the partitions: to claim them, and where its marks stand.
//
//   claim     asked for whatever a shard has not claimed yet. Its epochs rise, and it says where its marks
//             stand: reading_place takes them from there.
//   marks     asked of a shard whose table was dropped: it is stale. A mark that is gone is claimed again;
//             one of a higher epoch is another worker's, and fences.
//
// A shard has at most one of each under way. An answer from before its era is of a table that was dropped
// since: it is not looked at.

#include <stdio.h>
#include <stdlib.h>

#include "ingest/pipeline/pipeline_internal.h"
#include "runtime/log/log.h"
#include "runtime/memory.h"

struct asked {
    struct pipeline *pipeline;
    struct shard *shard;
    uint64_t era;
};

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

static void claim_place(struct pipeline *p, struct shard *shard, const struct flush_claimed *claimed,
                        size_t count) {
    for (size_t i = 0; i < count; i++) {
        int32_t partition = claimed[i].partition;
        struct owned *o = ownership_of(p, partition);
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

void claims_ask(struct pipeline *p) {
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

bool claims_under_way(const struct pipeline *p) {
    for (uint32_t i = 0; i < p->startup->keys.shards; i++) {
        if (p->shards[i].claiming || p->shards[i].rereading)
            return true;
    }
    return false;
}

// ---- waited for

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

void claims_await(struct pipeline *p) {
    int64_t deadline_ms = loop_now_ms(&p->loop) + p->startup->basis.settings.redis_timeout_ms;
    while (!p->stopping && !is_claimed_everywhere(p)) {
        p->now_ms = loop_now_ms(&p->loop);
        if (p->now_ms >= deadline_ms)
            return;
        claims_ask(p);
        redis_loop_turn(p, 10);
    }
}
