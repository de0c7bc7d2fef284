#include "loadtest/windows/windows_beside.h"

#include "loadtest/recount/reading/recount_event.h"
#include "runtime/check.h"

static void append(struct recount_increments *out, field_code field, int64_t delta) {
    CHECK(out->count < RECOUNT_INCREMENTS_MAX);
    out->at[out->count].field = field;
    out->at[out->count++].delta = delta;
}

static void put(struct recount_increments *out, enum counter counter, __int128 value) {
    if (value != 0)
        append(out, field_counter(counter), (int64_t)value);
}

static void youtube(struct recount_increments *out, const Clameur__V1__Event *e, __int128 length) {
    uint32_t kind = (uint32_t)e->kind;
    bool is_known = e->view->duration_ms > 0,
         is_beyond = length > RECOUNT_NUMBER_MAX || length < -RECOUNT_NUMBER_MAX;
    __int128 watched = e->view->watch_ms, looped = 0;
    if (kind == KIND_REPLAY || (is_known && length < 0))
        looped = watched;
    else if (is_known && watched > length)
        looped = watched - length;
    put(out, COUNTER_LOOPED_MS, looped);
    put(out, COUNTER_WATCH_APART_MS, is_known && kind == KIND_VIEW ? 0 : watched - looped);
    put(out, COUNTER_VIEWS_LENGTH_MS, kind == KIND_VIEW && !is_beyond ? length : 0);
}

static void tiktok(struct recount_increments *out, const Clameur__V1__Event *e, __int128 length) {
    bool is_beyond = length > RECOUNT_NUMBER_MAX || length < -RECOUNT_NUMBER_MAX;
    put(out, COUNTER_WATCH_UNTIMED_MS, e->view->duration_ms > 0 ? 0 : e->view->watch_ms);
    put(out, COUNTER_STARTS_LENGTH_MS, (uint32_t)e->kind == KIND_VIEW_START && !is_beyond ? length : 0);
}

static void viewed(struct recount_increments *out, const Clameur__V1__Event *e) {
    __int128 length = (__int128)recount_delta(e) * e->view->duration_ms;
    if ((uint32_t)e->platform == PLATFORM_TIKTOK)
        tiktok(out, e, length);
    if ((uint32_t)e->platform == PLATFORM_YOUTUBE)
        youtube(out, e, length);
}

static void append_of(struct recount_increments *out, enum counter counter, struct slice currency,
                      int64_t delta) {
    append(out, field_currency(field_counter(counter), currency), delta);
}

void windows_beside_add(struct recount_increments *out, const Clameur__V1__Event *e) {
    if (e->body_case == CLAMEUR__V1__EVENT__BODY_VIEW)
        viewed(out, e);
    else if ((uint32_t)e->kind == KIND_PURCHASE && e->commerce->value_micros != 0)
        append_of(out, COUNTER_PRICED_ORDERS, recount_text(e->commerce->currency), 1);
}

struct recount_increments windows_beside_unattributed(const struct recount_increments *of) {
    struct recount_increments out = *of;
    for (size_t i = 0; i < of->count; i++) {
        enum counter counter;
        char currency[4];
        if (!field_split(of->at[i].field, &counter, currency))
            continue;
        if (counter == COUNTER_OF_REFUND)
            append(&out, field_counter(COUNTER_REFUNDS_UNATTRIBUTED), of->at[i].delta);
        else if (counter == COUNTER_REFUNDED_MICROS)
            append_of(&out, COUNTER_UNATTRIBUTED_MICROS, slice_of(currency), of->at[i].delta);
    }
    return out;
}
