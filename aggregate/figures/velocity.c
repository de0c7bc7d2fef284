#include "aggregate/figures/velocity.h"

#include <stdlib.h>

#include "runtime/memory.h"

enum { WINDOWS_AN_HOUR = 4 };

const struct velocity_row velocity_rows[VELOCITIES] = {
#define VELOCITY(id, name, version, numerator, denominator, unit, doc)                                       \
    {name, version, numerator, denominator, unit, doc},
#include "aggregate/figures/velocity.def"
#undef VELOCITY
};

// All that a tag has are counters of kinds.
static int64_t uses_of(const struct rows *rows, uint32_t row) {
    struct cell cell;
    uint64_t uses = 0;
    uint32_t at = rows_next_cell(rows, row, ROWS_FIRST, &cell);
    for (; at != ROWS_END; at = rows_next_cell(rows, row, at, &cell))
        uses += (uint64_t)cell.value;
    return (int64_t)uses;
}

// A product beyond 64 bits is not told.
static struct kpi_figure figure_of(int64_t uses, int64_t by, int64_t windows, int64_t by_windows) {
    struct kpi_figure f = {0};
    f.has_numerator = !__builtin_mul_overflow(uses, by, &f.numerator);
    f.has_denominator = !__builtin_mul_overflow(windows, by_windows, &f.denominator);
    f.is_null = !f.has_numerator || !f.has_denominator || f.denominator == 0;
    return f;
}

static void tell(const struct row_key *key, enum velocity_figure of, struct kpi_figure *figure,
                 velocity_visit visit, void *context) {
    const struct kpi kpi = {
        .name = velocity_rows[of].name, .version = velocity_rows[of].version, .unit = KPI_RATIO};
    figure->kpi = &kpi;
    visit(context, key, figure);
}

static bool has_cells(const struct rows *rows, uint32_t row) {
    struct cell cell;
    return rows_next_cell(rows, row, ROWS_FIRST, &cell) != ROWS_END;
}

// False: nobody knows, for the tag may be among the others of its time (rows_fold).
static bool uses_before_of(struct rows *before, const struct row_key *tag, int64_t *uses) {
    struct row_key others = *tag;
    others.id = slice_of("");
    uint32_t row = rows_row(before, tag);
    *uses = uses_of(before, row);
    return has_cells(before, row) || !has_cells(before, rows_row(before, &others));
}

// `uses_before` NULL: nobody knows.
static void tag_tell(const struct row_key *key, const struct tag_uses *now, int64_t uses,
                     const struct tag_uses *before, const int64_t *uses_before, velocity_visit visit,
                     void *context) {
    int64_t then = uses_before != NULL ? *uses_before : 0;
    struct kpi_figure figures[VELOCITIES] = {
        [VELOCITY_NOW] = figure_of(uses, WINDOWS_AN_HOUR, now->windows, 1),
        [VELOCITY_BEFORE] = figure_of(then, WINDOWS_AN_HOUR, before->windows, 1),
        [VELOCITY_CHANGE] = figure_of(uses, before->windows, then, now->windows)};
    if (before->windows == 0)
        figures[VELOCITY_CHANGE].has_numerator = false;
    if (before->windows == 0 || uses_before == NULL) {
        figures[VELOCITY_BEFORE].has_numerator = figures[VELOCITY_CHANGE].has_denominator = false;
        figures[VELOCITY_BEFORE].is_null = figures[VELOCITY_CHANGE].is_null = true;
    }
    for (int of = 0; of < VELOCITIES; of++)
        tell(key, (enum velocity_figure)of, &figures[of], visit, context);
}

void velocity_each(const struct tag_uses *now, struct tag_uses *before, velocity_visit visit, void *context) {
    const struct rows *rows = now->sums.rows;
    size_t count = rows_count(rows);
    uint32_t *numbers = memory_take((count + 1) * sizeof(*numbers));
    rows_sort(rows, numbers);
    for (size_t i = 0; i < count; i++) {
        const struct row_key key = rows_key(rows, numbers[i]);
        int64_t uses_before;
        if (key.id.length == 0) // all others
            continue;
        bool is_known = uses_before_of(before->sums.rows, &key, &uses_before);
        tag_tell(&key, now, uses_of(rows, numbers[i]), before, is_known ? &uses_before : NULL, visit,
                 context);
    }
    free(numbers);
}
