// How soon a worker is ready, and how soon another counts again where it was killed.
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "loadtest/bench/bench_feed.h"
#include "loadtest/bench/bench_trial.h"
#include "loadtest/stop.h"
#include "runtime/clock.h"
#include "runtime/memory.h"

enum {
    FEED_RATE = 1000, // so that there is something to count in every partition
    SETTLE_MS = 2000, // between the first counter and the kill
    LOOK_MS = 10,
};

#define NOT_CLAIMED INT64_MAX

// One run.
struct outage {
    struct bench *bench;
    struct trial *trial;
    struct bench_feed *feed;
    struct bench_child child;
    int64_t killed_ms, next_look_ms, stop_ms;
    struct mark
        *found; // as trial->marks: what the next worker found; before it claims one, `next` is NOT_CLAIMED
};

// Sends what is due. True where it is time to look at the marks again, which are then read.
static enum status step(struct outage *o, bool *looked, struct problem *problem) {
    struct bench_usage usage;
    int64_t now = clock_monotonic_ms();
    *looked = now >= o->next_look_ms;
    if (stop_asked() || now > o->stop_ms)
        return problem_set(problem, STATUS_TRY_AGAIN, "", "raise --timeout",
                           "stopped before the worker was counting");
    if (bench_child_ended(&o->child, &usage))
        return trial_ended(&o->child, &usage, problem);
    enum status status = feed_step(o->feed, NULL, problem);
    if (status != STATUS_OK || !*looked)
        return status;
    struct standing standing;
    o->next_look_ms = now + LOOK_MS;
    return trial_standing(o->trial, &standing, problem);
}

static size_t mark_count(const struct trial *t) {
    return t->redis.space.shards * (size_t)t->redis.meta.partitions;
}

// Of every partition, is some mark beyond the place in `from` (NULL: its start)?
static bool every_partition_moved(const struct trial *t, const struct mark *from) {
    int32_t partitions = t->redis.meta.partitions;
    for (int32_t p = 0; p < partitions; p++) {
        bool moved = false;
        for (size_t i = (size_t)p; i < mark_count(t); i += (size_t)partitions)
            moved |= t->marks[i].next > (from == NULL ? t->redis.meta.starts[p] : from[i].next);
        if (!moved)
            return false;
    }
    return true;
}

static enum status count_for_a_while(struct outage *o, struct problem *problem) {
    int64_t until_ms = INT64_MAX;
    enum status status = STATUS_OK;
    feed_begin(o->feed);
    while (status == STATUS_OK && clock_monotonic_ms() < until_ms) {
        bool looked;
        status = step(o, &looked, problem);
        if (status == STATUS_OK && looked && until_ms == INT64_MAX && every_partition_moved(o->trial, NULL))
            until_ms = clock_monotonic_ms() + SETTLE_MS;
    }
    return status;
}

// The marks as the worker that is to be killed owns them.
static enum status note_owner(struct outage *o, struct problem *problem) {
    struct standing standing;
    enum status status = trial_standing(o->trial, &standing, problem);
    if (status != STATUS_OK)
        return status;
    o->found = memory_take(mark_count(o->trial) * sizeof(*o->found));
    for (size_t i = 0; i < mark_count(o->trial); i++)
        o->found[i] = (struct mark){.epoch = o->trial->marks[i].epoch, .next = NOT_CLAIMED};
    return STATUS_OK;
}

// A mark that has just got another owner: what the killed worker had on its way to Redis is in it, and after
// the claim no more comes. Where this look came late, a flush of the new owner's is in it, too, and the next
// one is waited for.
static void note_claims(struct outage *o) {
    for (size_t i = 0; i < mark_count(o->trial); i++) {
        const struct mark *mark = &o->trial->marks[i];
        if (o->found[i].next == NOT_CLAIMED && mark->epoch > o->found[i].epoch)
            o->found[i] = *mark;
    }
}

// kill -9, and another worker at once, as a supervisor would.
static enum status replace(struct outage *o, bool pinned, struct problem *problem) {
    struct bench_usage usage;
    enum status status = note_owner(o, problem);
    if (status != STATUS_OK)
        return status;
    kill(o->child.pid, SIGKILL);
    o->killed_ms = clock_monotonic_ms();
    bench_child_wait(&o->child, 0, &usage);
    bench_child_forget(&o->child);
    return trial_start(o->trial, pinned, &o->child, problem);
}

static enum status wait_counting_again(struct outage *o, struct bench_figures *figures,
                                       struct problem *problem) {
    enum status status = STATUS_OK;
    o->stop_ms = o->killed_ms + o->bench->options.timeout_ms;
    for (bool again = false; status == STATUS_OK && !again;) {
        bool looked;
        status = step(o, &looked, problem);
        if (status != STATUS_OK || !looked)
            continue;
        note_claims(o);
        again = every_partition_moved(o->trial, o->found);
    }
    figures->of[BENCH_AGAIN] = (double)(clock_monotonic_ms() - o->killed_ms);
    return status;
}

static enum status recover(struct outage *o, bool pinned, struct bench_figures *figures,
                           struct problem *problem) {
    int64_t started_ms = clock_monotonic_ms();
    o->stop_ms = started_ms + o->bench->options.timeout_ms;
    enum status status = trial_start(o->trial, pinned, &o->child, problem);
    if (status == STATUS_OK)
        status = trial_ready(o->trial, &o->child, problem);
    figures->of[BENCH_READY] = (double)(clock_monotonic_ms() - started_ms);
    if (status == STATUS_OK)
        status = count_for_a_while(o, problem);
    if (status == STATUS_OK)
        status = replace(o, pinned, problem);
    return status == STATUS_OK ? wait_counting_again(o, figures, problem) : status;
}

static enum status recovery_run(struct bench *b, struct bench_case *c, size_t run, bool is_static,
                                struct problem *problem) {
    struct outage o = {.bench = b};
    enum status status = trial_open(&o.trial, b, c->families, true, problem);
    if (is_static)
        trial_be_static(o.trial);
    if (status == STATUS_OK)
        status = feed_open(&o.feed, b, &o.trial->redis.space, FEED_RATE, problem);
    if (status == STATUS_OK)
        status = recover(&o, c->pinned, &c->runs[run], problem);
    if (o.child.pid > 0) {
        struct bench_usage usage;
        struct problem further;
        enum status stopped = trial_stop(o.trial, &o.child, &usage, status == STATUS_OK ? problem : &further);
        status = status == STATUS_OK ? stopped : status;
    }
    if (status == STATUS_OK) {
        status = feed_finish(o.feed, problem);
        b->report.events = b->report.messages = feed_count(o.feed);
        fprintf(stderr,
                "bench: run %zu of %zu: %s: ready after %.0f ms, counting again %.0f ms after kill -9\n",
                run + 1, c->run_count, c->what, c->runs[run].of[BENCH_READY], c->runs[run].of[BENCH_AGAIN]);
    }
    bench_child_forget(&o.child);
    feed_close(&o.feed);
    trial_close(&o.trial);
    free(o.found);
    return status;
}

static enum status measure(struct bench *b, const struct bench_setting *setting, bool is_static,
                           struct problem *problem) {
    struct bench_case *c = bench_report_add(&b->report, is_static ? "recovery, static id" : "recovery",
                                            setting->families, setting->pinned);
    c->rate = FEED_RATE;
    c->more =
        json_pack("{sI}", "session_timeout_ms", (json_int_t)b->deployment.settings.kafka_session_timeout_ms);
    enum status status = STATUS_OK;
    for (size_t run = 0; status == STATUS_OK && run < c->run_count; run++)
        status = recovery_run(b, c, run, is_static, problem);
    return status;
}

enum status bench_recovery(struct bench *b, struct problem *problem) {
    enum status status = STATUS_OK;
    for (size_t i = 0; status == STATUS_OK && i < b->setting_count; i++) {
        status = measure(b, &b->settings[i], false, problem);
        if (status == STATUS_OK)
            status = measure(b, &b->settings[i], true, problem);
    }
    return status;
}
