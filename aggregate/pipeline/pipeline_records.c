// A record's way through the stages. Every event that is read ends in exactly one of: rejected, duplicate,
// replayed, counted, late.

#include "aggregate/pipeline/pipeline_internal.h"
#include "runtime/log/log.h"
#include "stream/validate.h"

enum {
    CHUNK_RECORDS = 32,
    // A record may be decoded to hundreds of megabytes: no further one is decoded beside it, and they are
    // given back.
    CHUNK_BYTES = 8 << 20,
    ARENA_KEPT = 16 << 20,
};

// A record and what it was decoded to.
struct decoded {
    struct lane *lane;
    const struct record *record;
    const struct rules *rules; // in force at its time
    struct event *events;
    size_t count;
    enum reject reject; // of the record as a whole
};

// Records go through the stages in chunks: small enough for the cache, large enough for memory to be fetched
// ahead.
struct chunk {
    struct decoded records[CHUNK_RECORDS];
    size_t count;
};

static bool is_replay(const struct lane *lane, int64_t offset) {
    return offset < lane->count_from;
}

static void reject(struct pipeline *p, const struct decoded *d, enum reject reason) {
    if (is_replay(d->lane, d->record->offset)) {
        p->tally.replayed++;
        return;
    }
    d->lane->read++;
    d->lane->rejected++;
    p->tally.rejected++;
    p->tally.by_reason[reason]++;
}

static void watermark_raise(struct lane *lane, const struct event *e, const struct rules *rules) {
    int64_t watermark_ms = e->occurred_at_ms - rules->window_disorder_ms;
    if (watermark_ms > lane->watermark_ms)
        lane->watermark_ms = watermark_ms;
}

static void take(struct pipeline *p, const struct decoded *d, const struct event *e) {
    const struct record *r = d->record;
    struct lane *lane = d->lane;
    lane->read++;
    bool late = panes_take(&lane->panes, &lane->viewers, e, r->offset, d->rules, r->time_ms);
    p->tally.late += late;
    p->tally.counted += !late;
    watermark_raise(lane, e, d->rules);
}

static void duplicate(struct pipeline *p, const struct decoded *d) {
    d->lane->read++;
    d->lane->duplicate++;
    p->tally.duplicate++;
}

static void dedup_is_full(struct pipeline *p, const struct lane *lane) {
    struct problem problem;
    problem_set(&problem, STATUS_BAD_DATA, "CLM-D2", "raise dedup.max_ids",
                "partition %d holds more than dedup.max_ids = %lld ids within its span", lane->partition,
                (long long)p->basis->settings.dedup_max_ids);
    pipeline_fail(p, &problem);
}

static void process_event(struct pipeline *p, const struct decoded *d, uint32_t index) {
    const struct event *e = &d->events[index];
    p->tally.read++;
    enum reject reason = validate_event(e, d->rules, d->record->time_ms);
    if (reason != REJECT_NONE) {
        reject(p, d, reason);
        return;
    }
    enum dedup_verdict verdict = dedup_judge(d->lane->dedup, e->id, d->record->offset, index);
    if (verdict == DEDUP_FULL)
        dedup_is_full(p, d->lane);
    if (verdict == DEDUP_FULL || is_replay(d->lane, d->record->offset))
        p->tally.replayed++;
    else if (verdict == DEDUP_DUPLICATE)
        duplicate(p, d);
    else
        take(p, d, e);
}

// Returns how many events it holds.
static size_t decode_record(struct pipeline *p, struct chunk *chunk, struct lane *lane,
                            const struct record *r) {
    struct decoded *d = &chunk->records[chunk->count++];
    *d = (struct decoded){.lane = lane, .record = r, .rules = rules_at(&p->basis->rules, r->time_ms)};
    d->reject = decoder_decode(p->decoder, &p->arena, r, &d->events, &d->count);
    for (size_t i = 0; d->reject == REJECT_NONE && i < d->count; i++) {
        dedup_prefetch(lane->dedup, d->events[i].id);
        panes_prefetch(&lane->panes, &d->events[i]);
    }
    return d->count;
}

static void log_is_another(struct pipeline *p, const struct lane *lane) {
    struct problem problem;
    problem_set(&problem, STATUS_BAD_DATA, "CLM-M3",
                "point kafka.topic at the log this store was made from, or begin a new store (store.url)",
                "partition %d: the record at %lld, the last before the checkpoint, is not what it was: the "
                "topic was recreated",
                lane->partition, (long long)lane->last_end - 1);
    pipeline_fail(p, &problem);
}

// The last record that is in the checkpoint is read again, where the log still has it: it must be the same.
static void last_check(struct pipeline *p, const struct lane *lane, const struct record *r) {
    if (r->offset == lane->last_end - 1 && record_fingerprint(r) != lane->last_fingerprint)
        log_is_another(p, lane);
}

static void last_settle(struct lane *lane) {
    if (lane->last == NULL)
        return;
    lane->last_end = lane->last->offset + 1;
    lane->last_fingerprint = record_fingerprint(lane->last);
    lane->last = NULL;
}

static void process_record(struct pipeline *p, const struct decoded *d) {
    struct lane *lane = d->lane;
    if (is_replay(lane, d->record->offset))
        last_check(p, lane, d->record);
    else
        lane->last = d->record;
    if (d->reject != REJECT_NONE) {
        p->tally.read++;
        reject(p, d, d->reject);
    }
    for (uint32_t i = 0; d->reject == REJECT_NONE && i < d->count; i++)
        process_event(p, d, i);
    lane->next = d->record->offset + 1;
    lane->time_ms = d->record->time_ms;
    lane->at_end = false;
}

static void process_chunk(struct pipeline *p, struct chunk *chunk) {
    for (size_t i = 0; i < chunk->count && !p->stopping; i++)
        process_record(p, &chunk->records[i]);
    chunk->count = 0;
    arena_reset(&p->arena);
    arena_trim(&p->arena, ARENA_KEPT);
}

static bool is_full(const struct chunk *chunk, const struct arena *arena) {
    return chunk->count == CHUNK_RECORDS || arena_used(arena) >= CHUNK_BYTES;
}

// A turn is to be short, whether records are single events or batches: probes are answered between turns.
static void batch_fit(struct pipeline *p, size_t records, size_t events) {
    size_t fitting = events > 0 ? TURN_EVENTS * records / events : BATCH_RECORDS;
    p->batch_records = fitting < 1 ? 1 : fitting < BATCH_RECORDS ? fitting : BATCH_RECORDS;
}

// At the end of the log the place moves past what is no record (transaction markers).
static void place_settle(struct lane *lane) {
    if (lane->end >= 0 && lane->end >= lane->next) {
        lane->next = lane->end;
        lane->at_end = true;
    }
    lane->end = -1;
    if (lane->state == LANE_REFEEDING && lane->next >= lane->count_from)
        lane->state = LANE_COUNTING;
}

static bool is_read(const struct lane *lane) {
    return lane != NULL && (lane->state == LANE_REFEEDING || lane->state == LANE_COUNTING);
}

size_t records_process(struct pipeline *p, const struct record *records, size_t count) {
    static struct chunk chunk;
    size_t events = 0;
    for (size_t i = 0; i < count && !p->stopping; i++) {
        struct lane *lane = p->lanes[records[i].partition];
        if (!is_read(lane))
            continue;
        events += decode_record(p, &chunk, lane, &records[i]);
        if (is_full(&chunk, &p->arena))
            process_chunk(p, &chunk);
    }
    process_chunk(p, &chunk);
    if (count > 0)
        batch_fit(p, count, events);
    for (int32_t i = 0; i < p->meta.partitions; i++) {
        if (!is_read(p->lanes[i]))
            continue;
        last_settle(p->lanes[i]);
        place_settle(p->lanes[i]);
    }
    return count;
}
