// tap: events as they arrive in the topic, decoded, with their fate, by a consumer of its own that belongs to
// no group. Raw ids of people are never shown: their pseudonyms are.
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>

#include "ingest/commands/commands.h"
#include "ingest/commands/explain/judge.h"
#include "ingest/commands/tap/tap_where.h"
#include "runtime/clock.h"
#include "runtime/hash.h"
#include "runtime/memory.h"
#include "stream/source/scan.h"

static const char usage[] = "clameur-ingest tap [--platform NAME] [--kind NAME] [--account ID] [--rejected] "
                            "[--where COLUMN=VALUE,...] [-n 20] [--sample 1/1000] "
                            "[--from end|earliest|OFFSET] [-o FORMAT]";

enum { WAIT_MS = 100, NUMBER_MAX = 24, HEX_MAX = 2 * PSEUDONYM_SIZE + 1, NAME_MAX_BYTES = 128 };

struct tap_flags {
    struct reader_flags reader; // first, as reader_configure wants
    const char *platform, *kind, *account, *where, *sample, *from;
    bool rejected;
    int64_t number;
};

static const struct option_row own_rows[] = {
    {"platform", OPTION_STRING, offsetof(struct tap_flags, platform), "", 0, 0, 0, "only this platform"},
    {"kind", OPTION_STRING, offsetof(struct tap_flags, kind), "", 0, 0, 0,
     "only this kind: a name of clameur-ingest help kinds"},
    {"account", OPTION_STRING, offsetof(struct tap_flags, account), "", 0, 0, 0, "only this account"},
    {"where", OPTION_STRING, offsetof(struct tap_flags, where), "", 0, 0, 0,
     "only rows that show this: COLUMN=VALUE, several with commas between; COLUMN may be a measure: "
     "watch_ms=1200"},
    {"rejected", OPTION_BOOL, offsetof(struct tap_flags, rejected), "false", 0, 0, 0, "only what is refused"},
    {"number", OPTION_INT, offsetof(struct tap_flags, number), "0", 0, 0, 1000000000,
     "-n: end after so many; by itself at Ctrl-C"},
    {"sample", OPTION_STRING, offsetof(struct tap_flags, sample), "1/1", 0, 0, 0,
     "one event in so many: 1/1000; copies of an event are shown all or none"},
    {"from", OPTION_STRING, offsetof(struct tap_flags, from), "end", 0, 0, 0,
     "where to begin: end, earliest, or an offset of every partition"},
};
enum { OWN_ROWS = sizeof(own_rows) / sizeof(own_rows[0]) };

struct tap {
    struct reader r;
    struct tap_flags flags;
    struct judge judge;
    struct scan *scan;
    struct output output;
    struct tap_where where;
    uint32_t platform, kind; // 0: all
    uint64_t sample;
    int64_t shown;
};

static const struct output_column columns[] = {
    {"partition", true}, {"offset", true},  {"index", true},     {"record_time", true},
    {"fate", false},     {"reason", false}, {"event", false},    {"occurred_at", true},
    {"platform", false}, {"kind", false},   {"account", false},  {"content", false},
    {"campaign", false}, {"delta", true},   {"measures", false}, {"consent", true},
    {"actor", false},    {"person", false}};
enum { COLUMNS = sizeof(columns) / sizeof(columns[0]), MEASURES = 14 };

static volatile sig_atomic_t interrupted;

static void on_signal(int number) {
    interrupted = 1;
}

// --- What is asked for

static enum status understand_kind(struct tap *t) {
    const char *names[RULES_WEIGHTS_MAX];
    size_t count = 0;
    if (t->flags.kind[0] == '\0')
        return STATUS_OK;
    t->kind = kind_parse(t->flags.kind, strlen(t->flags.kind));
    if (t->kind != 0)
        return STATUS_OK;
    for (uint32_t kind = 1; kind < RULES_WEIGHTS_MAX; kind++) {
        if (kind_find(kind) != NULL)
            names[count++] = kind_find(kind)->name;
    }
    const char *nearest = config_nearest(t->flags.kind, names, count);
    fprintf(
        stderr, "there is no kind \"%s\"%s%s%s\n", t->flags.kind, nearest != NULL ? "; did you mean \"" : "",
        nearest != NULL ? nearest : "; clameur-ingest help kinds lists them", nearest != NULL ? "\"?" : "");
    return STATUS_USAGE;
}

static enum status understand(struct tap *t) {
    int64_t sample;
    const char *slash = strncmp(t->flags.sample, "1/", 2) == 0 ? t->flags.sample + 2 : "";
    if (!config_parse_int(slash, &sample) || sample < 1) {
        fprintf(stderr, "--sample %s: write 1/1000 for one event in 1000\n", t->flags.sample);
        return STATUS_USAGE;
    }
    t->sample = (uint64_t)sample;
    if (t->flags.platform[0] != '\0') {
        if (reader_check_platform(t->flags.platform) != STATUS_OK)
            return STATUS_USAGE;
        t->platform = platform_parse(t->flags.platform, strlen(t->flags.platform));
    }
    enum status status = understand_kind(t);
    return status == STATUS_OK ? tap_where_parse(&t->where, t->flags.where, columns, COLUMNS, MEASURES)
                               : status;
}

static bool is_sampled(const struct tap *t, const struct record *record, const struct judged *judged) {
    const struct event *e = judged->event;
    uint64_t hash = e != NULL && e->id_length == sizeof(e->id)
                        ? hash_bytes(e->id, sizeof(e->id), 0)
                        : hash_integer(((uint64_t)record->partition << 48) ^ (uint64_t)record->offset);
    return hash % t->sample == 0;
}

static bool is_asked(const struct tap *t, const struct judged *judged) {
    const struct event *e = judged->event;
    if (t->flags.rejected && judged->fate != FATE_REJECTED)
        return false;
    if (e == NULL)
        return t->platform == 0 && t->kind == 0 && t->flags.account[0] == '\0';
    return (t->platform == 0 || e->platform == t->platform) && (t->kind == 0 || e->kind == t->kind) &&
           (t->flags.account[0] == '\0' || slice_equal(e->account, slice_of(t->flags.account)));
}

// --- A row

struct texts {
    char partition[NUMBER_MAX], offset[NUMBER_MAX], index[NUMBER_MAX], record_time[NUMBER_MAX];
    char record_shown[OUTPUT_TIME_MAX], occurred_shown[OUTPUT_TIME_MAX];
    char occurred_at[NUMBER_MAX], delta[NUMBER_MAX], consent[NUMBER_MAX];
    char event[HEX_MAX], actor[HEX_MAX], person[HEX_MAX], platform[PLATFORM_NAME_MAX + 1],
        kind[FIELD_MAX + 1];
    char measures[EVENT_MEASURES_MAX * NAME_MAX_BYTES];
};

static struct output_cell number(char out[NUMBER_MAX], int64_t value) {
    snprintf(out, NUMBER_MAX, "%" PRId64, value);
    return output_text(slice_of(out));
}

static struct output_cell time_cell(char out[NUMBER_MAX], char shown[OUTPUT_TIME_MAX], int64_t ms) {
    struct output_cell cell = number(out, ms);
    cell.shown = output_time(shown, ms / 1000);
    return cell;
}

static struct output_cell hex(char out[HEX_MAX], const unsigned char *bytes, bool there) {
    for (size_t i = 0; i < PSEUDONYM_SIZE; i++)
        snprintf(out + 2 * i, 3, "%02x", bytes[i]);
    return output_text(there ? slice_of(out) : (struct slice){NULL, 0});
}

static struct output_cell named(struct slice text) {
    return output_text(text.length > 0 ? text : (struct slice){NULL, 0});
}

static struct output_cell kind_cell(char out[FIELD_MAX + 1], uint32_t kind) {
    const struct kind_row *row = kind_find(kind);
    if (row != NULL)
        return output_text(slice_of(row->name));
    return output_text((struct slice){out, field_write(out, field_kind(kind))});
}

// "watch_ms=1200 gross_micros=1500000", and the readings of a reading. Amounts are in the event's currency.
static struct output_cell measures_cell(char *out, size_t size, const struct event *e) {
    size_t length = 0;
    for (uint32_t i = 0; i < e->measure_count && length < size; i++)
        length += (size_t)snprintf(out + length, size - length, "%s%s=%" PRId64, length > 0 ? " " : "",
                                   counter_row(e->measures[i].counter)->name, e->measures[i].value);
    for (uint32_t i = 0; i < e->reading_count && length < size; i++)
        length += (size_t)snprintf(out + length, size - length, "%s%.*s.read=%" PRId64, length > 0 ? " " : "",
                                   (int)e->readings[i].counter.length, e->readings[i].counter.at,
                                   e->readings[i].value);
    return named((struct slice){out, length < size ? length : size - 1});
}

static void event_cells(struct output_cell *cells, struct texts *texts, const struct event *e) {
    cells[6] = hex(texts->event, e->id, e->id_length == sizeof(e->id));
    cells[7] = time_cell(texts->occurred_at, texts->occurred_shown, e->occurred_at_ms);
    cells[8] = output_text((struct slice){texts->platform, platform_write(texts->platform, e->platform)});
    cells[9] = kind_cell(texts->kind, e->kind);
    cells[10] = named(e->account);
    cells[11] = named(e->content);
    cells[12] = named(e->campaign);
    cells[13] = number(texts->delta, e->delta);
    cells[MEASURES] = measures_cell(texts->measures, sizeof(texts->measures), e);
    cells[15] = number(texts->consent, e->consent);
    cells[16] = hex(texts->actor, e->actor, e->has_actor);
    cells[17] = hex(texts->person, e->person, e->has_person);
}

static void show(struct tap *t, const struct record *record, const struct judged *judged) {
    struct texts texts;
    struct output_cell cells[COLUMNS] = {{{NULL, 0}, {NULL, 0}}};
    cells[0] = number(texts.partition, record->partition);
    cells[1] = number(texts.offset, record->offset);
    cells[2] = number(texts.index, judged->index);
    cells[3] = time_cell(texts.record_time, texts.record_shown, record->time_ms);
    cells[4] = output_text(slice_of(fate_name(judged->fate)));
    if (judged->fate == FATE_REJECTED)
        cells[5] = output_text(slice_of(reject_name(judged->reject)));
    if (judged->event != NULL)
        event_cells(cells, &texts, judged->event);
    if (!tap_where_holds(&t->where, cells))
        return;
    output_row(&t->output, cells);
    t->shown++;
}

static bool is_enough(const struct tap *t) {
    return interrupted || (t->flags.number > 0 && t->shown >= t->flags.number);
}

static void take(struct tap *t, const struct record *record) {
    size_t count;
    const struct judged *judged = judge_record(&t->judge, record, &count);
    for (size_t i = 0; i < count && !is_enough(t); i++) {
        if (is_asked(t, &judged[i]) && is_sampled(t, record, &judged[i]))
            show(t, record, &judged[i]);
    }
    if (t->output.row_count > 0)
        output_flush(&t->output, stdout);
}

// --- The topic

static enum status place_of(struct tap *t, struct source_position *position, struct problem *p) {
    int64_t first, end, wanted = 0;
    enum status status = scan_bounds(t->scan, position->partition, &first, &end, p);
    if (status != STATUS_OK)
        return status;
    bool at_end = strcmp(t->flags.from, "end") == 0, at_first = strcmp(t->flags.from, "earliest") == 0;
    if (!at_end && !at_first && (!config_parse_int(t->flags.from, &wanted) || wanted < 0))
        return problem_set(p, STATUS_USAGE, "", "--from end, earliest or an offset", "--from %s is no place",
                           t->flags.from);
    int64_t within = wanted < first ? first : wanted > end ? end : wanted;
    position->offset = at_end ? end : at_first ? first : within;
    return STATUS_OK;
}

static enum status begin(struct tap *t, struct problem *p) {
    int32_t partitions = scan_partitions(t->scan);
    struct source_position *from = memory_take((size_t)partitions * sizeof(*from));
    enum status status = STATUS_OK;
    for (int32_t i = 0; i < partitions && status == STATUS_OK; i++) {
        from[i].partition = i;
        status = place_of(t, &from[i], p);
    }
    if (status == STATUS_OK)
        status = scan_from(t->scan, from, (size_t)partitions, p);
    free(from);
    return status;
}

static enum status listen_in(struct tap *t, struct problem *p) {
    struct record record;
    const struct config_pair *pairs;
    size_t count = config_passthrough(t->r.config, &pairs);
    enum status status = scan_open(&t->scan, &t->r.settings, pairs, count, p);
    if (status == STATUS_OK)
        status = begin(t, p);
    if (status != STATUS_OK)
        return status;
    fprintf(stderr, "tap: listening to %d partitions of %s from %s\n", scan_partitions(t->scan),
            t->r.settings.kafka_topic, t->flags.from);
    output_flush(&t->output, stdout); // the heading
    while (!is_enough(t) && ferror(stdout) == 0) {
        enum scan_step step = scan_next(t->scan, &record, WAIT_MS, p);
        if (step == SCAN_FAILED)
            return p->status;
        if (step == SCAN_RECORD)
            take(t, &record);
    }
    return STATUS_OK;
}

static enum status tap(struct tap *t) {
    struct problem p;
    struct sigaction action = {.sa_handler = on_signal};
    enum status status = understand(t);
    if (status == STATUS_OK)
        status = reader_need_kafka(&t->r);
    if (status == STATUS_OK)
        status = judge_init(&t->judge, &t->r.settings, true);
    if (status != STATUS_OK)
        return status;
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    output_init(&t->output, t->r.format, columns, COLUMNS);
    status = listen_in(t, &p);
    if (status != STATUS_OK)
        problem_print(&p);
    else
        output_print(&t->output, stdout);
    output_fini(&t->output);
    scan_close(&t->scan);
    return status;
}

int command_tap(int argc, char **argv) {
    static struct tap t;
    enum status status =
        reader_configure(&t.r, argc, argv, usage, (const char *const[]){NULL}, own_rows, OWN_ROWS, &t.flags);
    if (status == STATUS_OK && t.r.request.argument_count > 0)
        status = reader_usage(usage);
    if (status == STATUS_OK && !t.r.request.help)
        status = tap(&t);
    judge_fini(&t.judge);
    reader_close(&t.r);
    return (int)status;
}
