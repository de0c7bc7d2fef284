#include "loadtest/windows/windows_orders.h"

#include "loadtest/recount/reading/recount_event.h"
#include "loadtest/windows/windows_beside.h"
#include "runtime/check.h"
#include "runtime/memory.h"

enum { NUMBER_BYTES = 64 }; // about what an order takes besides its name

// ---- orders

static struct slice kept(struct window_model *m, struct slice text) {
    char *copy = arena_take_bytes(&m->arena, text.length + 1);
    window_append(copy, text.at, text.length);
    m->memory += text.length + 1;
    return (struct slice){copy, text.length};
}

enum { ORDER_NAME_MAX = ROWS_ACCOUNT_MAX + ORDER_SIZE, RANK_NAME_MAX = ORDER_NAME_MAX + 8 + EVENT_ID_SIZE };

// Of fixed length behind the account: no two are alike.
static size_t order_name(char out[RANK_NAME_MAX], struct slice account,
                         const unsigned char hash[ORDER_SIZE]) {
    CHECK(account.length <= ROWS_ACCOUNT_MAX);
    char *at = window_append(out, account.at, account.length);
    at = window_append(at, hash, ORDER_SIZE);
    return (size_t)(at - out);
}

struct slice window_order_write(char *out, const Clameur__V1__Event *purchase) {
    unsigned char hash[ORDER_SIZE];
    order_hash(hash, recount_text(purchase->commerce->order_id));
    return (struct slice){out, order_name(out, recount_text(purchase->account_id), hash)};
}

static size_t rank_name(char out[RANK_NAME_MAX], size_t length, int64_t occurred_at_ms,
                        const unsigned char event_id[EVENT_ID_SIZE]) {
    char *at = window_append(out + length, &occurred_at_ms, sizeof(occurred_at_ms));
    at = window_append(at, event_id, EVENT_ID_SIZE);
    return (size_t)(at - out);
}

static struct window_copy *copy_of(struct window_model *m, const struct window_adding *a,
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
    m->memory += name.length + NUMBER_BYTES;
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

bool window_refund_is_looked_up(const Clameur__V1__Event *e, const struct rules *rules) {
    if (e->body_case != CLAMEUR__V1__EVENT__BODY_COMMERCE || e->commerce->order_id.len == 0)
        return false;
    int64_t placed_ms = e->commerce->order_occurred_at;
    return placed_ms > 0 && placed_ms <= e->occurred_at &&
           placed_ms >= e->occurred_at - rules->window_refunds_ms;
}

void window_refund_keep(struct window_model *m, const struct window_adding *a, const Clameur__V1__Event *e) {
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
    const struct window_adding a = {refund->account, &sale->whose, &refund->increments};
    window_adding_in_time(m, &a);
}

static void add_refund_of_none(struct window_model *m, const struct window_copy *refund) {
    const struct recount_increments increments = windows_beside_unattributed(&refund->increments);
    const struct window_adding a = {refund->account, &refund->whose, &increments};
    window_adding_in_time(m, &a);
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

void window_order_keep(struct window_model *m, const struct window_adding *a, const Clameur__V1__Event *e) {
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
    const struct window_adding a = {copy->account, &copy->whose, &copy->increments};
    struct row_key totals = window_adding_whole(&a, TABLE_TOTALS);
    uint64_t copies = copy->again + !counts;
    if (counts)
        window_adding_in_time(m, &a);
    if (copies > 0)
        window_model_count(m, &totals, field_counter(COUNTER_ORDER_COPIES), (int64_t)copies);
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
