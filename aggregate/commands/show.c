// show: the KPIs of published windows, as a table for people or for programs.
#include <stdlib.h>

#include "aggregate/commands/commands.h"
#include "aggregate/commands/local_file.h"
#include "aggregate/commands/sessions.h"
#include "aggregate/commands/snapshot_file.h"
#include "aggregate/commands/store_reader.h"
#include "aggregate/figures/difference.h"
#include "aggregate/figures/hour_week.h"
#include "aggregate/figures/read_figures.h"
#include "aggregate/figures/sheet.h"
#include "runtime/memory.h"

static const char usage[] = "clameur-aggregate show [latest|WINDOW|DAY|FILE] [--account A] [--platform P] "
                            "[--by DIMENSION] [-c FILE]\n"
                            "       clameur-aggregate show --since T [--until T] [--tz ZONE] ...\n\n"
                            "The newest revision of every published window in that time, added up. A time is "
                            "a window (2026-03-29T14:15), an hour\n"
                            "(2026-03-29T14) or a day (2026-03-29) of the zone; FILE is a snapshot.";

struct show_flags {
    const char *output;
    struct store_range range;
    const char *account, *platform, *by, *kpi;
    bool counters, all;
};

static const struct option_row flag_rows[] = {
    STORE_READER_OUTPUT(struct show_flags),
    STORE_READER_RANGE(struct show_flags, range),
    {"account", OPTION_STRING, offsetof(struct show_flags, account), "", 0, 0, 0, "one account alone"},
    {"platform", OPTION_STRING, offsetof(struct show_flags, platform), "", 0, 0, 0, "one platform alone"},
    {"by", OPTION_STRING, offsetof(struct show_flags, by), "platform", 0, 0, 0,
     "platform|account|content|campaign|origin|paid|format|tag|topic|cohort|window|hour|day|hour-of-week|"
     "session"},
    {"kpi", OPTION_STRING, offsetof(struct show_flags, kpi), "", 0, 0, 0,
     "one KPI alone, by its name: clameur-aggregate help kpis"},
    {"counters", OPTION_BOOL, offsetof(struct show_flags, counters), "false", 0, 0, 0,
     "the counters as well, what came too late among them"},
    {"all", OPTION_BOOL, offsetof(struct show_flags, all), "false", 0, 0, 0,
     "also the KPIs of every platform that have nothing to tell"},
};
enum { FLAG_ROWS = sizeof(flag_rows) / sizeof(flag_rows[0]), ROWS_BEFORE_FLUSH = 1000 };

struct show {
    const struct show_flags *flags;
    const struct zone *zone;
    enum by by;
    struct filter filter;
    struct output output;
    struct output_column columns[KPI_CELLS];
    int shown[KPI_CELLS]; // cells, in the order of the columns
    size_t column_count;
    // of the stretch that is being added up
    struct rules rules;
    struct kpi_book book;
    struct sums sums;
    struct rows *late;
    struct hour_week week;    // of BY_HOUR_OF_WEEK alone
    struct live_windows live; // of BY_SESSION alone
    struct freshness_sum freshness;
    uint64_t late_events, counted_events;
    struct stretch stretch;
    const struct row_key *key;
};

// ---- rows

static void cells_print(struct show *s, const struct output_cell cells[KPI_CELLS]) {
    struct output_cell chosen[KPI_CELLS];
    for (size_t i = 0; i < s->column_count; i++)
        chosen[i] = cells[s->shown[i]];
    output_row(&s->output, chosen);
    if (s->output.row_count >= ROWS_BEFORE_FLUSH)
        output_flush(&s->output, stdout);
}

static void figure_print(void *context, const struct kpi_figure *figure) {
    struct show *s = context;
    struct output_cell cells[KPI_CELLS];
    struct sheet_room room;
    if (s->flags->kpi[0] != '\0' && strcmp(s->flags->kpi, figure->kpi->name) != 0)
        return;
    kpi_cells(cells, &room, s->by, s->key, figure, &s->stretch);
    cells_print(s, cells);
}

static void counters_print(struct show *s, const struct rows *rows, uint32_t row, const char *dimension) {
    struct output_cell cells[KPI_CELLS];
    struct sheet_room room;
    size_t count;
    struct cell *counters = cells_sorted(rows, row, &count);
    for (size_t i = 0; i < count; i++) {
        kpi_cells_of_counter(cells, &room, s->by, s->key, &counters[i], &s->stretch);
        if (dimension != NULL)
            cells[KPI_CELL_UNIT] = output_text(slice_of(dimension));
        cells_print(s, cells);
    }
    free(counters);
}

// Of ids there may be millions: those without anything to tell are left out.
static void sums_print(struct show *s) {
    const struct rows *rows = s->sums.rows;
    uint32_t *numbers = memory_take((rows_count(rows) + 1) * sizeof(*numbers));
    enum kpi_choice choice = by_row(s->by)->table == TABLE_TOTALS ? KPIS_OWN : KPIS_THAT_SAY;
    rows_sort(rows, numbers);
    for (size_t i = 0; i < rows_count(rows); i++) {
        struct row_key key = rows_key(rows, numbers[i]);
        s->key = &key;
        kpi_figures_each(&s->book, &s->sums, numbers[i], s->flags->all ? KPIS_ALL : choice, figure_print, s);
        if (s->flags->counters)
            counters_print(s, rows, numbers[i], NULL);
    }
    free(numbers);
}

static void keyed_figure_print(void *context, const struct row_key *key, const struct kpi_figure *figure) {
    struct show *s = context;
    s->key = key;
    figure_print(s, figure);
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
        kpi_cells_of_reading(cells, &room, s->by, reading, &s->stretch);
        cells_print(s, cells);
    }
    free(numbers);
}

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
    if (s->flags->counters)
        late_counters_print(s);
    kpi_cells_of_late(cells, &room, s->late_events, s->counted_events, &s->stretch);
    cells_print(s, cells);
}

// `freshness` NULL: nobody knows it.
static void stretch_print(struct show *s, int64_t start_s, int64_t end_s,
                          const struct freshness_sum *freshness) {
    stretch_init(&s->stretch, start_s, end_s, s->zone, freshness);
    sums_print(s);
    read_figures_each(&s->book, &s->sums, keyed_figure_print, s);
    if (s->flags->counters)
        readings_print(s);
    late_print(s);
    output_flush(&s->output, stdout);
}

// ---- windows

static void rows_take(struct show *s, const struct rows *rows) {
    sums_take(&s->sums, rows, &s->filter);
    sums_take_late(s->late, rows, &s->filter, s->by);
}

static void sums_begin(struct show *s) {
    sums_init(&s->sums, s->by);
    s->late = rows_create();
    s->freshness = (struct freshness_sum){0};
    s->late_events = s->counted_events = 0;
}

static void sums_end(struct show *s) {
    sums_fini(&s->sums);
    rows_destroy(&s->late);
}

static enum status window_take(void *context, const struct revision *revision, const struct shelf_file *file,
                               const struct rows *rows, struct problem *p) {
    struct show *s = context;
    rows_take(s, rows);
    freshness_add(&s->freshness, revision->freshness, revision->number);
    s->late_events += revision->late;
    s->counted_events += revision->counted;
    return STATUS_OK;
}

// Adds up the windows [first, last) of one stretch, and prints it.
static enum status stretch_show(struct show *s, const struct published *pub, size_t first, size_t last,
                                int64_t start_s, int64_t end_s, struct problem *p) {
    sums_begin(s);
    enum status status = published_each(pub, first, last, window_take, s, p);
    if (status == STATUS_OK)
        stretch_print(s, start_s, end_s, &s->freshness);
    sums_end(s);
    return status;
}

static enum status windows_show(struct show *s, const struct published *pub, const struct period *period,
                                struct problem *p) {
    size_t first, last;
    enum every every = by_row(s->by)->every;
    enum status status = STATUS_OK;
    published_range(pub, period->start_s, period->end_s, &first, &last);
    while (first < last && status == STATUS_OK && ferror(stdout) == 0) {
        int64_t start_s = period_begin(period, s->zone, every, pub->starts[first]);
        int64_t end_s = period_next(period, s->zone, every, pub->starts[first]);
        size_t next = first;
        while (next < last && pub->starts[next] < end_s)
            next++;
        status = stretch_show(s, pub, first, next, start_s, end_s, p);
        first = next;
    }
    return status;
}

// ---- hours of the week

static void hour_know(void *context, int64_t start_s) {
    hour_week_know(&((struct show *)context)->week, start_s);
}

static enum status hour_take(void *context, const struct revision *revision, const struct shelf_file *file,
                             const struct rows *rows, struct problem *p) {
    struct show *s = context;
    hour_week_take(&s->week, revision->start_s, rows, &s->filter);
    freshness_add(&s->freshness, revision->freshness, revision->number);
    s->late_events += revision->late;
    s->counted_events += revision->counted;
    return STATUS_OK;
}

static enum status hours_show(struct show *s, const struct published *pub, const struct period *period,
                              struct problem *p) {
    size_t first, last;
    sums_begin(s);
    hour_week_init(&s->week, s->zone, &s->book);
    published_known(pub, period, hour_know, s);
    published_range(pub, period->start_s, period->end_s, &first, &last);
    enum status status = published_each(pub, first, last, hour_take, s, p);
    if (status == STATUS_OK) {
        stretch_init(&s->stretch, period->start_s, period->end_s, s->zone, &s->freshness);
        hour_week_each(&s->week, keyed_figure_print, s);
        late_print(s);
    }
    hour_week_fini(&s->week);
    sums_end(s);
    return status;
}

// ---- live sessions

static void session_print(void *context, const struct row_key *key, const struct live_figure *figure) {
    struct show *s = context;
    struct output_cell cells[KPI_CELLS];
    struct sheet_room room;
    if (s->flags->kpi[0] != '\0' && strcmp(s->flags->kpi, session_rows[figure->of].name) != 0)
        return;
    kpi_cells_of_session(cells, &room, key, figure, &s->stretch);
    cells_print(s, cells);
}

static void sessions_print(struct show *s, int64_t start_s, int64_t end_s, int64_t known_s) {
    stretch_init(&s->stretch, start_s, end_s, s->zone, NULL);
    live_figures_each(&s->live, start_s, known_s, session_print, s);
}

static enum status session_take(void *context, const struct revision *revision, const struct shelf_file *file,
                                const struct rows *rows, struct problem *p) {
    struct show *s = context;
    sessions_take(&s->live, revision, rows, &s->filter);
    return STATUS_OK;
}

static enum status sessions_show(struct show *s, const struct published *pub, const struct period *period,
                                 struct problem *p) {
    size_t first, last;
    live_windows_init(&s->live);
    published_range(pub, period->start_s, period->end_s, &first, &last);
    enum status status = published_each(pub, first, last, session_take, s, p);
    if (status == STATUS_OK)
        status = sessions_before(&s->live, pub, period->start_s, &s->filter, p);
    if (status == STATUS_OK)
        sessions_print(s, period->start_s, period->end_s, sessions_known_s(pub, first, last));
    live_windows_fini(&s->live);
    return status;
}

// ---- the store, or a file

static enum status period_show(struct show *s, const struct published *pub, const struct period *period,
                               struct problem *p) {
    if (s->by == BY_HOUR_OF_WEEK)
        return hours_show(s, pub, period, p);
    return s->by == BY_SESSION ? sessions_show(s, pub, period, p) : windows_show(s, pub, period, p);
}

static enum status store_show(struct show *s, struct store_reader *r, struct problem *p) {
    struct published pub = {0};
    struct period period;
    const char *what = r->request.argument_count > 0 ? r->request.arguments[0] : NULL;
    enum status status =
        period_parse(&period, s->zone, what, s->flags->range.since, s->flags->range.until, p);
    if (status == STATUS_OK)
        status = store_reader_open(r, p);
    if (status == STATUS_OK)
        status = published_open(&pub, r->store, s->rules.window_lateness_ms / 1000, p);
    if (status == STATUS_OK)
        status = published_period(&pub, &period, p);
    if (status == STATUS_OK) {
        published_warn(&pub, &period, r->settings.store_retain_ms);
        status = period_show(s, &pub, &period, p);
    }
    published_fini(&pub);
    return status;
}

// Nobody knows what happened before it, nor whether it may change.
static void file_sessions_show(struct show *s, const struct header *header, const struct rows *rows) {
    live_windows_init(&s->live);
    live_windows_take(&s->live, header->start_s, rows, &s->filter, NULL);
    sessions_print(s, header->start_s, header->end_s, header->end_s);
    live_windows_fini(&s->live);
}

static void file_sums_show(struct show *s, const struct header *header, const struct rows *rows) {
    static const struct freshness_sum incomplete = {.worst = FRESH_INCOMPLETE};
    sums_begin(s);
    rows_take(s, rows);
    for (size_t i = 0; i < header->coverage_count; i++) {
        s->late_events += header->coverage[i].late;
        s->counted_events += header->coverage[i].counted;
    }
    stretch_print(s, header->start_s, header->end_s, header_missing(header) > 0 ? &incomplete : NULL);
    sums_end(s);
}

static enum status file_show(struct show *s, const char *path, struct problem *p) {
    struct snapshot_file f;
    if (s->by == BY_HOUR_OF_WEEK)
        return problem_set(p, STATUS_USAGE, "", "ask the store: --since T --until T",
                           "%s is one stretch of time: it has no hours of the week", path);
    enum status status = snapshot_file_open_path(&f, path, p);
    if (status == STATUS_OK) {
        const struct header *header = snapshot_header(f.file.snapshot);
        if (s->by == BY_SESSION)
            file_sessions_show(s, header, f.rows);
        else
            file_sums_show(s, header, f.rows);
    }
    snapshot_file_close(&f);
    return status;
}

// ---- the command

// The dimension's column bears its name, and stands only where it tells something.
static void columns_choose(struct show *s) {
    static const enum kpi_cell order[] = {
        KPI_CELL_ACCOUNT,   KPI_CELL_PLATFORM,    KPI_CELL_VALUE,   KPI_CELL_KPI,         KPI_CELL_CURRENCY,
        KPI_CELL_NUMERATOR, KPI_CELL_DENOMINATOR, KPI_CELL_RATIO,   KPI_CELL_UNIT,        KPI_CELL_BASIS,
        KPI_CELL_AS_OF,     KPI_CELL_START_UTC,   KPI_CELL_END_UTC, KPI_CELL_START_LOCAL, KPI_CELL_FRESHNESS};
    for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
        if (order[i] == KPI_CELL_VALUE && !by_row(s->by)->has_value)
            continue;
        s->columns[s->column_count] = kpi_columns[order[i]];
        if (order[i] == KPI_CELL_VALUE)
            s->columns[s->column_count].name = by_row(s->by)->name;
        s->shown[s->column_count++] = (int)order[i];
    }
}

static enum status show(struct store_reader *r, const struct show_flags *flags) {
    struct show s = {.flags = flags};
    struct zone *zone = NULL;
    struct problem p;
    const char *what = r->request.argument_count > 0 ? r->request.arguments[0] : "";
    enum status status = store_reader_by(flags->by, &s.by);
    if (status == STATUS_OK)
        status = store_reader_platform(flags->platform, &s.filter.platform);
    if (status == STATUS_OK)
        status = store_reader_kpi(flags->kpi);
    if (status != STATUS_OK)
        return status;
    status = store_reader_zone(flags->range.tz, &zone, &p);
    if (status == STATUS_OK)
        status = store_reader_rules(r, &s.rules, &p);
    if (status != STATUS_OK) {
        zone_close(&zone);
        return store_reader_fail(&p);
    }
    struct kpis *kpis = kpis_create();
    s.book = (struct kpi_book){kpis, s.rules.weights};
    if (flags->account[0] != '\0')
        s.filter.account = slice_of(flags->account);
    s.zone = zone;
    columns_choose(&s);
    output_init(&s.output, r->format, s.columns, s.column_count);
    status = local_file_is_there(what) ? file_show(&s, what, &p) : store_show(&s, r, &p);
    if (status == STATUS_OK)
        output_print(&s.output, stdout);
    output_fini(&s.output);
    kpis_destroy(&kpis);
    zone_close(&zone);
    return status == STATUS_OK ? status : store_reader_fail(&p);
}

int command_show(int argc, char **argv) {
    struct store_reader r;
    struct show_flags flags = {0};
    enum status status = store_reader_configure(&r, argc, argv, usage, flag_rows, FLAG_ROWS, &flags, true);
    if (status == STATUS_OK && !r.request.help)
        status = r.request.argument_count > 1 ? store_reader_usage(usage) : show(&r, &flags);
    store_reader_close(&r);
    return (int)status;
}
