#include "stream/decode/decode_bounds.h"
#include "stream/decode/decode_event.h"
#include "stream/decode/measure.h"

enum {
    ITEMS_MAX = 256,
    TOPICS_MAX = 16,
    ID_MAX = 512,
    TEXT_MAX = 256,
    PATH_MAX_BYTES = 1024,
    NAME_MAX_BYTES = 64,
    COUNTER_NAME_MAX = 48
};

// A value and the currency it is in. The currency's form is validate's to judge, and only where there is a
// value.
static unsigned fill_money(struct event *e, int64_t micros, ProtobufCBinaryData currency) {
    e->has_value = micros != 0;
    e->currency = bounds_slice(currency);
    return bounds_amount(micros) | bounds_text(currency, SIZE_MAX);
}

static unsigned fill_view(struct event *e, const Clameur__V1__View *view) {
    e->duration_ms = view->duration_ms;
    return bounds_amount(view->watch_ms) | bounds_amount(view->duration_ms) |
           bounds_amount(view->position_ms);
}

static unsigned check_item(const Clameur__V1__LineItem *item) {
    return bounds_text(item->product_id, TEXT_MAX) | bounds_text(item->variant_id, TEXT_MAX) |
           bounds_text(item->category, TEXT_MAX) | bounds_amount(item->quantity) |
           bounds_amount(item->unit_price_micros);
}

static unsigned check_items(struct event *e, const Clameur__V1__Commerce *commerce) {
    if (commerce->n_items > ITEMS_MAX)
        return EVENT_FLAW_TOO_MANY;
    unsigned flaws = EVENT_FLAW_NONE;
    for (size_t i = 0; i < commerce->n_items; i++) {
        flaws |= check_item(commerce->items[i]);
        e->has_value = e->has_value || commerce->items[i]->unit_price_micros != 0;
    }
    int64_t units;
    if (!measure_units(commerce, &units))
        flaws |= EVENT_FLAW_OUT_OF_RANGE;
    return flaws;
}

static unsigned fill_commerce(struct event *e, const Clameur__V1__Commerce *commerce) {
    e->order = bounds_slice(commerce->order_id);
    e->order_occurred_at_ms = commerce->order_occurred_at;
    unsigned flaws = fill_money(e, commerce->value_micros, commerce->currency);
    e->has_value = e->has_value || commerce->tax_micros != 0 || commerce->shipping_micros != 0 ||
                   commerce->discount_micros != 0 || commerce->cost_micros != 0;
    flaws |= bounds_amount(commerce->tax_micros) | bounds_amount(commerce->shipping_micros) |
             bounds_amount(commerce->discount_micros) | bounds_amount(commerce->cost_micros);
    flaws |= bounds_text(commerce->order_id, TEXT_MAX) | bounds_text(commerce->coupon, TEXT_MAX) |
             bounds_text(commerce->acquisition_channel, NAME_MAX_BYTES);
    return flaws | check_items(e, commerce);
}

static void fill_topics(struct event *e, const ProtobufCBinaryData *texts, size_t count,
                        struct arena *arena) {
    struct slice *topics = arena_take(arena, count * sizeof(*topics));
    for (size_t i = 0; i < count; i++)
        topics[i] = bounds_slice(texts[i]);
    e->topics = topics;
    e->topic_count = (uint32_t)count;
}

static unsigned fill_listening(struct event *e, const Clameur__V1__Listening *listening,
                               struct arena *arena) {
    if (listening->n_topics > 0 && listening->n_topics <= TOPICS_MAX)
        fill_topics(e, listening->topics, listening->n_topics, arena);
    e->tracked_brand = bounds_slice(listening->tracked_brand);
    return bounds_texts(listening->topics, listening->n_topics, TOPICS_MAX, TEXT_MAX) |
           bounds_text(listening->tracked_brand, TEXT_MAX) | bounds_amount(listening->audience);
}

static unsigned fill_message(struct event *e, const Clameur__V1__Message *message) {
    e->since_ms = message->replied_to_at;
    return bounds_text(message->conversation_id, TEXT_MAX) | bounds_text(message->channel_id, TEXT_MAX) |
           bounds_text(message->template_id, TEXT_MAX);
}

static unsigned fill_care(struct event *e, const Clameur__V1__Care *care, struct arena *arena) {
    e->since_ms = care->opened_at;
    if (care->topic.len > 0)
        fill_topics(e, &care->topic, 1, arena);
    return bounds_text(care->case_id, TEXT_MAX) | bounds_text(care->topic, TEXT_MAX);
}

static unsigned fill_lead(struct event *e, const Clameur__V1__Lead *lead) {
    e->since_ms = lead->opened_at;
    return bounds_text(lead->lead_id, TEXT_MAX) | fill_money(e, lead->value_micros, lead->currency);
}

static unsigned check_ar(const Clameur__V1__Ar *ar) {
    return bounds_text(ar->effect_id, TEXT_MAX) | bounds_text(ar->product_id, TEXT_MAX) |
           bounds_amount(ar->duration_ms);
}

static unsigned fill_live(struct event *e, const Clameur__V1__Live *live) {
    return bounds_text(live->product_id, TEXT_MAX) | bounds_amount(live->watch_ms) |
           fill_money(e, live->gift_micros, live->currency);
}

static unsigned fill_readings(struct event *e, const Clameur__V1__Reading *body, struct arena *arena) {
    e->read_at_ms = body->read_at;
    if (body->n_values > EVENT_READINGS_MAX)
        return EVENT_FLAW_TOO_MANY;
    unsigned flaws = body->read_at < EVENT_TIME_END_MS ? EVENT_FLAW_NONE : EVENT_FLAW_OUT_OF_RANGE;
    struct reading *readings = arena_take(arena, body->n_values * sizeof(*readings));
    for (size_t i = 0; i < body->n_values; i++) {
        const Clameur__V1__ReadingValue *value = body->values[i];
        flaws |= bounds_text(value->counter, COUNTER_NAME_MAX) | bounds_signed(value->value);
        readings[i] = (struct reading){bounds_slice(value->counter), value->value};
    }
    e->readings = readings;
    e->reading_count = (uint32_t)body->n_values;
    return flaws;
}

static unsigned check_web(const Clameur__V1__Web *web) {
    return bounds_text(web->path, PATH_MAX_BYTES) | bounds_text(web->referrer, PATH_MAX_BYTES) |
           bounds_text(web->session_id, TEXT_MAX) | bounds_amount(web->dwell_ms);
}

static unsigned fill_body(struct event *e, const Clameur__V1__Event *m, struct arena *arena) {
    switch (e->body) {
    case CLAMEUR__V1__EVENT__BODY_VIEW:
        return fill_view(e, m->view);
    case CLAMEUR__V1__EVENT__BODY_REACTION:
        return bounds_text(m->reaction->emoji, NAME_MAX_BYTES);
    case CLAMEUR__V1__EVENT__BODY_COMMERCE:
        return fill_commerce(e, m->commerce);
    case CLAMEUR__V1__EVENT__BODY_LISTENING:
        return fill_listening(e, m->listening, arena);
    case CLAMEUR__V1__EVENT__BODY_MESSAGE:
        return fill_message(e, m->message);
    case CLAMEUR__V1__EVENT__BODY_CARE:
        return fill_care(e, m->care, arena);
    case CLAMEUR__V1__EVENT__BODY_LEAD:
        return fill_lead(e, m->lead);
    case CLAMEUR__V1__EVENT__BODY_AR:
        return check_ar(m->ar);
    case CLAMEUR__V1__EVENT__BODY_POLL:
        return bounds_text(m->poll->poll_id, TEXT_MAX) | bounds_text(m->poll->option_id, TEXT_MAX);
    case CLAMEUR__V1__EVENT__BODY_LIVE:
        return fill_live(e, m->live);
    case CLAMEUR__V1__EVENT__BODY_SPEND:
        return fill_money(e, m->spend->cost_micros, m->spend->currency);
    case CLAMEUR__V1__EVENT__BODY_READING:
        return fill_readings(e, m->reading, arena);
    case CLAMEUR__V1__EVENT__BODY_ERASURE:
        return bounds_text(m->erasure->actor_id, ID_MAX) | bounds_text(m->erasure->person_id, ID_MAX);
    case CLAMEUR__V1__EVENT__BODY_WEB:
        return check_web(m->web);
    default:
        return EVENT_FLAW_NONE;
    }
}

void decode_body(struct event *e, const Clameur__V1__Event *m, struct arena *arena) {
    e->flaws |= fill_body(e, m, arena);
}
