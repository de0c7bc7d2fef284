// Commerce bodies. Two kinds of orders: an order of its own, numbered by the event's index; and, for half of
// the purchases, one of two order numbers that a stretch of 256 events shares, so that copies of one order
// meet under other keys, ids and times.
#include "loadtest/generate/bodies.h"

enum { STRETCH = 256, SHARED_ORDERS = 2, ITEM_PRICE_MAX = 20000, ITEMS_MAX = 4 };

static Clameur__V1__Commerce *commerce_open(struct subject *s) {
    struct draft *d = s->draft;
    clameur__v1__commerce__init(&d->commerce);
    d->event.body_case = CLAMEUR__V1__EVENT__BODY_COMMERCE;
    d->event.commerce = &d->commerce;
    return &d->commerce;
}

static uint64_t shared_order(struct subject *s) {
    return s->index - s->index % STRETCH + random_below(s->random, SHARED_ORDERS);
}

// Prices in cents, some finer.
static int64_t draw_price(struct random *r) {
    int64_t price = random_between(r, 1, ITEM_PRICE_MAX) * 10000;
    return random_percent(r, 20) ? price + random_between(r, 1, 9999) : price;
}

// Fills up to ITEMS_MAX line items and returns their value.
static int64_t write_items(struct draft *d, struct random *r, size_t count) {
    int64_t value = 0;
    for (size_t i = 0; i < count; i++) {
        Clameur__V1__LineItem *item = &d->items[i];
        clameur__v1__line_item__init(item);
        item->product_id = draft_numbered(d, "sku-", random_below(r, 500));
        item->quantity = random_between(r, 1, 4);
        item->unit_price_micros = draw_price(r);
        item->tried_on = random_percent(r, 10);
        if (random_percent(r, 40))
            item->variant_id = draft_literal("M/bleu");
        if (random_percent(r, 40))
            item->category = draft_literal("Shoes > Été");
        value += item->quantity * item->unit_price_micros;
        d->item_list[i] = item;
    }
    d->commerce.items = d->item_list;
    d->commerce.n_items = count;
    return value;
}

static ProtobufCBinaryData order_name(struct draft *d, uint64_t order) {
    return draft_numbered(d, order % 7 == 3 ? "#{fr}:" : "ord-", order);
}

// What every copy of an order agrees on: the account, the goods, the value.
static Clameur__V1__Commerce *write_order(struct subject *s, uint64_t order) {
    struct random shape = random_at(s->seed, RANDOM_STREAM_ORDER, order);
    Clameur__V1__Commerce *c = commerce_open(s);
    s->account = random_below(&shape, s->accounts);
    c->order_id = order_name(s->draft, order);
    c->currency = body_currency(&shape, s->account);
    int64_t goods = write_items(s->draft, &shape, (size_t)random_between(&shape, 1, ITEMS_MAX));
    c->shipping_micros = random_percent(&shape, 50) ? 4900000 : 0;
    c->discount_micros = random_percent(&shape, 20) ? goods / 10 : 0;
    c->value_micros = goods - c->discount_micros + c->shipping_micros;
    c->customer = (Clameur__V1__Customer)random_below(&shape, 3);
    if (c->discount_micros > 0)
        c->coupon = draft_literal("SUMMER:10%");
    return c;
}

void body_purchase(struct subject *s) {
    struct random *r = s->random;
    bool shared = random_percent(r, 50);
    Clameur__V1__Commerce *c = write_order(s, shared ? shared_order(s) : s->index);
    if (random_percent(r, 50)) { // the server's copy knows more than the pixel's
        c->cost_micros = c->value_micros / 3;
        c->tax_micros = c->value_micros / 6;
        c->acquisition_channel = draft_literal("influencer");
    }
    c->tried_on = random_percent(r, 8);
    if (random_percent(r, 15))
        c->product_clicked_at = s->occurred_at_ms - random_between(r, 1000, 3600000);
}

void body_refund(struct subject *s) {
    struct random *r = s->random;
    Clameur__V1__Commerce *c = write_order(s, shared_order(s));
    if (random_percent(r, 50)) { // a part of it
        c->value_micros /= 2;
        c->n_items = 1;
    }
    c->order_occurred_at = s->occurred_at_ms - random_between(r, 60000, INT64_C(10) * 86400000);
    if (random_percent(r, 10))
        c->order_id = (ProtobufCBinaryData){0};
}

void body_refund_of(struct draft *refund, const struct draft *sale, struct random *r) {
    Clameur__V1__Commerce *c = &refund->commerce;
    refund->event.account_id = sale->event.account_id;
    c->order_id = sale->commerce.order_id;
    c->currency = sale->commerce.currency;
    c->value_micros = random_percent(r, 50) ? sale->commerce.value_micros : sale->commerce.value_micros / 2;
    c->order_occurred_at = sale->event.occurred_at;
}

void body_handover(struct subject *s) {
    Clameur__V1__Commerce *c = write_order(s, shared_order(s));
    c->order_occurred_at = s->occurred_at_ms - random_between(s->random, 3600000, INT64_C(6) * 86400000);
}

void body_basket(struct subject *s) {
    Clameur__V1__Commerce *c = commerce_open(s);
    c->value_micros = write_items(s->draft, s->random, 1);
    c->currency = body_currency(s->random, s->account);
    c->tried_on = random_percent(s->random, 12);
}

void body_redemption(struct subject *s) {
    Clameur__V1__Commerce *c = commerce_open(s);
    c->coupon = draft_literal("SUMMER:10%");
    c->value_micros = draw_price(s->random);
    c->currency = body_currency(s->random, s->account);
}

// Sometimes without any value, and then without a currency.
void body_other(struct subject *s) {
    if (random_percent(s->random, 30))
        return;
    Clameur__V1__Commerce *c = commerce_open(s);
    c->value_micros = draw_price(s->random);
    c->currency = body_currency(s->random, s->account);
}
