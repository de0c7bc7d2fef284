#include "loadtest/bench/bench_report.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "runtime/check.h"
#include "runtime/memory.h"

void bench_report_fini(struct bench_report *report) {
    for (size_t i = 0; i < report->case_count; i++) {
        free(report->cases[i].families);
        json_decref(report->cases[i].more);
        free(report->cases[i].runs);
    }
    free(report->cases);
    *report = (struct bench_report){0};
}

struct bench_case *bench_report_add(struct bench_report *report, const char *what, const char *families,
                                    bool pinned) {
    report->cases = memory_grow(report->cases, report->case_count + 1, sizeof(*report->cases));
    struct bench_case *c = &report->cases[report->case_count++];
    *c = (struct bench_case){
        .what = what, .families = memory_text(families), .pinned = pinned, .run_count = (size_t)report->runs};
    c->runs = memory_take(c->run_count * sizeof(*c->runs));
    for (size_t i = 0; i < c->run_count; i++)
        bench_figures_init(&c->runs[i]);
    return c;
}

static void print_case(const struct bench_case *c, FILE *out) {
    fprintf(out, "\n%s%s%s%s", c->what, c->families[0] != '\0' ? ", families " : "", c->families,
            c->pinned ? ", pinned to one core" : "");
    if (c->rate > 0)
        fprintf(out, ", %" PRId64 " events/s", c->rate);
    fputc('\n', out);
    for (enum bench_figure f = 0; f < BENCH_FIGURE_COUNT; f++) {
        const struct bench_figure_row *row = &bench_figure_rows[f];
        struct bench_spread s = bench_spread_of(c, f);
        if (isnan(s.median))
            continue;
        fprintf(out, "  %-28s %12.*f %12.*f %12.*f\n", row->title, row->decimals, s.median, row->decimals,
                s.least, row->decimals, s.greatest);
    }
}

void bench_report_table(const struct bench_report *report, FILE *out) {
    fprintf(out, "%" PRIu64 " events in %" PRIu64 " messages; runs: %" PRId64 "\n", report->events,
            report->messages, report->runs);
    fprintf(out, "%-30s %12s %12s %12s\n", "", "median", "least", "greatest");
    for (size_t i = 0; i < report->case_count; i++)
        print_case(&report->cases[i], out);
}

static json_t *case_json(const struct bench_case *c) {
    json_t *answer = json_pack("{ss ss sb}", "what", c->what, "families", c->families, "pinned", c->pinned);
    CHECK(answer != NULL);
    if (c->rate > 0)
        json_object_set_new(answer, "rate", json_integer(c->rate));
    for (enum bench_figure f = 0; f < BENCH_FIGURE_COUNT; f++) {
        struct bench_spread s = bench_spread_of(c, f);
        if (!isnan(s.median))
            json_object_set_new(
                answer, bench_figure_rows[f].name,
                json_pack("{sf sf sf}", "median", s.median, "least", s.least, "greatest", s.greatest));
    }
    if (c->more != NULL)
        json_object_update(answer, c->more);
    return answer;
}

json_t *bench_report_json(const struct bench_report *report) {
    json_t *answer = json_pack("{sI sI sI s[]}", "events", (json_int_t)report->events, "messages",
                               (json_int_t)report->messages, "runs", (json_int_t)report->runs, "cases");
    CHECK(answer != NULL);
    for (size_t i = 0; i < report->case_count; i++)
        json_array_append_new(json_object_get(answer, "cases"), case_json(&report->cases[i]));
    return answer;
}
