// How fast, and at what cost: the floor and the worker in turns over the same log.
#include <inttypes.h>
#include <stdio.h>

#include "loadtest/bench/bench_run.h"
#include "loadtest/stop.h"
#include "runtime/check.h"

#define MIB (1024.0 * 1024.0)

// Of every choice of pinning, the floor and then a worker for each list: in this order they stand in the
// report.
static void plan(struct bench *b) {
    for (size_t i = 0; i < b->setting_count; i++) {
        const struct bench_setting *s = &b->settings[i];
        if (i == 0 || s->pinned != s[-1].pinned)
            bench_report_add(&b->report, "floor", "", s->pinned);
        bench_report_add(&b->report, "worker", s->families, s->pinned);
    }
}

static double per(double amount, double count) {
    return count > 0 ? amount / count : 0;
}

// What floor and worker have in common. The events are the worker's for both: the floor sees messages.
static void fill_common(struct bench_figures *figures, const struct bench_take *take, uint64_t events) {
    figures->of[BENCH_CPU] = per((double)take->usage.cpu_ns, (double)events);
    figures->of[BENCH_RATE] = per((double)events * 1000, (double)take->wall_ms);
    figures->of[BENCH_RSS] = (double)take->usage.max_rss_bytes / MIB;
}

static void fill_worker(struct bench_figures *figures, const struct bench_take *floor,
                        const struct bench_take *worker) {
    double events = (double)worker->events;
    fill_common(figures, worker, worker->events);
    figures->of[BENCH_RATIO] = per((double)worker->usage.cpu_ns, (double)floor->usage.cpu_ns);
    figures->of[BENCH_FOLD] = per(events, (double)worker->updates);
    figures->of[BENCH_REDIS] = per((double)worker->redis_cpu_us * 1000, events);
    figures->of[BENCH_FIRST] = (double)worker->first_ms;
}

static void show_run(const struct bench_case *c, size_t run, const struct bench_take *take) {
    fprintf(stderr, "bench: run %zu of %zu: %s%s%s%s took %" PRId64 " ms of CPU, %" PRId64 " ms\n", run + 1,
            c->run_count, c->what, c->families[0] != '\0' ? " " : "", c->families,
            c->pinned ? ", pinned" : "", take->usage.cpu_ns / 1000000, take->wall_ms);
}

static enum status measure_case(struct bench *b, struct bench_case *c, size_t run, struct bench_take *take,
                                struct problem *problem) {
    bool floor = c->families[0] == '\0';
    enum status status = floor ? bench_floor_run(b, c->pinned, take, problem)
                               : bench_worker_run(b, c->families, c->pinned, take, problem);
    if (status == STATUS_OK && stop_asked())
        return problem_set(problem, STATUS_TRY_AGAIN, "", "let it run to its end", "stopped");
    if (status == STATUS_OK)
        show_run(c, run, take);
    return status;
}

// One run of every case.
static enum status measure(struct bench *b, size_t run, struct problem *problem) {
    struct bench_take floor = {0}, worker;
    struct bench_case *floor_case = NULL;
    for (size_t i = 0; i < b->report.case_count; i++) {
        struct bench_case *c = &b->report.cases[i];
        bool is_floor = c->families[0] == '\0';
        enum status status = measure_case(b, c, run, is_floor ? &floor : &worker, problem);
        if (status != STATUS_OK)
            return status;
        if (is_floor) {
            floor_case = c;
            continue;
        }
        fill_worker(&c->runs[run], &floor, &worker);
        CHECK(floor_case != NULL);
        fill_common(&floor_case->runs[run], &floor, worker.events);
        b->report.events = worker.events;
        b->report.messages = floor.messages;
    }
    return STATUS_OK;
}

enum status bench_throughput(struct bench *b, struct problem *problem) {
    plan(b);
    enum status status = STATUS_OK;
    for (size_t run = 0; status == STATUS_OK && run < (size_t)b->options.runs; run++)
        status = measure(b, run, problem);
    return status;
}
