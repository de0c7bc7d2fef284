#include "loadtest/bench/scenes/bench_baseline.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/check.h"
#include "runtime/memory.h"

enum status bench_baseline_read(const char *path, json_t **baseline, struct problem *problem) {
    json_error_t error;
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return problem_set(problem, STATUS_NO_INPUT, "", "name a file that --json wrote", "%s: %s", path,
                           strerror(errno));
    *baseline = json_loadf(file, 0, &error);
    fclose(file);
    if (json_is_array(json_object_get(*baseline, "cases")))
        return STATUS_OK;
    json_decref(*baseline);
    *baseline = NULL;
    return problem_set(problem, STATUS_BAD_DATA, "", "name a file that --json wrote",
                       "%s is no answer of bench", path);
}

static bool is_same(const struct bench_case *c, const json_t *other) {
    const char *what = json_string_value(json_object_get(other, "what"));
    const char *families = json_string_value(json_object_get(other, "families"));
    return what != NULL && strcmp(what, c->what) == 0 && families != NULL &&
           strcmp(families, c->families) == 0 && json_is_true(json_object_get(other, "pinned")) == c->pinned;
}

static const json_t *find_case(const struct bench_case *c, const json_t *baseline) {
    size_t i;
    json_t *other;
    json_array_foreach(json_object_get(baseline, "cases"), i, other) {
        if (is_same(c, other))
            return other;
    }
    return NULL;
}

static void compare_figure(struct bench_changes *changes, const struct bench_case *c, enum bench_figure f,
                           const json_t *other) {
    const struct bench_figure_row *row = &bench_figure_rows[f];
    const json_t *figure = json_object_get(other, row->name);
    double before = json_number_value(json_object_get(figure, "median"));
    double now = bench_spread_of(c, f).median;
    if (isnan(now) || !(before > 0)) // absent, or nothing to take a share of
        return;
    double change = (now - before) / before;
    changes->changes = memory_grow(changes->changes, changes->count + 1, sizeof(*changes->changes));
    changes->changes[changes->count++] =
        (struct bench_change){c, f, before, now, row->higher_is_better ? -change : change};
}

static int by_weight(const void *a, const void *b) {
    const struct bench_change *left = a, *right = b;
    bool left_ratio = bench_figure_rows[left->figure].ratio;
    if (left_ratio != bench_figure_rows[right->figure].ratio)
        return left_ratio ? -1 : 1;
    return (left->worse < right->worse) - (left->worse > right->worse);
}

void bench_baseline_compare(struct bench_changes *changes, const struct bench_report *report,
                            const json_t *baseline) {
    *changes = (struct bench_changes){0};
    for (size_t i = 0; i < report->case_count; i++) {
        const json_t *other = find_case(&report->cases[i], baseline);
        for (enum bench_figure f = 0; other != NULL && f < BENCH_FIGURE_COUNT; f++)
            compare_figure(changes, &report->cases[i], f, other);
    }
    if (changes->count > 0)
        qsort(changes->changes, changes->count, sizeof(*changes->changes), by_weight);
}

void bench_changes_fini(struct bench_changes *changes) {
    free(changes->changes);
    *changes = (struct bench_changes){0};
}

double bench_changes_worst_ratio(const struct bench_changes *changes) {
    double worst = 0;
    for (size_t i = 0; i < changes->count; i++) {
        if (bench_figure_rows[changes->changes[i].figure].ratio)
            worst = fmax(worst, changes->changes[i].worse);
    }
    return worst;
}

void bench_changes_table(const struct bench_changes *changes, FILE *out) {
    fprintf(out, "\n%-30s %12s %12s %9s\n", "against the baseline", "before", "now", "worse");
    for (size_t i = 0; i < changes->count; i++) {
        const struct bench_change *change = &changes->changes[i];
        const struct bench_figure_row *row = &bench_figure_rows[change->figure];
        fprintf(out, "  %-28s %12.*f %12.*f %+8.1f%%  %s %s%s\n", row->title, row->decimals, change->before,
                row->decimals, change->now, 100 * change->worse, change->c->what, change->c->families,
                change->c->pinned ? ", pinned" : "");
    }
}

json_t *bench_changes_json(const struct bench_changes *changes) {
    json_t *rows = json_array();
    for (size_t i = 0; i < changes->count; i++) {
        const struct bench_change *change = &changes->changes[i];
        json_t *row =
            json_pack("{ss ss sb ss sf sf sf}", "what", change->c->what, "families", change->c->families,
                      "pinned", change->c->pinned, "figure", bench_figure_rows[change->figure].name, "before",
                      change->before, "now", change->now, "worse", change->worse);
        CHECK(row != NULL);
        json_array_append_new(rows, row);
    }
    return rows;
}
