#include "aggregate/commands/sessions.h"

void sessions_take(struct live_windows *w, const struct revision *revision, const struct rows *rows,
                   const struct filter *filter) {
    struct freshness_sum freshness = {0};
    freshness_add(&freshness, revision->freshness, revision->number);
    live_windows_take(w, revision->start_s, rows, filter, &freshness);
}

int64_t sessions_known_s(const struct published *pub, size_t first, size_t last) {
    return last > first ? pub->starts[last - 1] + ROWS_WINDOW_S : 0;
}

struct before {
    struct live_windows *windows;
    const struct filter *filter;
};

static enum status before_take(void *context, const struct revision *revision, const struct shelf_file *file,
                               const struct rows *rows, struct problem *p) {
    const struct before *before = context;
    sessions_take(before->windows, revision, rows, before->filter);
    return STATUS_OK;
}

enum status sessions_before(struct live_windows *w, const struct published *pub, int64_t start_s,
                            const struct filter *filter, struct problem *p) {
    size_t first, last;
    const struct period period = {.start_s = start_s - SESSIONS_BEFORE_S, .end_s = start_s};
    if (rows_live_count(w->rows) == 0)
        return STATUS_OK;
    published_warn(pub, &period, 0);
    published_range(pub, period.start_s, period.end_s, &first, &last);
    return published_each(pub, first, last, before_take, &(struct before){w, filter}, p);
}
