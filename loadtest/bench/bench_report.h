// The figures of a bench: medians with their extremes, as a table or JSON.
#pragma once

#include <stdio.h>

#include "loadtest/bench/bench_run.h"

struct bench_spread {
    double median, least, greatest;
};

// Median (of an even number, the mean of the middle two) and extremes of `count` values, which are sorted in
// place.
struct bench_spread bench_spread_of(double *values, size_t count);

struct bench_report {
    uint64_t messages, events;
    size_t runs;
    bool pinned;
    struct bench_spread floor_cpu_ns, floor_per_s, floor_rss_mib;
    struct bench_spread worker_cpu_ns, worker_per_s, worker_rss_mib;
    struct bench_spread ratio, updates_per_event, redis_us_per_event;
};

void bench_report_fill(struct bench_report *report, const struct bench_figures *floors,
                       const struct bench_figures *workers, size_t runs, bool pinned);
void bench_report_table(const struct bench_report *report, FILE *out);
void bench_report_json(const struct bench_report *report, FILE *out);
