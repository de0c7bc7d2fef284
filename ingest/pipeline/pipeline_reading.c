// Where a partition is read: from the dedup span before the lowest mark on, and back to wherever a shard
// lacks records.

#include "ingest/pipeline/pipeline_internal.h"
#include "runtime/log/log.h"

static int64_t lowest_of(int64_t a, int64_t b) {
    return a < 0 || b < a ? b : a;
}

int64_t reading_lowest(struct pipeline *p, int32_t partition) {
    int64_t lowest = -1;
    for (uint32_t i = 0; i < p->startup->keys.shards; i++) {
        const struct shard_slot *slot = shard_slot(&p->shards[i], partition);
        if (!slot->known)
            return -1;
        lowest = lowest_of(lowest, slot->acked.next);
    }
    return lowest;
}

static bool is_placed(struct shard *shard, int32_t partition) {
    return !shard->stale && shard_slot(shard, partition)->claimed;
}

// The first offset that some shard lacks: what lies before is in Redis, or folded. -1: no shard has said
// where it stands.
static int64_t coverage(struct pipeline *p, const struct owned *o) {
    int64_t lowest = -1;
    for (uint32_t i = 0; i < p->startup->keys.shards; i++) {
        if (is_placed(&p->shards[i], o->partition))
            lowest = lowest_of(lowest, shard_slot(&p->shards[i], o->partition)->folded.next);
    }
    return lowest;
}

// Every shard has what was read so far: a later pass over it is not for them.
static void keep_all(struct pipeline *p, const struct owned *o) {
    for (uint32_t i = 0; i < p->startup->keys.shards; i++) {
        if (is_placed(&p->shards[i], o->partition))
            shard_keep(&p->shards[i], o->partition, &o->position);
    }
}

static void log_is_gone(struct pipeline *p, int32_t partition, int64_t mark, int64_t first, int64_t end) {
    struct problem problem;
    if (mark < first)
        problem_set(
            &problem, STATUS_BAD_DATA, "CLM-M2",
            "restore a backup of Redis that the log still reaches, or begin under a fresh redis.prefix",
            "partition %d: the mark is at %lld, the log now begins at %lld: %lld records are gone", partition,
            (long long)mark, (long long)first, (long long)(first - mark));
    else
        problem_set(
            &problem, STATUS_BAD_DATA, "CLM-M3",
            "point kafka.topic at the log these counters were made from, or begin under a fresh redis.prefix",
            "partition %d: the mark is at %lld, the log ends at %lld: the topic was recreated or truncated",
            partition, (long long)mark, (long long)end);
    pipeline_fail(p, &problem);
}

// The first record that must be read so that the marks can be verified and the span's ids are known.
static int64_t reading_start(struct pipeline *p, const struct owned *o, int64_t lowest, int64_t first) {
    int64_t start = lowest > p->startup->meta.dedup_span ? lowest - p->startup->meta.dedup_span : 0;
    for (uint32_t i = 0; i < p->startup->keys.shards; i++) {
        const struct shard_slot *slot = shard_slot(&p->shards[i], o->partition);
        if (slot->claimed && slot->acked.last >= 0)
            start = lowest_of(start, slot->acked.last);
    }
    if (start < first && lowest - first < p->startup->meta.dedup_span)
        log_info("dedup_span_short", FIELD("partition", LOG_INT(o->partition)),
                 FIELD("log_begins", LOG_INT(first)), FIELD("mark", LOG_INT(lowest)));
    return start < first ? first : start;
}

static bool marks_fit_log(struct pipeline *p, const struct owned *o, int64_t first, int64_t end) {
    for (uint32_t i = 0; i < p->startup->keys.shards; i++) {
        const struct shard_slot *slot = shard_slot(&p->shards[i], o->partition);
        if (!slot->claimed || (slot->acked.next >= first && slot->acked.next <= end))
            continue;
        log_is_gone(p, o->partition, slot->acked.next, first, end);
        return false;
    }
    return true;
}

static void verification_begin(struct pipeline *p, struct owned *o, int64_t start) {
    o->verifying = false;
    for (uint32_t i = 0; i < p->startup->keys.shards; i++) {
        struct shard_slot *slot = shard_slot(&p->shards[i], o->partition);
        slot->verified = slot->acked.last < start; // nothing left to hold it against
        o->verifying |= slot->claimed && !slot->verified;
    }
}

// A shard placed while its partition is read: held against the log where the record before its mark is still
// to come.
static void verification_join(struct shard_slot *slot, struct owned *o, int64_t last) {
    slot->verified = last < o->position.next;
    o->verifying |= !slot->verified;
}

// Going back to `start`, which may lie further ahead than was thought when a shard was placed: what lies
// before it does not come again, and was read by this process.
static void verification_move(struct pipeline *p, const struct owned *o, int64_t start) {
    for (uint32_t i = 0; i < p->startup->keys.shards; i++) {
        struct shard_slot *slot = shard_slot(&p->shards[i], o->partition);
        slot->verified |= slot->acked.last < start;
    }
}

// Where the verdicts are still remembered a seek is enough; further back it is an assignment anew.
static bool is_near(const struct owned *o, int64_t start) {
    return o->begun && dedup_remembers(o->dedup, start);
}

static bool is_to_begin(struct pipeline *p, const struct owned *o) {
    int64_t start = o->seeking && !o->fenced ? coverage(p, o) : -1;
    return start >= 0 && !is_near(o, start);
}

static size_t logs_to_ask(struct pipeline *p, struct source_extent *logs) {
    size_t count = 0;
    for (int32_t i = 0; i < PARTITIONS_MAX && p->owned_count > 0 && count < p->bounds.most; i++) {
        const struct owned *o = p->owned[rota_at(&p->bounds, i, PARTITIONS_MAX)];
        if (o != NULL && is_to_begin(p, o))
            logs[count++].partition = o->partition;
    }
    return count;
}

void reading_ask(struct pipeline *p) {
    static struct source_extent logs[PARTITIONS_MAX];
    struct problem problem;
    size_t count = p->now_ms < p->bounds_at_ms ? 0 : logs_to_ask(p, logs);
    if (count == 0)
        return;
    bool known = source_extents(p->source, logs, count, BOUNDS_TIMEOUT_MS, &problem) == STATUS_OK;
    rota_asked(&p->bounds, logs[count - 1].partition, count, known, PARTITIONS_MAX);
    if (!known) {
        log_problem(LOG_LEVEL_WARN, "bounds_unknown", &problem);
        p->bounds_at_ms = p->now_ms + BOUNDS_TIMEOUT_MS + COMMIT_MS; // it blocks
        return;
    }
    for (size_t i = 0; i < count; i++) {
        struct owned *o = p->owned[logs[i].partition];
        o->log = logs[i];
        o->bounded = true;
    }
}

void reading_forget(struct pipeline *p) {
    for (size_t i = 0; i < p->owned_count; i++)
        p->owned[p->owned_numbers[i]]->bounded = false;
}

// An assignment, to the log as much as to the group: dedup starts afresh, a span before the lowest mark.
// False where no shard has answered yet, the log has not, or marks and log disagree (then the process stops).
bool reading_begin(struct pipeline *p, struct owned *o, int64_t *start) {
    int64_t lowest = coverage(p, o);
    if (lowest < 0 || !o->bounded)
        return false;
    if (!marks_fit_log(p, o, o->log.first, o->log.end))
        return false;
    *start = reading_start(p, o, lowest, o->log.first);
    verification_begin(p, o, *start);
    dedup_reset(o->dedup, lowest);
    o->refeed_until = lowest;
    if (o->peak < lowest)
        o->peak = lowest;
    o->position = (struct mark){.next = *start, .last = -1};
    o->fed = *start;
    o->begun = true;
    return true;
}

// ---- placing a shard, and going back for it

// The shard learned where its mark stands. The others keep what they have; where this one lacks records, the
// partition goes back. While it is about to go back already, the position is where to, and says nothing of
// what the others have.
void reading_place(struct pipeline *p, struct shard *shard, struct owned *o, const struct mark *mark) {
    if (o->begun && !o->seeking) {
        keep_all(p, o);
        if (o->fed < o->position.next)
            o->fed = o->position.next;
    }
    shard_place(shard, o->partition, mark);
    if (!o->begun)
        return;
    int64_t reached = o->position.next;
    if (!o->seeking && reached < o->refeed_until)
        reached = o->refeed_until;
    if (mark->next < reached) {
        o->position = (struct mark){.next = mark->next, .last = -1};
        o->seeking = true;
    }
    verification_join(shard_slot(shard, o->partition), o, mark->last);
}

void reading_seek(struct pipeline *p, struct owned *o) {
    int64_t start = coverage(p, o);
    if (start < 0)
        return;
    if (!is_near(o, start)) {
        if (!reading_begin(p, o, &start))
            return;
    } else {
        start = start < o->fed ? start
                               : o->fed; // a shard may be ahead of us; dedup still needs what lies between
        o->position = (struct mark){.next = start, .last = -1};
        verification_move(p, o, start);
    }
    struct source_position position = {o->partition, start};
    o->seeking = source_seek(p->source, &position, 1) != STATUS_OK;
}
