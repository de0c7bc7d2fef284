// Where the live sessions of two sets of rows differ: by session, window and second.
#include <stdio.h>

#include "aggregate/figures/difference/difference_internal.h"
#include "aggregate/figures/time/local_time.h"
#include "runtime/check.h"

static void live_tell(struct comparison *c, const struct live_session *of, const char *name, int64_t left,
                      int64_t right) {
    const struct row_key key = {
        .table = TABLE_LIVE, .platform = of->platform, .account = of->account, .id = of->session};
    if (left != right)
        comparison_tell(c, &key, name, left, right);
}

static void change_tell(struct comparison *c, const struct live_session *of, uint32_t second, int64_t left,
                        int64_t right) {
    char name[48], time[LOCAL_TIME_MAX];
    local_time_write(time, NULL, of->start_s + second);
    snprintf(name, sizeof(name), "viewers@%s", time);
    live_tell(c, of, name, left, right);
}

static void changes_compare(struct comparison *c, const struct live_session *of,
                            const struct live_session *left, const struct live_session *right) {
    uint32_t l = 0, r = 0;
    while (l < left->change_count || r < right->change_count) {
        uint32_t a = l < left->change_count ? left->changes[l].second : UINT32_MAX,
                 b = r < right->change_count ? right->changes[r].second : UINT32_MAX;
        change_tell(c, of, a < b ? a : b, a <= b ? left->changes[l].change : 0,
                    b <= a ? right->changes[r].change : 0);
        l += a <= b;
        r += b <= a;
    }
}

static const void *session_at(const struct rows *r, uint32_t number) {
    return rows_live(r, number);
}

static int session_order(const void *left, const void *right) {
    return live_session_order(left, right);
}

// NULL: nothing happened.
static void session_compare(struct comparison *c, const void *left, const void *right) {
    static const struct live_session never;
    const struct live_session *any = left != NULL ? left : right, *a = left != NULL ? left : &never,
                              *b = right != NULL ? right : &never;
    CHECK(any != NULL);
    live_tell(c, any, "live_joins", a->joins, b->joins);
    live_tell(c, any, "live_leaves", a->leaves, b->leaves);
    live_tell(c, any, "live_watch_ms", a->watch_ms, b->watch_ms);
    live_tell(c, any, "live_expired", a->expired, b->expired);
    live_tell(c, any, "live_returned", a->returned, b->returned);
    changes_compare(c, any, a, b);
}

const struct walk live_walk = {rows_live_count, rows_sort_live, session_at, session_order, session_compare};
