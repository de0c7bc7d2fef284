// How soon an event is counted, at a steady rate, and whether the worker's memory stays.
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "loadtest/bench/bench_memory.h"
#include "loadtest/bench/bench_watch.h"
#include "loadtest/generate/generate.h"
#include "loadtest/stop.h"
#include "runtime/clock.h"
#include "runtime/memory.h"

enum { SAMPLE_MS_MIN = 100, SAMPLES = 100, SHOW_MS = 5000, POLL_US = 10000 };

// One run.
struct stream {
    struct bench *bench;
    struct bench_case *c;
    struct trial *trial;
    struct bench_feed *feed;
    struct watch *watch;
    struct bench_child child;
    int64_t cpu_ns; // while events were sent and counted: reading ids again at the start is not among it
    struct memory_course memory;
    int64_t next_sample_ms, next_show_ms;
};

static enum status too_slow(uint64_t outstanding, struct problem *problem) {
    return problem_set(problem, STATUS_TRY_AGAIN, "", "lower --rate, or raise --timeout",
                       "%" PRIu64 " events that were sent are not counted yet", outstanding);
}

static int64_t sample_ms(int64_t for_ms) {
    return for_ms / SAMPLES > SAMPLE_MS_MIN ? for_ms / SAMPLES : SAMPLE_MS_MIN;
}

// What has to be looked at now and then. Anything but STATUS_OK ends the run.
static enum status attend(struct stream *s, struct problem *problem) {
    struct bench_usage usage;
    int64_t elapsed_ms = feed_elapsed_ms(s->feed);
    if (stop_asked())
        return problem_set(problem, STATUS_TRY_AGAIN, "", "let it run to its end", "stopped");
    if (bench_child_ended(&s->child, &usage))
        return trial_ended(&s->child, &usage, problem);
    if (elapsed_ms >= s->next_sample_ms) {
        memory_course_sample(&s->memory, s->child.pid, (double)elapsed_ms / 1000);
        s->next_sample_ms += sample_ms(s->bench->options.for_ms);
    }
    if (elapsed_ms >= s->next_show_ms) {
        fprintf(stderr,
                "bench: %" PRId64 " s, %" PRIu64 " events sent, %" PRIu64 " of them not counted yet\n",
                elapsed_ms / 1000, feed_count(s->feed), watch_outstanding(s->watch));
        s->next_show_ms += SHOW_MS;
    }
    return watch_status(s->watch, problem);
}

static enum status stream_events(struct stream *s, struct problem *problem) {
    const struct feed_taker taker = {watch_sent, s->watch};
    enum status status = STATUS_OK;
    feed_begin(s->feed);
    while (status == STATUS_OK && feed_elapsed_ms(s->feed) < s->bench->options.for_ms) {
        status = feed_step(s->feed, &taker, problem);
        if (status == STATUS_OK)
            status = attend(s, problem);
    }
    if (status == STATUS_OK)
        status = feed_finish(s->feed, problem);
    struct standstill standstill = {0};
    int64_t stop_ms = clock_monotonic_ms() + s->bench->options.timeout_ms;
    while (status == STATUS_OK && watch_outstanding(s->watch) > 0) {
        usleep(POLL_US);
        uint64_t outstanding = watch_outstanding(s->watch);
        status = attend(s, problem);
        if (status == STATUS_OK)
            status = trial_watch_standstill(&standstill, (int64_t)outstanding, &s->child, problem);
        if (status == STATUS_OK && clock_monotonic_ms() > stop_ms)
            status = too_slow(outstanding, problem);
    }
    return status;
}

static double ms_at(const struct percentile *p, double percent) {
    return (double)percentile_at(p, percent) / 1000;
}

static void fill(struct stream *s, const struct watch_answer *a, struct bench_figures *figures) {
    double *of = figures->of, events = (double)feed_count(s->feed);
    of[BENCH_CPU] = (double)s->cpu_ns / events;
    of[BENCH_RSS] = s->memory.peak_mib;
    of[BENCH_P50] = ms_at(&a->corrected, 50);
    of[BENCH_P99] = ms_at(&a->corrected, 99);
    of[BENCH_P999] = ms_at(&a->corrected, 99.9);
    of[BENCH_GREATEST] = ms_at(&a->corrected, 100);
    of[BENCH_RAW_P50] = ms_at(&a->raw, 50);
    of[BENCH_RAW_P99] = ms_at(&a->raw, 99);
    of[BENCH_RAW_P999] = ms_at(&a->raw, 99.9);
    of[BENCH_RAW_GREATEST] = ms_at(&a->raw, 100);
    of[BENCH_LATE_P999] = ms_at(&a->lateness, 99.9);
    of[BENCH_GAP_P50] = ms_at(&a->gaps, 50);
    of[BENCH_GAP_P99] = ms_at(&a->gaps, 99);
    struct memory_trend trend = memory_course_trend(&s->memory);
    of[BENCH_RSS_MIDDLE] = trend.middle_mib;
    of[BENCH_RSS_LAST] = trend.last_mib;
    of[BENCH_RSS_SLOPE] = trend.mib_per_minute;
}

static enum status prepare(struct stream *s, struct problem *problem) {
    enum status status = trial_open(&s->trial, s->bench, s->c->families, true, problem);
    if (status == STATUS_OK)
        status = feed_open(&s->feed, s->bench, &s->trial->redis.space, (uint64_t)s->c->rate, problem);
    if (status == STATUS_OK)
        status = trial_start(s->trial, s->c->pinned, &s->child, problem);
    return status == STATUS_OK ? trial_ready(s->trial, &s->child, problem) : status;
}

// `all`: the percentiles of all runs, which this one adds to.
static enum status latency_run(struct bench *b, struct bench_case *c, size_t run, struct percentile *all,
                               struct problem *problem) {
    struct stream s = {.bench = b, .c = c};
    struct watch_answer *answer = memory_take(sizeof(*answer));
    struct bench_usage usage = {0};
    enum status status = prepare(&s, problem);
    if (status == STATUS_OK) {
        s.watch = watch_start(s.trial);
        int64_t before_ns = bench_child_cpu_ns(&s.child);
        status = stream_events(&s, problem);
        s.cpu_ns = bench_child_cpu_ns(&s.child) - before_ns;
        watch_stop(&s.watch, answer);
    }
    if (s.child.pid > 0) {
        struct problem further;
        enum status stopped = trial_stop(s.trial, &s.child, &usage, status == STATUS_OK ? problem : &further);
        status = status == STATUS_OK ? stopped : status;
    }
    if (status == STATUS_OK) {
        fill(&s, answer, &c->runs[run]);
        percentile_merge(all, &answer->corrected);
        json_object_set_new(c->more, "rss_mib", memory_course_json(&s.memory)); // the last run's
        b->report.events = b->report.messages = feed_count(s.feed);
    }
    bench_child_forget(&s.child);
    feed_close(&s.feed);
    trial_close(&s.trial);
    memory_course_fini(&s.memory);
    free(answer);
    return status;
}

// --rate, or half of what a worker reaches on the topic as it stands.
static enum status find_rate(struct bench *b, const struct bench_setting *setting, int64_t *rate,
                             struct problem *problem) {
    if (strcmp(b->options.rate, "half") != 0) {
        if (config_parse_int(b->options.rate, rate) && *rate >= 1 && *rate <= GENERATE_RATE_MAX)
            return STATUS_OK;
        return problem_set(problem, STATUS_USAGE, "", "--rate=50000, or --rate=half",
                           "--rate is \"%s\", which is no number of 1 to %d", b->options.rate,
                           GENERATE_RATE_MAX);
    }
    struct bench_take take;
    enum status status = bench_worker_run(b, setting->families, setting->pinned, &take, problem);
    if (status == STATUS_OK)
        *rate = (int64_t)take.events * 500 / (take.wall_ms > 0 ? take.wall_ms : 1);
    if (status == STATUS_OK && *rate < 1)
        *rate = 1;
    return status;
}

static enum status measure_setting(struct bench *b, const struct bench_setting *setting,
                                   struct problem *problem) {
    int64_t rate = 0;
    enum status status = find_rate(b, setting, &rate, problem);
    if (status != STATUS_OK)
        return status;
    struct bench_case *c = bench_report_add(&b->report, "latency", setting->families, setting->pinned);
    c->rate = rate;
    c->more = json_object();
    struct percentile *all = memory_take(sizeof(*all));
    for (size_t run = 0; status == STATUS_OK && run < c->run_count; run++)
        status = latency_run(b, c, run, all, problem);
    json_object_set_new(c->more, "percentiles_ms", percentile_json(all));
    free(all);
    return status;
}

enum status bench_latency(struct bench *b, struct problem *problem) {
    enum status status = STATUS_OK;
    for (size_t i = 0; status == STATUS_OK && i < b->setting_count; i++)
        status = measure_setting(b, &b->settings[i], problem);
    return status;
}
