#include "loadtest/recount/reading/measures.h"

#include "loadtest/recount/reading/recount_event.h"
#include "runtime/check.h"

struct list {
    struct measured *out;
    size_t count;
};

static void add(struct list *l, enum counter counter, int64_t value, ProtobufCBinaryData currency) {
    if (value == 0)
        return;
    CHECK(l->count < MEASURES_MAX);
    l->out[l->count++] = (struct measured){counter, value, recount_text(currency)};
}

static void add_plain(struct list *l, enum counter counter, int64_t value) {
    add(l, counter, value, (ProtobufCBinaryData){0, NULL});
}

static enum counter reaction_counter(Clameur__V1__ReactionType type) {
    static const enum counter by_type[] = {
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
    size_t number = (uint32_t)type;
    bool listed = number < sizeof(by_type) / sizeof(by_type[0]) && by_type[number] != COUNTER_NONE;
    return listed ? by_type[number] : COUNTER_REACTIONS_OTHER;
}

static int64_t quantity(const Clameur__V1__Commerce *c) {
    int64_t sum = 0;
    for (size_t i = 0; i < c->n_items; i++)
        sum += c->items[i]->quantity;
    return sum;
}

static void purchase(struct list *l, const Clameur__V1__Commerce *c) {
    add(l, COUNTER_GROSS_MICROS, c->value_micros, c->currency);
    add(l, COUNTER_NET_MICROS, c->value_micros, c->currency);
    add(l, COUNTER_DISCOUNT_MICROS, c->discount_micros, c->currency);
    add(l, COUNTER_COST_MICROS, c->cost_micros, c->currency);
    add_plain(l, COUNTER_UNITS, quantity(c));
    add_plain(l, COUNTER_NEW_CUSTOMERS, c->customer == CLAMEUR__V1__CUSTOMER__CUSTOMER_NEW);
    add_plain(l, COUNTER_RETURNING_CUSTOMERS, c->customer == CLAMEUR__V1__CUSTOMER__CUSTOMER_RETURNING);
}

static void commerce(struct list *l, const Clameur__V1__Event *e) {
    const Clameur__V1__Commerce *c = e->commerce;
    switch ((uint32_t)e->kind) {
    case KIND_PURCHASE:
        return purchase(l, c);
    case KIND_REFUND:
        add(l, COUNTER_REFUNDED_MICROS, c->value_micros, c->currency);
        return add(l, COUNTER_NET_MICROS, -c->value_micros, c->currency);
    case KIND_OTHER:
        return add(l, COUNTER_OTHER_MICROS, c->value_micros, c->currency);
    case KIND_REDEMPTION:
        return add(l, COUNTER_REDEEMED_MICROS, c->value_micros, c->currency);
    case KIND_DELIVERED:
        return add_plain(l, COUNTER_UNITS_DELIVERED, quantity(c));
    case KIND_RETURNED:
        return add_plain(l, COUNTER_UNITS_RETURNED, quantity(c));
    case KIND_ADD_TO_CART:
        return add_plain(l, COUNTER_CARTS_TRIED_ON, c->tried_on ? recount_delta(e) : 0);
    default:
        return;
    }
}

static void own_mention(struct list *l, const Clameur__V1__Listening *m, int64_t delta) {
    add_plain(l, COUNTER_MENTIONS_POSITIVE,
              m->sentiment == CLAMEUR__V1__SENTIMENT__SENTIMENT_POSITIVE ? delta : 0);
    add_plain(l, COUNTER_MENTIONS_NEUTRAL,
              m->sentiment == CLAMEUR__V1__SENTIMENT__SENTIMENT_NEUTRAL ? delta : 0);
    add_plain(l, COUNTER_MENTIONS_NEGATIVE,
              m->sentiment == CLAMEUR__V1__SENTIMENT__SENTIMENT_NEGATIVE ? delta : 0);
}

static void listening(struct list *l, const Clameur__V1__Event *e) {
    int64_t delta = recount_delta(e);
    Clameur__V1__Intent intent = e->listening->intent;
    bool is_mention = (uint32_t)e->kind == KIND_MENTION, is_own = e->listening->tracked_brand.len == 0;
    if (is_mention && is_own)
        own_mention(l, e->listening, delta);
    add_plain(l, COUNTER_MENTIONS_RIVAL, is_mention && !is_own ? delta : 0);
    add_plain(l, COUNTER_INTENTS_QUESTION, intent == CLAMEUR__V1__INTENT__INTENT_QUESTION ? delta : 0);
    add_plain(l, COUNTER_INTENTS_COMPLAINT, intent == CLAMEUR__V1__INTENT__INTENT_COMPLAINT ? delta : 0);
    add_plain(l, COUNTER_INTENTS_INTEREST,
              intent == CLAMEUR__V1__INTENT__INTENT_PRODUCT_INTEREST ? delta : 0);
}

static void view(struct list *l, const Clameur__V1__Event *e) {
    add_plain(l, COUNTER_WATCH_MS, e->view->watch_ms);
    if ((uint32_t)e->kind == KIND_VIEW && e->view->from_impression)
        add_plain(l, COUNTER_VIEWS_FROM_IMPRESSIONS, recount_delta(e));
}

static void live(struct list *l, const Clameur__V1__Event *e) {
    add_plain(l, COUNTER_LIVE_WATCH_MS, e->live->watch_ms);
    if ((uint32_t)e->kind == KIND_GIFT)
        add(l, COUNTER_GIFT_MICROS, e->live->gift_micros, e->live->currency);
}

size_t measures_of(const Clameur__V1__Event *e, struct measured out[MEASURES_MAX]) {
    struct list l = {out, 0};
    uint32_t kind = (uint32_t)e->kind;
    Clameur__V1__Event__BodyCase body = e->body_case;
    if (body == CLAMEUR__V1__EVENT__BODY_VIEW)
        view(&l, e);
    if (body == CLAMEUR__V1__EVENT__BODY_LIVE)
        live(&l, e);
    if (body == CLAMEUR__V1__EVENT__BODY_WEB)
        add_plain(&l, COUNTER_DWELL_MS, e->web->dwell_ms);
    if (body == CLAMEUR__V1__EVENT__BODY_REACTION && kind == KIND_REACTION)
        add_plain(&l, reaction_counter(e->reaction->type), recount_delta(e));
    if (body == CLAMEUR__V1__EVENT__BODY_COMMERCE)
        commerce(&l, e);
    if (body == CLAMEUR__V1__EVENT__BODY_LISTENING)
        listening(&l, e);
    if (body == CLAMEUR__V1__EVENT__BODY_SPEND && kind == KIND_SPEND)
        add(&l, COUNTER_SPEND_MICROS, e->spend->cost_micros, e->spend->currency);
    if (body == CLAMEUR__V1__EVENT__BODY_LEAD && kind == KIND_DEAL_WON)
        add(&l, COUNTER_DEAL_MICROS, e->lead->value_micros, e->lead->currency);
    return l.count;
}

static field_code kind_field(uint32_t number) {
    const struct kind_row *kind = kind_find(number);
    if (kind == NULL)
        return field_kind(number);
    return kind->counter != COUNTER_NONE ? field_counter(kind->counter) : 0;
}

static void increment(struct recount_increments *out, field_code field, int64_t delta) {
    out->at[out->count].field = field;
    out->at[out->count++].delta = delta;
}

// Does the account, where it has a list, name the brand on it? (Straight through: an oracle need not be
// fast.)
static bool is_tracked(const Clameur__V1__Event *e, const struct rules *rules) {
    struct slice account = recount_text(e->account_id), brand = recount_text(e->listening->tracked_brand);
    for (size_t i = 0; i < rules->tracked_count; i++) {
        const struct rules_tracked *list = &rules->tracked[i];
        if (!slice_equal(list->account, account))
            continue;
        for (size_t b = 0; b < list->count; b++) {
            if (slice_equal(list->brands[b], brand))
                return true;
        }
        return false;
    }
    return true;
}

void recount_increments_of(struct recount_increments *out, const Clameur__V1__Event *e,
                           const struct rules *rules) {
    struct measured measures[MEASURES_MAX];
    size_t count = measures_of(e, measures);
    out->kind = kind_field((uint32_t)e->kind);
    out->count = 0;
    if (out->kind != 0)
        increment(out, out->kind, recount_delta(e));
    for (size_t i = 0; i < count; i++) {
        enum counter counter = measures[i].counter;
        if (counter == COUNTER_MENTIONS_RIVAL && !is_tracked(e, rules))
            counter = COUNTER_MENTIONS_UNTRACKED;
        field_code field = field_counter(counter);
        if (counter_row(counter)->by_currency)
            field = field_currency(field, measures[i].currency);
        increment(out, field, measures[i].value);
    }
}
