#include "loadtest/bench/bench_figure.h"

#include <math.h>
#include <stdlib.h>

#include "runtime/memory.h"

enum { LOWER, HIGHER };
enum { SPEED, RATIO };

const struct bench_figure_row bench_figure_rows[BENCH_FIGURE_COUNT] = {
#define FIGURE(id, name, title, decimals, better, machine)                                                   \
    {name, title, decimals, (better) == HIGHER, (machine) == RATIO},
#include "loadtest/bench/bench_figures.def"
#undef FIGURE
};

void bench_figures_init(struct bench_figures *figures) {
    for (size_t i = 0; i < BENCH_FIGURE_COUNT; i++)
        figures->of[i] = NAN;
}

static int by_value(const void *a, const void *b) {
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

struct bench_spread bench_spread_of(const struct bench_case *c, enum bench_figure figure) {
    double *values = memory_take((c->run_count + 1) * sizeof(*values));
    size_t count = 0;
    for (size_t i = 0; i < c->run_count; i++) {
        if (!isnan(c->runs[i].of[figure]))
            values[count++] = c->runs[i].of[figure];
    }
    struct bench_spread spread = {NAN, NAN, NAN};
    if (count > 0) {
        qsort(values, count, sizeof(*values), by_value);
        spread = (struct bench_spread){(values[(count - 1) / 2] + values[count / 2]) / 2, values[0],
                                       values[count - 1]};
    }
    free(values);
    return spread;
}
