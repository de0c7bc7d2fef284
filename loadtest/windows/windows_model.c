#include "loadtest/windows/windows_model.h"

#include <stdio.h>
#include <stdlib.h>

#include "loadtest/recount/reading/recount_event.h"
#include "loadtest/windows/windows_beside.h"
#include "loadtest/windows/windows_orders.h"
#include "runtime/check.h"
#include "runtime/memory.h"
#include "schemas/layout.h"

enum {
    ARENA_BLOCK = 64 << 10,
    ROW_BYTES = 64, // about what a row, or a cell, takes besides its name
    CELL_BYTES = 72,
    EMPTY_BYTES = 7 * ARENA_BLOCK,
};

struct window_model *window_model_create(void) {
    struct window_model *m = memory_take(sizeof(*m));
    names_init(&m->rows);
    names_init(&m->fields);
    names_init(&m->orders);
    names_init(&m->ranks);
    windows_read_init(&m->read);
    windows_live_init(&m->live);
    arena_init(&m->arena, ARENA_BLOCK);
    window_sketches_init(&m->sketches);
    m->memory = EMPTY_BYTES;
    return m;
}

void window_model_destroy(struct window_model **m) {
    if (*m == NULL)
        return;
    names_fini(&(*m)->rows);
    names_fini(&(*m)->fields);
    names_fini(&(*m)->orders);
    names_fini(&(*m)->ranks);
    windows_read_fini(&(*m)->read);
    windows_live_fini(&(*m)->live);
    pairs_fini(&(*m)->cell_of);
    arena_fini(&(*m)->arena);
    window_sketches_fini(&(*m)->sketches);
    free((*m)->cells);
    free((*m)->copies);
    free((*m)->first_copy);
    free((*m)->refunds);
    free(*m);
    *m = NULL;
}

// ---- names

static const char *cut(const char *at, void *out, size_t length) {
    memcpy(out, at, length);
    return at + length;
}

struct slice window_row_write(char *out, const struct row_key *key) {
    CHECK(key->account.length <= ROWS_ACCOUNT_MAX && key->id.length <= ROWS_ID_MAX);
    const uint32_t words[] = {(uint32_t)key->table, key->platform,       key->origin,
                              key->format,          (uint32_t)key->paid, (uint32_t)key->account.length};
    char *at = window_append(out, words, sizeof(words));
    at = window_append(at, key->account.at, key->account.length);
    at = window_append(at, key->id.at, key->id.length);
    return (struct slice){out, (size_t)(at - out)};
}

struct row_key window_row_read(struct slice name) {
    uint32_t words[6];
    const char *at = cut(name.at, words, sizeof(words)), *end = name.at + name.length;
    return (struct row_key){.table = (enum table)words[0],
                            .platform = words[1],
                            .origin = words[2],
                            .format = words[3],
                            .paid = words[4] != 0,
                            .account = {at, words[5]},
                            .id = {at + words[5], (size_t)(end - at) - words[5]}};
}

static uint32_t row_of(struct window_model *m, const struct row_key *key) {
    char name[WINDOW_ROW_MAX];
    uint32_t known = m->rows.count;
    struct slice text = window_row_write(name, key);
    uint32_t row = names_put(&m->rows, text);
    if (row == known)
        m->memory += text.length + ROW_BYTES;
    return row;
}

// ---- cells

static void add(struct window_model *m, uint32_t row, field_code code, int64_t value) {
    uint32_t field = names_put(&m->fields, (struct slice){(const char *)&code, sizeof(code)});
    uint32_t *at = pairs_put(&m->cell_of, row, field);
    if (*at == TABLE_NONE) {
        if (m->cell_count == m->cell_room) {
            m->cell_room = m->cell_room == 0 ? 256 : 2 * m->cell_room;
            m->cells = memory_grow(m->cells, m->cell_room, sizeof(*m->cells));
        }
        *at = m->cell_count++;
        m->cells[*at] = (struct window_cell){row, field, 0, false};
        m->memory += CELL_BYTES;
    }
    struct window_cell *cell = &m->cells[*at];
    cell->value = (int64_t)((uint64_t)cell->value + (uint64_t)value);
}

void window_model_count(struct window_model *m, const struct row_key *key, field_code field, int64_t value) {
    add(m, row_of(m, key), field, value);
}

struct window_cell *window_model_cell(const struct window_model *m, struct slice row, field_code field) {
    uint32_t first = names_find(&m->rows, row);
    uint32_t second = names_find(&m->fields, (struct slice){(const char *)&field, sizeof(field)});
    if (first == TABLE_NONE || second == TABLE_NONE)
        return NULL;
    uint32_t cell = pairs_find(&m->cell_of, first, second);
    return cell == TABLE_NONE ? NULL : &m->cells[cell];
}

field_code window_model_field(const struct window_model *m, const struct window_cell *cell) {
    field_code field;
    memcpy(&field, m->fields.at[cell->field].at, sizeof(field));
    return field;
}

// ---- what an event adds

static void add_all(struct window_model *m, const struct row_key *key, const struct window_adding *a) {
    uint32_t row = row_of(m, key);
    for (size_t i = 0; i < a->increments->count; i++)
        add(m, row, a->increments->at[i].field, a->increments->at[i].delta);
}

struct row_key window_adding_whole(const struct window_adding *a, enum table table) {
    return (struct row_key){table,          a->whose->platform, a->whose->origin, a->whose->format,
                            a->whose->paid, a->account,         {"", 0}};
}

static struct row_key id_key(const struct window_adding *a, enum table table, struct slice id) {
    return (struct row_key){.table = table, .platform = a->whose->platform, .account = a->account, .id = id};
}

static bool is_first_tag(const struct window_adding *a, size_t index) {
    for (size_t i = 0; i < index; i++) {
        if (slice_equal(a->whose->tags[i], a->whose->tags[index]))
            return false;
    }
    return true;
}

static void add_tags(struct window_model *m, const struct window_adding *a) {
    for (size_t i = 0; a->increments->kind != 0 && i < a->whose->tag_count; i++) {
        struct row_key key = id_key(a, TABLE_TAG, a->whose->tags[i]);
        if (is_first_tag(a, i))
            add(m, row_of(m, &key), a->increments->kind, a->increments->at[0].delta);
    }
}

static void add_topic(struct window_model *m, const struct window_adding *a, ProtobufCBinaryData topic) {
    struct row_key key = id_key(a, TABLE_TOPIC, recount_text(topic));
    add_all(m, &key, a);
}

static bool is_first_topic(const Clameur__V1__Listening *listening, size_t index) {
    for (size_t i = 0; i < index; i++) {
        if (slice_equal(recount_text(listening->topics[i]), recount_text(listening->topics[index])))
            return false;
    }
    return true;
}

// Only events with such a body have topics; no purchase has.
static void add_topics(struct window_model *m, const struct window_adding *a, const Clameur__V1__Event *e) {
    if (e->body_case == CLAMEUR__V1__EVENT__BODY_CARE && e->care->topic.len > 0)
        add_topic(m, a, e->care->topic);
    for (size_t i = 0; e->body_case == CLAMEUR__V1__EVENT__BODY_LISTENING && i < e->listening->n_topics;
         i++) {
        if (is_first_topic(e->listening, i))
            add_topic(m, a, e->listening->topics[i]);
    }
}

// Of a case: when it was opened, else 0.
static int64_t opened_at(const Clameur__V1__Event *e) {
    uint32_t kind = (uint32_t)e->kind;
    bool ends = kind == KIND_FIRST_RESPONSE || kind == KIND_CASE_RESOLVED || kind == KIND_BOT_CONTAINED ||
                kind == KIND_BOT_HANDOFF;
    if (kind == KIND_CASE_OPENED)
        return e->occurred_at;
    return ends && e->body_case == CLAMEUR__V1__EVENT__BODY_CARE ? e->care->opened_at : 0;
}

// By the window that a case was opened in, whichever this one is: the counter of the kind alone.
static void add_cohort(struct window_model *m, const struct window_adding *a, const Clameur__V1__Event *e) {
    char digits[24];
    int64_t at_s = opened_at(e) / 1000;
    if (opened_at(e) <= 0 || opened_at(e) >= INT64_C(1) << 53)
        return;
    snprintf(digits, sizeof(digits), "%lld", (long long)(at_s - at_s % RECOUNT_WINDOW_S));
    struct row_key key = id_key(a, TABLE_COHORT, slice_of(digits));
    add(m, row_of(m, &key), a->increments->kind, a->increments->at[0].delta);
}

void window_adding_in_time(struct window_model *m, const struct window_adding *a) {
    struct row_key totals = window_adding_whole(a, TABLE_TOTALS);
    struct row_key content = id_key(a, TABLE_CONTENT, a->whose->content);
    struct row_key campaign = id_key(a, TABLE_CAMPAIGN, a->whose->campaign);
    add_all(m, &totals, a);
    if (a->whose->content.length > 0)
        add_all(m, &content, a);
    if (a->whose->campaign.length > 0)
        add_all(m, &campaign, a);
    add_tags(m, a);
}

// ---- events

void window_model_add(struct window_model *m, const Clameur__V1__Event *e, const struct rules *rules,
                      bool late) {
    struct slice tags[ROWS_NAMES_MAX];
    struct recount_increments increments;
    if ((uint32_t)e->kind == KIND_READING) {
        m->memory += late ? 0 : windows_read_add(&m->read, e);
        return;
    }
    recount_increments_of(&increments, e, rules);
    windows_beside_add(&increments, e);
    if (!late && (uint32_t)e->kind == KIND_REFUND && !window_refund_is_looked_up(e, rules))
        increments = windows_beside_unattributed(&increments);
    CHECK(e->n_tags <= ROWS_NAMES_MAX);
    for (size_t i = 0; i < e->n_tags; i++)
        tags[i] = recount_text(e->tags[i]);
    const struct windows_whose whose = {.platform = (uint32_t)e->platform,
                                        .origin = (uint32_t)e->origin,
                                        .format = (uint32_t)e->content_format,
                                        .paid = e->paid,
                                        .content = recount_text(e->content_id),
                                        .campaign = recount_text(e->campaign_id),
                                        .tags = tags,
                                        .tag_count = e->n_tags};
    const struct window_adding a = {recount_text(e->account_id), &whose, &increments};
    struct row_key key = window_adding_whole(&a, TABLE_LATE);
    if (late)
        add_all(m, &key, &a);
    else if ((uint32_t)e->kind == KIND_PURCHASE)
        window_order_keep(m, &a, e);
    else if ((uint32_t)e->kind == KIND_REFUND && window_refund_is_looked_up(e, rules))
        window_refund_keep(m, &a, e);
    else {
        window_adding_in_time(m, &a);
        add_topics(m, &a, e);
        add_cohort(m, &a, e);
    }
}

void window_model_watch(struct window_model *m, const Clameur__V1__Event *e,
                        const struct windows_moves *moves) {
    if ((uint32_t)e->kind != KIND_READING)
        m->memory += windows_live_add(&m->live, e, moves);
}

void window_model_see(struct window_model *m, const struct recount_keys *keys, int64_t time_ms,
                      const Clameur__V1__Event *e) {
    m->memory += window_sketches_add(&m->sketches, keys, time_ms, e);
}
