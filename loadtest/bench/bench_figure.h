// The figures of a bench: what there is of them (bench_figures.def), a case of measuring, and the medians.
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum bench_figure {
#define FIGURE(id, name, title, decimals, better, machine) BENCH_##id,
#include "loadtest/bench/bench_figures.def"
#undef FIGURE
    BENCH_FIGURE_COUNT,
};

struct bench_figure_row {
    const char *name, *title;
    int decimals;
    bool higher_is_better;
    bool ratio; // hardly moves with the speed of the machine
};

extern const struct bench_figure_row bench_figure_rows[BENCH_FIGURE_COUNT];

// What one run gave; NAN: not measured.
struct bench_figures {
    double of[BENCH_FIGURE_COUNT];
};

void bench_figures_init(struct bench_figures *figures);

// One thing that is measured, as often as there are runs.
struct bench_case {
    const char *what; // "floor", "worker", "latency"...; a literal
    char *families;   // counters.families; "" of the floor, which counts none
    bool pinned;
    int64_t rate; // events a second that were sent; 0: none were
    json_t *more; // NULL, or an object whose members go into the JSON beside the figures; owned
    struct bench_figures *runs;
    size_t run_count;
};

struct bench_spread {
    double median, least, greatest; // NAN: not measured
};

// Median (of an even number, the mean of the middle two) and extremes of a figure over the runs that have it.
struct bench_spread bench_spread_of(const struct bench_case *c, enum bench_figure figure);
