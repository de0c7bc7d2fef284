// An event and its fate as a JSON object.
#include <stdlib.h>

#include "ingest/commands/explain/explain.h"
#include "runtime/memory.h"

enum { DETAIL_MAX = 256, DURATION_MAX = 48 };

// Foreign bytes: what is no UTF-8 is shown byte by byte.
static json_t *text_json(struct slice text) {
    if (text.length == 0)
        return json_null();
    json_t *json = json_stringn(text.at, text.length);
    if (json != NULL)
        return json;
    char *copy = memory_take(text.length);
    for (size_t i = 0; i < text.length; i++)
        copy[i] = (unsigned char)text.at[i] < 0x80 ? text.at[i] : '?';
    json = json_stringn(copy, text.length);
    free(copy);
    return json;
}

static json_t *hex_json(const unsigned char *bytes, size_t count) {
    char text[64];
    for (size_t i = 0; i < count; i++)
        snprintf(text + 2 * i, 3, "%02x", bytes[i]);
    return json_stringn(text, 2 * count);
}

static json_t *platform_json(uint32_t number) {
    char name[PLATFORM_NAME_MAX];
    return json_stringn(name, platform_write(name, number));
}

static json_t *kind_json(uint32_t number) {
    char name[FIELD_MAX];
    const struct kind_row *row = kind_find(number);
    if (row != NULL)
        return json_string(row->name);
    return json_stringn(name, field_write(name, field_kind(number)));
}

static void duration_write(char out[DURATION_MAX], int64_t ms) {
    if (ms < 60000)
        snprintf(out, DURATION_MAX, "%.1f s", (double)ms / 1000);
    else if (ms < 2 * 3600000)
        snprintf(out, DURATION_MAX, "%.1f min", (double)ms / 60000);
    else if (ms < 48 * INT64_C(3600000))
        snprintf(out, DURATION_MAX, "%.1f h", (double)ms / 3600000);
    else
        snprintf(out, DURATION_MAX, "%.1f d", (double)ms / 86400000);
}

// What the rule says, and how far the event is from it where that can be measured.
static json_t *rule_json(const struct judged *judged, const struct rules *rules, int64_t record_time_ms) {
    char away[DURATION_MAX], bound[DURATION_MAX], detail[DETAIL_MAX];
    bool future = judged->reject == REJECT_FUTURE;
    if (judged->fate != FATE_REJECTED)
        return json_null();
    if (!future && judged->reject != REJECT_TOO_OLD)
        return json_string(reject_doc(judged->reject));
    int64_t ahead_ms = judged->event->occurred_at_ms - record_time_ms;
    if (future && ahead_ms <= rules->max_future_skew_ms)
        ahead_ms = judged->event->read_at_ms - record_time_ms;
    duration_write(away, future ? ahead_ms : -ahead_ms);
    duration_write(bound, future ? rules->max_future_skew_ms : rules->max_past_ms);
    snprintf(detail, sizeof(detail), "%s (here: %s; %s is %s)", reject_doc(judged->reject), away,
             future ? "max_future_skew" : "max_past", bound);
    return json_string(detail);
}

static json_t *effect_json(const struct effect *effect, bool has_key) {
    json_t *json = json_object();
    bool hidden = effect->op == EFFECT_REACH && !has_key;
    json_object_set_new(json, "op", json_string(effect_op_name(effect->op)));
    json_object_set_new(json, "key", text_json(effect->key));
    json_object_set_new(json, "name", text_json(effect->name));
    json_object_set_new(json, "field", hidden ? json_null() : text_json(effect->field));
    if (effect->op == EFFECT_ORDER)
        json_object_set_new(json, "rank", text_json(effect->rank));
    else if (effect->op != EFFECT_MOVE)
        json_object_set_new(json, effect->op == EFFECT_SET ? "value" : "delta", json_integer(effect->delta));
    if (effect->op == EFFECT_SET)
        json_object_set_new(json, "read_at", json_integer(effect->read_at_ms));
    if (effect->expire_s != 0)
        json_object_set_new(json, "expires", json_integer(effect->expire_s));
    if (effect->condition != NULL)
        json_object_set_new(json, "if", json_string(effect->condition));
    return json;
}

// The figures alone, by key and field: people of a reach count as the field `people`. A field that an event
// moves twice (an order's, and its copies') is two effects, but one figure cannot be both: conditions of
// copies are left out.
static void counter_take(json_t *counters, const struct effect *effect) {
    bool copy = effect->condition != NULL && effect->op == EFFECT_ADD &&
                slice_equal(effect->field, slice_of("order_copies"));
    if (effect->op == EFFECT_MOVE || effect->op == EFFECT_ORDER || copy)
        return;
    json_t *key = json_object_get(counters, effect->name.at);
    if (key == NULL) {
        key = json_object();
        json_object_set_new(counters, effect->name.at, key);
    }
    json_object_set_new(key, effect->op == EFFECT_REACH ? "people" : effect->field.at,
                        json_integer(effect->delta));
}

static void tell_effects(struct explain *x, json_t *json) {
    json_t *counters = json_object(), *effects = json_array();
    for (size_t i = 0; i < x->effects.count; i++) {
        counter_take(counters, &x->effects.at[i]);
        json_array_append_new(effects, effect_json(&x->effects.at[i], x->judge.has_key));
    }
    json_object_set_new(json, "counters", counters);
    json_object_set_new(json, "effects", effects);
}

static void tell_event(const struct explain *x, json_t *json, const struct event *e) {
    json_object_set_new(json, "event", e->id_length == 16 ? hex_json(e->id, 16) : json_null());
    json_object_set_new(json, "platform", platform_json(e->platform));
    json_object_set_new(json, "kind", kind_json(e->kind));
    json_object_set_new(json, "account", text_json(e->account));
    json_object_set_new(json, "content", text_json(e->content));
    json_object_set_new(json, "campaign", text_json(e->campaign));
    json_object_set_new(json, "occurred_at", json_integer(e->occurred_at_ms));
    bool shown = e->has_actor && x->judge.has_key;
    json_object_set_new(json, "actor", shown ? hex_json(e->actor, PSEUDONYM_SIZE) : json_null());
}

void explain_tell(struct explain *x, const char *source, const struct record *record,
                  const struct judged *judged, const char *first) {
    const struct rules *rules = judge_rules(&x->judge, record);
    json_t *json = json_object();
    json_object_set_new(json, "source", text_json(slice_of(source)));
    json_object_set_new(json, "index", json_integer(judged->index));
    json_object_set_new(json, "record_time", json_integer(record->time_ms));
    json_object_set_new(json, "rules_version", json_integer(rules->version));
    json_object_set_new(json, "outcome", json_string(fate_name(judged->fate)));
    bool rejected = judged->fate == FATE_REJECTED;
    json_object_set_new(json, "reason", rejected ? json_string(reject_name(judged->reject)) : json_null());
    json_object_set_new(json, "rule", rule_json(judged, rules, record->time_ms));
    json_object_set_new(json, "first", text_json(slice_of(first)));
    if (judged->event != NULL)
        tell_event(x, json, judged->event);
    x->effects.count = 0;
    if (judged->fate == FATE_COUNTED)
        effects_tell(&x->effects, judged->event, rules, record->time_ms);
    tell_effects(x, json);
    json_array_append_new(x->told, json);
}
