// What was added up, printed: KPIs, counters, readings, what came too late.
#include <stdlib.h>
#include <string.h>

#include "aggregate/commands/sessions.h"
#include "aggregate/commands/show/show.h"
#include "aggregate/figures/difference/difference.h"
#include "aggregate/figures/ranking.h"
#include "aggregate/figures/read_figures.h"
#include "runtime/memory.h"

enum { ROWS_BEFORE_FLUSH = 1000, FIGURES_TO_READ = 100 };

static void cells_print(struct show *s, const struct output_cell cells[KPI_CELLS]) {
    struct output_cell chosen[KPI_CELLS];
    for (size_t i = 0; i < s->column_count; i++)
        chosen[i] = cells[s->shown[i]];
    output_row(&s->output, chosen);
    if (s->output.row_count >= ROWS_BEFORE_FLUSH)
        output_flush(&s->output, stdout);
}

static bool is_asked(const struct show *s, const char *kpi) {
    return s->kpi[0] == '\0' || strcmp(s->kpi, kpi) == 0;
}

// ---- headlines

// What is looked at first: of each platform how much happened, to how many, how well, and what was sold.
static bool is_headline(const char *kpi) {
    static const char *const names[] = {"interactions", "reach", "engagement_by_view", "followers_net",
                                        "aov"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(names[i], kpi) == 0)
            return true;
    }
    return false;
}

struct figure_count {
    size_t all, headlines;
};

static void figure_count(void *context, const struct kpi_figure *figure) {
    struct figure_count *count = context;
    count->all++;
    count->headlines += is_headline(figure->kpi->name);
}

// What has no headline is told in full.
static bool is_too_much(const struct show *s, const uint32_t *numbers, size_t count, enum kpi_choice choice) {
    struct figure_count figures = {0};
    for (size_t i = 0; i < count; i++)
        kpi_figures_each(&s->book, &s->sums, numbers[i], choice, figure_count, &figures);
    return figures.all > FIGURES_TO_READ && figures.headlines > 0;
}

void show_left_out(const struct show *s) {
    if (s->left_out > 0)
        fprintf(
            stderr,
            "these are headlines; %zu more figures: --platform P has those of one platform, --kpi K one of "
            "all, --all every one\n",
            s->left_out);
}

// ---- KPIs

static void figure_print(void *context, const struct kpi_figure *figure) {
    struct show *s = context;
    struct output_cell cells[KPI_CELLS];
    struct sheet_room room;
    if (!is_asked(s, figure->kpi->name))
        return;
    if (s->is_brief && !is_headline(figure->kpi->name)) {
        s->left_out++;
        return;
    }
    kpi_cells(cells, &room, s->by, s->key, figure, &s->stretch);
    cells_print(s, cells);
}

// ---- counters

static void counters_print(struct show *s, const struct rows *rows, uint32_t row, const char *unit) {
    struct output_cell cells[KPI_CELLS];
    struct sheet_room room;
    size_t count;
    struct cell *counters = cells_sorted(rows, row, &count);
    for (size_t i = 0; i < count; i++) {
        kpi_cells_of_counter(cells, &room, s->by, s->key, &counters[i], &s->stretch);
        if (unit != NULL)
            cells[KPI_CELL_UNIT] = output_text(slice_of(unit));
        cells_print(s, cells);
    }
    free(counters);
}

// ---- the top

// What rows, readings and hashtags are called by alike.
static struct row_key name_of(const struct show *s, const struct row_key *key) {
    return (struct row_key){
        .table = by_row(s->by)->table, .platform = key->platform, .account = key->account, .id = key->id};
}

static void top_take(struct show *s, const uint32_t *numbers, size_t count) {
    s->tops = rows_create();
    s->top_count = count;
    for (size_t i = 0; i < count; i++) {
        const struct row_key key = rows_key(s->sums.rows, numbers[i]);
        const struct row_key name = name_of(s, &key);
        rows_row(s->tops, &name);
    }
}

// Who asks for others adds them after those.
static bool is_top(struct show *s, const struct row_key *key) {
    if (s->tops == NULL)
        return true;
    const struct row_key name = name_of(s, key);
    return rows_row(s->tops, &name) < s->top_count;
}

static size_t rows_choose(struct show *s, uint32_t *numbers) {
    if (s->top == 0) {
        rows_sort(s->sums.rows, numbers);
        return rows_count(s->sums.rows);
    }
    const char *kpi = s->kpi[0] != '\0' ? s->kpi : "interactions";
    size_t count = ranking_of(&s->book, &s->sums, kpi, (size_t)s->top, numbers);
    top_take(s, numbers, count);
    return count;
}

void show_figure(void *context, const struct row_key *key, const struct kpi_figure *figure) {
    struct show *s = context;
    s->key = key;
    if (is_top(s, key))
        figure_print(s, figure);
}

// ---- what was added up

// Of ids there may be millions: those without anything to tell are left out.
static void sums_print(struct show *s) {
    const struct rows *rows = s->sums.rows;
    uint32_t *numbers = memory_take((rows_count(rows) + 1) * sizeof(*numbers));
    enum kpi_choice choice = by_row(s->by)->table == TABLE_TOTALS ? KPIS_OWN : KPIS_THAT_SAY;
    size_t count = rows_choose(s, numbers);
    s->is_brief = s->may_be_brief && is_too_much(s, numbers, count, choice);
    for (size_t i = 0; i < count; i++) {
        struct row_key key = rows_key(rows, numbers[i]);
        s->key = &key;
        kpi_figures_each(&s->book, &s->sums, numbers[i], s->all ? KPIS_ALL : choice, figure_print, s);
        if (s->counters)
            counters_print(s, rows, numbers[i], NULL);
    }
    free(numbers);
}

// Readings of contents are told with what is told by content; those of the account else.
static void readings_print(struct show *s) {
    const struct rows *rows = s->sums.rows;
    struct output_cell cells[KPI_CELLS];
    struct sheet_room room;
    uint32_t *numbers = memory_take((rows_reading_count(rows) + 1) * sizeof(*numbers));
    rows_sort_readings(rows, numbers);
    for (size_t i = 0; i < rows_reading_count(rows); i++) {
        const struct latest_reading *reading = rows_reading(rows, numbers[i]);
        if ((reading->content.length > 0) != (s->by == BY_CONTENT))
            continue;
        const struct row_key name = {
            .account = reading->account, .platform = reading->platform, .id = reading->content};
        if (!is_top(s, &name))
            continue;
        kpi_cells_of_reading(cells, &room, s->by, reading, &s->stretch);
        cells_print(s, cells);
    }
    free(numbers);
}

// ---- what came too late

static void late_counters_print(struct show *s) {
    uint32_t *numbers = memory_take((rows_count(s->late) + 1) * sizeof(*numbers));
    rows_sort(s->late, numbers);
    for (size_t i = 0; i < rows_count(s->late); i++) {
        struct row_key key = rows_key(s->late, numbers[i]);
        s->key = &key;
        counters_print(s, s->late, numbers[i], "late counter");
    }
    free(numbers);
}

// How many events are late is known of all accounts together. Where one account or platform is asked for, it
// is told if some are of it.
static void late_print(struct show *s) {
    struct output_cell cells[KPI_CELLS];
    struct sheet_room room;
    bool filtered = s->filter.account.at != NULL || s->filter.platform != 0;
    if (s->late_events == 0 || (filtered && rows_count(s->late) == 0))
        return;
    if (s->counters)
        late_counters_print(s);
    if (!is_asked(s, "late_events"))
        return;
    kpi_cells_of_late(cells, &room, s->late_events, s->counted_events, &s->stretch);
    cells_print(s, cells);
}

// ---- live sessions

static void session_print(void *context, const struct row_key *key, const struct live_figure *figure) {
    struct show *s = context;
    struct output_cell cells[KPI_CELLS];
    struct sheet_room room;
    if (!is_asked(s, session_rows[figure->of].name))
        return;
    kpi_cells_of_session(cells, &room, key, figure, &s->stretch);
    cells_print(s, cells);
}

// ---- all of a stretch

void show_stretch(struct show *s, int64_t start_s, int64_t end_s, const struct freshness_sum *freshness) {
    stretch_init(&s->stretch, start_s, end_s, s->zone, freshness);
    sums_print(s);
    read_figures_each(&s->book, &s->sums, show_figure, s);
    if (s->counters)
        readings_print(s);
    late_print(s);
    if (s->output.format != OUTPUT_TABLE) // many stretches are one table, whose widths are those of all
        output_flush(&s->output, stdout);
}

void show_hours(struct show *s, const struct period *period, const struct freshness_sum *freshness) {
    stretch_init(&s->stretch, period->start_s, period->end_s, s->zone, freshness);
    hour_week_each(&s->week, show_figure, s);
    late_print(s);
}

void show_sessions(struct show *s, int64_t start_s, int64_t end_s, int64_t known_s,
                   const struct freshness_sum *lacks) {
    stretch_init(&s->stretch, start_s, end_s, s->zone, NULL);
    sessions_each(&s->live, start_s, known_s, lacks, session_print, s);
}
