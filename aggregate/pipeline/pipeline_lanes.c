// Partitions gained and lost. What is gained is restored from the store on the keeping thread, then read from
// a dedup span before its checkpoint. What is lost is dropped: the next owner begins at the checkpoint, and
// what it reads again gives the same files.

#include <stdlib.h>

#include "aggregate/pipeline/pipeline_internal.h"
#include "runtime/log/log.h"
#include "runtime/memory.h"

void lane_free(struct lane **lane) {
    struct lane *l = *lane;
    keeper_release(&l->kept);
    panes_fini(&l->panes);
    viewers_fini(&l->viewers);
    handover_fini(&l->handover);
    dedup_destroy(&l->dedup);
    free(l);
    *lane = NULL;
}

void lanes_free(struct pipeline *p) {
    for (int32_t i = 0; i < p->meta.partitions; i++) {
        if (p->lanes[i] != NULL)
            lane_free(&p->lanes[i]);
    }
}

static struct lane *lane_at(const struct pipeline *p, int32_t partition) {
    return partition >= 0 && partition < p->meta.partitions ? p->lanes[partition] : NULL;
}

// ---- gained

static void lane_begin(struct pipeline *p, int32_t partition) {
    const struct settings *s = &p->basis->settings;
    struct lane *lane = memory_take(sizeof(*lane));
    *lane = (struct lane){.partition = partition, .end = -1, .committed = -1, .doubted = -1};
    lane->dedup = dedup_create(s->dedup_span, (size_t)s->dedup_max_ids);
    p->lanes[partition] = lane;
    p->lane_count++;
    jobs_restore(p, lane);
}

static void assigned(void *context, struct source_position *positions, size_t count) {
    struct pipeline *p = context;
    for (size_t i = 0; i < count; i++) {
        positions[i].offset = SOURCE_START_UNKNOWN;
        if (positions[i].partition < p->meta.partitions && p->lanes[positions[i].partition] == NULL)
            lane_begin(p, positions[i].partition);
    }
    log_info("partitions_assigned", FIELD("count", LOG_INT(count)));
}

void lanes_restored(struct pipeline *p, struct lane *lane, struct kept *kept) {
    const struct ledger *l = &kept->ledger;
    lane->kept = kept;
    lane->state = LANE_PLACING;
    lane->count_from = l->offset;
    lane->last_end = l->last_end;
    lane->last_fingerprint = l->last_fingerprint;
    lane->watermark_ms = l->watermark_ms;
    lane->read = l->read;
    lane->rejected = l->rejected;
    lane->duplicate = l->duplicate;
    viewers_fini(&lane->viewers);
    viewers_copy(&lane->viewers, &l->viewers);
    lane->handed_next = kept->told ? l->offset : -1; // a crash came before the record: it is made up for
    lane->handed_sealed_s = l->sealed_s;
    lane->handed_at_ms = p->now_ms;
    log_info("partition_restored", FIELD("partition", LOG_INT(lane->partition)),
             FIELD("offset", LOG_INT(l->offset)), FIELD("windows", LOG_INT(l->count)),
             FIELD("segments", LOG_INT(kept->segments)));
}

// ---- placed

static enum status log_is_short(const struct lane *lane, int64_t first, struct problem *p) {
    return problem_set(
        p, STATUS_BAD_DATA, "CLM-M2",
        "what is published stays right; restore a copy of the log, or begin a new store (store.url)",
        "partition %d: the checkpoint is at %lld, the log now begins at %lld: %lld records are gone",
        lane->partition, (long long)lane->count_from, (long long)first,
        (long long)(first - lane->count_from));
}

static enum status log_is_another(const struct lane *lane, int64_t end, struct problem *p) {
    return problem_set(
        p, STATUS_BAD_DATA, "CLM-M3",
        "point kafka.topic at the log this store was made from, or begin a new store (store.url)",
        "partition %d: the checkpoint is at %lld, the log ends at %lld: the topic was recreated or "
        "truncated",
        lane->partition, (long long)lane->count_from, (long long)end);
}

static enum status lane_judge(const struct lane *lane, int64_t first, int64_t end, struct problem *p) {
    if (first > lane->count_from)
        return log_is_short(lane, first, p);
    return end < lane->count_from ? log_is_another(lane, end, p) : STATUS_OK;
}

// This process may have slept since it restored, or waited for the broker, and another may have gone on
// meanwhile: before the log is said to be short, the store is asked once more.
static bool lane_doubt(struct pipeline *p, struct lane *lane, int64_t first) {
    if (first <= lane->count_from || lane->doubted == lane->count_from)
        return false;
    log_warn("checkpoint_doubted", FIELD("partition", LOG_INT(lane->partition)),
             FIELD("offset", LOG_INT(lane->count_from)), FIELD("log_begins", LOG_INT(first)));
    lane->doubted = lane->count_from;
    lane->state = LANE_RESTORING;
    keeper_release(&lane->kept);
    jobs_restore(p, lane);
    return true;
}

static void lane_place(struct pipeline *p, struct lane *lane, const struct source_extent *log) {
    struct problem problem;
    int64_t first = log->first;
    if (lane_doubt(p, lane, first))
        return;
    if (lane_judge(lane, first, log->end, &problem) != STATUS_OK) {
        pipeline_fail(p, &problem);
        return;
    }
    int64_t from = lane->count_from - p->basis->settings.dedup_span;
    int64_t log_start = p->meta.starts[lane->partition];
    from = from > log_start ? from : log_start;
    if (from < first)
        log_warn("dedup_short", FIELD("partition", LOG_INT(lane->partition)), FIELD("from", LOG_INT(first)),
                 FIELD("missing", LOG_INT(first - from)));
    const struct source_position position = {lane->partition, from > first ? from : first};
    if (source_seek(p->source, &position, 1) != STATUS_OK) {
        lane->retry_at_ms = p->now_ms + RETRY_MS;
        return;
    }
    dedup_reset(lane->dedup, lane->count_from);
    lane->next = position.offset;
    lane->state = lane->next < lane->count_from ? LANE_REFEEDING : LANE_COUNTING;
}

static bool is_restoring(const struct lane *lane) {
    return lane != NULL && lane->state == LANE_RESTORING && lane->busy;
}

static bool is_to_be_placed(const struct pipeline *p, const struct lane *lane) {
    return lane != NULL && lane->state == LANE_PLACING && lane->retry_at_ms <= p->now_ms;
}

static bool is_any_restoring(const struct pipeline *p) {
    int32_t i = 0;
    while (i < p->meta.partitions && !is_restoring(p->lanes[i]))
        i++;
    return i < p->meta.partitions;
}

// All at once, as long as that is answered, and none while others are about to join them.
static size_t lanes_to_place(const struct pipeline *p, struct source_extent *logs) {
    size_t count = 0;
    if (is_any_restoring(p))
        return 0;
    for (int32_t i = 0; i < p->meta.partitions && count < p->placing.rota.most; i++) {
        int32_t partition = rota_at(&p->placing.rota, i, p->meta.partitions);
        if (is_to_be_placed(p, p->lanes[partition]))
            logs[count++].partition = partition;
    }
    return count;
}

// Asked about alone, it is the one of which it is not known.
static void lane_not_placed(struct pipeline *p, struct lane *lane, const struct ask *ask) {
    lane->retry_at_ms = p->now_ms + RETRY_MS;
    if (ask->status == STATUS_NOT_ALLOWED)
        pipeline_fail(p, &ask->problem);
    else if (ask->count == 1 && !lane->told)
        log_problem(LOG_LEVEL_WARN, "partition_not_placed", &ask->problem);
    lane->told = lane->told || ask->count == 1;
}

// The lane may have been lost meanwhile, and be ours again: what was asked is of before then.
static void bounds_answered(struct ask *ask) {
    struct pipeline *p = ask->pipeline;
    for (size_t i = 0; i < ask->count && !p->stopping && !p->draining; i++) {
        struct lane *lane = p->lanes[ask->logs[i].partition];
        if (lane == NULL || !lane->asked)
            continue;
        lane->asked = false;
        if (ask->status == STATUS_OK)
            lane_place(p, lane, &ask->logs[i]);
        else
            lane_not_placed(p, lane, ask);
    }
}

void lanes_turn(struct pipeline *p) {
    struct ask *ask = &p->placing;
    if (ask->pending)
        return;
    ask->count = lanes_to_place(p, ask->logs);
    for (size_t i = 0; i < ask->count; i++)
        p->lanes[ask->logs[i].partition]->asked = true;
    if (ask->count > 0)
        ask_begin(p, ask, bounds_answered);
}

// ---- lost

static void lane_end(struct pipeline *p, int32_t partition) {
    struct lane *lane = lane_at(p, partition);
    if (lane == NULL)
        return;
    p->lanes[partition] = NULL;
    p->lane_count--;
    if (lane->busy)
        lane->gone = true;
    else
        lane_free(&lane);
}

static void revoked(void *context, const int32_t *partitions, size_t count, bool lost) {
    struct pipeline *p = context;
    for (size_t i = 0; i < count; i++)
        lane_end(p, partitions[i]);
    jobs_lost(p);
    log_info("partitions_revoked", FIELD("count", LOG_INT(count)), FIELD("lost", LOG_INT(lost)));
}

// ---- and what else the source tells

static void ended(void *context, int32_t partition, int64_t offset) {
    struct lane *lane = lane_at(context, partition);
    if (lane != NULL)
        lane->end = offset; // the records before it may still wait in this batch
}

static void committed(void *context, uint64_t commit_id, bool accepted) {
    struct pipeline *p = context;
    p->tally.commits_accepted += accepted;
    p->tally.commits_refused += !accepted;
}

static void failed(void *context, const struct problem *problem) {
    pipeline_fail(context, problem);
}

static void grew(void *context, int32_t before, int32_t after) {
    struct pipeline *p = context;
    struct problem problem;
    struct store_meta ours = p->meta;
    ours.partitions = after;
    store_meta_fit(&p->meta, &ours, &problem);
    pipeline_fail(p, &problem);
}

const struct source_events lanes_events = {assigned, revoked, ended, committed, failed, grew};
