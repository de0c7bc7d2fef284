// The worker under test: it counts the whole topic, once.
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "loadtest/bench/bench_http.h"
#include "loadtest/bench/bench_trial.h"
#include "loadtest/stop.h"
#include "runtime/clock.h"
#include "runtime/memory.h"

enum {
    POLL_MS_MIN = 10, // while it is short; then a hundredth of what has passed
    POLL_MS_MAX = 200,
    SHOW_MS = 5000,
    METRICS_BYTES = 1 << 20,
};

static int64_t poll_ms(int64_t elapsed_ms) {
    int64_t ms = elapsed_ms / 100;
    if (ms < POLL_MS_MIN)
        return POLL_MS_MIN;
    return ms > POLL_MS_MAX ? POLL_MS_MAX : ms;
}

static void show(int64_t counted, int64_t elapsed_ms, int64_t *shown_ms) {
    if (elapsed_ms - *shown_ms < SHOW_MS)
        return;
    *shown_ms = elapsed_ms;
    fprintf(stderr, "bench: %" PRId64 " s, %" PRId64 " offsets counted\n", elapsed_ms / 1000, counted);
}

// Waits until every mark is at the end of the log. The first and the last record are known to a poll's
// length: a hundredth of the time that has passed, 10 to 200 ms.
static enum status wait_counted(struct trial *t, struct bench_child *child, struct bench_take *take,
                                struct problem *problem) {
    int64_t started_ms = clock_monotonic_ms(), shown_ms = 0, elapsed_ms = 0;
    struct standing standing = {0};
    struct standstill standstill = {0};
    while (!standing.done) {
        usleep((unsigned)poll_ms(elapsed_ms) * 1000);
        if (bench_child_ended(child, &take->usage))
            return trial_ended(child, &take->usage, problem);
        if (stop_asked() || elapsed_ms > t->bench->options.timeout_ms)
            return problem_set(problem, STATUS_TRY_AGAIN, "", "raise --timeout",
                               "stopped before the worker reached the end of the log");
        enum status status = trial_standing(t, &standing, problem);
        if (status == STATUS_OK)
            status = trial_watch_standstill(&standstill, standing.counted, child, problem);
        if (status != STATUS_OK)
            return status;
        elapsed_ms = clock_monotonic_ms() - started_ms;
        if (standing.begun && take->first_ms == 0)
            take->first_ms = elapsed_ms;
        show(standing.counted, elapsed_ms, &shown_ms);
    }
    take->wall_ms = elapsed_ms - take->first_ms;
    return STATUS_OK;
}

static enum status read_metrics(struct trial *t, struct bench_take *take, struct problem *problem) {
    char *text = memory_take(METRICS_BYTES);
    trial_get(t, "/metrics", text, METRICS_BYTES);
    take->updates = (uint64_t)bench_metric(text, "clameur_redis_updates_total");
    take->events = (uint64_t)(bench_metric(text, "clameur_events_read_total") -
                              bench_metric(text, "clameur_events_replayed_total"));
    bool empty = take->events == 0;
    free(text);
    return empty
               ? problem_set(problem, STATUS_UNAVAILABLE, "", "fill the topic with clameur-loadtest produce",
                             "the worker's metrics tell of no events")
               : STATUS_OK;
}

static enum status count_topic(struct trial *t, bool pinned, struct bench_take *take,
                               struct problem *problem) {
    struct bench_child child;
    int64_t redis_before = trial_redis_cpu_us(t);
    enum status status = trial_start(t, pinned, &child, problem);
    if (status != STATUS_OK)
        return status;
    status = wait_counted(t, &child, take, problem);
    take->redis_cpu_us = trial_redis_cpu_us(t) - redis_before;
    if (status == STATUS_OK)
        status = read_metrics(t, take, problem);
    if (child.pid == 0) // it ended by itself, which is said
        bench_child_forget(&child);
    else if (status == STATUS_OK)
        status = trial_stop(t, &child, &take->usage, problem);
    else
        trial_stop(t, &child, &take->usage, NULL);
    return status;
}

enum status bench_worker_run(struct bench *b, const char *families, bool pinned, struct bench_take *take,
                             struct problem *problem) {
    struct trial *t;
    *take = (struct bench_take){0};
    enum status status = trial_open(&t, b, families, false, problem);
    if (status == STATUS_OK)
        status = count_topic(t, pinned, take, problem);
    trial_close(&t);
    return status;
}
