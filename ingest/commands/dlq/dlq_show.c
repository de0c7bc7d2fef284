// dlq show: a letter, decoded as far as possible. Raw ids of people are shown with --raw only: without it
// there is no key, and bytes only of what cannot be read, too few to hold an id.
#include <inttypes.h>
#include <stdlib.h>

#include "ingest/commands/dlq/dlq.h"
#include "ingest/commands/explain/judge.h"
#include "runtime/memory.h"

enum { BYTES_SHOWN = 8, RAW_BYTES_SHOWN = 256 };

static const struct output_column columns[] = {
    {"letter", false},     {"reason", false},   {"why", false}, {"record_time", true}, {"size", true},
    {"truncated", false},  {"schema", true},    {"key", false}, {"fate_now", false},   {"event", false},
    {"occurred_at", true}, {"platform", false}, {"kind", true}, {"account", false},    {"content", false},
    {"delta", true},       {"actor", false},    {"hex", false}};
enum { COLUMNS = sizeof(columns) / sizeof(columns[0]) };
static const struct output_column pairs[] = {{"field", false}, {"value", false}};

struct show {
    struct dlq *d;
    struct judge judge;
    struct output output;
    struct arena arena;
    char *room;
    int64_t shown;
};

static struct output_cell number(struct show *s, int64_t value) {
    char *text = arena_take_bytes(&s->arena, 24);
    snprintf(text, 24, "%" PRId64, value);
    return output_text(slice_of(text));
}

static struct output_cell hex(struct show *s, const void *bytes, size_t length) {
    char *text = arena_take_bytes(&s->arena, 2 * length + 1);
    for (size_t i = 0; i < length; i++)
        snprintf(text + 2 * i, 3, "%02x", ((const unsigned char *)bytes)[i]);
    return output_text((struct slice){text, 2 * length});
}

static struct output_cell some(struct slice text) {
    return output_text(text.length > 0 ? text : (struct slice){NULL, 0});
}

static void letter_cells(struct show *s, struct output_cell *cells, const struct dlq_letter *l) {
    char *place = arena_take_bytes(&s->arena, DLQ_PLACE_MAX);
    cells[0] = output_text(slice_of(dlq_place_write(s->d, &l->place, place)));
    cells[1] = output_text(l->reason);
    cells[2] = output_text(slice_of(reject_doc(l->reject)));
    cells[3] = number(s, l->time_ms);
    cells[4] = number(s, l->size);
    cells[5] = output_text(slice_of(l->cut ? "yes" : "no"));
    if (l->schema >= 0)
        cells[6] = number(s, l->schema);
    if (s->d->flags.raw)
        cells[7] = some(l->key);
}

static void event_cells(struct show *s, struct output_cell *cells, const struct event *e) {
    char *platform = arena_take_bytes(&s->arena, PLATFORM_NAME_MAX + 1);
    if (e->id_length == sizeof(e->id))
        cells[9] = hex(s, e->id, sizeof(e->id));
    cells[10] = number(s, e->occurred_at_ms);
    cells[11] = output_text((struct slice){platform, platform_write(platform, e->platform)});
    cells[12] = number(s, e->kind);
    cells[13] = some(e->account);
    cells[14] = some(e->content);
    cells[15] = number(s, e->delta);
    if (e->has_actor)
        cells[16] = hex(s, e->actor, sizeof(e->actor));
}

static void print(struct show *s, const struct output_cell *cells) {
    if (s->d->r.format != OUTPUT_TABLE) {
        output_row(&s->output, cells);
        return;
    }
    for (size_t i = 0; i < COLUMNS; i++) {
        if (cells[i].text.at != NULL)
            output_row(&s->output, (struct output_cell[]){output_text(slice_of(columns[i].name)), cells[i]});
    }
}

static enum status take(void *context, const struct dlq_letter *l) {
    struct show *s = context;
    struct output_cell cells[COLUMNS] = {{{NULL, 0}, {NULL, 0}}};
    struct record record = {.time_ms = l->time_ms, .value = dlq_message(l, &s->room)};
    size_t count;
    arena_reset(&s->arena);
    letter_cells(s, cells, l);
    judge_forget(&s->judge);
    const struct judged *judged = judge_record(&s->judge, &record, &count);
    const struct judged *first = count > 0 ? judged : NULL;
    bool readable = first != NULL && first->event != NULL;
    if (first != NULL)
        cells[8] = output_text(first->fate == FATE_REJECTED ? slice_of(reject_name(first->reject))
                                                            : slice_of(fate_name(first->fate)));
    if (readable)
        event_cells(s, cells, first->event);
    size_t most = s->d->flags.raw ? RAW_BYTES_SHOWN : readable ? 0 : BYTES_SHOWN;
    if (l->value.length > 0 && most > 0)
        cells[17] = hex(s, l->value.at, l->value.length < most ? l->value.length : most);
    print(s, cells);
    s->shown++;
    return STATUS_OK;
}

enum status dlq_show(struct dlq *d) {
    struct show s = {.d = d};
    if (d->place_count == 0) {
        fprintf(stderr, "usage: clameur-ingest dlq show %s/PARTITION/OFFSET/INDEX\n",
                d->r.settings.kafka_topic);
        return STATUS_USAGE;
    }
    arena_init(&s.arena, 64 * 1024);
    bool table = d->r.format == OUTPUT_TABLE;
    output_init(&s.output, d->r.format, table ? pairs : columns, table ? 2 : COLUMNS);
    enum status status = judge_init(&s.judge, &d->r.settings, false);
    if (status == STATUS_OK)
        status = dlq_walk(d, take, &s);
    if (status == STATUS_OK && s.shown > 0)
        output_print(&s.output, stdout);
    if (status == STATUS_OK && s.shown == 0) {
        fprintf(stderr, "there is no such letter: clameur-ingest dlq list\n");
        status = STATUS_NO;
    }
    output_fini(&s.output);
    judge_fini(&s.judge);
    arena_fini(&s.arena);
    free(s.room);
    return status;
}
