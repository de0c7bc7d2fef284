#include "loadtest/windows/windows_presence.h"

#include <stdlib.h>
#include <string.h>

#include "loadtest/recount/reading/recount_event.h"
#include "runtime/check.h"
#include "runtime/memory.h"
#include "schemas/registry.h"
#include "schemas/rows/rows.h"

enum {
    HEAD = 2 * sizeof(uint32_t),
    WHO_MAX = HEAD + ROWS_ACCOUNT_MAX + ROWS_ID_MAX + RECOUNT_PSEUDONYM_SIZE,
    REMEMBERED_EVENTS = 4194304,
    HOUR_MS = 3600 * 1000,
};

struct windows_watcher {
    uint64_t number; // of the event that he was heard by last
    int64_t last_ms;
    uint64_t open; // joins, modulo 2^64
    bool beats, guessed;
    int64_t promise_ms;
    uint64_t promise; // so many leave then
};

void windows_presence_init(struct windows_presence *p) {
    *p = (struct windows_presence){0};
    names_init(&p->who);
}

void windows_presence_fini(struct windows_presence *p) {
    names_fini(&p->who);
    free(p->at);
    *p = (struct windows_presence){0};
}

// ---- whose it is

static struct windows_watcher *watcher_at(struct windows_presence *p, const struct recount_keys *keys,
                                          int64_t time_ms, const Clameur__V1__Event *e) {
    char name[WHO_MAX], *end = name + HEAD;
    const uint32_t head[] = {(uint32_t)e->platform, (uint32_t)e->account_id.len};
    CHECK(e->account_id.len <= ROWS_ACCOUNT_MAX && e->live_session_id.len <= ROWS_ID_MAX);
    memcpy(name, head, HEAD);
    recount_pseudonym(keys, time_ms, (uint32_t)e->platform, recount_text(e->actor_id), (unsigned char *)end);
    end += RECOUNT_PSEUDONYM_SIZE;
    memcpy(end, e->account_id.data, e->account_id.len);
    end += e->account_id.len;
    memcpy(end, e->live_session_id.data, e->live_session_id.len);
    end += e->live_session_id.len;
    uint32_t known = p->who.count, number = names_put(&p->who, (struct slice){name, (size_t)(end - name)});
    if (number < known)
        return &p->at[number];
    if (number >= p->room) {
        p->room = 2 * p->room + 64;
        p->at = memory_grow(p->at, p->room, sizeof(*p->at));
    }
    p->at[number] = (struct windows_watcher){0};
    return &p->at[number];
}

static bool is_of_presence(const Clameur__V1__Event *e) {
    uint32_t kind = (uint32_t)e->kind;
    return e->actor_id.len > 0 &&
           (kind == KIND_LIVE_JOIN || kind == KIND_LIVE_LEAVE || kind == KIND_LIVE_HEARTBEAT);
}

// ---- what it does

static bool has_any(uint64_t open) {
    return (int64_t)open > 0;
}

static void kept_or_broken(struct windows_watcher *w, int64_t at_ms, struct windows_moves *m) {
    if (w->promise == 0)
        return;
    if (at_ms > w->promise_ms) {
        w->open = 0;
        w->guessed = false;
    } else {
        m->kept_s = w->promise_ms / 1000;
        m->kept = (int64_t)w->promise;
    }
    w->promise = 0;
}

static uint64_t take_join(struct windows_watcher *w, uint64_t delta, bool fresh) {
    bool known = w->guessed && has_any(delta) && !(fresh && !has_any(w->open));
    if (known || fresh)
        w->guessed = false;
    w->open += delta - known;
    return 0 - (uint64_t)known;
}

static uint64_t take_beat(struct windows_watcher *w, uint64_t delta, bool fresh) {
    if (!fresh || !has_any(delta))
        return 0;
    w->beats = true;
    if (has_any(w->open))
        return 0;
    uint64_t lacked = 1 - w->open;
    w->open = 1;
    w->guessed = true;
    return lacked;
}

static uint64_t take(struct windows_watcher *w, const Clameur__V1__Event *e, bool fresh, bool on) {
    uint64_t delta = (uint64_t)recount_delta(e), returned = 0;
    if ((uint32_t)e->kind == KIND_LIVE_JOIN)
        returned = take_join(w, delta, fresh);
    else if ((uint32_t)e->kind == KIND_LIVE_LEAVE)
        w->open -= delta;
    else if (on)
        returned = take_beat(w, delta, fresh);
    if (!w->beats || (int64_t)w->open >= 0)
        return returned;
    returned -= w->open;
    w->open = 0;
    return returned;
}

static void promise(struct windows_watcher *w, int64_t heartbeat_ms, struct windows_moves *m) {
    if (!w->beats || !has_any(w->open))
        return;
    w->promise_ms = w->last_ms + heartbeat_ms;
    w->promise = w->open;
    m->promised_s = w->promise_ms / 1000;
    m->promised = (int64_t)w->promise;
}

struct windows_moves windows_presence_hear(struct windows_presence *p, const struct recount_keys *keys,
                                           int64_t time_ms, const Clameur__V1__Event *e,
                                           const struct rules *rules) {
    struct windows_moves moves = {0};
    bool on = rules->window_heartbeat_ms > 0;
    if (!is_of_presence(e))
        return moves;
    p->heard++;
    struct windows_watcher *w = watcher_at(p, keys, time_ms, e);
    bool stranger = !w->beats && w->open == 0;
    if (stranger || p->heard - w->number > REMEMBERED_EVENTS) {
        *w = (struct windows_watcher){0};
        stranger = true;
    }
    if ((stranger && !on) || w->last_ms - e->occurred_at > HOUR_MS)
        return moves;
    bool fresh = e->occurred_at >= w->last_ms;
    kept_or_broken(w, e->occurred_at, &moves);
    moves.returned = (int64_t)take(w, e, fresh, on);
    w->last_ms = fresh ? e->occurred_at : w->last_ms;
    w->number = p->heard;
    if (on)
        promise(w, rules->window_heartbeat_ms, &moves);
    else
        *w = (struct windows_watcher){0};
    return moves;
}
