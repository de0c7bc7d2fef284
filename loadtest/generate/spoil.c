#include "loadtest/generate/spoil.h"

#include "schemas/registry.h"

enum { LONG_TEXT = 300, TAGS_TOO_MANY = 17 };

static void set_kind(struct draft *d, enum kind kind) {
    d->event.kind = (Clameur__V1__Kind)kind;
    d->event.body_case = CLAMEUR__V1__EVENT__BODY__NOT_SET;
}

static Clameur__V1__Commerce *set_commerce(struct draft *d, enum kind kind) {
    set_kind(d, kind);
    clameur__v1__commerce__init(&d->commerce);
    d->event.body_case = CLAMEUR__V1__EVENT__BODY_COMMERCE;
    d->event.commerce = &d->commerce;
    d->event.delta = 0;
    return &d->commerce;
}

static void write_no_id(struct draft *d) {
    d->event.event_id.len = 0;
}

static void write_short_id(struct draft *d) {
    d->event.event_id.len = 15;
}

static void write_no_time(struct draft *d) {
    d->event.occurred_at = 0;
}

static void write_no_platform(struct draft *d) {
    d->event.platform = 0;
}

static void write_no_kind(struct draft *d) {
    d->event.kind = 0;
}

static void write_no_account(struct draft *d) {
    set_kind(d, KIND_LIKE);
    d->event.account_id.len = 0;
}

static void write_long_campaign(struct draft *d) {
    draft_begin(d);
    for (size_t i = 0; i < LONG_TEXT; i += 10)
        draft_put(d, "campaigns!");
    d->event.campaign_id = draft_end(d);
}

static void write_many_tags(struct draft *d) {
    for (size_t i = 0; i < TAGS_TOO_MANY; i++)
        d->tags[i] = draft_numbered(d, "tag", i);
    d->event.tags = d->tags;
    d->event.n_tags = TAGS_TOO_MANY;
}

static void write_bad_utf8(struct draft *d) {
    d->event.content_id = draft_literal("caf\xe9-latin-1");
}

static void write_negative_watch(struct draft *d) {
    set_kind(d, KIND_VIEW);
    clameur__v1__view__init(&d->view);
    d->view.watch_ms = -5;
    d->event.body_case = CLAMEUR__V1__EVENT__BODY_VIEW;
    d->event.view = &d->view;
}

static void write_huge_delta(struct draft *d) {
    set_kind(d, KIND_LIKE);
    d->event.delta = INT64_C(200000000000000000);
}

static void write_no_currency(struct draft *d) {
    set_commerce(d, KIND_OTHER)->value_micros = 1990000;
}

static void write_odd_currency(struct draft *d) {
    Clameur__V1__Commerce *c = set_commerce(d, KIND_OTHER);
    c->value_micros = 1990000;
    c->currency = draft_literal("eur");
}

static void write_no_order(struct draft *d) {
    Clameur__V1__Commerce *c = set_commerce(d, KIND_PURCHASE);
    c->value_micros = 1990000;
    c->currency = draft_literal("EUR");
}

static void write_purchase_taken_back(struct draft *d) {
    set_commerce(d, KIND_PURCHASE)->order_id = draft_literal("taken-back");
    d->event.delta = -1;
}

static void write_no_session(struct draft *d) {
    set_kind(d, KIND_LIVE_JOIN);
    d->event.live_session_id.len = 0;
}

static void write_empty_reading(struct draft *d) {
    set_kind(d, KIND_READING);
    clameur__v1__reading__init(&d->reading);
    d->reading.read_at = d->event.occurred_at;
    d->event.body_case = CLAMEUR__V1__EVENT__BODY_READING;
    d->event.reading = &d->reading;
}

// As by a poller that writes microseconds; the event itself is of now.
static void write_future_reading(struct draft *d) {
    write_empty_reading(d);
    d->reading.read_at *= 1000;
}

static void write_spend_without_body(struct draft *d) {
    set_kind(d, KIND_SPEND);
}

// Every message ends in a field whose last byte is needed.
static size_t cut_tail(uint8_t *bytes, size_t length, struct random *r) {
    return length - 1;
}

// Inside the event id, which comes first: 1..17 of its 18 bytes are left.
static size_t cut_head(uint8_t *bytes, size_t length, struct random *r) {
    return (size_t)random_between(r, 1, length < 18 ? 1 : 17);
}

// 7 is no wire type, so that no reader gets past the first byte; and it is neither JSON's nor Confluent's
// first.
static size_t scramble(uint8_t *bytes, size_t length, struct random *r) {
    for (size_t i = 0; i < length; i++)
        bytes[i] = (uint8_t)random_next(r);
    bytes[0] = 0x0f;
    return length;
}

static size_t cut_all(uint8_t *bytes, size_t length, struct random *r) {
    return 0;
}

const struct spoil spoils[] = {
    {"truncated at the end", REJECT_UNDECODABLE, NULL, cut_tail},
    {"truncated in the id", REJECT_UNDECODABLE, NULL, cut_head},
    {"random bytes", REJECT_UNDECODABLE, NULL, scramble},
    {"no bytes", REJECT_EMPTY, NULL, cut_all},
    {"null", REJECT_NULL_VALUE, NULL, cut_all},
    {"no id", REJECT_NO_ID, write_no_id, NULL},
    {"id of 15 bytes", REJECT_NO_ID, write_short_id, NULL},
    {"no time", REJECT_NO_TIME, write_no_time, NULL},
    {"no platform", REJECT_NO_PLATFORM, write_no_platform, NULL},
    {"no kind", REJECT_NO_KIND, write_no_kind, NULL},
    {"no account", REJECT_NO_ACCOUNT, write_no_account, NULL},
    {"campaign too long", REJECT_TOO_LONG, write_long_campaign, NULL},
    {"too many tags", REJECT_TOO_LONG, write_many_tags, NULL},
    {"Latin-1", REJECT_BAD_UTF8, write_bad_utf8, NULL},
    {"negative watch time", REJECT_NEGATIVE_MEASURE, write_negative_watch, NULL},
    {"huge delta", REJECT_OUT_OF_RANGE, write_huge_delta, NULL},
    {"value without currency", REJECT_NO_CURRENCY, write_no_currency, NULL},
    {"currency in small letters", REJECT_NO_CURRENCY, write_odd_currency, NULL},
    {"purchase without order", REJECT_NO_ORDER_ID, write_no_order, NULL},
    {"purchase taken back", REJECT_BAD_DELTA, write_purchase_taken_back, NULL},
    {"live without session", REJECT_NO_SESSION, write_no_session, NULL},
    {"reading without values", REJECT_BAD_READING, write_empty_reading, NULL},
    {"reading of a far future", REJECT_FUTURE, write_future_reading, NULL},
    {"spend without its body", REJECT_BAD_BODY, write_spend_without_body, NULL},
};
const size_t spoil_count = sizeof(spoils) / sizeof(spoils[0]);
