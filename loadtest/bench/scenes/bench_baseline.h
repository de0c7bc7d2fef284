// A report beside an earlier one.
#pragma once

#include <jansson.h>
#include <stdio.h>

#include "loadtest/bench/bench_report.h"
#include "runtime/status.h"

struct bench_change {
    const struct bench_case *c;
    enum bench_figure figure;
    double before, now; // medians
    double worse;       // by which share of `before`; below 0: better
};

struct bench_changes {
    struct bench_change *changes;
    size_t count;
};

// Reads what bench_report_json wrote. STATUS_NO_INPUT: there is no such file; STATUS_BAD_DATA: it is none.
enum status bench_baseline_read(const char *path, json_t **baseline, struct problem *problem);

// The figures that both have, of cases that are the same but for their rate; the ratios first, since they
// hardly move with the machine, and of each kind the worst first.
void bench_baseline_compare(struct bench_changes *changes, const struct bench_report *report,
                            const json_t *baseline);
void bench_changes_fini(struct bench_changes *changes);

// How much worse the worst ratio became; 0 where none did.
double bench_changes_worst_ratio(const struct bench_changes *changes);

void bench_changes_table(const struct bench_changes *changes, FILE *out);
json_t *bench_changes_json(const struct bench_changes *changes);
