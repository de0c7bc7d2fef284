// export: every KPI and every counter of a range, with what they mean and where they come from.
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#include "aggregate/commands/commands.h"
#include "aggregate/commands/export/export.h"
#include "aggregate/commands/gaps.h"
#include "aggregate/commands/out_file.h"
#include "aggregate/commands/sessions.h"
#include "aggregate/figures/difference/difference.h"
#include "aggregate/figures/read_figures.h"
#include "runtime/memory.h"

enum { PROGRESS_EVERY = 16384 }; // rows

static const char usage[] =
    "clameur-aggregate export --format csv|jsonl|sqlite --out FILE [--force] [--zst] [--since T --until T | "
    "--window "
    "WINDOW] [--by DIMENSION,...] [--kpi KPI,...] [-c FILE]\n\n"
    "Writes four tables: kpi, counters, definitions, provenance. SQLite has them in one file; of CSV and "
    "JSON lines\n"
    "FILE is kpi, and beside NAME.csv lie NAME.counters.csv, NAME.definitions.csv, NAME.provenance.csv. "
    "Interactions by\n"
    "hour of the week, and live sessions, are told of all of the time asked for together, whatever --every "
    "says.\n\n"
    "Money is in micros, millionths of the currency's unit, where the unit says micros and in counters named "
    "..._micros:\n"
    "1500000 with EUR is EUR 1.50. The table definitions says so, too.";

struct export_flags {
    struct store_range range;
    const char *format, *out, *window, *every, *account, *platform, *by, *kpi;
    bool zst, force;
};

static const struct option_row flag_rows[] = {
    {"format", OPTION_STRING, offsetof(struct export_flags, format), "csv", 0, 0, 0, "csv|jsonl|sqlite"},
    {"out", OPTION_STRING, offsetof(struct export_flags, out), "", 0, 0, 0, "the file to write"},
    {"zst", OPTION_BOOL, offsetof(struct export_flags, zst), "false", 0, 0, 0,
     "compress: FILE ends with .zst (NAME.csv.zst, which DuckDB reads as it is)"},
    {"force", OPTION_BOOL, offsetof(struct export_flags, force), "false", 0, 0, 0,
     "write over files that are there"},
    STORE_READER_RANGE(struct export_flags, range),
    {"window", OPTION_STRING, offsetof(struct export_flags, window), "", 0, 0, 0,
     "instead of --since and --until: latest, a window, an hour, a day or a month (2026-03)"},
    {"every", OPTION_STRING, offsetof(struct export_flags, every), "day", 0, 0, 0,
     "window|hour|day|all: how long the stretches of time are that figures are told by"},
    {"account", OPTION_STRING, offsetof(struct export_flags, account), "", 0, 0, 0, "one account alone"},
    {"platform", OPTION_STRING, offsetof(struct export_flags, platform), "", 0, 0, 0, "one platform alone"},
    {"by", OPTION_STRING, offsetof(struct export_flags, by), "", 0, 0, 0,
     "these alone, of "
     "platform,account,content,campaign,origin,paid,format,tag,topic,cohort,hour-of-week,session"},
    {"kpi", OPTION_STRING, offsetof(struct export_flags, kpi), "", 0, 0, 0,
     "these KPIs alone, by their names with commas, and no counters: clameur-aggregate help kpis"},
};
enum { FLAG_ROWS = sizeof(flag_rows) / sizeof(flag_rows[0]) };

// ---- KPIs and counters

struct visit {
    struct exporter *e;
    enum by by;
    const struct row_key *key;
};

static void progress_show(struct exporter *e, const char *end) {
    if (e->shows_progress)
        fprintf(stderr, "\r%zu of %zu window%s, %zu KPIs, %zu counters%s", e->windows, e->windows_all,
                e->windows_all == 1 ? "" : "s", e->rows[EXPORT_KPI], e->rows[EXPORT_COUNTERS], end);
}

void export_row(struct exporter *e, enum export_table table, const struct output_cell *cells) {
    if (e->status == STATUS_OK)
        e->status = e->sink->kind->row(e->sink, table, cells, &e->problem);
    if (++e->rows[table] % PROGRESS_EVERY == 0)
        progress_show(e, "");
}

static void figure_put(void *context, const struct kpi_figure *figure) {
    struct visit *v = context;
    struct output_cell cells[KPI_CELLS];
    struct sheet_room room;
    if (!export_choice_has(&v->e->choice, figure->kpi->name))
        return;
    kpi_cells(cells, &room, v->by, v->key, figure, &v->e->stretch);
    export_row(v->e, EXPORT_KPI, cells);
}

static void keyed_figure_put(void *context, const struct row_key *key, const struct kpi_figure *figure) {
    struct visit *v = context;
    v->key = key;
    figure_put(v, figure);
}

static void kpis_put(struct exporter *e, enum by by) {
    struct sums sums;
    sums_init(&sums, by);
    sums_take(&sums, e->all, &(struct filter){0});
    size_t count = rows_count(sums.rows);
    uint32_t *numbers = memory_take((count + 1) * sizeof(*numbers));
    rows_sort(sums.rows, numbers);
    for (size_t i = 0; i < count && e->status == STATUS_OK; i++) {
        struct row_key key = rows_key(sums.rows, numbers[i]);
        kpi_figures_each(&e->book, &sums, numbers[i],
                         by_row(by)->table == TABLE_TOTALS ? KPIS_OWN : KPIS_THAT_SAY, figure_put,
                         &(struct visit){e, by, &key});
    }
    read_figures_each(&e->book, &sums, keyed_figure_put, &(struct visit){.e = e, .by = by});
    free(numbers);
    sums_fini(&sums);
}

static void counters_put(struct exporter *e) {
    const struct rows *all = e->all;
    uint32_t *numbers = memory_take((rows_count(all) + 1) * sizeof(*numbers));
    rows_sort(all, numbers);
    for (size_t i = 0; i < rows_count(all) && e->status == STATUS_OK; i++) {
        struct row_key key = rows_key(all, numbers[i]);
        size_t count;
        if (!export_choice_counts(&e->choice, key.table))
            continue;
        struct cell *counters = cells_sorted(all, numbers[i], &count);
        for (size_t c = 0; c < count; c++) {
            struct output_cell cells[COUNTER_CELLS];
            struct sheet_room room;
            counter_cells(cells, &room, &key, &counters[c], &e->stretch);
            export_counter(e, cells);
        }
        free(counters);
    }
    free(numbers);
}

static void readings_put(struct exporter *e) {
    const struct rows *all = e->all;
    uint32_t *numbers = memory_take((rows_reading_count(all) + 1) * sizeof(*numbers));
    rows_sort_readings(all, numbers);
    for (size_t i = 0; i < rows_reading_count(all) && e->status == STATUS_OK; i++) {
        struct output_cell cells[COUNTER_CELLS];
        struct sheet_room room;
        const struct latest_reading *reading = rows_reading(all, numbers[i]);
        if (!export_choice_counts(&e->choice, reading->content.length > 0 ? TABLE_CONTENT : TABLE_TOTALS))
            continue;
        counter_cells_of_reading(cells, &room, reading, &e->stretch);
        export_counter(e, cells);
    }
    free(numbers);
}

static bool is_any_late(const struct rows *all) {
    for (uint32_t i = 0; i < rows_count(all); i++) {
        if (rows_key(all, i).table == TABLE_LATE)
            return true;
    }
    return false;
}

// How many events are late is known of all accounts together. Where one account or platform is asked for, it
// is told if some are of it.
static void late_put(struct exporter *e) {
    struct output_cell cells[KPI_CELLS];
    struct sheet_room room;
    bool filtered = e->filter.account.at != NULL || e->filter.platform != 0;
    if (e->late == 0 || (filtered && !is_any_late(e->all)) || !export_choice_has(&e->choice, "late_events"))
        return;
    kpi_cells_of_late(cells, &room, e->late, e->counted, &e->stretch);
    export_row(e, EXPORT_KPI, cells);
}

// ---- stretches

static enum status window_take(void *context, const struct revision *revision, const struct shelf_file *file,
                               const struct rows *rows, struct problem *p) {
    struct exporter *e = context;
    nearest_account_take(&e->nearest, rows);
    sums_take_all(e->all, rows, &e->filter);
    hour_week_take(&e->week, revision->start_s, rows, &e->filter);
    sessions_take(&e->live, revision, rows, &e->filter);
    e->late += revision->late;
    e->counted += revision->counted;
    export_provenance(e, revision, file);
    return e->status;
}

static void sums_put(struct exporter *e) {
    for (int by = 0; by < BY_COUNT && e->status == STATUS_OK; by++) {
        if (e->choice.by[by] && by != BY_HOUR_OF_WEEK && by != BY_SESSION)
            kpis_put(e, (enum by)by);
    }
    late_put(e);
    counters_put(e);
    readings_put(e);
}

static void velocities_put(struct exporter *e, int64_t start_s, int64_t end_s) {
    if (e->status == STATUS_OK && e->choice.by[BY_TAG])
        e->status = velocities_each(&e->velocities, &e->pub, start_s, end_s, e->all, &e->filter,
                                    keyed_figure_put, &(struct visit){.e = e, .by = BY_TAG}, &e->problem);
}

static enum status stretch_put(void *context, int64_t start_s, int64_t end_s, struct problem *p) {
    struct exporter *e = context;
    struct revisions_state state;
    e->all = rows_create();
    e->late = e->counted = 0;
    enum status status = revisions_each(&e->pub, start_s, end_s, window_take, e, &state, p);
    if (e->status == STATUS_OK && status != STATUS_OK) {
        e->status = status;
        e->problem = *p;
    }
    freshness_add(&e->freshness, state.all.worst, state.all.revisions);
    freshness_add(&e->lacks, state.lacks.worst, state.lacks.revisions);
    stretch_init(&e->stretch, start_s, end_s, e->zone, &state.all);
    sums_put(e);
    velocities_put(e, start_s, end_s);
    rows_destroy(&e->all);
    return e->status;
}

static void windows_put(struct exporter *e, const struct period *period, enum every every) {
    struct problem problem;
    gaps_freshness(&e->pub, period->start_s, period->end_s, &e->lacks);
    freshness_add(&e->freshness, e->lacks.worst, 0);
    revisions_stretches(&e->pub, period, e->zone, every, stretch_put, e, &problem);
}

static void hour_know(void *context, int64_t start_s) {
    hour_week_know(&((struct exporter *)context)->week, start_s);
}

// Of all of it together: an hour of the week comes once a week.
static void hours_put(struct exporter *e, const struct period *period) {
    if (!e->choice.by[BY_HOUR_OF_WEEK])
        return;
    published_known(&e->pub, period, hour_know, e);
    stretch_init(&e->stretch, period->start_s, period->end_s, e->zone, &e->freshness);
    hour_week_each(&e->week, keyed_figure_put, &(struct visit){.e = e, .by = BY_HOUR_OF_WEEK});
}

static void session_put(void *context, const struct row_key *key, const struct live_figure *figure) {
    struct exporter *e = context;
    struct output_cell cells[KPI_CELLS];
    struct sheet_room room;
    if (!export_choice_has(&e->choice, session_rows[figure->of].name))
        return;
    kpi_cells_of_session(cells, &room, key, figure, &e->stretch);
    export_row(e, EXPORT_KPI, cells);
}

// Of all of it together: a session has one peak, also where it runs past midnight.
static void sessions_put(struct exporter *e, const struct period *period) {
    if (!e->choice.by[BY_SESSION])
        return;
    if (e->status == STATUS_OK)
        e->status = sessions_before(&e->live, &e->pub, period->start_s, &e->filter, &e->lacks, &e->problem);
    stretch_init(&e->stretch, period->start_s, period->end_s, e->zone, NULL);
    sessions_each(&e->live, period->start_s, sessions_known_s(&e->pub, period), &e->lacks, session_put, e);
}

// ---- the command

static enum status range_open(struct exporter *e, struct store_reader *r, const struct export_flags *flags,
                              struct period *period, struct problem *p) {
    enum status status =
        period_parse(period, e->zone, flags->window, flags->range.since, flags->range.until, p);
    if (status == STATUS_OK)
        status = store_reader_rules(r, &e->rules, p);
    if (status == STATUS_OK)
        status = store_reader_published(r, e->rules.window_lateness_ms / 1000, &e->pub, p);
    return status == STATUS_OK ? published_period(&e->pub, period, p) : status;
}

static enum status all_put(struct exporter *e, const struct period *period, enum every every) {
    export_definitions(e);
    hour_week_init(&e->week, e->zone, &e->book);
    live_windows_init(&e->live);
    windows_put(e, period, every);
    hours_put(e, period);
    sessions_put(e, period);
    defined_fini(&e->defined);
    velocities_fini(&e->velocities);
    live_windows_fini(&e->live);
    hour_week_fini(&e->week);
    export_gaps(e, period);
    if (e->status == STATUS_OK)
        e->status = e->sink->kind->end(e->sink, &e->problem);
    progress_show(e, "\n");
    return e->status;
}

static void done_say(const struct exporter *e, const char *out) {
    fprintf(stderr, "%s: %zu KPIs, %zu counters, %zu window%s\n", out, e->rows[EXPORT_KPI],
            e->rows[EXPORT_COUNTERS], e->windows, e->windows == 1 ? "" : "s");
    if (e->rows[EXPORT_KPI] == 0 && e->rows[EXPORT_COUNTERS] == 0)
        store_reader_nothing(&e->asked, nearest_account_name(&e->nearest), &e->pub);
}

// Into a sink that is open.
static enum status period_put(struct exporter *e, const struct period *period, enum every every,
                              struct problem *p) {
    gaps_warn(&e->pub, period->start_s, period->end_s);
    struct kpis *kpis = kpis_create();
    e->period = period;
    e->windows_all =
        window_set_place(&e->pub.windows, period->end_s) - window_set_place(&e->pub.windows, period->start_s);
    e->book = (struct kpi_book){kpis, e->rules.weights};
    nearest_account_init(&e->nearest, e->filter.account);
    enum status status = all_put(e, period, every);
    *p = e->problem;
    e->sink->kind->close(e->sink);
    kpis_destroy(&kpis);
    return status;
}

static enum status asked_read(struct exporter *e, const struct export_flags *flags) {
    e->asked = (struct store_asked){flags->account, flags->platform, flags->kpi, flags->by};
    e->every = flags->every;
    if (flags->account[0] != '\0')
        e->filter.account = slice_of(flags->account);
    enum status status = store_reader_platform(flags->platform, &e->filter.platform);
    return status == STATUS_OK ? export_choice_read(&e->choice, flags->by, flags->kpi) : status;
}

static enum status exporter_run(struct store_reader *r, const struct export_flags *flags,
                                enum export_format format, enum every every) {
    struct exporter e = {.shows_progress = isatty(STDERR_FILENO) == 1};
    int how = (flags->force ? OUT_FORCED : 0) | (flags->zst ? OUT_COMPRESSED : 0);
    struct zone *zone = NULL;
    struct period period;
    struct problem p;
    enum status status = asked_read(&e, flags);
    if (status != STATUS_OK)
        return status;
    status = store_reader_zone(r, flags->range.tz, flags->account, &zone, &p);
    e.zone = zone;
    if (status == STATUS_OK)
        status = range_open(&e, r, flags, &period, &p);
    if (status == STATUS_OK)
        status = export_sink_open(&e.sink, format, flags->out, how, export_columns, &p);
    if (status == STATUS_OK)
        status = period_put(&e, &period, every, &p);
    if (status == STATUS_OK)
        done_say(&e, flags->out);
    nearest_account_fini(&e.nearest);
    published_fini(&e.pub);
    zone_close(&zone);
    return status == STATUS_OK ? status : store_reader_fail(&p);
}

static bool every_parse(enum every *every, const char *name) {
    static const char *const names[] = {"all", "window", "hour", "day"};
    int i = 0;
    while (i < 4 && strcmp(name, names[i]) != 0)
        i++;
    *every = (enum every)i;
    return i < 4;
}

static enum status export_asked(struct store_reader *r, const struct export_flags *flags) {
    enum export_format format;
    enum every every;
    if (!export_format_parse(&format, flags->format))
        fprintf(stderr, "--format %s: there is csv, jsonl and sqlite\n", flags->format);
    else if (!every_parse(&every, flags->every))
        fprintf(stderr, "--every %s: there is window, hour, day and all\n", flags->every);
    else if (r->request.argument_count > 0)
        return store_reader_usage("a time is named by --window, or by --since and --until", usage);
    else if (flags->out[0] == '\0')
        return store_reader_usage("--out FILE is missing: what to write", usage);
    else
        return exporter_run(r, flags, format, every);
    return STATUS_USAGE;
}

int command_export(int argc, char **argv) {
    struct store_reader r;
    struct export_flags flags = {0};
    enum status status = store_reader_configure(&r, argc, argv, usage, flag_rows, FLAG_ROWS, &flags, false);
    if (status == STATUS_OK && !r.request.help)
        status = export_asked(&r, &flags);
    store_reader_close(&r);
    return (int)status;
}
