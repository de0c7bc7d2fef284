#include "aggregate/window/viewed.h"

#include "runtime/check.h"

// As the contract bounds durations and deltas by themselves.
#define LENGTH_MAX INT64_C(100000000000000000)

static void add(struct increments *out, enum counter counter, int64_t value) {
    if (value == 0)
        return;
    CHECK(out->count < INCREMENTS_MAX);
    out->at[out->count++] = (struct increment){field_counter(counter), value};
}

static int64_t watched_ms(const struct event *e) {
    for (uint32_t i = 0; i < e->measure_count; i++) {
        if (e->measures[i].counter == COUNTER_WATCH_MS)
            return e->measures[i].value;
    }
    return 0;
}

// How long all was that was viewed, each as often as it was.
static int64_t length_ms(const struct event *e) {
    int64_t length;
    bool is_beyond = __builtin_mul_overflow(e->duration_ms, e->delta, &length);
    return is_beyond || length > LENGTH_MAX || length < -LENGTH_MAX ? 0 : length;
}

// A replay is a loop by itself. Nothing was watched once of what is taken back.
static int64_t looped_ms(const struct event *e, int64_t watched) {
    int64_t once;
    if (e->kind == KIND_REPLAY || e->delta < 0)
        return watched;
    if (__builtin_mul_overflow(e->duration_ms, e->delta, &once))
        return 0;
    return watched > once ? watched - once : 0;
}

static void add_tiktok(struct increments *out, const struct event *e) {
    if (e->duration_ms == 0)
        add(out, COUNTER_WATCH_UNTIMED_MS, watched_ms(e));
    if (e->kind == KIND_VIEW_START)
        add(out, COUNTER_STARTS_LENGTH_MS, length_ms(e));
}

// Of most views all is known, so what is no such view is what is counted apart.
static void add_youtube(struct increments *out, const struct event *e) {
    bool is_known = e->duration_ms > 0;
    int64_t watched = watched_ms(e);
    int64_t looped = is_known || e->kind == KIND_REPLAY ? looped_ms(e, watched) : 0;
    add(out, COUNTER_LOOPED_MS, looped);
    if (!is_known || e->kind != KIND_VIEW)
        add(out, COUNTER_WATCH_APART_MS, watched - looped);
    else
        add(out, COUNTER_VIEWS_LENGTH_MS, length_ms(e));
}

void viewed_add(struct increments *out, const struct event *e) {
    if (e->platform == PLATFORM_TIKTOK)
        add_tiktok(out, e);
    else if (e->platform == PLATFORM_YOUTUBE)
        add_youtube(out, e);
}
