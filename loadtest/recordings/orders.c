#include "loadtest/recordings/orders.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "loadtest/recordings/recording.h"
#include "runtime/check.h"
#include "runtime/memory.h"

#define MICROS_MAX INT64_C(100000000000000000)

struct orders {
    struct orders_shape shape;
    struct order *first, **end; // in the order of their first lines
};

struct orders *orders_create(const struct orders_shape *shape) {
    struct orders *o = memory_take(sizeof(*o));
    o->shape = *shape;
    o->end = &o->first;
    return o;
}

static void drop_first(struct orders *o) {
    struct order *gone = o->first;
    o->first = gone->next;
    if (o->first == NULL)
        o->end = &o->first;
    free(gone->lines);
    free(gone);
}

void orders_destroy(struct orders **orders) {
    if (*orders == NULL)
        return;
    while ((*orders)->first != NULL)
        drop_first(*orders);
    free(*orders);
    *orders = NULL;
}

// --- Gathering

bool order_text_set(struct order_text *to, struct slice text) {
    if (text.length > ORDER_TEXT_MAX)
        return false;
    memcpy(to->at, text.at, text.length);
    to->length = text.length;
    return true;
}

struct order *orders_open(struct orders *o, uint32_t kind, struct slice number, int64_t at_ms, uint64_t row) {
    struct order *order = kind == KIND_OTHER ? NULL : o->first;
    while (order != NULL && (order->kind != kind || order->given > 0 ||
                             !slice_equal((struct slice){order->number.at, order->number.length}, number)))
        order = order->next;
    if (order == NULL) {
        order = memory_take(sizeof(*order));
        order->kind = kind;
        order->at_ms = at_ms;
        order->row = row;
        bool fits = order_text_set(&order->number, number);
        CHECK(fits);
        *o->end = order;
        o->end = &order->next;
    }
    order->last_ms = at_ms;
    return order;
}

bool order_add(struct order *order, const struct order_line *line) {
    if (line->value_micros > MICROS_MAX - order->value_micros ||
        line->discount_micros > MICROS_MAX - order->discount_micros)
        return false;
    order->value_micros += line->value_micros;
    order->discount_micros += line->discount_micros;
    if ((order->count & (order->count - 1)) == 0) // full at every power of two
        order->lines =
            memory_grow(order->lines, order->count == 0 ? 1 : 2 * order->count, sizeof(*order->lines));
    order->lines[order->count++] = *line;
    return true;
}

const struct order *orders_first(const struct orders *o, int64_t now_ms) {
    const struct order *first = o->first;
    while (first != NULL && first->given == first->count)
        first = first->next;
    return first != NULL && now_ms - o->shape.linger_ms > first->last_ms ? first : NULL;
}

// --- Events

static ProtobufCBinaryData lend(const struct order_text *text) {
    return (ProtobufCBinaryData){text->length, (uint8_t *)(uintptr_t)text->at};
}

// A currency is asked for wherever there is any amount.
static void put_item(const struct orders *o, struct draft *d, const struct order_line *line) {
    if (line->unit_price_micros > 0)
        d->commerce.currency = draft_literal(o->shape.currency);
    Clameur__V1__LineItem *item = &d->items[d->commerce.n_items];
    clameur__v1__line_item__init(item);
    item->product_id = lend(&line->product);
    item->quantity = line->quantity;
    item->unit_price_micros = line->unit_price_micros;
    d->item_list[d->commerce.n_items++] = item;
}

// The units of a purchase are those of its items: none may be missing.
static void put_rest(const struct orders *o, struct draft *d, const struct order *order) {
    struct order_line rest = {0};
    for (size_t i = order->given; i < order->count; i++)
        rest.quantity += order->lines[i].quantity;
    put_item(o, d, &rest);
    d->items[d->commerce.n_items - 1].category = draft_literal("further lines");
}

static void put_items(const struct orders *o, struct draft *d, struct order *order) {
    size_t most = order->given == 0 && order->count > DRAFT_ITEMS_MAX ? DRAFT_ITEMS_MAX - 1 : DRAFT_ITEMS_MAX;
    bool first = order->given == 0;
    d->commerce.items = d->item_list;
    while (order->given < order->count && d->commerce.n_items < most)
        put_item(o, d, &order->lines[order->given++]);
    if (first && order->given < order->count)
        put_rest(o, d, order);
}

static void put_sums(const struct orders *o, struct draft *d, const struct order *order) {
    d->commerce.value_micros = order->value_micros;
    d->commerce.discount_micros = order->discount_micros;
    if (order->value_micros > 0 || order->discount_micros > 0)
        d->commerce.currency = draft_literal(o->shape.currency);
}

void orders_write(struct orders *o, struct draft *d) {
    while (o->first != NULL && o->first->given == o->first->count)
        drop_first(o);
    struct order *order = o->first;
    CHECK(order != NULL);
    bool whole = order->given == 0;
    char name[64];
    int length = snprintf(name, sizeof(name), "%" PRIu64 " %zu", order->row, order->given);
    recording_mint_id(d, o->shape.seed, (struct slice){name, (size_t)length});
    Clameur__V1__Event *e = &d->event;
    e->platform = o->shape.platform;
    e->kind = (Clameur__V1__Kind)(whole ? order->kind : (uint32_t)KIND_OTHER);
    e->occurred_at = order->at_ms;
    e->actor_id = e->person_id = lend(&order->person);
    e->content_id = whole ? lend(&order->content) : draft_literal("further_lines");
    e->consent = 3;
    clameur__v1__commerce__init(&d->commerce);
    e->body_case = CLAMEUR__V1__EVENT__BODY_COMMERCE;
    e->commerce = &d->commerce;
    if (order->kind != KIND_REFUND)
        d->commerce.order_id = lend(&order->number);
    put_items(o, d, order);
    if (whole)
        put_sums(o, d, order);
}
