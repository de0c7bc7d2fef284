#include "stream/validate.h"

#include "schemas/money.h"

// The oneof's field numbers of the bodies that a kind cannot do without.
enum { BODY_SPEND = 40, BODY_READING = 41, BODY_ERASURE = 42 };

static enum reject judge_time(const struct event *e, const struct rules *rules, int64_t record_time_ms) {
    if (e->occurred_at_ms <= 0)
        return REJECT_NO_TIME;
    if (record_time_ms <= 0)
        return REJECT_NONE;
    // Both are positive, so that their difference fits.
    int64_t ahead_ms = e->occurred_at_ms - record_time_ms;
    if (ahead_ms > rules->max_future_skew_ms)
        return REJECT_FUTURE;
    // The latest reading stands: one of a far future would stand until then.
    if (e->kind == KIND_READING && e->read_at_ms > 0 &&
        e->read_at_ms - record_time_ms > rules->max_future_skew_ms)
        return REJECT_FUTURE;
    if (rules->max_past_ms >= 0 && -ahead_ms > rules->max_past_ms)
        return REJECT_TOO_OLD;
    return REJECT_NONE;
}

static enum reject judge_flaws(unsigned flaws) {
    if (flaws & (EVENT_FLAW_TOO_LONG | EVENT_FLAW_TOO_MANY))
        return REJECT_TOO_LONG;
    if (flaws & EVENT_FLAW_UTF8)
        return REJECT_BAD_UTF8;
    if (flaws & EVENT_FLAW_NEGATIVE)
        return REJECT_NEGATIVE_MEASURE;
    return flaws & EVENT_FLAW_OUT_OF_RANGE ? REJECT_OUT_OF_RANGE : REJECT_NONE;
}

static enum reject judge_purchase(const struct event *e) {
    if (e->order.length == 0)
        return REJECT_NO_ORDER_ID;
    return e->delta == 1 ? REJECT_NONE : REJECT_BAD_DELTA;
}

static bool is_counter_name(struct slice name) {
    if (name.length == 0)
        return false;
    for (size_t i = 0; i < name.length; i++) {
        char c = name.at[i];
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'))
            return false;
    }
    return true;
}

static enum reject judge_reading(const struct event *e) {
    if (e->body != BODY_READING)
        return REJECT_BAD_BODY;
    if (e->read_at_ms <= 0 || e->reading_count == 0)
        return REJECT_BAD_READING;
    for (uint32_t i = 0; i < e->reading_count; i++) {
        if (!is_counter_name(e->readings[i].counter))
            return REJECT_BAD_READING;
    }
    return REJECT_NONE;
}

// What a kind asks for beyond what every event needs.
static enum reject judge_kind(const struct event *e) {
    switch (e->kind) {
    case KIND_PURCHASE:
        return judge_purchase(e);
    case KIND_LIVE_JOIN:
    case KIND_LIVE_LEAVE:
    case KIND_LIVE_HEARTBEAT:
    case KIND_LIVE_SPEAK:
        return e->session.length > 0 ? REJECT_NONE : REJECT_NO_SESSION;
    case KIND_READING:
        return judge_reading(e);
    case KIND_SPEND:
        return e->body == BODY_SPEND ? REJECT_NONE : REJECT_BAD_BODY;
    case KIND_ERASURE:
        return e->body == BODY_ERASURE ? REJECT_NONE : REJECT_BAD_BODY;
    default:
        return REJECT_NONE;
    }
}

enum reject validate_event(const struct event *e, const struct rules *rules, int64_t record_time_ms) {
    if (e->id_length != sizeof(e->id))
        return REJECT_NO_ID;
    enum reject time = judge_time(e, rules, record_time_ms);
    if (time != REJECT_NONE)
        return time;
    if (e->platform == 0)
        return REJECT_NO_PLATFORM;
    if (e->kind == 0)
        return REJECT_NO_KIND;
    if (e->account.length == 0 && e->kind != KIND_ERASURE)
        return REJECT_NO_ACCOUNT;
    if (e->flaws != EVENT_FLAW_NONE)
        return judge_flaws(e->flaws);
    if (e->occurred_at_ms >= EVENT_TIME_END_MS)
        return REJECT_OUT_OF_RANGE;
    if (e->has_value && !money_is_currency(e->currency))
        return REJECT_NO_CURRENCY;
    return judge_kind(e);
}
