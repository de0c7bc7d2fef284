#include "aggregate/figures/ranking.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/memory.h"

bool ranking_takes(const char *kpi) {
    static const struct {
        const char *name, *unit;
    } rows[] = {
#define KPI(id, platform, format, name, version, numerator, denominator, objective, unit, doc) {name, unit},
#include "schemas/kpis.def"
#undef KPI
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (strcmp(rows[i].name, kpi) == 0)
            return strcmp(rows[i].unit, "money") != 0;
    }
    return false;
}

struct ranked {
    const char *kpi;
    double value;
    size_t place; // in the order of rows_sort
    uint32_t row;
    bool has_value;
};

static void value_take(void *context, const struct kpi_figure *figure) {
    struct ranked *ranked = context;
    if (figure->is_null || strcmp(figure->kpi->name, ranked->kpi) != 0)
        return;
    double value = (double)figure->numerator / (double)figure->denominator;
    if (!ranked->has_value || value > ranked->value)
        ranked->value = value;
    ranked->has_value = true;
}

static int greater_first(const void *a, const void *b) {
    const struct ranked *one = a, *other = b;
    if (one->value != other->value)
        return one->value > other->value ? -1 : 1;
    return one->place < other->place ? -1 : 1;
}

static size_t values_take(struct ranked *all, const struct kpi_book *book, const struct sums *sums,
                          const char *kpi) {
    size_t rows = rows_count(sums->rows), count = 0;
    uint32_t *numbers = memory_take((rows + 1) * sizeof(*numbers));
    rows_sort(sums->rows, numbers);
    for (size_t i = 0; i < rows; i++) {
        struct ranked ranked = {.kpi = kpi, .place = i, .row = numbers[i]};
        if (rows_key(sums->rows, numbers[i]).id.length > 0)
            kpi_figures_each(book, sums, numbers[i], KPIS_THAT_SAY, value_take, &ranked);
        if (ranked.has_value)
            all[count++] = ranked;
    }
    free(numbers);
    return count;
}

size_t ranking_of(const struct kpi_book *book, const struct sums *sums, const char *kpi, size_t most,
                  uint32_t *numbers) {
    struct ranked *all = memory_take((rows_count(sums->rows) + 1) * sizeof(*all));
    size_t count = values_take(all, book, sums, kpi);
    qsort(all, count, sizeof(*all), greater_first);
    if (count > most)
        count = most;
    for (size_t i = 0; i < count; i++)
        numbers[i] = all[i].row;
    free(all);
    return count;
}
