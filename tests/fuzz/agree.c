#include "agree.h"

#include <stdio.h>
#include <stdlib.h>

#include "fuzz.h"
#include "loadtest/recount/reading/measures.h"
#include "loadtest/recount/reading/recount_event.h"
#include "schemas/weighable.h"
#include "stream/decode/decode.h"
#include "stream/validate.h"

enum { MESSAGE_MAX = 64 << 10 };

#define RECORD_TIME_MS INT64_C(1767225600000)

struct readers {
    struct pseudonymiser *pseudonyms;
    struct rules_book rules;
    struct arena arena;
    struct recount_events events;
};

static struct readers *readers(void) {
    static struct readers r;
    if (r.pseudonyms == NULL) {
        struct rules_kinds kinds;
        r.pseudonyms = pseudonymiser_random();
        schemas_rules_kinds(&kinds);
        CHECK(rules_load(&r.rules, "", &kinds) == STATUS_OK);
        arena_init(&r.arena, 64 << 10);
    }
    return &r;
}

static bool is_text(struct slice text, ProtobufCBinaryData other) {
    return slice_equal(text, recount_text(other));
}

static void agree_on_measures(const struct event *e, const Clameur__V1__Event *other) {
    struct measured theirs[MEASURES_MAX];
    size_t count = measures_of(other, theirs);
    CHECK(count == e->measure_count);
    for (size_t i = 0; i < count; i++) {
        size_t at = 0;
        while (at < count &&
               (e->measures[at].counter != theirs[i].counter || e->measures[at].value != theirs[i].value))
            at++;
        CHECK(at < count);
        CHECK(theirs[i].currency.length == 0 || slice_equal(theirs[i].currency, e->currency));
    }
}

static void agree_on_event(const struct event *e, const Clameur__V1__Event *other,
                           const struct rules *rules) {
    enum reject reject = validate_event(e, rules, RECORD_TIME_MS);
    CHECK(reject == recount_judge(other, rules, RECORD_TIME_MS));
    if (reject != REJECT_NONE)
        return;
    CHECK(other->event_id.len == sizeof(e->id) && memcmp(e->id, other->event_id.data, sizeof(e->id)) == 0);
    CHECK(e->occurred_at_ms == other->occurred_at && e->delta == recount_delta(other));
    CHECK(e->platform == (uint32_t)other->platform && e->kind == (uint32_t)other->kind);
    CHECK(is_text(e->account, other->account_id) && is_text(e->content, other->content_id));
    CHECK(is_text(e->campaign, other->campaign_id) && is_text(e->session, other->live_session_id));
    CHECK(e->consent == other->consent && e->has_actor == (other->actor_id.len > 0));
    CHECK(e->tag_count == other->n_tags);
    for (size_t i = 0; i < e->tag_count; i++)
        CHECK(is_text(e->tags[i], other->tags[i]));
    agree_on_measures(e, other);
}

void agree_on(const char *framing, int64_t max_event_bytes, struct slice value) {
    struct readers *r = readers();
    const struct decoder_options options = {framing, max_event_bytes, MESSAGE_MAX, r->pseudonyms, true};
    const struct recount_framing other = {framing, max_event_bytes, MESSAGE_MAX};
    const struct record record = {.partition = 3, .offset = 7, .time_ms = RECORD_TIME_MS, .value = value};
    struct decoder *decoder = decoder_create(&options);
    struct event *events;
    size_t count;
    arena_reset(&r->arena);
    enum reject reject = decoder_decode(decoder, &r->arena, &record, &events, &count);
    CHECK(reject == recount_events_read(&r->events, &other, value));
    CHECK(count == r->events.count);
    for (size_t i = 0; i < count; i++) {
        CHECK(events[i].bytes.at >= value.at &&
              events[i].bytes.at + events[i].bytes.length <= value.at + value.length);
        agree_on_event(&events[i], r->events.at[i], rules_at(&r->rules, RECORD_TIME_MS));
    }
    recount_events_clear(&r->events);
    decoder_destroy(&decoder);
}
