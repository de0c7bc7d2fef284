// Events from the topic: the record at a place, or the records that hold an id.
//
// Before a record is judged, the ids of one dedup span before it are fed, as a worker does after an
// assignment.
#include <inttypes.h>
#include <stdlib.h>

#include "ingest/commands/explain/explain.h"
#include "runtime/clock.h"
#include "runtime/memory.h"
#include "stream/source/scan.h"

enum {
    WAIT_MS = 200,
    FOUND_MAX = 16,
    ROUNDS = 16,
    STEP_MIN = 1000,
    PROGRESS_MS = 1000,
};

struct place {
    int32_t partition;
    int64_t offset;
};

// --- Arguments

bool explain_is_place(const char *argument) {
    int length = 0;
    int32_t partition;
    int64_t offset;
    const char *slash = strchr(argument, '/');
    return slash != NULL && slash != argument &&
           sscanf(slash, "/%" SCNd32 "/%" SCNd64 "%n", &partition, &offset, &length) == 2 &&
           slash[length] == '\0' && partition >= 0 && offset >= 0;
}

static int hex_digit(char c) {
    const char *digits = "0123456789abcdef0123456789ABCDEF", *found = c != '\0' ? strchr(digits, c) : NULL;
    return found != NULL ? (int)(found - digits) % 16 : -1;
}

bool explain_is_id(const char *argument, unsigned char id[16]) {
    size_t digits = 0;
    for (const char *c = argument; *c != '\0'; c++) {
        long at = c - argument;
        bool dash = *c == '-' && (at == 8 || at == 13 || at == 18 || at == 23);
        int digit = hex_digit(*c);
        if (dash)
            continue;
        if (digit < 0 || digits == 32)
            return false;
        id[digits / 2] = (unsigned char)(digits % 2 == 0 ? digit << 4 : id[digits / 2] | digit);
        digits++;
    }
    return digits == 32;
}

// --- Reading

struct log_reading {
    struct explain *x;
    struct scan *scan;
    const char *what; // for the progress
    int64_t read;
    int64_t told_ms;
};

static void progress_tell(struct log_reading *r) {
    int64_t now = clock_monotonic_ms();
    if (now - r->told_ms < PROGRESS_MS)
        return;
    r->told_ms = now;
    fprintf(stderr, "explain: %s: %" PRId64 " messages read\n", r->what, r->read);
}

// The next step that says something; a broker that is silent for long is a failure.
static enum scan_step step_next(struct log_reading *r, struct record *record, struct problem *p) {
    for (;;) {
        enum scan_step step = scan_await(r->scan, record, WAIT_MS, SCAN_STALL_MS, p);
        progress_tell(r);
        r->read += step == SCAN_RECORD;
        if (step != SCAN_NOTHING)
            return step;
    }
}

static enum status begin(struct log_reading *r, const struct source_position *positions, size_t count,
                         const char *what, struct problem *p) {
    r->what = what;
    r->read = 0;
    r->told_ms = clock_monotonic_ms();
    return scan_from(r->scan, positions, count, p);
}

static enum status log_open(struct log_reading *r, struct explain *x) {
    struct problem p;
    const struct config_pair *pairs;
    size_t count = config_passthrough(x->r.config, &pairs);
    *r = (struct log_reading){.x = x};
    enum status status = reader_need_kafka(&x->r);
    if (status != STATUS_OK)
        return status;
    status = scan_open(&r->scan, &x->r.settings, pairs, count, &p);
    if (status != STATUS_OK)
        problem_print(&p);
    return status;
}

// --- A record

// Ids of the record's duplicates, and where each was first; offset -1: not found.
struct first {
    unsigned char id[16];
    struct place place;
    int32_t index;
};

// The record that is asked for, and the way to it.
struct wanted {
    struct place place;
    int64_t from;            // where feeding ids begins
    const unsigned char *id; // NULL: all events of the record
    struct first *firsts;    // of its duplicates, known after the first walk
    size_t first_count;
};

static bool is_asked(const struct wanted *w, const struct judged *judged) {
    const struct event *e = judged->event;
    return w->id == NULL || (e != NULL && e->id_length == 16 && memcmp(e->id, w->id, 16) == 0);
}

static bool firsts_gather(struct wanted *w, const struct judged *judged, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (judged[i].fate != FATE_DUPLICATE || !is_asked(w, &judged[i]))
            continue;
        w->firsts = memory_grow(w->firsts, w->first_count + 1, sizeof(*w->firsts));
        struct first *first = &w->firsts[w->first_count++];
        *first = (struct first){.place = {.offset = -1}};
        memcpy(first->id, judged[i].event->id, sizeof(first->id));
    }
    return w->first_count > 0;
}

static void firsts_look(struct wanted *w, const struct record *record, const struct judged *judged) {
    for (size_t i = 0; i < w->first_count && judged->fate == FATE_COUNTED; i++) {
        if (memcmp(w->firsts[i].id, judged->event->id, sizeof(w->firsts[i].id)) != 0)
            continue;
        w->firsts[i].place = (struct place){record->partition, record->offset};
        w->firsts[i].index = judged->index;
    }
}

static void tell_judged(struct log_reading *r, const struct wanted *w, const struct record *record,
                        const struct judged *judged) {
    char source[EXPLAIN_SOURCE_MAX], first[EXPLAIN_SOURCE_MAX] = "";
    const char *topic = r->x->r.settings.kafka_topic;
    snprintf(source, sizeof(source), "%s/%" PRId32 "/%" PRId64, topic, record->partition, record->offset);
    for (size_t i = 0; i < w->first_count && judged->fate == FATE_DUPLICATE; i++) {
        const struct first *f = &w->firsts[i];
        if (f->place.offset >= 0 && memcmp(f->id, judged->event->id, sizeof(f->id)) == 0)
            snprintf(first, sizeof(first), "%s/%" PRId32 "/%" PRId64 " [%" PRId32 "]", topic,
                     f->place.partition, f->place.offset, f->index);
    }
    explain_tell(r->x, source, record, judged, first);
}

// Judges what lies before the record, then the record. True where its events were told; a record with
// duplicates is not on the first walk, which only learns their ids.
static bool reach(struct log_reading *r, struct wanted *w, const struct record *record, bool again) {
    size_t count;
    const struct judged *judged = judge_record(&r->x->judge, record, &count);
    for (size_t i = 0; i < count && again; i++)
        firsts_look(w, record, &judged[i]);
    if (record->offset < w->place.offset || (!again && firsts_gather(w, judged, count)))
        return false;
    for (size_t i = 0; i < count; i++) {
        if (is_asked(w, &judged[i]))
            tell_judged(r, w, record, &judged[i]);
    }
    return true;
}

static enum status walk(struct log_reading *r, struct wanted *w, bool again, bool *told, struct problem *p) {
    struct source_position from = {w->place.partition, w->from};
    struct record record = {.offset = -1};
    judge_forget(&r->x->judge);
    enum status status = begin(r, &from, 1, "looking for duplicates before the record", p);
    while (status == STATUS_OK && record.offset < w->place.offset) {
        enum scan_step step = step_next(r, &record, p);
        if (step == SCAN_FAILED)
            return p->status;
        if (step == SCAN_END || record.offset > w->place.offset)
            break;
        *told = reach(r, w, &record, again);
    }
    return status;
}

static enum status tell_place(struct log_reading *r, struct place place, const unsigned char *id,
                              struct problem *p) {
    struct wanted w = {.place = place, .id = id};
    int64_t first, end, span = r->x->judge.dedup_span;
    bool told = false;
    enum status status = STATUS_OK;
    if (place.partition >= scan_partitions(r->scan))
        return problem_set(p, STATUS_NO, "", "", "%s has %" PRId32 " partitions",
                           r->x->r.settings.kafka_topic, scan_partitions(r->scan));
    status = scan_bounds(r->scan, place.partition, &first, &end, p);
    if (status != STATUS_OK)
        return status;
    w.from = place.offset - span > first ? place.offset - span : first;
    if (place.offset >= first && place.offset < end)
        status = walk(r, &w, false, &told, p);
    if (status == STATUS_OK && w.first_count > 0)
        status = walk(r, &w, true, &told, p);
    free(w.firsts);
    if (status != STATUS_OK || told)
        return status;
    return problem_set(p, STATUS_NO, "", "",
                       "there is no record at offset %" PRId64 " of partition %" PRId32
                       ", which holds %" PRId64 " to %" PRId64,
                       place.offset, place.partition, first, end - 1);
}

enum status explain_place(struct explain *x, const char *text) {
    struct place place;
    struct log_reading r;
    struct problem p;
    const char *slash = strchr(text, '/');
    char *topic = memory_text(text);
    topic[slash - text] = '\0';
    x->r.settings.kafka_topic = topic;
    sscanf(slash, "/%" SCNd32 "/%" SCNd64, &place.partition, &place.offset);
    enum status status = log_open(&r, x);
    if (status == STATUS_OK) {
        status = tell_place(&r, place, NULL, &p);
        if (status != STATUS_OK)
            problem_print(&p);
        scan_close(&r.scan);
    }
    x->r.settings.kafka_topic = "";
    free(topic);
    return status;
}

// --- An id: all partitions at once, backwards from their ends, a stretch of each at a time

struct search {
    const unsigned char *id;
    int32_t partitions;
    int64_t *first, *until; // by partition: where the log begins, and below what is still to be read
    int64_t step;
    struct place found[FOUND_MAX];
    size_t found_count;
    int64_t messages;
    int64_t oldest_ms;
};

static void look_at(struct search *s, struct log_reading *r, const struct record *record) {
    size_t count;
    const struct judged *judged = judge_record(&r->x->judge, record, &count);
    struct wanted w = {.id = s->id};
    s->messages++;
    if (record->time_ms > 0 && (s->oldest_ms == 0 || record->time_ms < s->oldest_ms))
        s->oldest_ms = record->time_ms;
    for (size_t i = 0; i < count; i++) {
        if (is_asked(&w, &judged[i]) && s->found_count < FOUND_MAX) {
            s->found[s->found_count++] = (struct place){record->partition, record->offset};
            return;
        }
    }
}

// Reads [from, until) of every partition. `left` counts the partitions that were not read through.
static enum status read_stretch(struct search *s, struct log_reading *r, const struct source_position *from,
                                size_t left, struct problem *p) {
    bool *done = memory_take((size_t)s->partitions * sizeof(*done));
    enum status status = begin(r, from, left, "searching backwards", p);
    judge_forget(&r->x->judge);
    while (status == STATUS_OK && left > 0) {
        struct record record;
        enum scan_step step = step_next(r, &record, p);
        if (step == SCAN_FAILED) {
            status = p->status;
            break;
        }
        if (done[record.partition])
            continue;
        int64_t until = s->until[record.partition];
        if (step == SCAN_RECORD && record.offset < until)
            look_at(s, r, &record);
        done[record.partition] = step == SCAN_END || record.offset >= until - 1;
        left -= done[record.partition];
    }
    free(done);
    return status;
}

static bool is_through(const struct search *s) {
    for (int32_t i = 0; i < s->partitions; i++) {
        if (s->until[i] > s->first[i])
            return false;
    }
    return true;
}

static enum status search_round(struct search *s, struct log_reading *r, struct problem *p) {
    struct source_position *from = memory_take((size_t)s->partitions * sizeof(*from));
    size_t count = 0;
    for (int32_t i = 0; i < s->partitions; i++) {
        int64_t low = s->until[i] - s->step > s->first[i] ? s->until[i] - s->step : s->first[i];
        if (low < s->until[i])
            from[count++] = (struct source_position){i, low};
    }
    enum status status = read_stretch(s, r, from, count, p);
    for (size_t i = 0; i < count; i++)
        s->until[from[i].partition] = from[i].offset;
    free(from);
    return status;
}

static enum status search_bounds(struct search *s, struct log_reading *r, struct problem *p) {
    s->partitions = scan_partitions(r->scan);
    s->first = memory_take((size_t)s->partitions * sizeof(*s->first));
    s->until = memory_take((size_t)s->partitions * sizeof(*s->until));
    s->step = r->x->flags.back / s->partitions / ROUNDS;
    s->step = s->step > STEP_MIN ? s->step : STEP_MIN;
    enum status status = STATUS_OK;
    for (int32_t i = 0; i < s->partitions && status == STATUS_OK; i++)
        status = scan_bounds(r->scan, i, &s->first[i], &s->until[i], p);
    return status;
}

// How far it looked: the bound is part of the answer.
static void search_report(const struct search *s, bool all) {
    char since[OUTPUT_TIME_MAX] = "";
    if (s->oldest_ms > 0)
        output_time(since, s->oldest_ms / 1000);
    fprintf(stderr, "explain: %s; %s%" PRId64 " messages of %" PRId32 " partitions were searched%s%s%s\n",
            s->found_count > 0 ? "found" : "no event has this id", all ? "all " : "the last ", s->messages,
            s->partitions, since[0] != '\0' ? ", back to " : "", since,
            s->found_count == 0 && !all ? "; --back N goes further, and each N is one message" : "");
}

static enum status search(struct search *s, struct log_reading *r, struct problem *p) {
    enum status status = search_bounds(s, r, p);
    while (status == STATUS_OK && !is_through(s) && s->found_count == 0 && s->messages < r->x->flags.back)
        status = search_round(s, r, p);
    if (status != STATUS_OK)
        return status;
    search_report(s, is_through(s));
    for (size_t i = 0; i < s->found_count && status == STATUS_OK; i++)
        status = tell_place(r, s->found[i], s->id, p);
    return status;
}

enum status explain_id(struct explain *x, const unsigned char id[16]) {
    struct search s = {.id = id};
    struct log_reading r;
    struct problem p;
    enum status status = log_open(&r, x);
    if (status != STATUS_OK)
        return status;
    status = search(&s, &r, &p);
    if (status != STATUS_OK)
        problem_print(&p);
    scan_close(&r.scan);
    free(s.first);
    free(s.until);
    return status == STATUS_OK && s.found_count == 0 ? STATUS_NO : status;
}
