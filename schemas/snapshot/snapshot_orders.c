// Orders in a file, and refunds, which say less of themselves: written, and read from bytes that are not
// trusted.
#include <string.h>

#include "runtime/check.h"
#include "schemas/snapshot/snapshot_parts.h"

static void write_increment(struct wire_out *w, const struct increment *increment, struct wire_out *scratch) {
    char name[FIELD_MAX];
    scratch->length = 0;
    wire_bytes(scratch, INCREMENT_COUNTER, (struct slice){name, field_write(name, increment->field)});
    wire_uint(scratch, INCREMENT_VALUE, wire_zigzag(increment->value));
    wire_element(w, ORDER_INCREMENTS, wire_slice(scratch));
}

static void write_subject(struct wire_out *w, const struct subject *s) {
    wire_uint(w, ORDER_PLATFORM, s->platform);
    wire_uint(w, ORDER_ORIGIN, s->origin);
    wire_uint(w, ORDER_FORMAT, s->format);
    wire_uint(w, ORDER_PAID, s->paid);
    wire_bytes(w, ORDER_CONTENT, s->content);
    wire_bytes(w, ORDER_CAMPAIGN, s->campaign);
    for (uint32_t i = 0; i < s->tag_count; i++)
        wire_element(w, ORDER_TAGS, s->tags[i]);
    for (uint32_t i = 0; i < s->topic_count; i++)
        wire_element(w, ORDER_TOPICS, s->topics[i]);
}

void order_write(struct wire_out *w, const struct order *order, struct wire_out *scratch) {
    wire_bytes(w, ORDER_ACCOUNT, order->subject.account);
    wire_bytes(w, ORDER_ORDER, (struct slice){(const char *)order->order, ORDER_SIZE});
    wire_int(w, ORDER_OCCURRED_AT, order->occurred_at_ms);
    wire_bytes(w, ORDER_EVENT_ID, (struct slice){(const char *)order->event_id, EVENT_ID_SIZE});
    write_subject(w, &order->subject);
    for (uint32_t i = 0; i < order->increments.count; i++)
        write_increment(w, &order->increments.at[i], scratch);
    wire_uint(w, ORDER_AGAIN, order->again);
}

void refund_write(struct wire_out *w, const struct refund *refund, struct wire_out *scratch) {
    wire_bytes(w, ORDER_ACCOUNT, refund->subject.account);
    wire_bytes(w, ORDER_ORDER, (struct slice){(const char *)refund->order, ORDER_SIZE});
    wire_int(w, ORDER_OCCURRED_AT, refund->order_occurred_at_ms);
    write_subject(w, &refund->subject);
    for (uint32_t i = 0; i < refund->increments.count; i++)
        write_increment(w, &refund->increments.at[i], scratch);
}

static const char *read_increment(struct slice bytes, struct increments *to) {
    struct wire_in in = wire_in(bytes);
    struct wire_field field;
    struct increment increment = {0};
    while (wire_next(&in, &field)) {
        if (field.number == INCREMENT_COUNTER && field.type == WIRE_BYTES)
            field_parse(&increment.field, field.bytes);
        else if (field.number == INCREMENT_VALUE && field.type == WIRE_VARINT)
            increment.value = wire_unzigzag(field.value);
    }
    if (!wire_is_at_end(&in) || increment.field == 0 || to->count == INCREMENTS_MAX)
        return "an increment of an order is damaged, or one too many";
    to->at[to->count++] = increment;
    return NULL;
}

static const char *read_name(struct slice name, struct slice *names, uint32_t *count) {
    if (*count == ROWS_NAMES_MAX || name.length > ROWS_ID_MAX)
        return "an order has more tags or topics than can be, or longer ones";
    names[(*count)++] = name;
    return NULL;
}

static const char *read_bytes(const struct wire_field *field, struct order *order, struct order_room *room) {
    struct subject *s = &order->subject;
    switch (field->number) {
    case ORDER_ACCOUNT:
        s->account = field->bytes;
        return NULL;
    case ORDER_ORDER:
        if (field->bytes.length != ORDER_SIZE)
            return "the hash of an order is of another length";
        memcpy(order->order, field->bytes.at, ORDER_SIZE);
        return NULL;
    case ORDER_EVENT_ID:
        if (field->bytes.length != EVENT_ID_SIZE)
            return "the event id of an order is of another length";
        memcpy(order->event_id, field->bytes.at, EVENT_ID_SIZE);
        return NULL;
    case ORDER_CONTENT:
        s->content = field->bytes;
        return NULL;
    case ORDER_CAMPAIGN:
        s->campaign = field->bytes;
        return NULL;
    case ORDER_TAGS:
        return read_name(field->bytes, room->tags, &s->tag_count);
    case ORDER_TOPICS:
        return read_name(field->bytes, room->topics, &s->topic_count);
    case ORDER_INCREMENTS:
        return read_increment(field->bytes, &order->increments);
    default:
        return NULL;
    }
}

static const char *read_number(const struct wire_field *field, struct order *order) {
    struct subject *s = &order->subject;
    if (field->number == ORDER_OCCURRED_AT) {
        order->occurred_at_ms = (int64_t)field->value;
        return NULL;
    }
    if (field->number == ORDER_AGAIN) {
        order->again = field->value;
        return NULL;
    }
    if (field->value > UINT32_MAX)
        return "a number of an order is too large";
    if (field->number == ORDER_PLATFORM)
        s->platform = (uint32_t)field->value;
    else if (field->number == ORDER_ORIGIN)
        s->origin = (uint32_t)field->value;
    else if (field->number == ORDER_FORMAT)
        s->format = (uint32_t)field->value;
    else if (field->number == ORDER_PAID)
        s->paid = field->value != 0;
    return NULL;
}

const char *order_read(struct slice bytes, struct order *order, struct order_room *room) {
    struct wire_in in = wire_in(bytes);
    struct wire_field field;
    const char *wrong = NULL;
    *order = (struct order){.increments.has_kind = true};
    order->subject = (struct subject){.account = {"", 0},
                                      .content = {"", 0},
                                      .campaign = {"", 0},
                                      .tags = room->tags,
                                      .topics = room->topics};
    while (wrong == NULL && wire_next(&in, &field)) {
        if (field.type == WIRE_BYTES)
            wrong = read_bytes(&field, order, room);
        else if (field.type == WIRE_VARINT)
            wrong = read_number(&field, order);
    }
    if (wrong != NULL)
        return wrong;
    const struct subject *s = &order->subject;
    if (!wire_is_at_end(&in) || order->increments.count == 0)
        return "an order is damaged, or adds nothing";
    if (s->account.length > ROWS_ACCOUNT_MAX || s->content.length > ROWS_ID_MAX ||
        s->campaign.length > ROWS_ID_MAX)
        return "an id of an order is longer than it may be";
    return NULL;
}

static const char *refund_read(struct slice bytes, struct refund *refund, struct order_room *room) {
    struct order order;
    const char *wrong = order_read(bytes, &order, room);
    if (wrong != NULL)
        return wrong;
    *refund = (struct refund){.order_occurred_at_ms = order.occurred_at_ms,
                              .subject = order.subject,
                              .increments = order.increments};
    memcpy(refund->order, order.order, ORDER_SIZE);
    if (refund->order_occurred_at_ms < 0 || refund->order_occurred_at_ms >= EVENT_TIME_END_MS)
        return "a refund's order is of no time that an event can have";
    return NULL;
}

// Does `order` sort after the last one of the file?
static bool follows(const struct last_row *last, const struct order *order) {
    struct slice before = {last->account, last->account_length};
    int differs = slice_compare(before, order->subject.account);
    if (differs == 0)
        differs = memcmp(last->order.order, order->order, ORDER_SIZE);
    if (differs == 0)
        differs = (last->order.occurred_at_ms > order->occurred_at_ms) -
                  (last->order.occurred_at_ms < order->occurred_at_ms);
    if (differs == 0)
        differs = memcmp(last->order.event_id, order->event_id, EVENT_ID_SIZE);
    return differs < 0;
}

static void remember(struct last_row *last, const struct order *order) {
    last->is_any = true;
    last->account_length = order->subject.account.length;
    memcpy(last->account, order->subject.account.at, last->account_length);
    memcpy(last->order.order, order->order, ORDER_SIZE);
    memcpy(last->order.event_id, order->event_id, EVENT_ID_SIZE);
    last->order.occurred_at_ms = order->occurred_at_ms;
}

const char *block_read_orders(struct block_reader *reader, struct slice bytes, uint32_t count,
                              struct rows *rows) {
    struct wire_in in = wire_in(bytes);
    struct wire_field field;
    struct order order;
    struct order_room room;
    uint32_t read = 0;
    for (; wire_next(&in, &field); read++) {
        if (field.number != BLOCK_ORDERS) {
            read--;
            continue;
        }
        const char *wrong =
            field.type == WIRE_BYTES ? order_read(field.bytes, &order, &room) : "an order is damaged";
        if (wrong != NULL)
            return wrong;
        if (reader->last.is_any && !follows(&reader->last, &order))
            return "its orders are not sorted, or one comes twice";
        remember(&reader->last, &order);
        if (rows != NULL)
            rows_keep_order(rows, &order, reader->is_published);
    }
    return read == count ? NULL : "it holds another number of orders than it says";
}

// The last refund, and the next: what they lead to lies in the bytes of their messages.
struct refunds_read {
    struct refund at[2];
    struct order_room rooms[2];
    int last;
    struct slice bytes; // of the last
    bool is_any;
};

static const char *take_refund(struct refunds_read *r, struct slice bytes, struct rows *rows) {
    int next = 1 - r->last;
    struct refund *refund = &r->at[next];
    const char *wrong = refund_read(bytes, refund, &r->rooms[next]);
    if (wrong != NULL)
        return wrong;
    if (r->is_any && rows_refund_order(&r->at[r->last], refund) >= 0)
        return "its refunds are not sorted, or one comes twice";
    if (rows != NULL)
        rows_add_refund(rows, refund);
    r->bytes = bytes;
    r->is_any = true;
    r->last = next;
    return NULL;
}

// The next block of the window's goes on where this one ended.
static void remember_refund(struct block_reader *reader, const struct refunds_read *r) {
    reader->last.is_any = true;
    reader->last_refund.length = 0;
    wire_append(&reader->last_refund, r->bytes);
}

const char *block_read_refunds(struct block_reader *reader, struct slice bytes, uint32_t count,
                               struct rows *rows) {
    struct wire_in in = wire_in(bytes);
    struct wire_field field;
    struct refunds_read r = {.is_any = reader->last.is_any};
    uint32_t read = 0;
    if (reader->is_published)
        return "it has refunds, which in published files have come to where they count";
    const char *wrong =
        r.is_any ? refund_read(wire_slice(&reader->last_refund), &r.at[0], &r.rooms[0]) : NULL;
    while (wrong == NULL && wire_next(&in, &field)) {
        if (field.number != BLOCK_REFUNDS)
            continue;
        wrong = field.type == WIRE_BYTES ? take_refund(&r, field.bytes, rows) : "a refund is damaged";
        read++;
    }
    if (wrong != NULL)
        return wrong;
    if (read != count)
        return "it holds another number of refunds than it says";
    remember_refund(reader, &r);
    return NULL;
}
