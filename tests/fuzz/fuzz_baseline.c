// An earlier answer of the bench, beside a present one.
#include <math.h>
#include <stdio.h>

#include "fuzz.h"
#include "loadtest/bench/scenes/bench_baseline.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
    json_t *baseline;
    struct problem problem;
    if (bench_baseline_read(fuzz_file("baseline.json", bytes, length), &baseline, &problem) != STATUS_OK)
        return 0;
    struct bench_report now = {.runs = 1};
    for (int pinned = 0; pinned < 2; pinned++) {
        struct bench_case *c = bench_report_add(&now, "worker", "all", pinned == 1);
        for (enum bench_figure f = 0; f < BENCH_FIGURE_COUNT; f++)
            c->runs[0].of[f] = 2;
    }
    struct bench_changes changes;
    bench_baseline_compare(&changes, &now, baseline);
    for (size_t i = 0; i < changes.count; i++)
        CHECK(changes.changes[i].before > 0 && !isnan(changes.changes[i].worse));
    CHECK(bench_changes_worst_ratio(&changes) >= 0);
    FILE *nowhere = fopen("/dev/null", "we");
    bench_changes_table(&changes, nowhere);
    fclose(nowhere);
    json_decref(bench_changes_json(&changes));
    bench_changes_fini(&changes);
    bench_report_fini(&now);
    json_decref(baseline);
    return 0;
}
