// The recount's own validation: the bounds of event.proto's comments and the reasons of rejects.def, written
// from those two alone.
#include "loadtest/recount/reading/recount_event.h"
#include "schemas/registry.h"

enum {
    ID_MAX = 256,
    LONG_ID_MAX = 512,
    NAME_MAX_BYTES = 64,
    PATH_MAX_BYTES = 1024,
    TAGS_MAX = 16,
    ITEMS_MAX = 256,
    VALUES_MAX = 64,
    READING_NAME_MAX = 48,
};

// JavaScript, Lua and JSON keep whole milliseconds up to here; a rank in Redis has digits for it.
#define TIME_END_MS (INT64_C(1) << 53)

struct findings_of_event {
    bool too_long;
    bool bad_utf8;
    bool negative;
    bool out_of_range;
    bool valued; // some amount is not 0
};

// One well-formed UTF-8 sequence (Unicode 15, table 3-7): how many bytes, 0 where there is none.
static size_t utf8_sequence(const unsigned char *at, size_t left) {
    unsigned char lead = at[0];
    if (lead < 0x80)
        return 1;
    size_t length = lead >= 0xc2 && lead <= 0xdf   ? 2
                    : (lead & 0xf0) == 0xe0        ? 3
                    : lead >= 0xf0 && lead <= 0xf4 ? 4
                                                   : 0;
    if (length == 0 || length > left)
        return 0;
    for (size_t i = 1; i < length; i++) {
        if ((at[i] & 0xc0) != 0x80)
            return 0;
    }
    bool overlong = (lead == 0xe0 && at[1] < 0xa0) || (lead == 0xf0 && at[1] < 0x90);
    bool surrogate = lead == 0xed && at[1] > 0x9f;
    bool beyond = lead == 0xf4 && at[1] > 0x8f;
    return overlong || surrogate || beyond ? 0 : length;
}

static bool is_utf8(ProtobufCBinaryData text) {
    for (size_t at = 0; at < text.len;) {
        size_t length = utf8_sequence(text.data + at, text.len - at);
        if (length == 0)
            return false;
        at += length;
    }
    return true;
}

static void text(struct findings_of_event *f, ProtobufCBinaryData bytes, size_t max) {
    f->too_long |= bytes.len > max;
    f->bad_utf8 |= !is_utf8(bytes);
}

// Entries of a list have at least one byte each.
static void list(struct findings_of_event *f, const ProtobufCBinaryData *entries, size_t count) {
    f->too_long |= count > TAGS_MAX;
    for (size_t i = 0; i < count; i++) {
        text(f, entries[i], ID_MAX);
        f->too_long |= entries[i].len == 0;
    }
}

static void measure(struct findings_of_event *f, int64_t value) {
    f->negative |= value < 0;
    f->out_of_range |= value > RECOUNT_NUMBER_MAX;
}

static void amount(struct findings_of_event *f, int64_t micros) {
    measure(f, micros);
    f->valued |= micros != 0;
}

static void currency_text(struct findings_of_event *f, ProtobufCBinaryData currency) {
    f->bad_utf8 |= !is_utf8(currency); // its length is judged where there is a value
}

static void head(struct findings_of_event *f, const Clameur__V1__Event *e) {
    text(f, e->account_id, ID_MAX);
    text(f, e->content_id, LONG_ID_MAX);
    text(f, e->actor_id, LONG_ID_MAX);
    text(f, e->campaign_id, ID_MAX);
    text(f, e->person_id, LONG_ID_MAX);
    text(f, e->live_session_id, ID_MAX);
    list(f, e->tags, e->n_tags);
    text(f, e->platform_name, NAME_MAX_BYTES);
    text(f, e->kind_name, NAME_MAX_BYTES);
    text(f, e->language, 16);
    text(f, e->country, 2);
    if (e->utm != NULL) {
        text(f, e->utm->source, ID_MAX);
        text(f, e->utm->medium, ID_MAX);
        text(f, e->utm->campaign, ID_MAX);
        text(f, e->utm->term, ID_MAX);
        text(f, e->utm->content, ID_MAX);
    }
    f->out_of_range |= e->delta > RECOUNT_NUMBER_MAX || e->delta < -RECOUNT_NUMBER_MAX;
    f->out_of_range |= e->occurred_at >= TIME_END_MS;
}

static void commerce(struct findings_of_event *f, const Clameur__V1__Commerce *c) {
    text(f, c->order_id, ID_MAX);
    amount(f, c->value_micros);
    currency_text(f, c->currency);
    amount(f, c->tax_micros);
    amount(f, c->shipping_micros);
    amount(f, c->discount_micros);
    amount(f, c->cost_micros);
    text(f, c->coupon, ID_MAX);
    text(f, c->acquisition_channel, NAME_MAX_BYTES);
    f->too_long |= c->n_items > ITEMS_MAX;
    __int128 units = 0;
    for (size_t i = 0; i < c->n_items; i++) {
        const Clameur__V1__LineItem *item = c->items[i];
        text(f, item->product_id, ID_MAX);
        text(f, item->variant_id, ID_MAX);
        text(f, item->category, ID_MAX);
        measure(f, item->quantity);
        amount(f, item->unit_price_micros);
        units += item->quantity;
    }
    f->out_of_range |= units > INT64_MAX || units < INT64_MIN;
}

static void reading(struct findings_of_event *f, const Clameur__V1__Reading *r) {
    f->too_long |= r->n_values > VALUES_MAX;
    f->out_of_range |= r->read_at >= TIME_END_MS;
    for (size_t i = 0; i < r->n_values; i++) {
        int64_t value = r->values[i]->value;
        text(f, r->values[i]->counter, READING_NAME_MAX);
        f->out_of_range |= value > RECOUNT_NUMBER_MAX || value < -RECOUNT_NUMBER_MAX;
    }
}

static void listening(struct findings_of_event *f, const Clameur__V1__Listening *l) {
    list(f, l->topics, l->n_topics);
    text(f, l->tracked_brand, ID_MAX);
    measure(f, l->audience);
}

static void message(struct findings_of_event *f, const Clameur__V1__Message *m) {
    text(f, m->conversation_id, ID_MAX);
    text(f, m->channel_id, ID_MAX);
    text(f, m->template_id, ID_MAX);
}

static void web(struct findings_of_event *f, const Clameur__V1__Web *w) {
    text(f, w->path, PATH_MAX_BYTES);
    text(f, w->referrer, PATH_MAX_BYTES);
    text(f, w->session_id, ID_MAX);
    measure(f, w->dwell_ms);
}

static void live(struct findings_of_event *f, const Clameur__V1__Live *l) {
    text(f, l->product_id, ID_MAX);
    measure(f, l->watch_ms);
    amount(f, l->gift_micros);
    currency_text(f, l->currency);
}

static void lead(struct findings_of_event *f, const Clameur__V1__Lead *l) {
    text(f, l->lead_id, ID_MAX);
    amount(f, l->value_micros);
    currency_text(f, l->currency);
}

static void view(struct findings_of_event *f, const Clameur__V1__View *v) {
    measure(f, v->watch_ms);
    measure(f, v->duration_ms);
    measure(f, v->position_ms);
}

static void body(struct findings_of_event *f, const Clameur__V1__Event *e) {
    switch (e->body_case) {
    case CLAMEUR__V1__EVENT__BODY_VIEW:
        return view(f, e->view);
    case CLAMEUR__V1__EVENT__BODY_REACTION:
        return text(f, e->reaction->emoji, NAME_MAX_BYTES);
    case CLAMEUR__V1__EVENT__BODY_COMMERCE:
        return commerce(f, e->commerce);
    case CLAMEUR__V1__EVENT__BODY_LISTENING:
        return listening(f, e->listening);
    case CLAMEUR__V1__EVENT__BODY_MESSAGE:
        return message(f, e->message);
    case CLAMEUR__V1__EVENT__BODY_CARE:
        text(f, e->care->case_id, ID_MAX);
        return text(f, e->care->topic, ID_MAX);
    case CLAMEUR__V1__EVENT__BODY_LEAD:
        return lead(f, e->lead);
    case CLAMEUR__V1__EVENT__BODY_AR:
        text(f, e->ar->effect_id, ID_MAX);
        text(f, e->ar->product_id, ID_MAX);
        return measure(f, e->ar->duration_ms);
    case CLAMEUR__V1__EVENT__BODY_POLL:
        text(f, e->poll->poll_id, ID_MAX);
        return text(f, e->poll->option_id, ID_MAX);
    case CLAMEUR__V1__EVENT__BODY_LIVE:
        return live(f, e->live);
    case CLAMEUR__V1__EVENT__BODY_SPEND:
        amount(f, e->spend->cost_micros);
        return currency_text(f, e->spend->currency);
    case CLAMEUR__V1__EVENT__BODY_READING:
        return reading(f, e->reading);
    case CLAMEUR__V1__EVENT__BODY_ERASURE:
        text(f, e->erasure->actor_id, LONG_ID_MAX);
        return text(f, e->erasure->person_id, LONG_ID_MAX);
    case CLAMEUR__V1__EVENT__BODY_WEB:
        return web(f, e->web);
    case CLAMEUR__V1__EVENT__BODY__NOT_SET:
    case _CLAMEUR__V1__EVENT__BODY__CASE_IS_INT_SIZE:
        return;
    }
}

static bool has_currency(const Clameur__V1__Event *e) {
    ProtobufCBinaryData currency = {0, NULL};
    if (e->body_case == CLAMEUR__V1__EVENT__BODY_COMMERCE)
        currency = e->commerce->currency;
    else if (e->body_case == CLAMEUR__V1__EVENT__BODY_LEAD)
        currency = e->lead->currency;
    else if (e->body_case == CLAMEUR__V1__EVENT__BODY_LIVE)
        currency = e->live->currency;
    else if (e->body_case == CLAMEUR__V1__EVENT__BODY_SPEND)
        currency = e->spend->currency;
    bool capitals = currency.len == 3;
    for (size_t i = 0; i < currency.len; i++)
        capitals &= currency.data[i] >= 'A' && currency.data[i] <= 'Z';
    return capitals;
}

static bool is_counter_name(ProtobufCBinaryData name) {
    for (size_t i = 0; i < name.len; i++) {
        if (name.data[i] == '\0' || strchr("abcdefghijklmnopqrstuvwxyz0123456789_", name.data[i]) == NULL)
            return false;
    }
    return name.len > 0;
}

static enum reject judge_reading(const Clameur__V1__Event *e) {
    if (e->body_case != CLAMEUR__V1__EVENT__BODY_READING)
        return REJECT_BAD_BODY;
    if (e->reading->read_at <= 0 || e->reading->n_values == 0)
        return REJECT_BAD_READING;
    for (size_t i = 0; i < e->reading->n_values; i++) {
        if (!is_counter_name(e->reading->values[i]->counter))
            return REJECT_BAD_READING;
    }
    return REJECT_NONE;
}

static enum reject judge_kind(const Clameur__V1__Event *e) {
    uint32_t kind = (uint32_t)e->kind;
    if (kind == KIND_PURCHASE) {
        if (e->body_case != CLAMEUR__V1__EVENT__BODY_COMMERCE || e->commerce->order_id.len == 0)
            return REJECT_NO_ORDER_ID;
        return recount_delta(e) == 1 ? REJECT_NONE : REJECT_BAD_DELTA;
    }
    if (kind == KIND_READING)
        return judge_reading(e);
    bool live_show = kind == KIND_LIVE_JOIN || kind == KIND_LIVE_LEAVE || kind == KIND_LIVE_HEARTBEAT ||
                     kind == KIND_LIVE_SPEAK;
    if (live_show && e->live_session_id.len == 0)
        return REJECT_NO_SESSION;
    bool bodiless = (kind == KIND_SPEND && e->body_case != CLAMEUR__V1__EVENT__BODY_SPEND) ||
                    (kind == KIND_ERASURE && e->body_case != CLAMEUR__V1__EVENT__BODY_ERASURE);
    return bodiless ? REJECT_BAD_BODY : REJECT_NONE;
}

static enum reject judge_time(const Clameur__V1__Event *e, const struct rules *rules, int64_t time_ms) {
    bool is_reading = (uint32_t)e->kind == KIND_READING && e->body_case == CLAMEUR__V1__EVENT__BODY_READING;
    __int128 ahead = (__int128)e->occurred_at - time_ms;
    __int128 read_ahead = is_reading ? (__int128)e->reading->read_at - time_ms : 0;
    if (e->occurred_at <= 0)
        return REJECT_NO_TIME;
    if (time_ms <= 0)
        return REJECT_NONE;
    if (ahead > rules->max_future_skew_ms || read_ahead > rules->max_future_skew_ms)
        return REJECT_FUTURE;
    if (rules->max_past_ms != -1 && -ahead > rules->max_past_ms)
        return REJECT_TOO_OLD;
    return REJECT_NONE;
}

enum reject recount_judge(const Clameur__V1__Event *e, const struct rules *rules, int64_t time_ms) {
    if (e->event_id.len != 16)
        return REJECT_NO_ID;
    enum reject reject = judge_time(e, rules, time_ms);
    if (reject != REJECT_NONE)
        return reject;
    if (e->platform == 0)
        return REJECT_NO_PLATFORM;
    if (e->kind == 0)
        return REJECT_NO_KIND;
    if (e->account_id.len == 0 && (uint32_t)e->kind != KIND_ERASURE)
        return REJECT_NO_ACCOUNT;
    struct findings_of_event f = {0};
    head(&f, e);
    body(&f, e);
    if (f.too_long)
        return REJECT_TOO_LONG;
    if (f.bad_utf8)
        return REJECT_BAD_UTF8;
    if (f.negative)
        return REJECT_NEGATIVE_MEASURE;
    if (f.out_of_range)
        return REJECT_OUT_OF_RANGE;
    if (f.valued && !has_currency(e))
        return REJECT_NO_CURRENCY;
    return judge_kind(e);
}
