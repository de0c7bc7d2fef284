#include "aggregate/figures/time/hour_week.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/memory.h"

enum { HOUR_S = 3600, DAY_S = 86400 };

unsigned hour_of_week(const struct zone *zone, int64_t time_s) {
    int64_t local_s = time_s + zone_offset_at(zone, time_s);
    int64_t second = (local_s % DAY_S + DAY_S) % DAY_S;
    return (unsigned)(zone_weekday_of((local_s - second) / DAY_S) * 24 + second / HOUR_S);
}

const char *hour_of_week_write(char out[LABEL_MAX], unsigned hour) {
    static const char *const days[] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};
    snprintf(out, LABEL_MAX, "%s %02u", days[hour / 24 % 7], hour % 24);
    return out;
}

void hour_week_init(struct hour_week *w, const struct zone *zone, const struct kpi_book *book) {
    *w = (struct hour_week){.zone = zone, .book = book, .places = rows_create()};
}

void hour_week_fini(struct hour_week *w) {
    rows_destroy(&w->places);
    free(w->sums);
}

void hour_week_know(struct hour_week *w, int64_t start_s) {
    w->windows[hour_of_week(w->zone, start_s)]++;
}

static const struct kpi *interactions_of(const struct kpi_book *book, uint32_t platform) {
    const struct kpi *kpi;
    size_t at = 0;
    while ((kpi = kpi_next(book->kpis, platform, &at)) != NULL && strcmp(kpi->name, "interactions") != 0)
        continue;
    return kpi;
}

static int64_t *sums_of(struct hour_week *w, const struct row_key *key) {
    const struct row_key place = {.table = TABLE_TOTALS, .platform = key->platform, .account = key->account};
    uint32_t number = rows_row(w->places, &place);
    if (number >= w->room) {
        size_t room = 2 * w->room + 16;
        w->sums = memory_grow(w->sums, room, sizeof(*w->sums));
        memset(w->sums + w->room, 0, (room - w->room) * sizeof(*w->sums));
        w->room = room;
    }
    return w->sums[number];
}

void hour_week_take(struct hour_week *w, int64_t start_s, const struct rows *rows,
                    const struct filter *filter) {
    unsigned hour = hour_of_week(w->zone, start_s);
    for (uint32_t row = 0; row < rows_count(rows); row++) {
        struct row_key key = rows_key(rows, row);
        struct kpi_input input;
        struct kpi_value value;
        if (key.table != TABLE_TOTALS || !filter_has(filter, &key))
            continue;
        const struct kpi *kpi = interactions_of(w->book, key.platform);
        if (kpi == NULL)
            continue;
        kpi_input_init(&input, slice_of(""));
        kpi_input_add(&input, rows, row);
        kpi_compute(&value, kpi, &input);
        int64_t *sum = &sums_of(w, &key)[hour];
        *sum = (int64_t)((uint64_t)*sum + (uint64_t)value.numerator);
    }
}

static bool is_any(const int64_t sums[HOURS_OF_WEEK]) {
    unsigned hour = 0;
    while (hour < HOURS_OF_WEEK && sums[hour] == 0)
        hour++;
    return hour < HOURS_OF_WEEK;
}

static void place_tell(const struct hour_week *w, const struct row_key *place,
                       const int64_t sums[HOURS_OF_WEEK], hour_visit visit, void *context) {
    struct row_key key = *place;
    struct kpi by_window = *interactions_of(w->book, key.platform);
    by_window.unit = KPI_RATIO;
    for (key.origin = 0; key.origin < HOURS_OF_WEEK; key.origin++) {
        const struct kpi_figure figure = {.kpi = &by_window,
                                          .numerator = sums[key.origin],
                                          .denominator = (int64_t)w->windows[key.origin],
                                          .has_numerator = true,
                                          .has_denominator = true};
        if (figure.denominator > 0)
            visit(context, &key, &figure);
    }
}

void hour_week_each(const struct hour_week *w, hour_visit visit, void *context) {
    size_t count = rows_count(w->places);
    uint32_t *numbers = memory_take((count + 1) * sizeof(*numbers));
    rows_sort(w->places, numbers);
    for (size_t i = 0; i < count; i++) {
        const struct row_key place = rows_key(w->places, numbers[i]);
        if (is_any(w->sums[numbers[i]]))
            place_tell(w, &place, w->sums[numbers[i]], visit, context);
    }
    free(numbers);
}
