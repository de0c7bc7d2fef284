#include "loadtest/windows/compare/windows_compare_live.h"

#include <inttypes.h>

#include "loadtest/windows/compare/windows_compare.h"

struct comparison {
    struct windows_report *report;
    int64_t window_s;
    const struct windows_live *live;
};

static void live_number(const struct comparison *c, const struct live_session *of, const char *counter,
                        int64_t stored, int64_t recount) {
    char where[WINDOWS_WHERE_MAX];
    const struct row_key key = {
        .table = TABLE_LIVE, .platform = of->platform, .account = of->account, .id = of->session};
    windows_report_number(c->report, c->window_s, windows_row_text(where, &key), counter, stored, recount);
}

static void live_find(const struct comparison *c, const struct live_session *of, uint32_t sum, int64_t stored,
                      int64_t recount) {
    static const char *const names[] = {"joins", "leaves", "watch_ms", "expired", "returned"};
    char second[32];
    snprintf(second, sizeof(second), "second %" PRIu32, sum);
    live_number(c, of, sum < WINDOWS_LIVE_JOINS ? second : names[sum - WINDOWS_LIVE_JOINS], stored, recount);
}

static void compare_sum(const struct comparison *c, const struct live_session *stored, uint32_t of,
                        int64_t value) {
    struct windows_live_sum *known = windows_live_find(c->live, stored, of);
    if (known != NULL)
        known->met = true;
    live_find(c, stored, of, value, known != NULL ? known->value : 0);
}

static void compare_session(const struct comparison *c, const struct live_session *stored) {
    c->report->sessions++;
    if (stored->start_s != c->window_s) {
        live_number(c, stored, "start_s", stored->start_s, c->window_s);
        return;
    }
    compare_sum(c, stored, WINDOWS_LIVE_JOINS, stored->joins);
    compare_sum(c, stored, WINDOWS_LIVE_LEAVES, stored->leaves);
    compare_sum(c, stored, WINDOWS_LIVE_WATCH, stored->watch_ms);
    compare_sum(c, stored, WINDOWS_LIVE_EXPIRED, stored->expired);
    compare_sum(c, stored, WINDOWS_LIVE_RETURNED, stored->returned);
    for (uint32_t i = 0; i < stored->change_count; i++)
        compare_sum(c, stored, stored->changes[i].second, stored->changes[i].change);
}

void windows_compare_live(struct windows_report *r, int64_t window_s, const struct rows *rows,
                          struct windows_live *live) {
    const struct comparison c = {r, window_s, live};
    for (size_t i = 0; i < rows_live_count(rows); i++)
        compare_session(&c, rows_live(rows, i));
    for (uint32_t i = 0; i < live->count; i++) {
        const struct live_session told = windows_live_tell(live, &live->at[i]);
        if (!live->at[i].met)
            live_find(&c, &told, live->at[i].of, 0, live->at[i].value);
    }
}
