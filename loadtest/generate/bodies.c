#include "loadtest/generate/bodies.h"

// Points the oneof at its place in the draft, started from the type's INIT, and gives a name to write it by.
#define BODY_OPEN(field, FIELD, type)                                                                        \
    struct draft *d = s->draft;                                                                              \
    struct random *r = s->random;                                                                            \
    type##__init(&d->field);                                                                                 \
    d->event.body_case = CLAMEUR__V1__EVENT__BODY_##FIELD;                                                   \
    d->event.field = &d->field

ProtobufCBinaryData body_currency(struct random *r, uint64_t account) {
    static const char *const names[] = {"EUR", "USD", "GBP", "JPY", "KWD"};
    return draft_literal(names[(random_percent(r, 92) ? account : random_next(r)) % 5]);
}

void body_none(struct subject *s) {
    (void)s;
}

void body_view(struct subject *s) {
    BODY_OPEN(view, VIEW, clameur__v1__view);
    int64_t duration_ms = 5000 * random_between(r, 1, 36);
    d->view.duration_ms = duration_ms;
    d->view.watch_ms = random_between(r, 0, duration_ms + duration_ms / 4); // replays included
    d->view.from_impression = random_percent(r, 20);
    d->view.autoplay = random_percent(r, 30);
    if (d->event.kind == (Clameur__V1__Kind)KIND_SLIDE_VIEW)
        d->view.slide = (uint32_t)random_between(r, 1, 10);
    if (random_percent(r, 10))
        d->view.position_ms = duration_ms / 2;
}

void body_reaction(struct subject *s) {
    BODY_OPEN(reaction, REACTION, clameur__v1__reaction);
    static const char *const emoji[] = {"🔥", "👏", "🤯", "❤️‍🔥"};
    uint64_t type = random_below(r, 12) + (random_percent(r, 2) ? 77 : 0); // 77..: types of a time to come
    d->reaction.type = (Clameur__V1__ReactionType)type;
    if (d->reaction.type == CLAMEUR__V1__REACTION_TYPE__REACTION_TYPE_EMOJI)
        d->reaction.emoji = draft_literal(emoji[random_below(r, 4)]);
}

void body_listening(struct subject *s) {
    BODY_OPEN(listening, LISTENING, clameur__v1__listening);
    static const char *const topics[] = {"price", "délai", "size: {M}", "refund", "quality 100%"};
    d->listening.sentiment = (Clameur__V1__Sentiment)random_below(r, 4);
    d->listening.intent = (Clameur__V1__Intent)random_below(r, 4);
    d->listening.audience = random_between(r, 0, 1000000);
    if (random_percent(r, 25))
        d->listening.tracked_brand = draft_numbered(d, "rival-", random_below(r, 5));
    if (random_percent(r, 60)) {
        d->topic = draft_literal(topics[random_below(r, 5)]);
        d->listening.topics = &d->topic;
        d->listening.n_topics = 1;
    }
}

void body_listening_sometimes(struct subject *s) {
    if (random_percent(s->random, 20))
        body_listening(s);
}

void body_message(struct subject *s) {
    BODY_OPEN(message, MESSAGE, clameur__v1__message);
    d->message.conversation_id = draft_numbered(d, "conv-", random_below(r, 5000));
    d->message.by_bot = random_percent(r, 25);
    if (random_percent(r, 30))
        d->message.channel_id = draft_numbered(d, "#channel:", random_below(r, 20));
    if (random_percent(r, 30))
        d->message.template_id = draft_numbered(d, "template-", random_below(r, 12));
    if (d->event.kind == (Clameur__V1__Kind)KIND_MESSAGE_REPLY)
        d->message.replied_to_at = s->occurred_at_ms - random_between(r, 1000, 7200000);
}

void body_care(struct subject *s) {
    BODY_OPEN(care, CARE, clameur__v1__care);
    d->care.case_id = draft_numbered(d, "case-", random_below(r, 20000));
    d->care.topic = draft_literal(random_percent(r, 50) ? "livraison" : "login");
    d->care.by_bot = random_percent(r, 40);
    if (d->event.kind != (Clameur__V1__Kind)KIND_CASE_OPENED)
        d->care.opened_at = s->occurred_at_ms - random_between(r, 5000, 86400000);
}

void body_lead(struct subject *s) {
    BODY_OPEN(lead, LEAD, clameur__v1__lead);
    d->lead.lead_id = draft_numbered(d, "lead-", random_below(r, 20000));
    if (d->event.kind == (Clameur__V1__Kind)KIND_LEAD)
        return;
    d->lead.opened_at = s->occurred_at_ms - random_between(r, 3600000, INT64_C(90) * 86400000);
    d->lead.value_micros = random_between(r, 1, 90000) * 1000000;
    d->lead.currency = body_currency(r, s->account);
}

void body_ar(struct subject *s) {
    BODY_OPEN(ar, AR, clameur__v1__ar);
    d->ar.effect_id = draft_numbered(d, "effect-", random_below(r, 30));
    d->ar.product_id = draft_numbered(d, "sku-", random_below(r, 500));
    d->ar.duration_ms = random_between(r, 0, 60000);
}

void body_poll(struct subject *s) {
    BODY_OPEN(poll, POLL, clameur__v1__poll);
    d->poll.poll_id = draft_numbered(d, "poll-", random_below(r, 100));
    d->poll.option_id = draft_literal(random_percent(r, 60) ? "yes" : "no");
}

void body_live(struct subject *s) {
    BODY_OPEN(live, LIVE, clameur__v1__live);
    if (random_percent(r, 40))
        d->live.product_id = draft_numbered(d, "sku-", random_below(r, 500));
    if (d->event.kind == (Clameur__V1__Kind)KIND_LIVE_LEAVE)
        d->live.watch_ms = random_between(r, 0, 5400000);
}

void body_gift(struct subject *s) {
    BODY_OPEN(live, LIVE, clameur__v1__live);
    d->live.gift_micros = random_between(r, 1, 5000) * 13000;
    d->live.currency = body_currency(r, s->account);
}

void body_spend(struct subject *s) {
    BODY_OPEN(spend, SPEND, clameur__v1__spend);
    d->spend.cost_micros = random_between(r, 0, 40000000000);
    d->spend.currency = body_currency(r, s->account);
}

// Of a content its own figures, of an account its followers: one figure is read at one level.
void body_reading(struct subject *s) {
    BODY_OPEN(reading, READING, clameur__v1__reading);
    static const char *const of_content[] = {"views", "likes", "reach", "comments"};
    bool content = d->event.content_id.len > 0;
    size_t count = content ? (size_t)random_between(r, 1, 4) : 1;
    for (size_t i = 0; i < count; i++) {
        clameur__v1__reading_value__init(&d->values[i]);
        d->values[i].counter = draft_literal(content ? of_content[i] : "followers");
        d->values[i].value = random_between(r, 0, 5000000);
        d->value_list[i] = &d->values[i];
    }
    d->reading.read_at = s->occurred_at_ms - random_between(r, 0, 60000);
    d->reading.values = d->value_list;
    d->reading.n_values = count;
}

void body_erasure(struct subject *s) {
    BODY_OPEN(erasure, ERASURE, clameur__v1__erasure);
    if (random_percent(r, 50))
        d->erasure.actor_id = draft_numbered(d, "gone", random_below(r, 100000));
    else
        d->erasure.person_id = draft_numbered(d, "cust-gone-", random_below(r, 100000));
}

void body_web(struct subject *s) {
    BODY_OPEN(web, WEB, clameur__v1__web);
    d->web.path = draft_numbered(d, "/produits/été-", random_below(r, 300));
    d->web.session_id = draft_numbered(d, "s", random_next(r) >> 20);
    d->web.dwell_ms = random_between(r, 0, 240000);
    if (random_percent(r, 50))
        d->web.referrer = draft_literal("https://l.instagram.com/");
}
