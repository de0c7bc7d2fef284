// What goes with every export: what the figures mean, and what they were made from.
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "aggregate/commands/export/export.h"
#include "aggregate/commands/gaps.h"
#include "schemas/keys.h"
#include "schemas/kpi.h"
#include "schemas/registry.h"

enum { NUMBER_MAX = 24, SUM_TEXT = 2 * SNAPSHOT_SUM_SIZE + 1 };

static const struct output_cell none = {{NULL, 0}, {NULL, 0}};

static struct output_cell text_cell(const char *text) {
    return text != NULL && text[0] != '\0' ? output_text(slice_of(text)) : none;
}

static struct output_cell number_cell(char text[NUMBER_MAX], int64_t value) {
    snprintf(text, NUMBER_MAX, "%" PRId64, value);
    return output_text(slice_of(text));
}

// ---- provenance

enum provenance_cell {
    FROM_START,
    FROM_END,
    FROM_STATE,
    FROM_REVISION,
    FROM_FILE,
    FROM_SUM,
    FROM_BYTES,
    FROM_COUNTED,
    FROM_LATE,
    FROM_MISSING,
    FROM_TOPIC,
    FROM_TOPIC_ID,
    FROM_PARTITIONS,
    FROM_RULES,
    FROM_KPIS,
    FROM_SINCE,
    FROM_UNTIL,
    FROM_ACCOUNT,
    FROM_PLATFORM,
    FROM_BY,
    FROM_KPI,
    FROM_EVERY,
    FROM_ZONE,
    FROM_PROGRAM,
    FROM_PROGRAM_KPIS,
    FROM_PROGRAM_RULES,
    FROM_CELLS,
};

static const struct output_column provenance_columns[FROM_CELLS] = {
    {"start_utc", false},
    {"end_utc", false},
    {"freshness", false},
    {"revision", true},
    {"file", false},
    {"sha256", false},
    {"uncompressed_bytes", true},
    {"counted", true},
    {"late", true},
    {"missing_partitions", true},
    {"topic", false},
    {"topic_id", false},
    {"partitions", true},
    {"rules_hash", false},
    {"kpis_hash", false},
    {"export_since_utc", false},
    {"export_until_utc", false},
    {"export_account", false},
    {"export_platform", false},
    {"export_by", false},
    {"export_kpi", false},
    {"export_every", false},
    {"zone", false},
    {"program_version", false},
    {"program_kpis_hash", false},
    {"program_rules_hash", false},
};

// What is the same in every row.
struct provenance {
    struct output_cell cells[FROM_CELLS];
    char times[4][LOCAL_TIME_MAX];
    char numbers[6][NUMBER_MAX];
    char sum[SUM_TEXT];
    char freshness[FRESHNESS_TEXT_MAX];
    char kpis[KPI_HASH_SIZE];
};

static void provenance_init(struct provenance *row, const struct exporter *e, int64_t start_s,
                            int64_t end_s) {
    for (int i = 0; i < FROM_CELLS; i++)
        row->cells[i] = none;
    row->cells[FROM_START] = output_text(local_time_write(row->times[0], NULL, start_s));
    row->cells[FROM_END] = output_text(local_time_write(row->times[1], NULL, end_s));
    row->cells[FROM_SINCE] = output_text(local_time_write(row->times[2], NULL, e->period->start_s));
    row->cells[FROM_UNTIL] = output_text(local_time_write(row->times[3], NULL, e->period->end_s));
    row->cells[FROM_ACCOUNT] = text_cell(e->asked.account); // nothing: all of them; and so on
    row->cells[FROM_PLATFORM] = text_cell(e->asked.platform);
    row->cells[FROM_BY] = text_cell(e->asked.by);
    row->cells[FROM_KPI] = text_cell(e->asked.kpi);
    row->cells[FROM_EVERY] = text_cell(e->every);
    row->cells[FROM_ZONE] = text_cell(zone_name(e->zone));
    row->cells[FROM_PROGRAM] = text_cell(CLAMEUR_VERSION);
    kpi_hash(row->kpis);
    row->cells[FROM_PROGRAM_KPIS] = text_cell(row->kpis);
    row->cells[FROM_PROGRAM_RULES] = text_cell(e->rules.hash);
}

static void sum_write(char out[SUM_TEXT], const unsigned char *sum) {
    for (size_t i = 0; i < SNAPSHOT_SUM_SIZE; i++)
        snprintf(out + 2 * i, 3, "%02x", sum[i]);
}

void export_provenance(struct exporter *e, const struct revision *revision, const struct shelf_file *file) {
    struct provenance row;
    const struct header *header = snapshot_header(file->snapshot);
    struct freshness_sum freshness = {revision->freshness, revision->number};
    provenance_init(&row, e, revision->start_s, revision->end_s);
    sum_write(row.sum, snapshot_sum(file->snapshot));
    row.cells[FROM_STATE] = text_cell(freshness_write(row.freshness, &freshness));
    row.cells[FROM_REVISION] = number_cell(row.numbers[0], revision->number);
    row.cells[FROM_FILE] = text_cell(revision->name);
    row.cells[FROM_SUM] = text_cell(row.sum);
    row.cells[FROM_BYTES] = number_cell(row.numbers[1], (int64_t)snapshot_uncompressed(file->snapshot));
    row.cells[FROM_COUNTED] = number_cell(row.numbers[2], (int64_t)revision->counted);
    row.cells[FROM_LATE] = number_cell(row.numbers[3], (int64_t)revision->late);
    row.cells[FROM_MISSING] = number_cell(row.numbers[4], revision->missing);
    row.cells[FROM_TOPIC] = text_cell(header->topic);
    row.cells[FROM_TOPIC_ID] = text_cell(header->topic_id);
    row.cells[FROM_PARTITIONS] = number_cell(row.numbers[5], header->partitions);
    row.cells[FROM_RULES] = text_cell(header->rules_hash);
    row.cells[FROM_KPIS] = text_cell(header->kpis_hash);
    export_row(e, EXPORT_PROVENANCE, row.cells);
    e->windows++;
}

static void gap_put(void *context, int64_t start_s, int64_t end_s, enum absence absence) {
    struct exporter *e = context;
    struct provenance row;
    provenance_init(&row, e, start_s, end_s);
    row.cells[FROM_STATE] = text_cell(absence == ABSENT_MISSING ? "missing" : "not sealed yet");
    export_row(e, EXPORT_PROVENANCE, row.cells);
}

void export_gaps(struct exporter *e, const struct period *period) {
    gaps_each(&e->pub, period->start_s, period->end_s, gap_put, e);
}

// ---- definitions

static const struct output_column definition_columns[] = {
    {"kind", false},   {"name", false},       {"version", true},      {"platform", false},
    {"format", false}, {"numerator", false},  {"denominator", false}, {"objective", false},
    {"unit", false},   {"definition", false},
};
enum { DEFINITION_CELLS = sizeof(definition_columns) / sizeof(definition_columns[0]) };

// Counters of money are named so.
static bool is_money(const char *counters) {
    return strstr(counters, "_micros") != NULL;
}

static void kpis_define(struct exporter *e) {
    static const struct {
        const char *platform, *format, *name, *version, *numerator, *denominator, *objective, *unit, *doc;
    } rows[] = {
#define KPI(id, platform, format, name, version, numerator, denominator, objective, unit, doc)               \
    {platform, format, name, #version, numerator, denominator, objective, unit, doc},
#include "schemas/kpis.def"
#undef KPI
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (!export_choice_has(&e->choice, rows[i].name))
            continue;
        bool has_money = is_money(rows[i].numerator) || is_money(rows[i].denominator);
        export_row(e, EXPORT_DEFINITIONS,
                   (struct output_cell[DEFINITION_CELLS]){
                       text_cell("kpi"), text_cell(rows[i].name), text_cell(rows[i].version),
                       text_cell(rows[i].platform), text_cell(rows[i].format), text_cell(rows[i].numerator),
                       text_cell(rows[i].denominator), text_cell(rows[i].objective),
                       text_cell(kpi_cell_unit(rows[i].unit, has_money)), text_cell(rows[i].doc)});
    }
}

static void counter_define(struct exporter *e, const char *kind, struct slice name, bool is_money,
                           const char *doc) {
    if (!defined_add(&e->defined, name))
        return;
    export_row(e, EXPORT_DEFINITIONS,
               (struct output_cell[DEFINITION_CELLS]){
                   text_cell(kind), output_text(name), none, none, none, none, none, none,
                   text_cell(is_money ? "micros" : "count"), text_cell(doc)});
}

static void counters_define(struct exporter *e) {
    for (int i = 1; i < COUNTER_COUNT && e->choice.kpis[0] == '\0'; i++) {
        const struct counter_row *counter = counter_row((enum counter)i);
        if (counter->name[0] != '\0')
            counter_define(e, "counter", slice_of(counter->name), counter_is_money((enum counter)i),
                           counter->doc);
    }
}

void export_counter(struct exporter *e, const struct output_cell cells[COUNTER_CELLS]) {
    struct slice name = cells[COUNTER_CELL_COUNTER].text;
    field_code field;
    enum counter counter;
    char currency[4];
    export_row(e, EXPORT_COUNTERS, cells);
    if (!field_parse(&field, name))
        counter_define(e, "reading", name, false, "what platforms told, as it was last read");
    else if (!field_split(field, &counter, currency))
        counter_define(e, "counter", name, false, "events of a kind that no list has, by its number");
    else
        counter_define(e, "counter", name, counter_is_money(counter), counter_row(counter)->doc);
}

static void sessions_define(struct exporter *e) {
    char version[NUMBER_MAX];
    for (int i = 0; i < SESSION_FIGURES; i++) {
        const struct session_row *row = &session_rows[i];
        if (!e->choice.by[BY_SESSION] || !export_choice_has(&e->choice, row->name))
            continue;
        export_row(e, EXPORT_DEFINITIONS,
                   (struct output_cell[DEFINITION_CELLS]){
                       text_cell("session"), text_cell(row->name), number_cell(version, row->version), none,
                       none, text_cell(row->numerator), text_cell(row->denominator), none,
                       text_cell(row->unit), text_cell(row->doc)});
    }
}

static void units_define(struct exporter *e) {
    static const struct {
        const char *name, *doc;
    } units[] = {
        {"micros",
         "money: millionths of the unit of `currency`; 1500000 with EUR is EUR 1.50. Of a counter by "
         "currency (gross_micros:EUR) the name says which"},
        {"ratio of micros",
         "numerator and denominator are micros of `currency`, the ratio is a plain number"},
        {"ratio", "numerator / denominator"},
        {"count", "as many; what stands in `denominator` is what it is told by"},
        {"ms", "milliseconds"},
    };
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
        export_row(e, EXPORT_DEFINITIONS,
                   (struct output_cell[DEFINITION_CELLS]){text_cell("unit"), text_cell(units[i].name), none,
                                                          none, none, none, none, none, none,
                                                          text_cell(units[i].doc)});
}

static void velocities_define(struct exporter *e) {
    char version[NUMBER_MAX];
    for (int i = 0; i < VELOCITIES; i++) {
        const struct velocity_row *row = &velocity_rows[i];
        if (!e->choice.by[BY_TAG] || !export_choice_has(&e->choice, row->name))
            continue;
        export_row(e, EXPORT_DEFINITIONS,
                   (struct output_cell[DEFINITION_CELLS]){
                       text_cell("tag"), text_cell(row->name), number_cell(version, row->version), none, none,
                       text_cell(row->numerator), text_cell(row->denominator), none, text_cell(row->unit),
                       text_cell(row->doc)});
    }
}

static void late_define(struct exporter *e) {
    if (!export_choice_has(&e->choice, "late_events"))
        return;
    export_row(e, EXPORT_DEFINITIONS,
               (struct output_cell[DEFINITION_CELLS]){
                   text_cell("kpi"), text_cell("late_events"), none, none, none, text_cell("late events"),
                   text_cell("events"), text_cell("lower"), text_cell("ratio"),
                   text_cell("events that came too late for their windows, by all events of the time: of all "
                             "accounts and platforms together, whichever are asked for")});
}

void export_definitions(struct exporter *e) {
    units_define(e);
    kpis_define(e);
    late_define(e);
    sessions_define(e);
    velocities_define(e);
    counters_define(e);
}

const struct export_columns export_columns[EXPORT_TABLES] = {
    [EXPORT_KPI] = {kpi_columns, KPI_CELLS},
    [EXPORT_COUNTERS] = {counter_columns, COUNTER_CELLS},
    [EXPORT_DEFINITIONS] = {definition_columns, DEFINITION_CELLS},
    [EXPORT_PROVENANCE] = {provenance_columns, FROM_CELLS},
};
