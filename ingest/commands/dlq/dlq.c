// dlq list|show|replay: the dead letters of this topic.
#include "ingest/commands/dlq/dlq.h"

#include <inttypes.h>
#include <stdlib.h>

#include "ingest/commands/commands.h"
#include "runtime/hash.h"
#include "runtime/memory.h"

static const char usage[] =
    "clameur-ingest dlq list|show PLACE|replay [PLACE...] [--reason R] [--dry-run] [--file F] [--raw] [-o "
    "FORMAT]\n\n"
    "list    letters by reason and partition of their source, with the newest of each\n"
    "show    one letter: PLACE is TOPIC/PARTITION/OFFSET/INDEX, as list tells it; without the index every "
    "letter of the\n"
    "        record\n"
    "replay  puts letters back into the topic, those of a reason or those named, under their own keys. What "
    "would be\n"
    "        refused again is left where it is: repair it, and send it with --file. A refused event leaves "
    "no id\n"
    "        behind, so it counts; replayed twice within dedup.span offsets it counts once, after that twice";

static const struct option_row own_rows[] = {
    {"reason", OPTION_STRING, offsetof(struct dlq_flags, reason), "", 0, 0, 0,
     "only this reason: a name of clameur-ingest help rejects"},
    {"dry-run", OPTION_BOOL, offsetof(struct dlq_flags, dry_run), "false", 0, 0, 0,
     "replay: say what would be sent, and send nothing"},
    {"file", OPTION_STRING, offsetof(struct dlq_flags, file), "", 0, 0, 0,
     "replay of one letter: send the bytes of this file in its place"},
    {"raw", OPTION_BOOL, offsetof(struct dlq_flags, raw), "false", 0, 0, 0,
     "show: key and bytes too, which hold raw ids of people"},
};
enum { OWN_ROWS = sizeof(own_rows) / sizeof(own_rows[0]) };
enum { WAIT_MS = 200, SEEN_ROOM = 1024, FRAME_BYTES = 6 };

// --- A letter

static bool header(const struct dlq *d, const char *name, struct slice *value) {
    return scan_header(d->scan, name, value);
}

static bool header_number(const struct dlq *d, const char *name, int64_t *number) {
    char text[24];
    struct slice value;
    if (!header(d, name, &value) || value.length == 0 || value.length >= sizeof(text))
        return false;
    memcpy(text, value.at, value.length);
    text[value.length] = '\0';
    char *end;
    *number = strtoll(text, &end, 10);
    return *end == '\0';
}

static enum reject reject_named(struct slice name) {
    for (int i = 1; i < REJECT_COUNT; i++) {
        if (slice_equal(name, slice_of(reject_name((enum reject)i))))
            return (enum reject)i;
    }
    return REJECT_NONE;
}

// False for what is no letter of the topic: the dead-letter topic may serve others too.
static bool letter_read(const struct dlq *d, const struct record *record, struct dlq_letter *l) {
    struct slice topic;
    int64_t partition, index, cut = 0;
    *l = (struct dlq_letter){.value = record->value, .schema = -1};
    if (!header(d, "clameur-topic", &topic) || !slice_equal(topic, slice_of(d->r.settings.kafka_topic)))
        return false;
    if (!header(d, "clameur-reason", &l->reason) || !header_number(d, "clameur-partition", &partition) ||
        !header_number(d, "clameur-offset", &l->place.offset) || l->place.offset < 0 ||
        !header_number(d, "clameur-index", &index) || !header_number(d, "clameur-size", &l->size) ||
        !header_number(d, "clameur-time", &l->time_ms))
        return false;
    l->place.partition = (int32_t)partition;
    l->place.index = (int32_t)index;
    l->reject = reject_named(l->reason);
    l->cut = header_number(d, "clameur-truncated", &cut);
    header_number(d, "clameur-schema", &l->schema);
    header(d, "clameur-key", &l->key);
    return true;
}

struct slice dlq_message(const struct dlq_letter *letter, char **room) {
    if (letter->schema < 0)
        return letter->value;
    char *at = *room = memory_grow(*room, letter->value.length + FRAME_BYTES, 1);
    const char frame[FRAME_BYTES] = {0,
                                     (char)(letter->schema >> 24),
                                     (char)(letter->schema >> 16),
                                     (char)(letter->schema >> 8),
                                     (char)letter->schema,
                                     0};
    memcpy(at, frame, FRAME_BYTES);
    memcpy(at + FRAME_BYTES, letter->value.at, letter->value.length);
    return (struct slice){at, letter->value.length + FRAME_BYTES};
}

const char *dlq_place_write(const struct dlq *d, const struct dlq_place *place, char out[DLQ_PLACE_MAX]) {
    snprintf(out, DLQ_PLACE_MAX, "%s/%" PRId32 "/%" PRId64 "/%" PRId32, d->r.settings.kafka_topic,
             place->partition, place->offset, place->index);
    return out;
}

// --- Each letter once

static bool is_place(const struct dlq_place *a, const struct dlq_place *b) {
    return a->partition == b->partition && a->offset == b->offset && a->index == b->index;
}

static struct dlq_place *seen_find(struct dlq *d, const struct dlq_place *place) {
    uint64_t hash = hash_integer((uint64_t)place->offset * 4099 + (uint64_t)place->partition) +
                    hash_integer((uint64_t)(uint32_t)place->index);
    size_t at = (size_t)hash & (d->seen_room - 1);
    while (d->seen[at].offset >= 0 && !is_place(&d->seen[at], place))
        at = (at + 1) & (d->seen_room - 1);
    return &d->seen[at];
}

static void seen_grow(struct dlq *d) {
    struct dlq_place *old = d->seen;
    size_t room = d->seen_room;
    d->seen_room = room == 0 ? SEEN_ROOM : 2 * room;
    d->seen = memory_take(d->seen_room * sizeof(*d->seen));
    for (size_t i = 0; i < d->seen_room; i++)
        d->seen[i].offset = -1;
    for (size_t i = 0; i < room; i++) {
        if (old[i].offset >= 0)
            *seen_find(d, &old[i]) = old[i];
    }
    free(old);
}

static bool is_first(struct dlq *d, const struct dlq_place *place) {
    if (2 * d->seen_count >= d->seen_room)
        seen_grow(d);
    struct dlq_place *found = seen_find(d, place);
    if (found->offset >= 0)
        return false;
    *found = *place;
    d->seen_count++;
    return true;
}

// --- The walk

static bool is_asked(const struct dlq *d, const struct dlq_letter *l) {
    bool named = d->place_count == 0;
    for (size_t i = 0; i < d->place_count && !named; i++) {
        const struct dlq_place *place = &d->places[i];
        named = place->partition == l->place.partition && place->offset == l->place.offset &&
                (place->index == DLQ_ANY_INDEX || place->index == l->place.index);
    }
    return named && (d->flags.reason[0] == '\0' || slice_equal(l->reason, slice_of(d->flags.reason)));
}

// From the first letter of every partition; *ends are where they end now. Returns how many are not empty.
static enum status begin(struct dlq *d, int64_t *ends, size_t *open, struct problem *p) {
    int32_t partitions = scan_partitions(d->scan);
    struct source_position *from = memory_take((size_t)partitions * sizeof(*from));
    enum status status = STATUS_OK;
    *open = 0;
    for (int32_t i = 0; i < partitions && status == STATUS_OK; i++) {
        int64_t first = 0;
        status = scan_bounds(d->scan, i, &first, &ends[i], p);
        if (first < ends[i])
            from[(*open)++] = (struct source_position){i, first};
    }
    if (status == STATUS_OK)
        status = scan_from(d->scan, from, *open, p);
    free(from);
    return status;
}

static enum status read_letters(struct dlq *d, int64_t *ends, size_t open,
                                enum status (*take)(void *, const struct dlq_letter *), void *context,
                                struct problem *p) {
    enum status status = STATUS_OK;
    while (open > 0 && status == STATUS_OK) {
        struct record record;
        struct dlq_letter letter;
        enum scan_step step = scan_await(d->scan, &record, WAIT_MS, SCAN_STALL_MS, p);
        if (step == SCAN_FAILED)
            return p->status;
        if (step == SCAN_NOTHING || ends[record.partition] < 0)
            continue;
        if (step == SCAN_RECORD && record.offset < ends[record.partition] &&
            letter_read(d, &record, &letter) && is_asked(d, &letter) && is_first(d, &letter.place))
            status = take(context, &letter);
        if (step == SCAN_END || record.offset + 1 >= ends[record.partition]) {
            ends[record.partition] = -1;
            open--;
        }
    }
    return status;
}

enum status dlq_walk(struct dlq *d, enum status (*take)(void *, const struct dlq_letter *), void *context) {
    struct settings settings = d->r.settings;
    char topic[256];
    const struct config_pair *pairs;
    size_t count = config_passthrough(d->r.config, &pairs), open;
    struct problem p = {0};
    settings_dlq_topic(&d->r.settings, topic, sizeof(topic));
    settings.kafka_topic = topic;
    enum status status = scan_open(&d->scan, &settings, pairs, count, &p);
    if (status == STATUS_OK) {
        int64_t *ends = memory_take((size_t)scan_partitions(d->scan) * sizeof(*ends));
        status = begin(d, ends, &open, &p);
        if (status == STATUS_OK)
            status = read_letters(d, ends, open, take, context, &p);
        free(ends);
    }
    if (p.what[0] != '\0')
        problem_print(&p);
    scan_close(&d->scan);
    return status;
}

// --- The command line

static bool place_parse(const struct dlq *d, const char *text, struct dlq_place *place) {
    size_t length = strlen(d->r.settings.kafka_topic);
    int end = 0;
    if (strncmp(text, d->r.settings.kafka_topic, length) == 0 && text[length] == '/')
        text += length + 1;
    place->index = DLQ_ANY_INDEX;
    int found = sscanf(text, "%" SCNd32 "/%" SCNd64 "%n/%" SCNd32 "%n", &place->partition, &place->offset,
                       &end, &place->index, &end);
    return found >= 2 && text[end] == '\0' && place->partition >= 0 && place->offset >= 0;
}

static enum status understand(struct dlq *d) {
    const struct config_request *request = &d->r.request;
    if (d->flags.reason[0] != '\0' && reject_named(slice_of(d->flags.reason)) == REJECT_NONE) {
        const char *names[REJECT_COUNT];
        for (int i = 1; i < REJECT_COUNT; i++)
            names[i - 1] = reject_name((enum reject)i);
        const char *nearest = config_nearest(d->flags.reason, names, REJECT_COUNT - 1);
        fprintf(stderr, "there is no reason \"%s\"%s%s; clameur-ingest help rejects lists them\n",
                d->flags.reason, nearest != NULL ? "; did you mean " : "", nearest != NULL ? nearest : "");
        return STATUS_USAGE;
    }
    d->places = memory_take(((size_t)request->argument_count + 1) * sizeof(*d->places));
    for (int i = 1; i < request->argument_count; i++) {
        if (!place_parse(d, request->arguments[i], &d->places[d->place_count++])) {
            fprintf(stderr, "%s is no place of %s; write %s/PARTITION/OFFSET/INDEX\n", request->arguments[i],
                    d->r.settings.kafka_topic, d->r.settings.kafka_topic);
            return STATUS_USAGE;
        }
    }
    return reader_need_kafka(&d->r);
}

static enum status perform(struct dlq *d) {
    static const struct {
        const char *name;
        enum status (*run)(struct dlq *d);
    } commands[] = {{"list", dlq_list}, {"show", dlq_show}, {"replay", dlq_replay}};
    const char *name = d->r.request.argument_count > 0 ? d->r.request.arguments[0] : "";
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        if (strcmp(commands[i].name, name) == 0) {
            enum status status = understand(d);
            return status == STATUS_OK ? commands[i].run(d) : status;
        }
    }
    return reader_usage(usage);
}

int command_dlq(int argc, char **argv) {
    static struct dlq d;
    enum status status =
        reader_configure(&d.r, argc, argv, usage, (const char *const[]){NULL}, own_rows, OWN_ROWS, &d.flags);
    if (status == STATUS_OK && !d.r.request.help)
        status = perform(&d);
    free(d.places);
    free(d.seen);
    reader_close(&d.r);
    return (int)status;
}
