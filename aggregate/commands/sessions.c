#include "aggregate/commands/sessions.h"

#include "aggregate/commands/gaps.h"

void sessions_take(struct live_windows *w, const struct revision *revision, const struct rows *rows,
                   const struct filter *filter) {
    struct freshness_sum freshness = {0};
    freshness_add(&freshness, revision->freshness, revision->number);
    live_windows_take(w, revision->start_s, rows, filter, &freshness);
}

int64_t sessions_known_s(const struct published *pub, const struct period *period) {
    size_t count = window_set_place(&pub->windows, period->end_s);
    int64_t last_s = count > 0 ? pub->windows.at[count - 1] : 0;
    return last_s >= period->start_s ? last_s + ROWS_WINDOW_S : 0;
}

// ---- before the time asked for

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

// Before the first window that is known there is nothing to be told.
static int64_t before_start(const struct published *pub, int64_t start_s) {
    int64_t first_s = start_s;
    if (pub->windows.count > 0 && pub->windows.at[0] < first_s)
        first_s = pub->windows.at[0];
    if (pub->touched.count > 0 && pub->touched.at[0] < first_s)
        first_s = pub->touched.at[0];
    return first_s > start_s - SESSIONS_BEFORE_S ? first_s : start_s - SESSIONS_BEFORE_S;
}

enum status sessions_before(struct live_windows *w, const struct published *pub, int64_t start_s,
                            const struct filter *filter, struct freshness_sum *lacks, struct problem *p) {
    struct revisions_state state;
    int64_t before_s = before_start(pub, start_s);
    if (rows_live_count(w->rows) == 0)
        return STATUS_OK;
    gaps_warn(pub, before_s, start_s);
    enum status status =
        revisions_each(pub, before_s, start_s, before_take, &(struct before){w, filter}, &state, p);
    freshness_add(lacks, state.lacks.worst, 0);
    return status;
}

// ---- told

struct teller {
    const struct freshness_sum *lacks;
    live_visit visit;
    void *context;
};

static void session_tell(void *context, const struct row_key *key, const struct live_figure *figure) {
    const struct teller *teller = context;
    struct live_figure told = *figure;
    struct freshness_sum freshness;
    if (figure->freshness != NULL) {
        freshness = *figure->freshness;
        freshness_add(&freshness, teller->lacks->worst, 0);
        told.freshness = &freshness;
    }
    teller->visit(teller->context, key, &told);
}

void sessions_each(struct live_windows *w, int64_t start_s, int64_t known_s,
                   const struct freshness_sum *lacks, live_visit visit, void *context) {
    live_figures_each(w, start_s, known_s, session_tell, &(struct teller){lacks, visit, context});
}
