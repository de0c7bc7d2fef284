#include "stream/decode/measure.h"

#include "runtime/check.h"

// By ReactionType; every other type is REACTIONS_OTHER.
static const enum counter reaction_counters[] = {
    [CLAMEUR__V1__REACTION_TYPE__REACTION_TYPE_LIKE] = COUNTER_REACTIONS_LIKE,
    [CLAMEUR__V1__REACTION_TYPE__REACTION_TYPE_LOVE] = COUNTER_REACTIONS_LOVE,
    [CLAMEUR__V1__REACTION_TYPE__REACTION_TYPE_CARE] = COUNTER_REACTIONS_CARE,
    [CLAMEUR__V1__REACTION_TYPE__REACTION_TYPE_HAHA] = COUNTER_REACTIONS_HAHA,
    [CLAMEUR__V1__REACTION_TYPE__REACTION_TYPE_WOW] = COUNTER_REACTIONS_WOW,
    [CLAMEUR__V1__REACTION_TYPE__REACTION_TYPE_SAD] = COUNTER_REACTIONS_SAD,
    [CLAMEUR__V1__REACTION_TYPE__REACTION_TYPE_ANGRY] = COUNTER_REACTIONS_ANGRY,
    [CLAMEUR__V1__REACTION_TYPE__REACTION_TYPE_CELEBRATE] = COUNTER_REACTIONS_CELEBRATE,
    [CLAMEUR__V1__REACTION_TYPE__REACTION_TYPE_SUPPORT] = COUNTER_REACTIONS_SUPPORT,
    [CLAMEUR__V1__REACTION_TYPE__REACTION_TYPE_INSIGHTFUL] = COUNTER_REACTIONS_INSIGHTFUL,
};

static const enum counter sentiment_counters[] = {
    [CLAMEUR__V1__SENTIMENT__SENTIMENT_POSITIVE] = COUNTER_MENTIONS_POSITIVE,
    [CLAMEUR__V1__SENTIMENT__SENTIMENT_NEUTRAL] = COUNTER_MENTIONS_NEUTRAL,
    [CLAMEUR__V1__SENTIMENT__SENTIMENT_NEGATIVE] = COUNTER_MENTIONS_NEGATIVE,
};

static const enum counter intent_counters[] = {
    [CLAMEUR__V1__INTENT__INTENT_QUESTION] = COUNTER_INTENTS_QUESTION,
    [CLAMEUR__V1__INTENT__INTENT_COMPLAINT] = COUNTER_INTENTS_COMPLAINT,
    [CLAMEUR__V1__INTENT__INTENT_PRODUCT_INTEREST] = COUNTER_INTENTS_INTEREST,
};

static const enum counter customer_counters[] = {
    [CLAMEUR__V1__CUSTOMER__CUSTOMER_NEW] = COUNTER_NEW_CUSTOMERS,
    [CLAMEUR__V1__CUSTOMER__CUSTOMER_RETURNING] = COUNTER_RETURNING_CUSTOMERS,
};

#define LENGTH_OF(table) (sizeof(table) / sizeof((table)[0]))

// Enums are open: any number may come, and one that is not in the table has no counter.
static enum counter counter_at(const enum counter *table, size_t length, int number) {
    return number >= 0 && (size_t)number < length ? table[number] : COUNTER_NONE;
}

static void add(struct event *e, enum counter counter, int64_t value) {
    if (counter == COUNTER_NONE || value == 0)
        return;
    CHECK(e->measure_count < EVENT_MEASURES_MAX);
    e->measures[e->measure_count++] = (struct measure){counter, value};
}

bool measure_units(const Clameur__V1__Commerce *commerce, int64_t *units) {
    *units = 0;
    for (size_t i = 0; i < commerce->n_items; i++) {
        if (__builtin_add_overflow(*units, commerce->items[i]->quantity, units))
            return false;
    }
    return true;
}

static void add_units(struct event *e, enum counter counter, const Clameur__V1__Commerce *commerce) {
    int64_t units;
    if (measure_units(commerce, &units))
        add(e, counter, units);
}

static void measure_purchase(struct event *e, const Clameur__V1__Commerce *commerce) {
    add(e, COUNTER_GROSS_MICROS, commerce->value_micros);
    add(e, COUNTER_NET_MICROS, commerce->value_micros);
    add(e, COUNTER_DISCOUNT_MICROS, commerce->discount_micros);
    add(e, COUNTER_COST_MICROS, commerce->cost_micros);
    add_units(e, COUNTER_UNITS, commerce);
    add(e, counter_at(customer_counters, LENGTH_OF(customer_counters), (int)commerce->customer), 1);
}

static void measure_commerce(struct event *e, const Clameur__V1__Commerce *commerce) {
    switch (e->kind) {
    case KIND_PURCHASE:
        measure_purchase(e, commerce);
        return;
    case KIND_REFUND:
        add(e, COUNTER_REFUNDED_MICROS, commerce->value_micros);
        add(e, COUNTER_NET_MICROS, -commerce->value_micros);
        return;
    case KIND_OTHER:
        add(e, COUNTER_OTHER_MICROS, commerce->value_micros);
        return;
    case KIND_REDEMPTION:
        add(e, COUNTER_REDEEMED_MICROS, commerce->value_micros);
        return;
    case KIND_DELIVERED:
        add_units(e, COUNTER_UNITS_DELIVERED, commerce);
        return;
    case KIND_RETURNED:
        add_units(e, COUNTER_UNITS_RETURNED, commerce);
        return;
    case KIND_ADD_TO_CART:
        add(e, COUNTER_CARTS_TRIED_ON, commerce->tried_on ? e->delta : 0);
        return;
    default:
        return;
    }
}

static void measure_reaction(struct event *e, const Clameur__V1__Reaction *reaction) {
    if (e->kind != KIND_REACTION)
        return;
    enum counter counter = counter_at(reaction_counters, LENGTH_OF(reaction_counters), (int)reaction->type);
    add(e, counter != COUNTER_NONE ? counter : COUNTER_REACTIONS_OTHER, e->delta);
}

static void measure_listening(struct event *e, const Clameur__V1__Listening *listening) {
    bool is_own = listening->tracked_brand.len == 0; // a rival's sentiment is the rival's
    if (e->kind == KIND_MENTION && is_own)
        add(e, counter_at(sentiment_counters, LENGTH_OF(sentiment_counters), (int)listening->sentiment),
            e->delta);
    if (e->kind == KIND_MENTION && !is_own)
        add(e, COUNTER_MENTIONS_RIVAL, e->delta);
    add(e, counter_at(intent_counters, LENGTH_OF(intent_counters), (int)listening->intent), e->delta);
}

static void measure_view(struct event *e, const Clameur__V1__View *view) {
    add(e, COUNTER_WATCH_MS, view->watch_ms);
    if (e->kind == KIND_VIEW && view->from_impression)
        add(e, COUNTER_VIEWS_FROM_IMPRESSIONS, e->delta);
}

static void measure_live(struct event *e, const Clameur__V1__Live *live) {
    add(e, COUNTER_LIVE_WATCH_MS, live->watch_ms);
    if (e->kind == KIND_GIFT)
        add(e, COUNTER_GIFT_MICROS, live->gift_micros);
}

void measure_event(struct event *e, const Clameur__V1__Event *message) {
    switch (e->body) {
    case CLAMEUR__V1__EVENT__BODY_VIEW:
        measure_view(e, message->view);
        return;
    case CLAMEUR__V1__EVENT__BODY_REACTION:
        measure_reaction(e, message->reaction);
        return;
    case CLAMEUR__V1__EVENT__BODY_COMMERCE:
        measure_commerce(e, message->commerce);
        return;
    case CLAMEUR__V1__EVENT__BODY_LISTENING:
        measure_listening(e, message->listening);
        return;
    case CLAMEUR__V1__EVENT__BODY_LIVE:
        measure_live(e, message->live);
        return;
    case CLAMEUR__V1__EVENT__BODY_WEB:
        add(e, COUNTER_DWELL_MS, message->web->dwell_ms);
        return;
    case CLAMEUR__V1__EVENT__BODY_SPEND:
        add(e, COUNTER_SPEND_MICROS, e->kind == KIND_SPEND ? message->spend->cost_micros : 0);
        return;
    case CLAMEUR__V1__EVENT__BODY_LEAD:
        add(e, COUNTER_DEAL_MICROS, e->kind == KIND_DEAL_WON ? message->lead->value_micros : 0);
        return;
    default:
        return;
    }
}
