#include "loadtest/windows/compare/windows_compare.h"

#include <inttypes.h>
#include <stdlib.h>

#include "loadtest/windows/compare/windows_compare_live.h"
#include "loadtest/windows/compare/windows_compare_sketches.h"
#include "runtime/memory.h"

enum { PARTITION_TEXT = 32 };

struct comparison {
    struct windows_report *report;
    int64_t window_s;
    const struct rows *rows;
    struct window_model *model;
    bool *is_live;  // by row of the model: it has a counter other than 0
    bool *is_there; // by row of the model: the file has it
};

static void find(const struct comparison *c, struct slice where, const char *counter, const char *stored,
                 const char *recount) {
    windows_report_find(c->report, c->window_s, where, counter, stored, recount);
}

// ---- the header

static struct slice partition_write(char out[PARTITION_TEXT], int32_t partition) {
    int length = snprintf(out, PARTITION_TEXT, "partition %" PRId32, partition);
    return (struct slice){out, (size_t)length};
}

static void compare_share(struct windows_report *r, const struct windows_origin *origin,
                          const struct windows_window *w, const struct coverage *stored, int32_t partition) {
    static const struct windows_share nothing;
    char name[PARTITION_TEXT];
    struct slice where = partition_write(name, partition);
    const struct windows_share *share = w->covered != NULL ? &w->covered[partition] : &nothing;
    int64_t start = origin->starts[partition], to = share->to > 0 ? share->to : start;
    windows_report_number(r, w->start_s, where, "start", stored->start, start);
    windows_report_number(r, w->start_s, where, "to", stored->to, to);
    windows_report_number(r, w->start_s, where, "counted", (int64_t)stored->counted, (int64_t)share->counted);
    windows_report_number(r, w->start_s, where, "late", (int64_t)stored->late, (int64_t)share->late);
    if (stored->missing)
        windows_report_find(r, w->start_s, where, "", "published without it", "sealed");
}

static void compare_coverage(struct windows_report *r, const struct windows_origin *origin,
                             const struct windows_window *w, const struct header *header) {
    struct slice where = slice_of("coverage");
    windows_report_number(r, w->start_s, where, "partitions", (int64_t)header->coverage_count,
                          origin->partitions);
    for (size_t i = 0; i < header->coverage_count && i < (size_t)origin->partitions; i++) {
        windows_report_number(r, w->start_s, where, "partition", header->coverage[i].partition, (int64_t)i);
        compare_share(r, origin, w, &header->coverage[i], (int32_t)i);
    }
}

static bool is_known(const struct rules_book *rules, const char *hash) {
    for (size_t i = 0; i < rules->count; i++) {
        if (strcmp(rules->versions[i].hash, hash) == 0)
            return true;
    }
    return false;
}

static void compare_header(struct windows_report *r, const struct windows_origin *origin,
                           const struct windows_window *w, const struct header *header) {
    struct slice where = slice_of("header");
    windows_report_number(r, w->start_s, where, "kind", header->kind, FILE_WINDOW);
    windows_report_number(r, w->start_s, where, "start_s", header->start_s, w->start_s);
    windows_report_number(r, w->start_s, where, "end_s", header->end_s, w->start_s + RECOUNT_WINDOW_S);
    windows_report_number(r, w->start_s, where, "partitions", header->partitions, origin->partitions);
    if (strcmp(header->topic, origin->topic) != 0)
        windows_report_find(r, w->start_s, where, "topic", header->topic, origin->topic);
    if (strcmp(header->topic_id, origin->topic_id) != 0)
        windows_report_find(r, w->start_s, where, "topic_id", header->topic_id, origin->topic_id);
    if (!is_known(origin->rules, header->rules_hash))
        windows_report_find(r, w->start_s, where, "rules_hash", header->rules_hash,
                            origin->rules->versions[origin->rules->count - 1].hash);
    compare_coverage(r, origin, w, header);
}

// ---- rows

static const char *const table_names[TABLES] = {
    [TABLE_TOTALS] = "totals",     [TABLE_CONTENT] = "content", [TABLE_CAMPAIGN] = "campaign",
    [TABLE_TAG] = "tag",           [TABLE_TOPIC] = "topic",     [TABLE_LATE] = "late",
    [TABLE_ORDERS] = "orders",     [TABLE_REACH] = "reach",     [TABLE_QUANTILES] = "quantiles",
    [TABLE_READINGS] = "readings", [TABLE_LIVE] = "live",       [TABLE_COHORT] = "cohort",
    [TABLE_REFUNDS] = "refunds"};

struct slice windows_row_text(char out[WINDOWS_WHERE_MAX], const struct row_key *key) {
    char platform[PLATFORM_NAME_MAX], rest[64];
    int platform_length = (int)platform_write(platform, key->platform);
    snprintf(rest, sizeof(rest), " origin %" PRIu32 " format %" PRIu32 "%s", key->origin, key->format,
             key->paid ? " paid" : "");
    bool has_id = key->table != TABLE_TOTALS && key->table != TABLE_LATE;
    int length =
        snprintf(out, WINDOWS_WHERE_MAX, "%s %.*s/%.*s%s%.*s%s", table_names[key->table],
                 (int)key->account.length, key->account.at, platform_length, platform, has_id ? " " : "",
                 has_id ? (int)key->id.length : 0, has_id ? key->id.at : "", has_id ? "" : rest);
    return (struct slice){out, length < WINDOWS_WHERE_MAX ? (size_t)length : WINDOWS_WHERE_MAX - 1};
}

static void compare_cell(const struct comparison *c, const struct row_key *key, struct slice name,
                         const struct cell *stored) {
    struct window_cell *cell = window_model_cell(c->model, name, stored->field);
    int64_t expected = cell == NULL ? 0 : cell->value;
    c->report->counters++;
    if (cell != NULL)
        cell->met = true;
    if (expected == stored->value)
        return;
    char where[WINDOWS_WHERE_MAX], counter[FIELD_MAX + 1];
    counter[field_write(counter, stored->field)] = '\0';
    windows_report_number(c->report, c->window_s, windows_row_text(where, key), counter, stored->value,
                          expected);
}

static void compare_row(const struct comparison *c, uint32_t number) {
    char bytes[WINDOW_ROW_MAX], where[WINDOWS_WHERE_MAX];
    struct row_key key = rows_key(c->rows, number);
    struct slice name = window_row_write(bytes, &key);
    uint32_t row = names_find(&c->model->rows, name);
    c->report->rows++;
    if (row == TABLE_NONE || !c->is_live[row]) {
        find(c, windows_row_text(where, &key), "", "a row", "no row");
        return;
    }
    c->is_there[row] = true;
    struct cell cell;
    for (uint32_t i = rows_next_cell(c->rows, number, ROWS_FIRST, &cell); i != ROWS_END;
         i = rows_next_cell(c->rows, number, i, &cell))
        compare_cell(c, &key, name, &cell);
}

// What the file lacks: whole rows, and counters of rows that it has.
static void compare_rest(const struct comparison *c) {
    const struct window_model *m = c->model;
    char where[WINDOWS_WHERE_MAX], counter[FIELD_MAX + 1];
    for (uint32_t row = 0; row < m->rows.count; row++) {
        struct row_key key = window_row_read(m->rows.at[row]);
        if (c->is_live[row] && !c->is_there[row])
            find(c, windows_row_text(where, &key), "", "no row", "a row");
    }
    for (uint32_t i = 0; i < m->cell_count; i++) {
        const struct window_cell *cell = &m->cells[i];
        if (cell->met || cell->value == 0 || !c->is_there[cell->row])
            continue;
        struct row_key key = window_row_read(m->rows.at[cell->row]);
        counter[field_write(counter, window_model_field(m, cell))] = '\0';
        windows_report_number(c->report, c->window_s, windows_row_text(where, &key), counter, 0, cell->value);
    }
}

static void compare_rows(const struct comparison *c) {
    const struct window_model *m = c->model;
    for (uint32_t i = 0; i < m->cell_count; i++)
        c->is_live[m->cells[i].row] |= m->cells[i].value != 0;
    for (uint32_t i = 0; i < rows_count(c->rows); i++)
        compare_row(c, i);
    compare_rest(c);
}

// ---- orders

// Sums by field: zeros and the order of measures say nothing.
static int64_t increment_of(const struct increments *increments, field_code field) {
    uint64_t sum = 0;
    for (uint32_t i = 0; i < increments->count; i++)
        sum += increments->at[i].field == field ? (uint64_t)increments->at[i].value : 0;
    return (int64_t)sum;
}

static int64_t delta_of(const struct recount_increments *increments, field_code field) {
    uint64_t sum = 0;
    for (size_t i = 0; i < increments->count; i++)
        sum += increments->at[i].field == field ? (uint64_t)increments->at[i].delta : 0;
    return (int64_t)sum;
}

static bool is_same_sum(const struct increments *a, const struct recount_increments *b) {
    for (uint32_t i = 0; i < a->count; i++) {
        if (increment_of(a, a->at[i].field) != delta_of(b, a->at[i].field))
            return false;
    }
    for (size_t i = 0; i < b->count; i++) {
        if (increment_of(a, b->at[i].field) != delta_of(b, b->at[i].field))
            return false;
    }
    return a->count > 0 && a->has_kind && a->at[0].field == b->kind;
}

static bool is_same_tags(const struct subject *s, const struct window_copy *copy) {
    if (s->tag_count != copy->whose.tag_count)
        return false;
    for (size_t i = 0; i < copy->whose.tag_count; i++) {
        if (!slice_equal(s->tags[i], copy->whose.tags[i]))
            return false;
    }
    return true;
}

// The first thing that an order of the file says otherwise; NULL: nothing.
static const char *order_differs(const struct order *o, const struct window_copy *copy) {
    const struct subject *s = &o->subject;
    if (s->platform != copy->whose.platform || s->origin != copy->whose.origin ||
        s->format != copy->whose.format || s->paid != copy->whose.paid)
        return "where it belongs";
    if (!slice_equal(s->content, copy->whose.content) || !slice_equal(s->campaign, copy->whose.campaign))
        return "content and campaign";
    if (!is_same_tags(s, copy) || s->topic_count > 0)
        return "tags";
    if (o->again != copy->again)
        return "how often it came again";
    return is_same_sum(&o->increments, &copy->increments) ? NULL : "increments";
}

static struct slice order_text(char out[WINDOWS_WHERE_MAX], struct slice account,
                               const unsigned char hash[ORDER_SIZE],
                               const unsigned char event_id[EVENT_ID_SIZE]) {
    char hex[2 * ORDER_SIZE + 2 * EVENT_ID_SIZE + 1];
    for (size_t i = 0; i < ORDER_SIZE; i++)
        snprintf(hex + 2 * i, 3, "%02x", hash[i]);
    for (size_t i = 0; i < EVENT_ID_SIZE; i++)
        snprintf(hex + 2 * ORDER_SIZE + 2 * i, 3, "%02x", event_id[i]);
    int length = snprintf(out, WINDOWS_WHERE_MAX, "order %.*s %.32s by event %s", (int)account.length,
                          account.at, hex, hex + 2 * ORDER_SIZE);
    return (struct slice){out, length < WINDOWS_WHERE_MAX ? (size_t)length : WINDOWS_WHERE_MAX - 1};
}

static void compare_order(const struct comparison *c, const struct order *o) {
    char where[WINDOWS_WHERE_MAX];
    struct window_copy *copy = window_model_copy(c->model, o);
    const char *differs = copy == NULL ? NULL : order_differs(o, copy);
    c->report->orders++;
    if (copy != NULL)
        copy->met = true;
    if (copy != NULL && differs == NULL)
        return;
    struct slice name = order_text(where, o->subject.account, o->order, o->event_id);
    if (copy == NULL)
        find(c, name, "", "an order", "no order");
    else
        find(c, name, differs, "another", "as the event says");
}

static void compare_orders(const struct comparison *c) {
    char where[WINDOWS_WHERE_MAX];
    for (size_t i = 0; i < rows_order_count(c->rows); i++)
        compare_order(c, rows_order(c->rows, i));
    for (uint32_t i = 0; i < c->model->ranks.count; i++) {
        const struct window_copy *copy = c->model->copies[i];
        if (!copy->met)
            find(c, order_text(where, copy->account, copy->hash, copy->event_id), "", "no order", "an order");
    }
}

// ---- readings

// "readings acme/tiktok v1".
static struct slice reading_text(char out[WINDOWS_WHERE_MAX], const struct latest_reading *reading) {
    return windows_row_text(out, &(struct row_key){.table = TABLE_READINGS,
                                                   .platform = reading->platform,
                                                   .account = reading->account,
                                                   .id = reading->content});
}

static void reading_find(const struct comparison *c, const struct latest_reading *of, const char *stored,
                         const char *recount) {
    char where[WINDOWS_WHERE_MAX], counter[ROWS_READ_COUNTER_MAX + 1];
    snprintf(counter, sizeof(counter), "%.*s", (int)of->counter.length, of->counter.at);
    find(c, reading_text(where, of), counter, stored, recount);
}

static void compare_reading(const struct comparison *c, const struct latest_reading *stored) {
    char texts[2][64];
    struct windows_reading *known = windows_read_find(&c->model->read, stored);
    c->report->readings++;
    if (known == NULL) {
        reading_find(c, stored, "a reading", "no reading");
        return;
    }
    known->met = true;
    if (known->value == stored->value && known->read_at_ms == stored->read_at_ms &&
        memcmp(known->event_id, stored->event_id, EVENT_ID_SIZE) == 0)
        return;
    snprintf(texts[0], sizeof(texts[0]), "%" PRId64 " at %" PRId64, stored->value, stored->read_at_ms);
    snprintf(texts[1], sizeof(texts[1]), "%" PRId64 " at %" PRId64, known->value, known->read_at_ms);
    bool is_other_event = strcmp(texts[0], texts[1]) == 0;
    reading_find(c, stored, is_other_event ? "of another event" : texts[0], texts[1]);
}

static void compare_readings(const struct comparison *c) {
    for (size_t i = 0; i < rows_reading_count(c->rows); i++)
        compare_reading(c, rows_reading(c->rows, i));
    for (uint32_t i = 0; i < c->model->read.names.count; i++) {
        const struct latest_reading told = windows_read_tell(&c->model->read, i);
        if (!c->model->read.at[i].met)
            reading_find(c, &told, "no reading", "a reading");
    }
}

void windows_compare(struct windows_report *r, const struct windows_origin *origin,
                     const struct windows_window *w, const struct header *header, const struct rows *rows) {
    struct window_model *empty = w->model == NULL ? window_model_create() : NULL;
    struct comparison c = {
        .report = r, .window_s = w->start_s, .rows = rows, .model = w->model != NULL ? w->model : empty};
    c.is_live = memory_take(c.model->rows.count + 1);
    c.is_there = memory_take(c.model->rows.count + 1);
    r->windows++;
    r->growing += w->beyond > 0;
    compare_header(r, origin, w, header);
    compare_rows(&c);
    compare_orders(&c);
    compare_readings(&c);
    windows_compare_sketches(r, w->start_s, rows, &c.model->sketches);
    windows_compare_live(r, w->start_s, rows, &c.model->live);
    free(c.is_live);
    free(c.is_there);
    window_model_destroy(&empty);
}

// ---- balances

static void compare_line(struct windows_report *r, const struct windows_fold *f, struct slice where,
                         const struct progress *progress, const struct line *line) {
    static const struct windows_share nothing;
    const struct windows_window *w = windows_fold_find(f, line->start_s);
    const struct windows_share *share = w != NULL ? &w->shares[progress->partition] : &nothing;
    int64_t to = share->to > 0 ? share->to : progress->start;
    windows_report_number(r, line->start_s, where, "line's counted", (int64_t)line->counted,
                          (int64_t)share->counted);
    windows_report_number(r, line->start_s, where, "line's late", (int64_t)line->late, (int64_t)share->late);
    windows_report_number(r, line->start_s, where, "line's to", line->to, to);
}

// What the record has no line for must be what it says was settled.
static void compare_settled(struct windows_report *r, const struct windows_fold *f, struct slice where,
                            const struct progress *progress) {
    uint64_t counted = 0, late = 0;
    for (size_t i = 0; i < f->count; i++) {
        const struct windows_share *share = &f->at[i]->shares[progress->partition];
        if ((share->counted == 0 && share->late == 0) || progress_line(progress, f->at[i]->start_s) != NULL)
            continue;
        counted += share->counted;
        late += share->late;
    }
    windows_report_number(r, NO_WINDOW, where, "settled_counted", (int64_t)progress->settled_counted,
                          (int64_t)counted);
    windows_report_number(r, NO_WINDOW, where, "settled_late", (int64_t)progress->settled_late,
                          (int64_t)late);
}

static uint64_t shares_of(const struct progress *progress) {
    uint64_t sum =
        progress->rejected + progress->duplicate + progress->settled_counted + progress->settled_late;
    for (size_t i = 0; i < progress->line_count; i++)
        sum += progress->lines[i].counted + progress->lines[i].late;
    for (size_t i = 0; i < progress->apart_count; i++)
        sum += progress->apart[i].counted + progress->apart[i].late;
    return sum;
}

void windows_compare_balance(struct windows_report *r, const struct windows_fold *f, int32_t partition,
                             const struct progress *progress) {
    char name[PARTITION_TEXT];
    struct slice where = partition_write(name, partition);
    if (progress == NULL)
        return;
    const struct windows_fate *fate = &f->fates[partition];
    r->partitions++;
    windows_report_number(r, NO_WINDOW, where, "start", progress->start, f->setup->starts[partition]);
    windows_report_number(r, NO_WINDOW, where, "read", (int64_t)progress->read, (int64_t)fate->read);
    windows_report_number(r, NO_WINDOW, where, "rejected", (int64_t)progress->rejected,
                          (int64_t)fate->rejected);
    windows_report_number(r, NO_WINDOW, where, "duplicate", (int64_t)progress->duplicate,
                          (int64_t)fate->duplicate);
    windows_report_number(r, NO_WINDOW, where, "read, and all its shares", (int64_t)progress->read,
                          (int64_t)shares_of(progress));
    for (size_t i = 0; i < progress->line_count; i++)
        compare_line(r, f, where, progress, &progress->lines[i]);
    compare_settled(r, f, where, progress);
}

int64_t windows_sum_of(const struct header *header) {
    uint64_t more = 0, less = 0; // offsets of a file may be as great as can be
    for (size_t i = 0; i < header->coverage_count; i++) {
        more += (uint64_t)header->coverage[i].to;
        less += header->coverage[i].missing;
    }
    for (size_t i = 0; i < header->earlier_count; i++)
        more += (uint64_t)header->earlier[i].to + header->earlier[i].gone;
    more &= INT64_MAX;
    return more > less ? (int64_t)(more - less) : 0;
}
