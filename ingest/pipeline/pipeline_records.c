// A record's way through the stages. Every event that is read ends in exactly one of: rejected, duplicate,
// replayed, or folded (in flight until Redis acknowledges it, then counted).

#include "ingest/count.h"
#include "ingest/pipeline/pipeline_internal.h"
#include "runtime/check.h"
#include "stream/validate.h"

enum {
    CHUNK_RECORDS = 32,
    CHUNK_EVENTS = 128,
    // A record may be decoded to hundreds of megabytes: no further one is decoded beside it, and they are
    // given back.
    CHUNK_BYTES = 8 << 20,
    ARENA_KEPT = 16 << 20,
};

// A record and what it was decoded to.
struct decoded {
    struct owned *owned;
    const struct record *record;
    const struct rules *rules; // in force at its time
    struct event *events;
    size_t count;
    enum reject reject; // of the record as a whole
};

// An event on its way into its shard's table.
struct folding {
    struct shard *shard;
    const struct event *event;
    struct count count;
};

// Records go through the stages in chunks: small enough for the cache, large enough for memory to be fetched
// ahead.
struct chunk {
    struct decoded records[CHUNK_RECORDS];
    size_t record_count;
    struct folding folds[CHUNK_EVENTS];
    size_t fold_count;
    bool crowded; // a table is worth many flushes: no further record is folded before it is sealed
};

// What was read before in this process, or before the marks, has met its fate already: it is neither rejected
// nor a duplicate again.
static bool is_replay(const struct owned *o, int64_t offset) {
    return offset < o->peak || offset < o->refeed_until;
}

// A worker's letters are all new; an errand's are where no worker has been.
static bool is_lettered(const struct pipeline *p, const struct owned *o, int64_t offset) {
    const struct pipeline_errand *e = p->errand;
    return e == NULL || o->partition >= e->partitions || offset >= e->letters_from[o->partition];
}

static void reject(struct pipeline *p, const struct owned *o, const struct record *r, int32_t index,
                   struct slice part, enum reject reason) {
    if (is_replay(o, r->offset)) {
        p->tally.replayed++;
        return;
    }
    bool lettered = is_lettered(p, o, r->offset);
    if (lettered && p->breaker.state == BREAKER_WATCHING) {
        breaker_withhold(p, reason);
    } else {
        p->tally.rejected++;
        p->tally.by_reason[reason]++;
    }
    if (lettered)
        deadletter_send(p->letters, r, index, part, reason);
}

// Folds what the chunk has gathered, in steps, so that each finds the memory it needs in the cache.
static void fold_gathered(struct pipeline *p, struct chunk *chunk) {
    for (size_t i = 0; i < chunk->fold_count; i++) {
        struct folding *f = &chunk->folds[i];
        count_prepare(&f->count, &f->shard->delta, f->event);
    }
    for (int step = 1; step < DELTA_PREFETCH_STEPS; step++) {
        for (size_t i = 0; i < chunk->fold_count; i++)
            count_fetch(&chunk->folds[i].count, &chunk->folds[i].shard->delta, step);
    }
    for (size_t i = 0; i < chunk->fold_count; i++) {
        const struct folding *f = &chunk->folds[i];
        count_event(&f->shard->delta, &f->count, f->event);
        chunk->crowded |= flush_is_crowded(p, f->shard);
    }
    p->tally.in_flight += (int64_t)chunk->fold_count;
    chunk->fold_count = 0;
}

static void fold(struct pipeline *p, struct chunk *chunk, const struct decoded *d, const struct event *e) {
    uint32_t number = key_shard(&p->startup->keys, e->account);
    struct shard *shard = &p->shards[number];
    int64_t offset = d->record->offset;
    if (offset < d->owned->refeed_until || !shard_takes(shard, d->record->partition, offset)) {
        p->tally.replayed++;
        return;
    }
    if (shard->first_fold_ms == 0)
        shard->first_fold_ms = p->now_ms;
    if (chunk->fold_count == CHUNK_EVENTS)
        fold_gathered(p, chunk);
    struct folding *f = &chunk->folds[chunk->fold_count++];
    f->shard = shard;
    f->event = e;
    f->count = (struct count){.rules = d->rules,
                              .record_time_ms = d->record->time_ms,
                              .families = p->families,
                              .shard = number,
                              .seen = p->seen};
}

static void dedup_is_full(struct pipeline *p, const struct owned *o) {
    struct problem problem;
    problem_set(&problem, STATUS_BAD_DATA, "CLM-D2", "raise dedup.max_ids",
                "partition %d holds more than dedup.max_ids = %lld ids within its span", o->partition,
                (long long)p->startup->basis.settings.dedup_max_ids);
    pipeline_fail(p, &problem);
}

static void process_event(struct pipeline *p, struct chunk *chunk, const struct decoded *d, uint32_t index) {
    const struct event *e = &d->events[index];
    p->tally.read++;
    enum reject reason = validate_event(e, d->rules, d->record->time_ms);
    if (reason != REJECT_NONE) {
        reject(p, d->owned, d->record, (int32_t)index, e->bytes, reason);
        return;
    }
    switch (dedup_judge(d->owned->dedup, e->id, d->record->offset, index)) {
    case DEDUP_FIRST:
        fold(p, chunk, d, e);
        return;
    case DEDUP_DUPLICATE:
        if (is_replay(d->owned, d->record->offset))
            p->tally.replayed++;
        else
            p->tally.duplicate++;
        return;
    case DEDUP_FULL:
        p->tally.replayed++; // it will be read again by whoever runs next
        dedup_is_full(p, d->owned);
        return;
    }
}

static void log_is_another(struct pipeline *p, const struct owned *o, int64_t offset) {
    struct problem problem;
    problem_set(
        &problem, STATUS_BAD_DATA, "CLM-M3",
        "point kafka.topic at the log these counters were made from, or begin under a fresh redis.prefix",
        "partition %d: the record at offset %lld, the last one counted, is not the one that was counted: the "
        "topic was "
        "recreated or truncated",
        o->partition, (long long)offset);
    pipeline_fail(p, &problem);
}

// Holds the marks against the log: the last record before each must still be the one that was counted. `r` is
// the record at the offset; NULL where there is none, and the log ends after it.
static void verify(struct pipeline *p, struct owned *o, int64_t offset, const struct record *r) {
    o->verifying = false;
    for (uint32_t i = 0; i < p->startup->keys.shards; i++) {
        struct shard_slot *slot = shard_slot(&p->shards[i], o->partition);
        if (!slot->claimed || slot->verified)
            continue;
        if (slot->acked.last > offset) {
            o->verifying = true;
            continue;
        }
        slot->verified =
            r != NULL && slot->acked.last == offset && slot->acked.fingerprint == record_fingerprint(r);
        if (!slot->verified) {
            o->verifying = false;
            log_is_another(p, o, slot->acked.last);
            return;
        }
    }
}

// Returns how many events it holds.
static size_t decode_record(struct pipeline *p, struct chunk *chunk, struct owned *o,
                            const struct record *r) {
    if (o->verifying)
        verify(p, o, r->offset, r);
    struct decoded *d = &chunk->records[chunk->record_count++];
    *d = (struct decoded){.owned = o, .record = r, .rules = rules_at(&p->startup->basis.rules, r->time_ms)};
    d->reject = decoder_decode(p->decoder, &p->arena, r, &d->events, &d->count);
    for (size_t i = 0; d->reject == REJECT_NONE && i < d->count; i++)
        dedup_prefetch(o->dedup, d->events[i].id);
    return d->count;
}

static void judge_record(struct pipeline *p, struct chunk *chunk, const struct decoded *d) {
    if (p->breaker.state == BREAKER_WATCHING && !is_replay(d->owned, d->record->offset) &&
        is_lettered(p, d->owned, d->record->offset))
        breaker_see(&p->breaker, d->record, d->reject, d->events, d->count);
    if (d->reject != REJECT_NONE) {
        p->tally.read++;
        reject(p, d->owned, d->record, -1, d->record->value, d->reject);
    }
    for (uint32_t i = 0; d->reject == REJECT_NONE && i < d->count; i++)
        process_event(p, chunk, d, i);
    d->owned->position.next = d->record->offset + 1;
    d->owned->touched = true;
    d->owned->last = *d->record;
}

static bool is_full(const struct chunk *chunk, const struct arena *arena) {
    return chunk->record_count == CHUNK_RECORDS || arena_used(arena) >= CHUNK_BYTES;
}

// False where it stopped before its end: `stopped_at` is the record that was not taken. A record's letters
// are bounded by its events; those of all records of a poll are not.
static bool process_chunk(struct pipeline *p, struct chunk *chunk, const struct record **stopped_at) {
    size_t judged = 0;
    while (judged < chunk->record_count && !p->stopping && !chunk->crowded && !deadletter_full(p->letters))
        judge_record(p, chunk, &chunk->records[judged++]);
    bool whole = judged == chunk->record_count;
    if (!whole)
        *stopped_at = chunk->records[judged].record;
    fold_gathered(p, chunk);
    chunk->record_count = 0;
    arena_reset(&p->arena);
    arena_trim(&p->arena, ARENA_KEPT);
    return whole;
}

// A turn is to be short, whether records are single events or batches: probes are answered between turns.
static void batch_fit(struct pipeline *p, size_t records, size_t events) {
    size_t fitting = events > 0 ? TURN_EVENTS * records / events : BATCH_RECORDS;
    p->batch_records = fitting < 1 ? 1 : fitting < BATCH_RECORDS ? fitting : BATCH_RECORDS;
}

// Tables are sealed between batches only, so the last record of each partition is all that a mark may need to
// name: of those that were counted, not of those that only fed dedup. At the end of the log a mark moves past
// what is no record (transaction markers).
static void position_settle(struct pipeline *p, struct owned *o) {
    if (!o->seeking && o->verifying && o->end > o->position.next)
        verify(p, o, o->end - 1, NULL);
    if (o->touched && o->last.offset >= o->refeed_until) {
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

static size_t process_all(struct pipeline *p, const struct record *records, size_t count) {
    static struct chunk chunk;
    const struct record *stopped_at = records + count;
    size_t taken = 0, events = 0;
    bool whole = true;
    chunk.crowded = false;
    for (; taken < count && whole && events < TURN_EVENTS_MAX; taken++) {
        struct owned *o = p->owned[records[taken].partition];
        if (o == NULL || o->seeking)
            continue;
        events += decode_record(p, &chunk, o, &records[taken]);
        if (is_full(&chunk, &p->arena))
            whole = process_chunk(p, &chunk, &stopped_at);
    }
    if (whole)
        whole = process_chunk(p, &chunk, &stopped_at);
    if (taken > 0)
        batch_fit(p, taken, events);
    return whole ? taken : (size_t)(stopped_at - records);
}

size_t records_process(struct pipeline *p, const struct record *records, size_t count) {
    size_t taken = process_all(p, records, count);
    for (size_t i = 0; i < p->owned_count; i++)
        position_settle(p, p->owned[p->owned_numbers[i]]);
    return taken;
}
