#include "stream/decode/decode_event.h"

#include <stddef.h>
#include <string.h>

#include "stream/decode/decode_bounds.h"
#include "stream/decode/measure.h"

enum {
    ACCOUNT_MAX = 256,
    ID_MAX = 512,
    NAME_MAX_BYTES = 64,
    TEXT_MAX = 256,
    LANGUAGE_MAX = 16,
    COUNTRY_MAX = 2
};

static unsigned check_utm(const Clameur__V1__Utm *utm) {
    return bounds_text(utm->source, TEXT_MAX) | bounds_text(utm->medium, TEXT_MAX) |
           bounds_text(utm->campaign, TEXT_MAX) | bounds_text(utm->term, TEXT_MAX) |
           bounds_text(utm->content, TEXT_MAX);
}

// Every text is held to its bound and to UTF-8, also those that no later stage reads: other readers of the
// log refuse a message that breaks either.
static unsigned check_texts(const Clameur__V1__Event *m) {
    unsigned flaws = bounds_text(m->account_id, ACCOUNT_MAX) | bounds_text(m->content_id, ID_MAX) |
                     bounds_text(m->actor_id, ID_MAX) | bounds_text(m->campaign_id, TEXT_MAX) |
                     bounds_text(m->person_id, ID_MAX) | bounds_text(m->live_session_id, TEXT_MAX) |
                     bounds_text(m->platform_name, NAME_MAX_BYTES) |
                     bounds_text(m->kind_name, NAME_MAX_BYTES) | bounds_text(m->language, LANGUAGE_MAX) |
                     bounds_text(m->country, COUNTRY_MAX);
    if (m->n_tags > 0)
        flaws |= bounds_texts(m->tags, m->n_tags, EVENT_TAGS_MAX, TEXT_MAX);
    if (m->utm != NULL)
        flaws |= check_utm(m->utm);
    return flaws;
}

static void fill_envelope(struct event *e, const Clameur__V1__Event *m) {
    e->id_length = m->event_id.len;
    if (m->event_id.len == sizeof(e->id))
        memcpy(e->id, m->event_id.data, sizeof(e->id));
    e->occurred_at_ms = m->occurred_at;
    e->observed_at_ms = m->observed_at;
    e->platform = (uint32_t)m->platform;
    e->kind = (uint32_t)m->kind;
    e->delta = m->delta != 0 ? m->delta : 1;
    e->account = bounds_slice(m->account_id);
    e->content = bounds_slice(m->content_id);
    e->campaign = bounds_slice(m->campaign_id);
    e->session = bounds_slice(m->live_session_id);
    e->consent = m->consent;
    e->paid = m->paid != 0;
    e->content_format = (uint32_t)m->content_format;
    e->origin = (uint32_t)m->origin;
    e->traffic_source = (uint32_t)m->traffic_source;
    e->body = (uint32_t)m->body_case;
}

static void fill_tags(struct event *e, const Clameur__V1__Event *m) {
    e->tag_count = m->n_tags < EVENT_TAGS_MAX ? (uint32_t)m->n_tags : EVENT_TAGS_MAX;
    for (uint32_t i = 0; i < e->tag_count; i++)
        e->tags[i] = bounds_slice(m->tags[i]);
}

static void fill_people(struct event *e, const Clameur__V1__Event *m, const struct decode_context *context) {
    e->has_actor = m->actor_id.len > 0;
    if (e->has_actor)
        pseudonym_actor(context->pseudonyms, context->record_time_ms, e->platform, bounds_slice(m->actor_id),
                        e->actor);
    e->has_person = m->person_id.len > 0;
    if (e->has_person && context->persons)
        pseudonym_person(context->pseudonyms, context->record_time_ms, bounds_slice(m->person_id), e->person);
}

void decode_event(struct event *e, const Clameur__V1__Event *m, const struct decode_context *context) {
    // The arrays are the bulk of the struct: their counts say what is in them.
    memset(e, 0, offsetof(struct event, tags));
    e->order = e->currency = (struct slice){NULL, 0};
    e->has_value = false;
    e->measure_count = 0;
    e->read_at_ms = 0;
    e->reading_count = 0;
    e->readings = NULL;

    fill_envelope(e, m);
    e->flaws = check_texts(m) | bounds_signed(e->delta);
    fill_tags(e, m);
    fill_people(e, m, context);
    if (e->body == 0)
        return;
    decode_body(e, m, context->arena);
    if ((e->flaws & (EVENT_FLAW_NEGATIVE | EVENT_FLAW_OUT_OF_RANGE)) == 0)
        measure_event(e, m);
}
