// The answer of a bench: medians with their extremes, as a table or as JSON.
#pragma once

#include <stdint.h>
#include <stdio.h>

#include "loadtest/bench/bench_figure.h"

struct bench_report {
    uint64_t messages, events; // of the log
    int64_t runs;
    struct bench_case *cases; // owned, their runs too
    size_t case_count;
};

void bench_report_fini(struct bench_report *report);

// Adds a case of `report->runs` runs, nothing of them measured yet. The pointer is good until the next one.
struct bench_case *bench_report_add(struct bench_report *report, const char *what, const char *families,
                                    bool pinned);

void bench_report_table(const struct bench_report *report, FILE *out);
// {"events", "messages", "runs", "cases": [{"what", "families", "pinned", "rate", FIGURE: {"median", "least",
// "greatest"}, ...}]}
json_t *bench_report_json(const struct bench_report *report);
