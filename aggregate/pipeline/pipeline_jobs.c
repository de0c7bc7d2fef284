// Between the data thread and the keeping thread: one job at a time, in the order they were begun.
//
//     restore    a partition's checkpoint
//     keep       what a partition's windows gained; then its offset is committed
//     publish    windows that all partitions have sealed
//     retain     removes what is older than store.retain
//     watch      what was said of accounts in them (pipeline_watch.c)
//
// While a job of a lane waits or runs, its `kept` and its handover are the keeping thread's; its panes go on
// filling. What the store refused (CLM-D1) is tried again: nothing is lost meanwhile, nothing is committed,
// and when too much has been gained the source is held.

#include <stdlib.h>

#include "aggregate/keep/retention.h"
#include "aggregate/pipeline/pipeline_internal.h"
#include "aggregate/store/keyring.h"
#include "runtime/check.h"
#include "runtime/clock.h"
#include "runtime/log/log.h"
#include "runtime/memory.h"

static void job_work(uv_work_t *work);
static void job_done(uv_work_t *work, int cancelled);

// ---- the queue

static void job_start(struct job *job) {
    job->began_ms = clock_monotonic_ms();
    CHECK(uv_queue_work(&job->pipeline->loop.uv, &job->work, job_work, job_done) == 0);
}

struct job *job_begin(struct pipeline *p, enum job_kind kind, struct lane *lane) {
    struct job *job = memory_take(sizeof(*job));
    *job = (struct job){.pipeline = p, .kind = kind, .lane = lane};
    if (lane != NULL)
        lane->busy = true;
    return job;
}

void job_queue(struct pipeline *p, struct job *job) {
    if (p->first == NULL) {
        p->first = p->last = job;
        job_start(job);
        return;
    }
    p->last->next = job;
    p->last = job;
}

static void job_free(struct job *job) {
    keeper_release(&job->restored);
    free(job->owned);
    free(job);
}

static void retain_work(struct pipeline *p, struct job *job) {
    const struct retention terms = {.sealed_s = publisher_figures(p->publisher).sealed_s,
                                    .owned = job->owned,
                                    .is_open = publisher_has_open,
                                    .context = p->publisher};
    job->status = retention_run(&p->keeper, &terms, RETAIN_MOST, &job->removed, &job->more, &job->problem);
}

static void work_do(struct pipeline *p, struct job *job) {
    struct problem *problem = &job->problem;
    switch (job->kind) {
    case JOB_RESTORE:
        job->status = keeper_restore(&p->keeper, (uint32_t)job->lane->partition,
                                     p->meta.starts[job->lane->partition], &job->restored, problem);
        return;
    case JOB_KEEP:
        job->status = keyring_stands(p->store, p->keyring, problem);
        if (job->status == STATUS_OK)
            job->status = keeper_keep(&p->keeper, job->lane->kept, &job->lane->handover, problem);
        return;
    case JOB_PUBLISH:
        job->status = publisher_run(p->publisher, &p->keeper, job->owned, PUBLISH_MOST, clock_monotonic_ms(),
                                    &job->more, problem);
        return;
    case JOB_RETAIN:
        retain_work(p, job);
        return;
    case JOB_WATCH:
        watch_work(job);
        return;
    }
}

// On the keeping thread.
static void job_work(uv_work_t *work) {
    struct job *job = (struct job *)((char *)work - offsetof(struct job, work));
    struct pipeline *p = job->pipeline;
    p->keeper.now_s = clock_wall_ms() / 1000;
    work_do(p, job);
    job->store_free = store_free_bytes(p->store, &job->store_all);
}

// ---- what a job answers

// What was refused of work that is another process's by now is not tried here again, and says nothing.
static bool is_any_refused(const struct pipeline *p) {
    bool any = (p->publish_refused && p->lane_count > 0) ||
               (p->watch_refused && p->lanes[WATCHER_PARTITION] != NULL);
    for (int32_t i = 0; i < p->meta.partitions && !any; i++)
        any = p->lanes[i] != NULL && p->lanes[i]->refused;
    return any;
}

static void refused_set(struct pipeline *p, const struct job *job, bool refused) {
    if (job->lane != NULL)
        job->lane->refused = refused;
    else if (job->kind == JOB_PUBLISH)
        p->publish_refused = refused;
    else if (job->kind == JOB_WATCH)
        p->watch_refused = refused;
}

bool job_store_refused(struct pipeline *p, const struct job *job) {
    if (job->status != STATUS_TRY_AGAIN) {
        pipeline_fail(p, &job->problem);
        return false;
    }
    refused_set(p, job, true);
    bool refuses = is_any_refused(p);
    if (refuses && !p->store_refuses)
        log_problem(LOG_LEVEL_ERROR, "store_refuses", &job->problem);
    p->store_refuses = refuses;
    return true;
}

// What only reads is answered by a full store, too, and a small file is taken where a large one is not: an
// answer says nothing of what was refused elsewhere.
void job_store_answered(struct pipeline *p, const struct job *job) {
    refused_set(p, job, false);
    if (p->store_refuses && !is_any_refused(p)) {
        log_info("store_takes_again");
        p->store_refuses = false;
    }
}

void jobs_lost(struct pipeline *p) {
    if (p->store_refuses && !is_any_refused(p)) {
        log_info("store_not_asked", FIELD("why", LOG_TEXT("what it refused is another process's now")));
        p->store_refuses = false;
    }
}

static void restore_done(struct pipeline *p, struct job *job) {
    struct lane *lane = job->lane;
    if (job->status == STATUS_OK) {
        job_store_answered(p, job);
        lanes_restored(p, lane, job->restored);
        job->restored = NULL;
    } else if (job_store_refused(p, job)) {
        lane->retry_at_ms = p->now_ms + RETRY_MS;
    }
}

static void figures_take(struct pipeline *p, struct lane *lane) {
    struct kept *kept = lane->kept;
    lane->windows_open = ledger_open_count(&kept->ledger);
    lane->windows_bytes = ledger_memory(&kept->ledger);
    p->tally.part_bytes += kept->part_bytes;
    p->tally.checkpoint_bytes += kept->checkpoint_bytes;
    kept->part_bytes = kept->checkpoint_bytes = 0;
}

static void keep_done(struct pipeline *p, struct job *job) {
    struct lane *lane = job->lane;
    figures_take(p, lane);
    if (job->status != STATUS_OK) {
        if (job_store_refused(p, job))
            lane->retry_at_ms = p->now_ms + RETRY_MS;
        return;
    }
    job_store_answered(p, job);
    p->tally.handovers++;
    histogram_add(&p->tally.keep_seconds, (double)(clock_monotonic_ms() - job->began_ms) / 1000);
    lane->handing = false;
    lane->handed_bytes = 0;
    handover_fini(&lane->handover);
    const struct source_position position = {lane->partition, lane->handover.offset};
    if (lane->committed != position.offset)
        source_commit(p->source, &position, 1);
    lane->committed = position.offset;
}

// A window that cannot be published is told, and stays unpublished; the others are.
static void publish_done(struct pipeline *p, struct job *job) {
    p->publishing = false;
    p->watch.due = true;
    p->published = publisher_figures(p->publisher);
    histogram_add(&p->tally.publish_seconds, (double)(clock_monotonic_ms() - job->began_ms) / 1000);
    bool at_once = job->more && job->status != STATUS_TRY_AGAIN;
    p->publish_at_ms = at_once ? p->now_ms : p->now_ms + p->basis->settings.aggregate_checkpoint_ms;
    if (job->status == STATUS_TRY_AGAIN)
        job_store_refused(p, job);
    else
        job_store_answered(p, job);
    if (job->status != STATUS_OK && job->status != STATUS_TRY_AGAIN)
        log_problem(LOG_LEVEL_ERROR, "window_not_published", &job->problem);
}

// What cannot be removed now stays until the next time: nothing depends on it.
static void retain_done(struct pipeline *p, struct job *job) {
    p->retaining = false;
    p->tally.removed += job->removed;
    p->retain_at_ms = job->more && job->status == STATUS_OK ? p->now_ms : p->now_ms + RETAIN_EVERY_MS;
    if (job->removed > 0)
        log_info("old_windows_removed", FIELD("files", LOG_INT(job->removed)));
    if (job->status != STATUS_OK)
        log_problem(LOG_LEVEL_WARN, "old_windows_stay", &job->problem);
}

static void lane_done(struct pipeline *p, struct job *job) {
    struct lane *lane = job->lane;
    lane->busy = false;
    if (lane->gone)
        lane_free(&lane);
    else if (job->kind == JOB_RESTORE)
        restore_done(p, job);
    else
        keep_done(p, job);
}

// As of the job, for the question waits as long as the store does.
static void room_judge(struct pipeline *p, const struct job *job) {
    bool low = store_is_low(job->store_free, job->store_all, p->basis->settings.store_min_free_percent);
    if (low && !p->store_low)
        log_warn("store_is_low", FIELD("free_bytes", LOG_INT(job->store_free)),
                 FIELD("of_bytes", LOG_INT(job->store_all)),
                 FIELD("do", LOG_TEXT("make room, or shorten store.retain")));
    p->store_free = job->store_free;
    p->store_low = low;
}

// On the loop's thread, inside a turn. What the keeping thread has, figures among it, is looked at here,
// while no job runs: the next one begins last.
static void job_done(uv_work_t *work, int cancelled) {
    struct job *job = (struct job *)((char *)work - offsetof(struct job, work));
    struct pipeline *p = job->pipeline;
    room_judge(p, job);
    if (job->kind == JOB_PUBLISH)
        publish_done(p, job);
    else if (job->kind == JOB_RETAIN)
        retain_done(p, job);
    else if (job->kind == JOB_WATCH)
        watch_done(p, job);
    else
        lane_done(p, job);
    p->first = job->next;
    if (p->first != NULL)
        job_start(p->first);
    else
        p->last = NULL;
    job_free(job);
}

// ---- what is due

void jobs_restore(struct pipeline *p, struct lane *lane) {
    job_queue(p, job_begin(p, JOB_RESTORE, lane));
}

// Anything that the store does not know yet?
static bool has_gained(const struct lane *lane) {
    return lane->state == LANE_COUNTING &&
           (lane->next > lane->handed_next || window_sealed_s(lane->watermark_ms) > lane->handed_sealed_s);
}

static void hand_over(struct pipeline *p, struct lane *lane) {
    const struct rules *rules = rules_at(&p->basis->rules, clock_wall_ms());
    lane->handover = (struct handover){.offset = lane->next,
                                       .last_end = lane->last_end,
                                       .last_fingerprint = lane->last_fingerprint,
                                       .watermark_ms = lane->watermark_ms,
                                       .read = lane->read,
                                       .rejected = lane->rejected,
                                       .duplicate = lane->duplicate,
                                       .lateness_ms = rules->window_lateness_ms,
                                       .panes = lane->panes,
                                       .viewer_events = lane->viewers.events};
    lane->handover.viewers = viewers_take_changed(&lane->viewers, &lane->handover.viewer_count);
    lane->handed_bytes = panes_memory(&lane->panes);
    lane->panes = (struct panes){0};
    lane->handing = true;
    lane->handed_next = lane->next;
    lane->handed_sealed_s = window_sealed_s(lane->watermark_ms);
    lane->handed_at_ms = p->now_ms;
    job_queue(p, job_begin(p, JOB_KEEP, lane));
}

static bool is_due(const struct pipeline *p, const struct lane *lane) {
    bool waited = p->now_ms - lane->handed_at_ms >= p->basis->settings.aggregate_checkpoint_ms;
    return (waited || p->draining || panes_memory(&lane->panes) > LANE_BYTES_MAX) && has_gained(lane);
}

static void lane_turn(struct pipeline *p, struct lane *lane) {
    if (lane->busy || lane->retry_at_ms > p->now_ms)
        return;
    if (lane->state == LANE_RESTORING)
        jobs_restore(p, lane);
    else if (lane->handing)
        job_queue(p, job_begin(p, JOB_KEEP, lane));
    else if (is_due(p, lane))
        hand_over(p, lane);
}

static void queue_owned(struct pipeline *p, enum job_kind kind) {
    struct job *job = job_begin(p, kind, NULL);
    job->owned = memory_take((size_t)p->meta.partitions * sizeof(*job->owned));
    for (int32_t i = 0; i < p->meta.partitions; i++)
        job->owned[i] = p->lanes[i] != NULL;
    job_queue(p, job);
}

static void publish(struct pipeline *p) {
    p->publishing = true;
    queue_owned(p, JOB_PUBLISH);
}

// Once something is known to be sealed.
static void retain(struct pipeline *p) {
    p->retaining = true;
    queue_owned(p, JOB_RETAIN);
}

void jobs_turn(struct pipeline *p) {
    for (int32_t i = 0; i < p->meta.partitions; i++) {
        if (p->lanes[i] != NULL)
            lane_turn(p, p->lanes[i]);
    }
    if (!p->publishing && !p->draining && p->lane_count > 0 && p->publish_at_ms <= p->now_ms)
        publish(p);
    if (!p->retaining && !p->draining && p->published.sealed_s > 0 && p->keeper.retain_s > 0 &&
        p->retain_at_ms <= p->now_ms)
        retain(p);
    watch_turn(p);
}

size_t jobs_panes_bytes(const struct pipeline *p) {
    size_t bytes = 0;
    for (int32_t i = 0; i < p->meta.partitions; i++) {
        const struct lane *lane = p->lanes[i];
        bytes += lane != NULL ? panes_memory(&lane->panes) + lane->handed_bytes : 0;
    }
    return bytes;
}

bool jobs_are_behind(const struct pipeline *p) {
    return jobs_panes_bytes(p) > PANES_BYTES_MAX;
}

// ---- the end

static bool is_kept(const struct pipeline *p) {
    for (int32_t i = 0; i < p->meta.partitions; i++) {
        const struct lane *lane = p->lanes[i];
        if (lane != NULL && (lane->busy || lane->handing || has_gained(lane)))
            return false;
    }
    return true;
}

bool jobs_drain(struct pipeline *p) {
    while (!p->stopping && !is_kept(p) && p->loop.stop_requests < 2 &&
           loop_now_ms(&p->loop) < p->deadline_ms) {
        jobs_turn(p);
        loop_turn(&p->loop, 20);
        p->now_ms = loop_now_ms(&p->loop);
    }
    return is_kept(p);
}

static void job_drop(struct job *job) {
    struct lane *lane = job->lane;
    if (lane != NULL) {
        lane->busy = false;
        if (lane->gone)
            lane_free(&lane);
    }
    job_free(job);
}

// Each may take as long as all tries at a store that does not answer.
static void drop_waiting(struct pipeline *p) {
    while (p->first != p->last) {
        struct job *job = p->first->next;
        p->first->next = job->next;
        if (job == p->last)
            p->last = p->first;
        job_drop(job);
    }
}

void jobs_wait(struct pipeline *p) {
    drop_waiting(p);
    while (p->first != NULL)
        loop_turn(&p->loop, 20);
}
