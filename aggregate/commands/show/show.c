// show: the KPIs of published windows, as a table for people or for programs.
#include "aggregate/commands/show/show.h"

#include <string.h>

#include "aggregate/commands/commands.h"
#include "aggregate/commands/gaps.h"
#include "aggregate/commands/local_file.h"
#include "aggregate/commands/store_reader.h"
#include "aggregate/figures/ranking.h"

static const char usage[] =
    "clameur-aggregate show [latest|WINDOW|DAY|MONTH|FILE] [--account A] [--platform P] "
    "[--by DIMENSION] [-c FILE]\n"
    "       clameur-aggregate show --since T [--until T] [--tz ZONE] ...\n\n"
    "The newest revision of every published window in that time, added up. A time is a window\n"
    "(2026-03-29T14:15), an hour (2026-03-29T14), a day (2026-03-29) or a month (2026-03) of the zone; one\n"
    "that the clock shows twice is named with its offset (2026-10-25T02:15+02:00). FILE is a snapshot, by\n"
    "its path or its name in the store. On a terminal, more figures than can be read at once are told by\n"
    "headlines of each platform, and a last line says how to see the others. A table shows money in its own\n"
    "unit; programs (-o json|jsonl|csv|tsv, or a pipe) get micros, millionths of it, where the unit says\n"
    "micros: 1500000 with EUR is EUR 1.50.";

enum { TOP_MAX = 1000000 };

struct show_flags {
    const char *output;
    struct store_range range;
    const char *account, *platform, *by, *kpi;
    bool counters, all;
    int64_t top;
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
    {"top", OPTION_INT, offsetof(struct show_flags, top), "0", 0, 0, TOP_MAX,
     "so many rows alone by content|campaign|tag|topic, those of which --kpi is greatest, or interactions; 0 "
     "is all"},
    {"all", OPTION_BOOL, offsetof(struct show_flags, all), "false", 0, 0, 0,
     "also the KPIs of every platform that have nothing to tell"},
};
enum { FLAG_ROWS = sizeof(flag_rows) / sizeof(flag_rows[0]) };

static void nothing_say(const struct show *s, const struct show_flags *flags, const struct published *pub) {
    const struct store_asked asked = {flags->account, flags->platform, flags->kpi, flags->by};
    store_reader_nothing(&asked, nearest_account_name(&s->nearest), pub);
}

static bool is_any_shown(const struct show *s) {
    return s->output.rowed || s->output.row_count > 0;
}

static enum status store_show(struct show *s, struct store_reader *r, const struct show_flags *flags,
                              struct problem *p) {
    const struct store_range *range = &flags->range;
    struct published pub = {0};
    struct period period;
    const char *what = r->request.argument_count > 0 ? r->request.arguments[0] : NULL;
    enum status status = period_parse(&period, s->zone, what, range->since, range->until, p);
    if (status == STATUS_OK)
        status = store_reader_published(r, s->rules.window_lateness_ms / 1000, &pub, p);
    if (status == STATUS_OK)
        status = published_period(&pub, &period, p);
    if (status == STATUS_OK) {
        gaps_warn(&pub, period.start_s, period.end_s);
        status = show_period(s, &pub, &period, p);
    }
    if (status == STATUS_OK && !is_any_shown(s))
        nothing_say(s, flags, &pub);
    published_fini(&pub);
    return status;
}

// By its path, or by its name in the store, as an export's provenance has it.
static enum status file_show(struct show *s, struct store_reader *r, const struct show_flags *flags,
                             struct problem *p) {
    const struct store_range *range = &flags->range;
    const char *what = r->request.arguments[0];
    struct snapshot_file f = {0};
    if (range->since[0] != '\0' || range->until[0] != '\0')
        return problem_set(p, STATUS_USAGE, "", "name the file alone, or ask the store: --since T --until T",
                           "%s stands beside --since or --until: a file is shown whole", what);
    enum status status = STATUS_OK;
    bool is_path = local_file_is_there(what) || what[0] == '/' || what[0] == '.';
    if (is_path)
        status = snapshot_file_open_path(&f, what, p);
    else
        status = store_reader_open(r, p);
    if (status == STATUS_OK && !is_path)
        status = snapshot_file_open_name(&f, r->store, what, p);
    if (status == STATUS_OK)
        status = show_file(s, &f, p);
    if (status == STATUS_OK && !is_any_shown(s))
        nothing_say(s, flags, NULL);
    snapshot_file_close(&f);
    return status;
}

// The dimension's column bears its name, and stands only where it tells something.
static void columns_choose(struct show *s, enum output_format format) {
    static const enum kpi_cell order[] = {
        KPI_CELL_ACCOUNT,  KPI_CELL_PLATFORM,    KPI_CELL_VALUE,       KPI_CELL_KPI,
        KPI_CELL_CURRENCY, KPI_CELL_NUMERATOR,   KPI_CELL_DENOMINATOR, KPI_CELL_RATIO,
        KPI_CELL_UNIT,     KPI_CELL_BASIS,       KPI_CELL_AS_OF,       KPI_CELL_START_UTC,
        KPI_CELL_END_UTC,  KPI_CELL_START_LOCAL, KPI_CELL_UTC_OFFSET,  KPI_CELL_FRESHNESS};
    for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
        if ((order[i] == KPI_CELL_VALUE && !by_row(s->by)->has_value) ||
            (order[i] == KPI_CELL_UTC_OFFSET && format == OUTPUT_TABLE))
            continue;
        s->columns[s->column_count] = kpi_columns[order[i]];
        if (order[i] == KPI_CELL_VALUE)
            s->columns[s->column_count].name = by_row(s->by)->name;
        s->sparse[s->column_count] = order[i] == KPI_CELL_CURRENCY || order[i] == KPI_CELL_AS_OF;
        s->shown[s->column_count++] = (int)order[i];
    }
}

// Where nothing has a name, or amounts of several currencies would be compared, there is no top.
static enum status top_read(struct show *s, int64_t top) {
    enum table table = by_row(s->by)->table;
    bool is_named =
        table == TABLE_CONTENT || table == TABLE_CAMPAIGN || table == TABLE_TAG || table == TABLE_TOPIC;
    s->top = top;
    if (top == 0 || (is_named && (s->kpi[0] == '\0' || ranking_takes(s->kpi))))
        return STATUS_OK;
    if (is_named)
        fprintf(stderr, "--top: rows are not compared by %s: name a KPI of events that is no money\n",
                s->kpi);
    else
        fputs("--top goes with --by content, campaign, tag or topic\n", stderr);
    return STATUS_USAGE;
}

static enum status words_read(struct show *s, const struct show_flags *flags) {
    enum status status = store_reader_by(flags->by, &s->by);
    if (status == STATUS_OK)
        status = store_reader_platform(flags->platform, &s->filter.platform);
    if (status == STATUS_OK)
        status = store_reader_kpi(flags->kpi);
    s->kpi = flags->kpi;
    s->counters = flags->counters;
    s->all = flags->all;
    if (status == STATUS_OK)
        status = top_read(s, flags->top);
    if (flags->account[0] != '\0')
        s->filter.account = slice_of(flags->account);
    return status;
}

static bool may_be_brief(const struct show *s, const struct store_reader *r) {
    bool is_plain =
        s->by == BY_PLATFORM && s->kpi[0] == '\0' && s->filter.platform == 0 && !s->counters && !s->all;
    return is_plain && r->terminal && r->format == OUTPUT_TABLE;
}

static enum status show_print(struct show *s, struct store_reader *r, const struct show_flags *flags,
                              struct problem *p) {
    const char *what = r->request.argument_count > 0 ? r->request.arguments[0] : "";
    struct kpis *kpis = kpis_create();
    s->book = (struct kpi_book){kpis, s->rules.weights};
    nearest_account_init(&s->nearest, s->filter.account);
    columns_choose(s, r->format);
    s->may_be_brief = may_be_brief(s, r);
    output_init(&s->output, r->format, s->columns, s->column_count);
    s->output.again = true;
    s->output.sparse = s->sparse;
    output_fit(&s->output, stdout);
    bool is_file = strchr(what, '/') != NULL || local_file_is_there(what);
    enum status status = is_file ? file_show(s, r, flags, p) : store_show(s, r, flags, p);
    if (status == STATUS_OK) {
        output_print(&s->output, stdout);
        show_left_out(s);
    }
    nearest_account_fini(&s->nearest);
    output_fini(&s->output);
    kpis_destroy(&kpis);
    return status;
}

static enum status show(struct store_reader *r, const struct show_flags *flags) {
    struct show s = {0};
    struct zone *zone = NULL;
    struct problem p;
    if (words_read(&s, flags) != STATUS_OK)
        return STATUS_USAGE;
    enum status status = store_reader_zone(r, flags->range.tz, flags->account, &zone, &p);
    s.zone = zone;
    if (status == STATUS_OK)
        status = store_reader_rules(r, &s.rules, &p);
    if (status == STATUS_OK)
        status = show_print(&s, r, flags, &p);
    zone_close(&zone);
    return status == STATUS_OK ? status : store_reader_fail(&p);
}

int command_show(int argc, char **argv) {
    struct store_reader r;
    struct show_flags flags = {0};
    enum status status = store_reader_configure(&r, argc, argv, usage, flag_rows, FLAG_ROWS, &flags, true);
    if (status == STATUS_OK && !r.request.help)
        status = r.request.argument_count > 1 ? store_reader_usage("name one time, or one file", usage)
                                              : show(&r, &flags);
    store_reader_close(&r);
    return (int)status;
}
