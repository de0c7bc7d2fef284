#include "aggregate/figures/span.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "aggregate/figures/time/local_time.h"
#include "runtime/memory.h"

void span_init(struct span *s) {
    *s = (struct span){.rows = rows_create(), .header = {.kind = FILE_SPAN}, .newest_s = INT64_MIN};
}

void span_fini(struct span *s) {
    for (size_t i = 0; i < s->count; i++)
        free(s->inputs[i].name);
    for (size_t i = 0; i < sizeof(s->texts) / sizeof(s->texts[0]); i++)
        free(s->texts[i]);
    free(s->inputs);
    free(s->coverage);
    rows_destroy(&s->rows);
}

static const char *text_keep(struct span *s, int place, const char *text) {
    free(s->texts[place]);
    return s->texts[place] = memory_text(text);
}

// ---- what a header says

static enum status same_log(const struct span *s, const char *name, const struct header *header,
                            struct problem *p) {
    const struct header *ours = &s->header;
    if (s->count == 0 ||
        (strcmp(ours->topic, header->topic) == 0 && strcmp(ours->topic_id, header->topic_id) == 0 &&
         ours->partitions == header->partitions))
        return STATUS_OK;
    return problem_set(p, STATUS_USAGE, "", "merge the files of one log alone",
                       "%s is of the topic %s (%s) with %u partitions, %s of %s (%s) with %u",
                       s->inputs[0].name, ours->topic, ours->topic_id, ours->partitions, name, header->topic,
                       header->topic_id, header->partitions);
}

// The rules and definitions are those of the newest input, whichever comes first.
static void header_take(struct span *s, const struct header *header) {
    struct header *ours = &s->header;
    if (s->count == 0) {
        ours->topic = text_keep(s, 0, header->topic);
        ours->topic_id = text_keep(s, 1, header->topic_id);
        ours->partitions = header->partitions;
        ours->start_s = header->start_s;
        ours->end_s = header->end_s;
    }
    if (s->count == 0 || header->start_s > s->newest_s) {
        s->newest_s = header->start_s;
        ours->rules_hash = text_keep(s, 2, header->rules_hash);
        ours->kpis_hash = text_keep(s, 3, header->kpis_hash);
    }
    if (header->start_s < ours->start_s)
        ours->start_s = header->start_s;
    if (header->end_s > ours->end_s)
        ours->end_s = header->end_s;
}

static struct coverage *coverage_find(struct span *s, const struct coverage *of) {
    size_t place = 0;
    while (place < s->header.coverage_count && s->coverage[place].partition < of->partition)
        place++;
    if (place < s->header.coverage_count && s->coverage[place].partition == of->partition)
        return &s->coverage[place];
    s->coverage = memory_grow(s->coverage, s->header.coverage_count + 1, sizeof(*s->coverage));
    memmove(&s->coverage[place + 1], &s->coverage[place],
            (s->header.coverage_count - place) * sizeof(*s->coverage));
    s->header.coverage_count++;
    s->header.coverage = s->coverage;
    s->coverage[place] = (struct coverage){.partition = of->partition, .start = of->start, .to = of->to};
    return &s->coverage[place];
}

static void coverage_take(struct span *s, const struct coverage *coverage) {
    struct coverage *ours = coverage_find(s, coverage);
    if (coverage->start < ours->start)
        ours->start = coverage->start;
    if (coverage->to > ours->to)
        ours->to = coverage->to;
    if (coverage->orders_to > ours->orders_to)
        ours->orders_to = coverage->orders_to;
    ours->counted += coverage->counted;
    ours->late += coverage->late;
    ours->missing = ours->missing || coverage->missing;
}

// ---- inputs

static void input_take(struct span *s, const char *name, const struct header *header) {
    if (s->count == s->room) {
        s->room = s->room == 0 ? 64 : 2 * s->room;
        s->inputs = memory_grow(s->inputs, s->room, sizeof(*s->inputs));
    }
    s->inputs[s->count++] = (struct span_input){header->start_s, header->end_s, memory_text(name)};
}

enum status span_add(struct span *s, const char *name, const struct header *header, const struct rows *rows,
                     struct problem *p) {
    if (header->kind != FILE_WINDOW && header->kind != FILE_SPAN)
        return problem_set(p, STATUS_USAGE, "", "merge windows and spans: files of snapshots/",
                           "%s is no published window: parts and checkpoints are merged by the aggregators",
                           name);
    enum status status = same_log(s, name, header, p);
    if (status != STATUS_OK)
        return status;
    header_take(s, header);
    for (size_t i = 0; i < header->coverage_count; i++)
        coverage_take(s, &header->coverage[i]);
    rows_merge(s->rows, rows);
    input_take(s, name, header);
    return STATUS_OK;
}

static int input_compare(const void *left, const void *right) {
    const struct span_input *a = left, *b = right;
    if (a->start_s != b->start_s)
        return a->start_s < b->start_s ? -1 : 1;
    return strcmp(a->name, b->name);
}

enum status span_end(struct span *s, struct problem *p) {
    char text[LOCAL_TIME_MAX];
    if (s->count == 0)
        return problem_set(p, STATUS_NO_INPUT, "",
                           "name another time: clameur-aggregate list tells from when to when windows are",
                           "no window of this time is published: there is nothing to merge");
    qsort(s->inputs, s->count, sizeof(*s->inputs), input_compare);
    for (size_t i = 1; i < s->count; i++) {
        if (s->inputs[i].start_s >= s->inputs[i - 1].end_s)
            continue;
        local_time_write(text, NULL, s->inputs[i].start_s);
        return problem_set(p, STATUS_USAGE, "", "leave one of them out: what both cover would count twice",
                           "%s and %s both cover %s", s->inputs[i - 1].name, s->inputs[i].name, text);
    }
    return STATUS_OK;
}

void span_write(const struct span *s, struct snapshot_bytes *out) {
    const struct snapshot_window window = {s->header.start_s, s->rows};
    snapshot_write(out, &s->header, &window, 1);
}
