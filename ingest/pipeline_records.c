// A record's way through the stages. Every event that is read ends in exactly one of: rejected, duplicate, replayed, or folded (in flight
// until Redis acknowledges it, then counted).

#include "ingest/count.h"
#include "ingest/pipeline_internal.h"
#include "runtime/check.h"
#include "stream/validate.h"

// What was read before in this process, or before the marks, has met its fate already: it is neither rejected nor a duplicate again.
static bool is_replay(const struct owned *o, int64_t offset) { return offset < o->peak || offset < o->refeed_until; }

static void reject(struct pipeline *p, const struct owned *o, const struct record *r, int32_t index, enum reject reason) {
    if (is_replay(o, r->offset)) {
        p->tally.replayed++;
        return;
    }
    p->tally.rejected++;
    p->tally.by_reason[reason]++;
    deadletter_send(p->letters, r, index, reason);
}

static void fold(struct pipeline *p, const struct owned *o, const struct record *r, const struct rules *rules,
                 const struct event *e) {
    uint32_t number = key_shard(&p->startup->keys, e->account);
    struct shard *shard = &p->shards[number];
    if (r->offset < o->refeed_until || !shard_takes(shard, r->partition, r->offset)) {
        p->tally.replayed++;
        return;
    }
    struct count count = {rules, r->time_ms, p->families, number, p->seen};
    if (shard->first_fold_ms == 0)
        shard->first_fold_ms = p->now_ms;
    count_event(&shard->delta, &count, e);
    p->tally.in_flight++;
}

static void dedup_is_full(struct pipeline *p, const struct owned *o) {
    struct problem problem;
    problem_set(&problem, STATUS_BAD_DATA, "CLM-D2", "raise dedup.max_ids",
                "partition %d holds more than dedup.max_ids = %lld ids within its span", o->partition,
                (long long)p->startup->settings.dedup_max_ids);
    pipeline_fail(p, &problem);
}

static void process_event(struct pipeline *p, struct owned *o, const struct record *r, const struct rules *rules,
                          const struct event *e, uint32_t index) {
    p->tally.read++;
    enum reject reason = validate_event(e, rules, r->time_ms);
    if (reason != REJECT_NONE) {
        reject(p, o, r, (int32_t)index, reason);
        return;
    }
    switch (dedup_judge(o->dedup, e->id, r->offset, index)) {
    case DEDUP_FIRST:
        fold(p, o, r, rules, e);
        return;
    case DEDUP_DUPLICATE:
        if (is_replay(o, r->offset))
            p->tally.replayed++;
        else
            p->tally.duplicate++;
        return;
    case DEDUP_FULL:
        p->tally.replayed++; // it will be read again by whoever runs next
        dedup_is_full(p, o);
        return;
    }
}

static void log_is_another(struct pipeline *p, const struct owned *o, int64_t offset) {
    struct problem problem;
    problem_set(&problem, STATUS_BAD_DATA, "CLM-M3",
                "point kafka.topic at the log these counters were made from, or begin under a fresh redis.prefix",
                "partition %d: the record at offset %lld, the last one counted, is not the one that was counted: the topic was "
                "recreated or truncated",
                o->partition, (long long)offset);
    pipeline_fail(p, &problem);
}

// Holds the marks against the log: the last record before each must still be the one that was counted.
static void verify(struct pipeline *p, struct owned *o, const struct record *r) {
    for (uint32_t i = 0; i < p->startup->keys.shards; i++) {
        struct shard_slot *slot = shard_slot(&p->shards[i], o->partition);
        if (!slot->claimed || slot->verified || slot->acked.last > r->offset)
            continue;
        bool same = slot->acked.last == r->offset && slot->acked.fingerprint == record_fingerprint(r);
        if (!same) {
            log_is_another(p, o, slot->acked.last);
            return;
        }
        slot->verified = true;
    }
}

static void process_record(struct pipeline *p, struct owned *o, const struct record *r) {
    if (r->offset < o->verify_until)
        verify(p, o, r);
    struct event *events;
    size_t count;
    enum reject reason = decoder_decode(p->decoder, &p->arena, r, &events, &count);
    if (reason != REJECT_NONE) {
        p->tally.read++;
        reject(p, o, r, -1, reason);
    } else {
        const struct rules *rules = rules_at(&p->startup->rules, r->time_ms);
        for (uint32_t i = 0; i < count; i++)
            process_event(p, o, r, rules, &events[i], i);
    }
    o->position.next = r->offset + 1;
    o->touched = true;
    o->last = *r;
}

// Tables are sealed between batches only, so the last record of each partition is all that a mark may need to name. At the end of the log
// a mark moves past what is no record (transaction markers).
static void position_settle(struct owned *o) {
    if (o->touched) {
        o->position.last = o->last.offset;
        o->position.time_ms = o->last.time_ms;
        o->position.fingerprint = record_fingerprint(&o->last);
    }
    if (!o->seeking && o->end > o->position.next)
        o->position.next = o->end;
    if (!o->seeking && o->peak < o->position.next)
        o->peak = o->position.next;
    o->touched = false;
    o->end = -1;
}

void records_process(struct pipeline *p, const struct record *records, size_t count) {
    for (size_t i = 0; i < count && !p->stopping; i++) {
        struct owned *o = p->owned[records[i].partition];
        if (o != NULL && !o->seeking)
            process_record(p, o, &records[i]);
    }
    for (size_t i = 0; i < p->owned_count; i++)
        position_settle(p->owned[p->owned_numbers[i]]);
    arena_reset(&p->arena);
}
