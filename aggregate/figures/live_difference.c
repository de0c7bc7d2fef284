#include "aggregate/figures/live_difference.h"

#include <stdio.h>
#include <stdlib.h>

#include "aggregate/figures/local_time.h"
#include "runtime/check.h"
#include "runtime/memory.h"

struct comparison {
    difference_visit visit;
    void *context;
    size_t count;
};

static void live_tell(struct comparison *c, const struct live_session *of, const char *name, int64_t left,
                      int64_t right) {
    const struct row_key key = {
        .table = TABLE_LIVE, .platform = of->platform, .account = of->account, .id = of->session};
    if (left == right)
        return;
    c->count++;
    c->visit(c->context, &(struct difference){key, name, strlen(name), left, right});
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

// One of them may be NULL: nothing happened.
static void one_live_compare(struct comparison *c, const struct live_session *left,
                             const struct live_session *right) {
    static const struct live_session never;
    const struct live_session *any = left != NULL ? left : right, *a = left != NULL ? left : &never,
                              *b = right != NULL ? right : &never;
    CHECK(any != NULL);
    live_tell(c, any, "live_joins", a->joins, b->joins);
    live_tell(c, any, "live_leaves", a->leaves, b->leaves);
    live_tell(c, any, "live_watch_ms", a->watch_ms, b->watch_ms);
    changes_compare(c, any, a, b);
}

static void live_compare(struct comparison *c, const struct rows *left, const struct rows *right) {
    uint32_t *numbers[] = {memory_take((rows_live_count(left) + 1) * sizeof(uint32_t)),
                           memory_take((rows_live_count(right) + 1) * sizeof(uint32_t))};
    size_t counts[] = {rows_sort_live(left, numbers[0]), rows_sort_live(right, numbers[1])}, l = 0, r = 0;
    while (l < counts[0] || r < counts[1]) {
        const struct live_session *a = l < counts[0] ? rows_live(left, numbers[0][l]) : NULL;
        const struct live_session *b = r < counts[1] ? rows_live(right, numbers[1][r]) : NULL;
        int order = a == NULL ? 1 : b == NULL ? -1 : live_session_order(a, b);
        one_live_compare(c, order <= 0 ? a : NULL, order >= 0 ? b : NULL);
        l += order <= 0;
        r += order >= 0;
    }
    free(numbers[0]);
    free(numbers[1]);
}

size_t live_difference_each(const struct rows *left, const struct rows *right, difference_visit visit,
                            void *context) {
    struct comparison c = {visit, context, 0};
    live_compare(&c, left, right);
    return c.count;
}
