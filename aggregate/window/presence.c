#include "aggregate/window/presence.h"

// Deltas are producers': sums of them wrap, as those of rows do.
static int64_t plus(int64_t a, int64_t b) {
    return (int64_t)((uint64_t)a + (uint64_t)b);
}

static int64_t minus(int64_t a, int64_t b) {
    return (int64_t)((uint64_t)a - (uint64_t)b);
}

bool presence_is_blank(const struct viewer *viewer) {
    return viewer->joined == 0 && !viewer->armed;
}

static int64_t leaves_ms(const struct viewer *v) {
    return v->heard_ms + v->timeout_ms;
}

// How many leave when he stays silent.
static int64_t leaving(const struct viewer *v) {
    return v->armed && v->timeout_ms > 0 && v->joined > 0 ? v->joined : 0;
}

// A join of whom a heartbeat has told already is the one that was assumed, unless he left since.
static int64_t join(struct viewer *v, const struct presence *e, bool is_new) {
    bool was_assumed = v->assumed && e->delta > 0 && (v->joined > 0 || !is_new);
    if (was_assumed || is_new)
        v->assumed = false;
    v->joined = plus(v->joined, minus(e->delta, was_assumed));
    return -(int64_t)was_assumed;
}

static int64_t heartbeat(struct viewer *v, const struct presence *e, bool is_new) {
    if (!is_new || e->delta <= 0 || e->timeout_ms == 0)
        return 0;
    v->armed = true;
    if (v->joined > 0)
        return 0;
    int64_t missing = minus(1, v->joined);
    v->joined = 1;
    v->assumed = true;
    return missing;
}

// Of one who sends heartbeats more leaves than joins are those of one who has left by being silent.
static int64_t make_up(struct viewer *v) {
    int64_t missing = v->armed && v->joined < 0 ? minus(0, v->joined) : 0;
    v->joined = plus(v->joined, missing);
    return missing;
}

// Returns how many of his joins were heard of besides the event's own; `*own`: what the event itself says.
static int64_t open_close(struct viewer *v, const struct presence *e, bool is_new, int64_t *own) {
    int64_t returned = 0;
    *own = 0;
    switch (e->kind) {
    case KIND_LIVE_JOIN:
        *own = e->delta;
        returned = join(v, e, is_new);
        break;
    case KIND_LIVE_LEAVE:
        *own = minus(0, e->delta);
        v->joined = minus(v->joined, e->delta);
        break;
    default:
        returned = heartbeat(v, e, is_new);
        break;
    }
    return plus(returned, make_up(v));
}

void presence_take(struct viewer *v, const struct presence *e, struct presence_change *out) {
    bool is_new = e->at_ms >= v->heard_ms;
    int64_t own, former = leaving(v), former_ms = leaves_ms(v);
    *out = (struct presence_change){0};
    if (former > 0 && e->at_ms > former_ms) {
        v->joined = former = 0; // he left then
        v->assumed = false;
    }
    out->returned = open_close(v, e, is_new, &own);
    v->heard_ms = is_new ? e->at_ms : v->heard_ms;
    v->timeout_ms = (uint32_t)e->timeout_ms;
    int64_t next = leaving(v);
    out->expired = minus(next, former);
    out->at[0].at_s = e->at_ms / 1000;
    out->at[0].change = plus(own, out->returned);
    out->at[1].at_s = former_ms / 1000;
    out->at[1].change = former;
    out->at[2].at_s = leaves_ms(v) / 1000;
    out->at[2].change = minus(0, next);
}
