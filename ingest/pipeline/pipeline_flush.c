// Sealing, sending, and the one switch that turns Redis' verdict into accept, wait, rewind or stop.

#include "ingest/count.h"
#include "ingest/pipeline/pipeline_internal.h"
#include "runtime/check.h"
#include "runtime/clock.h"
#include "runtime/log/log.h"
#include "runtime/memory.h"

#include <stdlib.h>

struct sent {
    struct pipeline *pipeline;
    struct shard *shard;
    uint64_t era;
};

// Stretches the interval while flushes are slow, shrinks it when they are quick again.
static void adapt_interval(struct pipeline *p, int64_t took_ms) {
    const struct settings *s = &p->startup->basis.settings;
    if (took_ms > p->flush_interval_ms / 4)
        p->flush_interval_ms *= 2;
    else if (took_ms < p->flush_interval_ms / 8)
        p->flush_interval_ms /= 2;
    if (p->flush_interval_ms > s->redis_flush_max_ms)
        p->flush_interval_ms = s->redis_flush_max_ms;
    if (p->flush_interval_ms < s->redis_flush_min_ms)
        p->flush_interval_ms = s->redis_flush_min_ms;
}

static void take_for_counted(struct pipeline *p, struct shard *shard) {
    int64_t now_ms = clock_monotonic_ms();
    shard_acknowledge(shard);
    p->tally.counted += shard->sealed_events;
    p->tally.in_flight -= shard->sealed_events;
    for (int i = 0; i < DELTA_PLATFORMS; i++)
        p->tally.by_platform[i] += shard->sealed_platforms[i];
    p->tally.updates += shard->sealed_ops;
    histogram_add(&p->tally.flush_seconds, (double)(now_ms - shard->sent_at_ms) / 1000);
    if (shard->sealed_fold_ms != 0)
        histogram_add(&p->tally.event_to_counter, (double)(now_ms - shard->sealed_fold_ms) / 1000);
    adapt_interval(p, now_ms - shard->sent_at_ms);
    if (p->answer.faults > 0)
        redis_fault(p, shard, p->answer.faults);
}

static void wait_and_repeat(struct shard *shard, int64_t at_ms) {
    shard->state = SHARD_SEALED;
    shard->retry_at_ms = at_ms;
}

static void judge(struct pipeline *p, struct shard *shard, const redisReply *reply) {
    const struct flush_answer *answer = &p->answer;
    if (answer->verdict == FLUSH_REPEATED && !shard_seal_moves(shard))
        p->tally.heartbeats++;
    else
        p->tally.verdicts[answer->verdict]++;
    switch (answer->verdict) {
    case FLUSH_APPLIED:
    case FLUSH_REPEATED:
        take_for_counted(p, shard);
        return;
    case FLUSH_GAP:
        log_warn("flush_gap", FIELD("shard", LOG_INT(shard->number)),
                 FIELD("partitions", LOG_INT(answer->partition_count)));
        p->tally.rollbacks++;
        flush_drop(p, shard);
        return;
    case FLUSH_FENCED:
        log_warn("flush_fenced", FIELD("shard", LOG_INT(shard->number)),
                 FIELD("partitions", LOG_INT(answer->partition_count)));
        ownership_fence(p, answer->partitions, answer->partition_count);
        return;
    case FLUSH_UNINITIALISED:
        redis_uninitialised(p, shard);
        wait_and_repeat(shard, p->now_ms + RETRY_MS);
        return;
    case FLUSH_RULES:
        rules_settle(p, shard);
        wait_and_repeat(shard, p->now_ms + RETRY_MS);
        return;
    case FLUSH_KEYS:
        flush_declare(&shard->call, reply);
        wait_and_repeat(shard, p->now_ms);
        return;
    case FLUSH_NO_FUNCTION:
        shard->refused = true; // told only where the library is refused too
        redis_load_functions(p, shard);
        wait_and_repeat(shard, p->now_ms + RETRY_MS);
        return;
    case FLUSH_REFUSED:
        redis_refused(p, shard, answer->error);
        wait_and_repeat(shard, p->now_ms + RETRY_MS);
        return;
    case FLUSH_VERDICTS:
        break;
    }
    CHECK_UNREACHABLE("no verdict");
}

// Of what was dropped while it was on its way, the verdict says only whether Redis took it for a zombie's:
// who wakes without its partitions hears first that they are lost, and then that its last flushes were
// refused.
static void judge_dropped(struct pipeline *p, enum redis_outcome outcome, const redisReply *reply) {
    if (outcome != REDIS_LINK_REPLY)
        return;
    flush_parse(&p->answer, reply);
    p->tally.verdicts[FLUSH_FENCED] += p->answer.verdict == FLUSH_FENCED;
}

static void answered(void *context, enum redis_outcome outcome, const redisReply *reply) {
    struct sent sent = *(struct sent *)context;
    free(context);
    struct pipeline *p = sent.pipeline;
    if (sent.shard->era != sent.era || sent.shard->state != SHARD_SENT) {
        judge_dropped(p, outcome, reply); // the marks will be read again, behind this answer
        return;
    }
    if (outcome != REDIS_LINK_REPLY) {
        p->tally.lost += outcome == REDIS_LINK_LOST;
        wait_and_repeat(sent.shard, p->now_ms); // as soon as the link is up again
        return;
    }
    flush_parse(&p->answer, reply);
    judge(p, sent.shard, reply);
}

static void send_sealed(struct pipeline *p, struct shard *shard) {
    if (!redis_serves(p, shard) || shard->retry_at_ms > p->now_ms)
        return;
    if (deadletter_settled(p->letters) < shard->letters)
        return;
    struct sent *sent = memory_take(sizeof(*sent));
    *sent = (struct sent){p, shard, shard->era};
    shard->state = SHARD_SENT;
    shard->sent_at_ms = clock_monotonic_ms();
    redis_router_send(p->redis, shard->slot, shard->call.bytes, shard->call.length, answered, sent);
}

// How far a seal may move the marks. A partition that is not being read, or is about to go back, moves none:
// where it stood says nothing about shards that were placed since.
static size_t positions_gather(struct pipeline *p) {
    for (size_t i = 0; i < p->owned_count; i++) {
        const struct owned *o = p->owned[p->owned_numbers[i]];
        bool reading = o->begun && !o->seeking;
        p->positions[i] = (struct shard_position){
            o->partition, reading ? o->position : (struct mark){.next = 0, .last = -1}};
    }
    return p->owned_count;
}

static bool has_claims(const struct pipeline *p, struct shard *shard) {
    for (size_t i = 0; i < p->owned_count; i++) {
        if (shard_slot(shard, p->owned_numbers[i])->claimed)
            return true;
    }
    return false;
}

static void seal(struct pipeline *p, struct shard *shard) {
    if (shard->state != SHARD_IDLE || shard->stale || !has_claims(p, shard))
        return;
    size_t count = positions_gather(p);
    count_spread(&shard->delta, p->families);
    struct flush_sender sender = startup_sender(p->startup);
    shard_seal(shard, &p->startup->keys, &sender, p->positions, count, deadletter_sent(p->letters),
               p->now_ms);
}

bool flush_is_full(const struct pipeline *p, const struct shard *shard) {
    return delta_ops(&shard->delta) >= (size_t)p->startup->basis.settings.redis_flush_max_ops;
}

// So large that Redis would be busy with it for long: the turn ends, so that it is sealed. A table is sealed
// between records only, so what one record holds comes on top.
bool flush_is_crowded(const struct pipeline *p, const struct shard *shard) {
    enum { FLUSHES = 16 };
    return delta_ops(&shard->delta) >= FLUSHES * (size_t)p->startup->basis.settings.redis_flush_max_ops;
}

// Each shard has its own moments, an interval apart and spread evenly among the shards. Counted from the last
// seal alone, shards that once waited together would all be due at once ever after: Redis would see a burst
// and a pause, and the last of the burst would look like a slow Redis.
static int64_t moment_of(const struct pipeline *p, const struct shard *shard, int64_t at_ms) {
    int64_t shift_ms = (int64_t)shard->number * p->flush_interval_ms / p->startup->keys.shards;
    return (at_ms + shift_ms) / p->flush_interval_ms;
}

static bool is_due(const struct pipeline *p, const struct shard *shard) {
    int64_t age_ms = p->now_ms - shard->sealed_at_ms;
    bool moment = age_ms >= p->flush_interval_ms ||
                  moment_of(p, shard, p->now_ms) != moment_of(p, shard, shard->sealed_at_ms);
    if (!delta_is_empty(&shard->delta) && moment)
        return true;
    return flush_is_full(p, shard) || age_ms >= HEARTBEAT_MS;
}

void flush_turn(struct pipeline *p) {
    away_turn(p);
    for (uint32_t i = 0; i < p->startup->keys.shards && !p->stopping; i++) {
        struct shard *shard = &p->shards[i];
        if (shard->state == SHARD_IDLE && is_due(p, shard))
            seal(p, shard);
        if (shard->state == SHARD_SEALED)
            send_sealed(p, shard);
    }
}

// Is there anything that was read and that the shard's marks in Redis do not cover?
static bool has_unsealed(struct pipeline *p, struct shard *shard) {
    if (shard->delta.events > 0)
        return true;
    for (size_t i = 0; i < p->owned_count && !shard->stale; i++) {
        const struct owned *o = p->owned[p->owned_numbers[i]];
        const struct shard_slot *slot = shard_slot(shard, o->partition);
        if (slot->claimed && o->begun && !o->seeking && slot->acked.next < o->position.next)
            return true;
    }
    return false;
}

static bool is_settled(struct pipeline *p, struct shard *shard) {
    return shard->state == SHARD_IDLE && !has_unsealed(p, shard);
}

// Is nothing left to wait for?
static bool is_done(struct pipeline *p) {
    for (uint32_t i = 0; i < p->startup->keys.shards; i++) {
        if (!is_settled(p, &p->shards[i]) && !away_is_excused(p, &p->shards[i]))
            return false;
    }
    return true;
}

static void leave_out_unsettled(struct pipeline *p) {
    for (uint32_t i = 0; i < p->startup->keys.shards; i++) {
        if (!is_settled(p, &p->shards[i]))
            away_leave_out(p, &p->shards[i]);
    }
}

bool flush_all(struct pipeline *p, int64_t deadline_ms) {
    for (bool first = true; !p->stopping; first = false) {
        p->now_ms = loop_now_ms(&p->loop);
        away_turn(p);
        for (uint32_t i = 0; i < p->startup->keys.shards; i++) {
            struct shard *shard = &p->shards[i];
            if (first || has_unsealed(p, shard))
                seal(p, shard);
            if (shard->state == SHARD_SEALED)
                send_sealed(p, shard);
        }
        if (is_done(p)) {
            leave_out_unsettled(p);
            return true;
        }
        if (p->now_ms >= deadline_ms || p->loop.stop_requests > 1)
            return false;
        deadletter_poll(p->letters, p->now_ms);
        redis_loop_turn(p, 10);
    }
    return false;
}

void flush_drop(struct pipeline *p, struct shard *shard) {
    int64_t events = shard_drop(shard);
    p->tally.in_flight -= events;
    p->tally.replayed += events;
    seen_clear_shard(p->seen, shard->number);
}

void flush_drop_all(struct pipeline *p) {
    for (uint32_t i = 0; i < p->startup->keys.shards; i++)
        flush_drop(p, &p->shards[i]);
}

static bool is_served_at_all(const struct pipeline *p) {
    for (uint32_t i = 0; i < p->startup->keys.shards; i++) {
        if (redis_serves(p, &p->shards[i]))
            return true;
    }
    return false;
}

// What the source must wait for, if anything.
enum pressure_stage flush_pressure(const struct pipeline *p) {
    if (p->breaker.state == BREAKER_TRIPPED)
        return PRESSURE_BREAKER;
    if (deadletter_full(p->letters))
        return PRESSURE_DEADLETTER;
    if (!is_served_at_all(p))
        return PRESSURE_REDIS;
    for (uint32_t i = 0; i < p->startup->keys.shards; i++) {
        if (p->shards[i].state != SHARD_IDLE && flush_is_full(p, &p->shards[i]))
            return PRESSURE_FLUSH;
    }
    return PRESSURE_NONE;
}
