#include "loadtest/bench/bench_report.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>

#include "runtime/check.h"
#include "runtime/memory.h"

#define MIB (1024.0 * 1024.0)

static int by_value(const void *a, const void *b) {
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

struct bench_spread bench_spread_of(double *values, size_t count) {
    CHECK(count > 0);
    qsort(values, count, sizeof(*values), by_value);
    double median = (values[(count - 1) / 2] + values[count / 2]) / 2;
    return (struct bench_spread){median, values[0], values[count - 1]};
}

// One figure of a run; `floor` and `worker` are of the same run, and the events are the worker's for both.
typedef double (*figure)(const struct bench_figures *floor, const struct bench_figures *worker);

static double floor_cpu_ns(const struct bench_figures *f, const struct bench_figures *w) {
    return (double)f->usage.cpu_ns / (double)w->events;
}

static double floor_per_s(const struct bench_figures *f, const struct bench_figures *w) {
    return (double)w->events * 1000 / (double)(f->wall_ms > 0 ? f->wall_ms : 1);
}

static double floor_rss_mib(const struct bench_figures *f, const struct bench_figures *w) {
    return (double)f->usage.max_rss_bytes / MIB;
}

static double worker_cpu_ns(const struct bench_figures *f, const struct bench_figures *w) {
    return (double)w->usage.cpu_ns / (double)w->events;
}

static double worker_per_s(const struct bench_figures *f, const struct bench_figures *w) {
    return (double)w->events * 1000 / (double)(w->wall_ms > 0 ? w->wall_ms : 1);
}

static double worker_rss_mib(const struct bench_figures *f, const struct bench_figures *w) {
    return (double)w->usage.max_rss_bytes / MIB;
}

static double ratio(const struct bench_figures *f, const struct bench_figures *w) {
    return (double)w->usage.cpu_ns / (double)(f->usage.cpu_ns > 0 ? f->usage.cpu_ns : 1);
}

static double updates_per_event(const struct bench_figures *f, const struct bench_figures *w) {
    return (double)w->updates / (double)w->events;
}

static double redis_us_per_event(const struct bench_figures *f, const struct bench_figures *w) {
    return (double)w->redis_cpu_us / (double)w->events;
}

// Every figure: its name in JSON, its title in the table, where it stands in the report.
static const struct row {
    const char *group, *name, *title;
    figure figure;
    size_t offset;
    int decimals;
} rows[] = {
    {"floor", "cpu_ns_per_event", "floor: CPU ns/event", floor_cpu_ns,
     offsetof(struct bench_report, floor_cpu_ns), 0},
    {"floor", "events_per_second", "floor: events/s", floor_per_s, offsetof(struct bench_report, floor_per_s),
     0},
    {"floor", "max_rss_mib", "floor: peak RSS, MiB", floor_rss_mib,
     offsetof(struct bench_report, floor_rss_mib), 0},
    {"worker", "cpu_ns_per_event", "worker: CPU ns/event", worker_cpu_ns,
     offsetof(struct bench_report, worker_cpu_ns), 0},
    {"worker", "ratio_to_floor", "worker: ratio to the floor", ratio, offsetof(struct bench_report, ratio),
     2},
    {"worker", "events_per_second", "worker: events/s", worker_per_s,
     offsetof(struct bench_report, worker_per_s), 0},
    {"worker", "updates_per_event", "worker: Redis updates/event", updates_per_event,
     offsetof(struct bench_report, updates_per_event), 3},
    {"worker", "max_rss_mib", "worker: peak RSS, MiB", worker_rss_mib,
     offsetof(struct bench_report, worker_rss_mib), 0},
    {"worker", "redis_cpu_us_per_event", "Redis: CPU us/event", redis_us_per_event,
     offsetof(struct bench_report, redis_us_per_event), 3},
};

enum { ROWS = sizeof(rows) / sizeof(rows[0]) };

void bench_report_fill(struct bench_report *report, const struct bench_figures *floors,
                       const struct bench_figures *workers, size_t runs, bool pinned) {
    *report = (struct bench_report){
        .messages = floors[0].messages, .events = workers[0].events, .runs = runs, .pinned = pinned};
    double *values = memory_take(runs * sizeof(*values));
    for (size_t r = 0; r < ROWS; r++) {
        for (size_t i = 0; i < runs; i++)
            values[i] = rows[r].figure(&floors[i], &workers[i]);
        *(struct bench_spread *)((char *)report + rows[r].offset) = bench_spread_of(values, runs);
    }
    free(values);
}

static const struct bench_spread *spread_at(const struct bench_report *report, size_t row) {
    return (const struct bench_spread *)((const char *)report + rows[row].offset);
}

void bench_report_table(const struct bench_report *report, FILE *out) {
    fprintf(out, "%" PRIu64 " events in %" PRIu64 " messages, %zu runs%s\n", report->events, report->messages,
            report->runs, report->pinned ? ", each child on one core" : "");
    fprintf(out, "%-28s %14s %14s %14s\n", "", "median", "least", "greatest");
    for (size_t r = 0; r < ROWS; r++) {
        const struct bench_spread *s = spread_at(report, r);
        int decimals = rows[r].decimals;
        fprintf(out, "%-28s %14.*f %14.*f %14.*f\n", rows[r].title, decimals, s->median, decimals, s->least,
                decimals, s->greatest);
    }
}

void bench_report_json(const struct bench_report *report, FILE *out) {
    json_t *answer = json_pack("{sI sI sI sb s{} s{}}", "events", (json_int_t)report->events, "messages",
                               (json_int_t)report->messages, "runs", (json_int_t)report->runs, "pinned",
                               report->pinned, "floor", "worker");
    CHECK(answer != NULL);
    for (size_t r = 0; r < ROWS; r++) {
        const struct bench_spread *s = spread_at(report, r);
        json_object_set_new(
            json_object_get(answer, rows[r].group), rows[r].name,
            json_pack("{sf sf sf}", "median", s->median, "least", s->least, "greatest", s->greatest));
    }
    json_dumpf(answer, out, JSON_COMPACT | JSON_REAL_PRECISION(6));
    fputc('\n', out);
    json_decref(answer);
}
