#include "loadtest/windows/windows_live.h"

#include <stdlib.h>

#include "loadtest/recount/reading/recount_event.h"
#include "runtime/check.h"
#include "runtime/memory.h"

enum { HEAD = 2 * sizeof(uint32_t), NAME_MAX_BYTES = HEAD + ROWS_ACCOUNT_MAX + ROWS_ID_MAX, WINDOW_S = 900 };

void windows_live_init(struct windows_live *l) {
    *l = (struct windows_live){0};
    names_init(&l->sessions);
}

void windows_live_fini(struct windows_live *l) {
    names_fini(&l->sessions);
    pairs_fini(&l->sum_of);
    free(l->at);
}

// Two numbers, and the texts.
static struct slice name_write(char out[NAME_MAX_BYTES], uint32_t platform, struct slice account,
                               struct slice session) {
    const uint32_t head[] = {platform, (uint32_t)account.length};
    CHECK(account.length <= ROWS_ACCOUNT_MAX && session.length <= ROWS_ID_MAX);
    memcpy(out, head, HEAD);
    if (account.length > 0)
        memcpy(out + HEAD, account.at, account.length);
    if (session.length > 0)
        memcpy(out + HEAD + account.length, session.at, session.length);
    return (struct slice){out, HEAD + account.length + session.length};
}

static void sum_add(struct windows_live *l, uint32_t session, uint32_t of, int64_t value) {
    uint32_t *at = pairs_put(&l->sum_of, session, of);
    if (*at == TABLE_NONE) {
        if (l->count == l->room) {
            l->room = l->room == 0 ? 64 : 2 * l->room;
            l->at = memory_grow(l->at, l->room, sizeof(*l->at));
        }
        *at = l->count++;
        l->at[*at] = (struct windows_live_sum){.session = session, .of = of};
    }
    l->at[*at].value = (int64_t)((uint64_t)l->at[*at].value + (uint64_t)value);
}

static void event_add(struct windows_live *l, uint32_t session, const Clameur__V1__Event *e) {
    uint32_t kind = (uint32_t)e->kind, second = (uint32_t)(e->occurred_at / 1000 % WINDOW_S);
    int64_t delta = recount_delta(e);
    if (kind == KIND_LIVE_JOIN) {
        sum_add(l, session, WINDOWS_LIVE_JOINS, delta);
        sum_add(l, session, second, delta);
    } else if (kind == KIND_LIVE_LEAVE) {
        sum_add(l, session, WINDOWS_LIVE_LEAVES, delta);
        sum_add(l, session, second, -delta);
    }
    if (e->body_case == CLAMEUR__V1__EVENT__BODY_LIVE)
        sum_add(l, session, WINDOWS_LIVE_WATCH, e->live->watch_ms);
}

static void moves_add(struct windows_live *l, uint32_t session, const Clameur__V1__Event *e,
                      const struct windows_moves *m) {
    int64_t at_s = e->occurred_at / 1000, start_s = at_s - at_s % WINDOW_S;
    if (m->returned != 0) {
        sum_add(l, session, (uint32_t)(at_s - start_s), m->returned);
        sum_add(l, session, WINDOWS_LIVE_RETURNED, m->returned);
    }
    if (m->kept != 0) {
        sum_add(l, session, (uint32_t)(m->kept_s - start_s), m->kept);
        sum_add(l, session, WINDOWS_LIVE_EXPIRED, -m->kept);
    }
    if (m->promised != 0) {
        sum_add(l, session, (uint32_t)(m->promised_s - start_s), -m->promised);
        sum_add(l, session, WINDOWS_LIVE_EXPIRED, m->promised);
    }
}

size_t windows_live_add(struct windows_live *l, const Clameur__V1__Event *e,
                        const struct windows_moves *moves) {
    char name[NAME_MAX_BYTES];
    uint32_t sessions = l->sessions.count, sums = l->count;
    if (e->live_session_id.len == 0)
        return 0;
    struct slice text = name_write(name, (uint32_t)e->platform, recount_text(e->account_id),
                                   recount_text(e->live_session_id));
    event_add(l, names_put(&l->sessions, text), e);
    moves_add(l, names_put(&l->sessions, text), e, moves);
    return (l->sessions.count - sessions) * text.length + (l->count - sums) * 3 * sizeof(*l->at);
}

struct windows_live_sum *windows_live_find(const struct windows_live *l, const struct live_session *live,
                                           uint32_t of) {
    char name[NAME_MAX_BYTES];
    uint32_t session =
        names_find(&l->sessions, name_write(name, live->platform, live->account, live->session));
    uint32_t at = session != TABLE_NONE ? pairs_find(&l->sum_of, session, of) : TABLE_NONE;
    return at != TABLE_NONE ? &l->at[at] : NULL;
}

struct live_session windows_live_tell(const struct windows_live *l, const struct windows_live_sum *sum) {
    uint32_t head[2];
    const struct slice name = l->sessions.at[sum->session];
    memcpy(head, name.at, HEAD);
    const char *account = name.at + HEAD, *session = account + head[1];
    return (struct live_session){.platform = head[0],
                                 .account = {account, head[1]},
                                 .session = {session, (size_t)(name.at + name.length - session)}};
}
