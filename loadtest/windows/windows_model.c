#include "loadtest/windows/windows_model.h"

#include <stdio.h>
#include <stdlib.h>

#include "loadtest/recount/reading/recount_event.h"
#include "loadtest/windows/windows_beside.h"
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

static char *append(char *at, const void *bytes, size_t length) {
    if (length > 0)
        memcpy(at, bytes, length);
    return at + length;
}

static const char *cut(const char *at, void *out, size_t length) {
    memcpy(out, at, length);
    return at + length;
}

struct slice window_row_write(char *out, const struct row_key *key) {
    CHECK(key->account.length <= ROWS_ACCOUNT_MAX && key->id.length <= ROWS_ID_MAX);
    const uint32_t words[] = {(uint32_t)key->table, key->platform,       key->origin,
                              key->format,          (uint32_t)key->paid, (uint32_t)key->account.length};
    char *at = append(out, words, sizeof(words));
    at = append(at, key->account.at, key->account.length);
    at = append(at, key->id.at, key->id.length);
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

// An event, or a copy of an order, on its way into rows; everything is borrowed.
struct adding {
    struct slice account;
    const struct windows_whose *whose;
    const struct recount_increments *increments;
};

static void add_all(struct window_model *m, const struct row_key *key, const struct adding *a) {
    uint32_t row = row_of(m, key);
    for (size_t i = 0; i < a->increments->count; i++)
        add(m, row, a->increments->at[i].field, a->increments->at[i].delta);
}

static struct row_key whole_key(const struct adding *a, enum table table) {
    return (struct row_key){table,          a->whose->platform, a->whose->origin, a->whose->format,
                            a->whose->paid, a->account,         {"", 0}};
}

static struct row_key id_key(const struct adding *a, enum table table, struct slice id) {
    return (struct row_key){.table = table, .platform = a->whose->platform, .account = a->account, .id = id};
}

static bool is_first_tag(const struct adding *a, size_t index) {
    for (size_t i = 0; i < index; i++) {
        if (slice_equal(a->whose->tags[i], a->whose->tags[index]))
            return false;
    }
    return true;
}

static void add_tags(struct window_model *m, const struct adding *a) {
    for (size_t i = 0; a->increments->kind != 0 && i < a->whose->tag_count; i++) {
        struct row_key key = id_key(a, TABLE_TAG, a->whose->tags[i]);
        if (is_first_tag(a, i))
            add(m, row_of(m, &key), a->increments->kind, a->increments->at[0].delta);
    }
}

static void add_topic(struct window_model *m, const struct adding *a, ProtobufCBinaryData topic) {
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
static void add_topics(struct window_model *m, const struct adding *a, const Clameur__V1__Event *e) {
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
static void add_cohort(struct window_model *m, const struct adding *a, const Clameur__V1__Event *e) {
    char digits[24];
    int64_t at_s = opened_at(e) / 1000;
    if (opened_at(e) <= 0 || opened_at(e) >= INT64_C(1) << 53)
        return;
    snprintf(digits, sizeof(digits), "%lld", (long long)(at_s - at_s % RECOUNT_WINDOW_S));
    struct row_key key = id_key(a, TABLE_COHORT, slice_of(digits));
    add(m, row_of(m, &key), a->increments->kind, a->increments->at[0].delta);
}

static void add_in_time(struct window_model *m, const struct adding *a) {
    struct row_key totals = whole_key(a, TABLE_TOTALS);
    struct row_key content = id_key(a, TABLE_CONTENT, a->whose->content);
    struct row_key campaign = id_key(a, TABLE_CAMPAIGN, a->whose->campaign);
    add_all(m, &totals, a);
    if (a->whose->content.length > 0)
        add_all(m, &content, a);
    if (a->whose->campaign.length > 0)
        add_all(m, &campaign, a);
    add_tags(m, a);
}

// ---- orders

static struct slice kept(struct window_model *m, struct slice text) {
    char *copy = arena_take_bytes(&m->arena, text.length + 1);
    append(copy, text.at, text.length);
    m->memory += text.length + 1;
    return (struct slice){copy, text.length};
}

enum { ORDER_NAME_MAX = ROWS_ACCOUNT_MAX + ORDER_SIZE, RANK_NAME_MAX = ORDER_NAME_MAX + 8 + EVENT_ID_SIZE };

// Of fixed length behind the account: no two are alike.
static size_t order_name(char out[RANK_NAME_MAX], struct slice account,
                         const unsigned char hash[ORDER_SIZE]) {
    CHECK(account.length <= ROWS_ACCOUNT_MAX);
    char *at = append(out, account.at, account.length);
    at = append(at, hash, ORDER_SIZE);
    return (size_t)(at - out);
}

struct slice window_order_write(char *out, const Clameur__V1__Event *purchase) {
    unsigned char hash[ORDER_SIZE];
    order_hash(hash, recount_text(purchase->commerce->order_id));
    return (struct slice){out, order_name(out, recount_text(purchase->account_id), hash)};
}

static size_t rank_name(char out[RANK_NAME_MAX], size_t length, int64_t occurred_at_ms,
                        const unsigned char event_id[EVENT_ID_SIZE]) {
    char *at = append(out + length, &occurred_at_ms, sizeof(occurred_at_ms));
    at = append(at, event_id, EVENT_ID_SIZE);
    return (size_t)(at - out);
}

static struct window_copy *copy_of(struct window_model *m, const struct adding *a,
                                   const Clameur__V1__Event *e) {
    struct window_copy *copy = arena_take(&m->arena, sizeof(*copy));
    *copy = (struct window_copy){.occurred_at_ms = e->occurred_at,
                                 .account = kept(m, a->account),
                                 .whose = *a->whose,
                                 .increments = *a->increments,
                                 .next = TABLE_NONE};
    struct windows_whose *whose = &copy->whose;
    whose->content = kept(m, whose->content);
    whose->campaign = kept(m, whose->campaign);
    whose->tags = arena_take(&m->arena, (whose->tag_count + 1) * sizeof(*whose->tags));
    for (size_t i = 0; i < whose->tag_count; i++)
        whose->tags[i] = kept(m, a->whose->tags[i]);
    order_hash(copy->hash, recount_text(e->commerce->order_id));
    memcpy(copy->event_id, e->event_id.data, EVENT_ID_SIZE);
    m->memory += sizeof(*copy) + whose->tag_count * sizeof(*whose->tags);
    return copy;
}

static int number_compare(uint64_t a, uint64_t b) {
    return (a > b) - (a < b);
}

// Two purchases of one order, time and event id that say different things: the lesser is kept.
static int twin_compare(const struct window_copy *a, const struct window_copy *b) {
    int whose = windows_whose_compare(&a->whose, &b->whose);
    if (whose != 0)
        return whose;
    const struct recount_increments *x = &a->increments, *y = &b->increments;
    for (size_t i = 0; i < x->count && i < y->count; i++) {
        int differs = number_compare(x->at[i].field, y->at[i].field);
        if (differs == 0)
            differs = number_compare((uint64_t)x->at[i].delta, (uint64_t)y->at[i].delta);
        if (differs != 0)
            return differs;
    }
    return number_compare(x->count, y->count);
}

static uint32_t order_number(struct window_model *m, struct slice name) {
    uint32_t known = m->orders.count;
    uint32_t number = names_put(&m->orders, name);
    if (number < known)
        return number;
    if (known == m->order_room) {
        m->order_room = m->order_room == 0 ? 64 : 2 * m->order_room;
        m->first_copy = memory_grow(m->first_copy, m->order_room, sizeof(*m->first_copy));
    }
    m->first_copy[number] = TABLE_NONE;
    m->memory += name.length + ROW_BYTES;
    return number;
}

static void rank_begin(struct window_model *m, uint32_t rank, struct window_copy *copy, struct slice order) {
    if (rank == m->copy_room) {
        m->copy_room = m->copy_room == 0 ? 64 : 2 * m->copy_room;
        m->copies = memory_grow(m->copies, m->copy_room, sizeof(*m->copies));
    }
    uint32_t number = order_number(m, order);
    m->copies[rank] = copy;
    copy->order = m->orders.at[number];
    copy->next = m->first_copy[number];
    m->first_copy[number] = rank;
    m->memory += RANK_NAME_MAX;
}

// ---- refunds

// Named, and placed within the time that the rules look back to.
static bool is_looked_up(const Clameur__V1__Event *e, const struct rules *rules) {
    if (e->body_case != CLAMEUR__V1__EVENT__BODY_COMMERCE || e->commerce->order_id.len == 0)
        return false;
    int64_t placed_ms = e->commerce->order_occurred_at;
    return placed_ms > 0 && placed_ms <= e->occurred_at &&
           placed_ms >= e->occurred_at - rules->window_refunds_ms;
}

static void refund_keep(struct window_model *m, const struct adding *a, const Clameur__V1__Event *e) {
    char name[RANK_NAME_MAX];
    if (m->refund_count == m->refund_room) {
        m->refund_room = m->refund_room == 0 ? 64 : 2 * m->refund_room;
        m->refunds = memory_grow(m->refunds, m->refund_room, sizeof(*m->refunds));
    }
    int64_t placed_s = e->commerce->order_occurred_at / 1000;
    struct window_copy *copy = copy_of(m, a, e);
    copy->order = kept(m, (struct slice){name, order_name(name, copy->account, copy->hash)});
    m->refunds[m->refund_count++] = (struct window_refund){copy, placed_s - placed_s % RECOUNT_WINDOW_S};
    m->memory += sizeof(*m->refunds);
}

static void add_refund_of(struct window_model *m, const struct window_copy *refund,
                          const struct windows_sale *sale) {
    const struct adding a = {refund->account, &sale->whose, &refund->increments};
    add_in_time(m, &a);
}

static void add_refund_of_none(struct window_model *m, const struct window_copy *refund) {
    const struct recount_increments increments = windows_beside_unattributed(&refund->increments);
    const struct adding a = {refund->account, &refund->whose, &increments};
    add_in_time(m, &a);
}

void window_model_refund(struct window_model *m, window_model_sale sale, void *context) {
    for (size_t i = 0; i < m->refund_count; i++) {
        const struct window_refund *refund = &m->refunds[i];
        const struct windows_sale *of = sale(context, refund->of->order, refund->placed_s);
        if (of != NULL)
            add_refund_of(m, refund->of, of);
        else
            add_refund_of_none(m, refund->of);
    }
}

// ---- copies

static void add_order(struct window_model *m, const struct adding *a, const Clameur__V1__Event *e) {
    char name[RANK_NAME_MAX];
    struct window_copy *copy = copy_of(m, a, e);
    size_t order_length = order_name(name, copy->account, copy->hash);
    size_t length = rank_name(name, order_length, copy->occurred_at_ms, copy->event_id);
    uint32_t known = m->ranks.count;
    uint32_t rank = names_put(&m->ranks, (struct slice){name, length});
    if (rank == known)
        return rank_begin(m, rank, copy, (struct slice){name, order_length});
    copy->again = ++m->copies[rank]->again;
    if (twin_compare(copy, m->copies[rank]) >= 0)
        return;
    copy->order = m->copies[rank]->order;
    copy->next = m->copies[rank]->next;
    m->copies[rank] = copy;
}

struct window_copy *window_model_copy(const struct window_model *m, const struct order *order) {
    char name[RANK_NAME_MAX];
    size_t length = order_name(name, order->subject.account, order->order);
    length = rank_name(name, length, order->occurred_at_ms, order->event_id);
    uint32_t rank = names_find(&m->ranks, (struct slice){name, length});
    return rank == TABLE_NONE ? NULL : m->copies[rank];
}

static bool is_before(const struct window_copy *a, const struct window_copy *b) {
    if (a->occurred_at_ms != b->occurred_at_ms)
        return a->occurred_at_ms < b->occurred_at_ms;
    return memcmp(a->event_id, b->event_id, EVENT_ID_SIZE) < 0;
}

static void settle_copy(struct window_model *m, const struct window_copy *copy, bool counts) {
    const struct adding a = {copy->account, &copy->whose, &copy->increments};
    struct row_key totals = whole_key(&a, TABLE_TOTALS);
    uint64_t copies = copy->again + !counts;
    if (counts)
        add_in_time(m, &a);
    if (copies > 0)
        add(m, row_of(m, &totals), field_counter(COUNTER_ORDER_COPIES), (int64_t)copies);
}

static uint32_t least_copy(const struct window_model *m, uint32_t number) {
    uint32_t least = m->first_copy[number];
    for (uint32_t i = least; i != TABLE_NONE; i = m->copies[i]->next)
        least = is_before(m->copies[i], m->copies[least]) ? i : least;
    return least;
}

void window_model_settle(struct window_model *m, window_model_sold sold, void *context) {
    for (uint32_t number = 0; number < m->orders.count; number++) {
        uint32_t counts = sold(context, m->orders.at[number]) ? TABLE_NONE : least_copy(m, number);
        for (uint32_t i = m->first_copy[number]; i != TABLE_NONE; i = m->copies[i]->next)
            settle_copy(m, m->copies[i], i == counts);
    }
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
    if (!late && (uint32_t)e->kind == KIND_REFUND && !is_looked_up(e, rules))
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
    const struct adding a = {recount_text(e->account_id), &whose, &increments};
    struct row_key key = whole_key(&a, TABLE_LATE);
    if (late)
        add_all(m, &key, &a);
    else if ((uint32_t)e->kind == KIND_PURCHASE)
        add_order(m, &a, e);
    else if ((uint32_t)e->kind == KIND_REFUND && is_looked_up(e, rules))
        refund_keep(m, &a, e);
    else {
        add_in_time(m, &a);
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
