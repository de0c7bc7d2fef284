// What is added up: published windows, stretch by stretch, hour of the week by hour, session by session; or a
// snapshot by itself.
#include "aggregate/commands/sessions.h"
#include "aggregate/commands/show/show.h"

static void sums_begin(struct show *s) {
    sums_init(&s->sums, s->by);
    s->late = rows_create();
    s->late_events = s->counted_events = 0;
}

static void sums_end(struct show *s) {
    sums_fini(&s->sums);
    rows_destroy(&s->late);
    rows_destroy(&s->tops);
}

static void rows_take(struct show *s, const struct rows *rows) {
    nearest_account_take(&s->nearest, rows);
    sums_take(&s->sums, rows, &s->filter);
    sums_take_late(s->late, rows, &s->filter, s->by);
}

static void events_take(struct show *s, const struct revision *revision) {
    s->late_events += revision->late;
    s->counted_events += revision->counted;
}

// ---- stretches of time

struct shower {
    struct show *show;
    const struct published *pub;
};

static enum status window_take(void *context, const struct revision *revision, const struct shelf_file *file,
                               const struct rows *rows, struct problem *p) {
    struct show *s = context;
    rows_take(s, rows);
    events_take(s, revision);
    return STATUS_OK;
}

// Somebody who reads no more ends it.
static enum status stretch_show(void *context, int64_t start_s, int64_t end_s, struct problem *p) {
    const struct shower *shower = context;
    struct show *s = shower->show;
    struct revisions_state state;
    if (ferror(stdout) != 0)
        return STATUS_OK;
    sums_begin(s);
    enum status status = revisions_each(shower->pub, start_s, end_s, window_take, s, &state, p);
    if (status == STATUS_OK)
        show_stretch(s, start_s, end_s, &state.all);
    if (status == STATUS_OK && s->by == BY_TAG)
        status = velocities_each(&s->velocities, shower->pub, start_s, end_s, s->sums.rows, &s->filter,
                                 show_figure, s, p);
    velocities_fini(&s->velocities);
    sums_end(s);
    return status;
}

// ---- hours of the week

static void hour_know(void *context, int64_t start_s) {
    hour_week_know(&((struct show *)context)->week, start_s);
}

static enum status hour_take(void *context, const struct revision *revision, const struct shelf_file *file,
                             const struct rows *rows, struct problem *p) {
    struct show *s = context;
    nearest_account_take(&s->nearest, rows);
    hour_week_take(&s->week, revision->start_s, rows, &s->filter);
    events_take(s, revision);
    return STATUS_OK;
}

static enum status hours_show(struct show *s, const struct published *pub, const struct period *period,
                              struct problem *p) {
    struct revisions_state state;
    sums_begin(s);
    hour_week_init(&s->week, s->zone, &s->book);
    published_known(pub, period, hour_know, s);
    enum status status = revisions_each(pub, period->start_s, period->end_s, hour_take, s, &state, p);
    if (status == STATUS_OK)
        show_hours(s, period, &state.all);
    hour_week_fini(&s->week);
    sums_end(s);
    return status;
}

// ---- live sessions

static enum status session_take(void *context, const struct revision *revision, const struct shelf_file *file,
                                const struct rows *rows, struct problem *p) {
    struct show *s = context;
    nearest_account_take(&s->nearest, rows);
    sessions_take(&s->live, revision, rows, &s->filter);
    return STATUS_OK;
}

static enum status sessions_show(struct show *s, const struct published *pub, const struct period *period,
                                 struct problem *p) {
    struct revisions_state state;
    live_windows_init(&s->live);
    enum status status = revisions_each(pub, period->start_s, period->end_s, session_take, s, &state, p);
    if (status == STATUS_OK)
        status = sessions_before(&s->live, pub, period->start_s, &s->filter, &state.lacks, p);
    if (status == STATUS_OK)
        show_sessions(s, period->start_s, period->end_s, sessions_known_s(pub, period), &state.lacks);
    live_windows_fini(&s->live);
    return status;
}

enum status show_period(struct show *s, const struct published *pub, const struct period *period,
                        struct problem *p) {
    if (s->by == BY_HOUR_OF_WEEK)
        return hours_show(s, pub, period, p);
    if (s->by == BY_SESSION)
        return sessions_show(s, pub, period, p);
    return revisions_stretches(pub, period, s->zone, by_row(s->by)->every, stretch_show,
                               &(struct shower){s, pub}, p);
}

// ---- a file

// Nobody knows what happened before it, nor whether it may change.
static void file_sessions_show(struct show *s, const struct header *header, const struct rows *rows) {
    static const struct freshness_sum nothing = {0};
    live_windows_init(&s->live);
    nearest_account_take(&s->nearest, rows);
    live_windows_take(&s->live, header->start_s, rows, &s->filter, NULL);
    show_sessions(s, header->start_s, header->end_s, header->end_s, &nothing);
    live_windows_fini(&s->live);
}

static void file_sums_show(struct show *s, const struct header *header, const struct rows *rows) {
    static const struct freshness_sum incomplete = {.worst = FRESH_INCOMPLETE};
    sums_begin(s);
    rows_take(s, rows);
    for (size_t i = 0; i < header->coverage_count; i++) {
        s->late_events += header->coverage[i].late;
        s->counted_events += header->coverage[i].counted;
    }
    show_stretch(s, header->start_s, header->end_s, header_missing(header) > 0 ? &incomplete : NULL);
    sums_end(s);
}

// What lies in a file is added up: there is nothing to tell its times apart by.
static enum status file_by_time(enum by by, const char *name, struct problem *p) {
    if (by == BY_HOUR_OF_WEEK)
        return problem_set(p, STATUS_USAGE, "", "ask the store: --since T --until T",
                           "%s is one stretch of time: it has no hours of the week", name);
    if (by_row(by)->every == EVERY_PERIOD)
        return STATUS_OK;
    return problem_set(p, STATUS_USAGE, "", "ask the store: --since T --until T --by hour",
                       "%s is one stretch of time: it has no --by %s", name, by_row(by)->name);
}

static enum status file_has_rows(enum file_kind kind, const char *name, struct problem *p) {
    if (kind != FILE_ORDERS && kind != FILE_THROUGH)
        return STATUS_OK;
    return problem_set(p, STATUS_USAGE, "", "name a file of snapshots/, or a window: show 2026-03-29T14:15",
                       "%s is no window: it tells %s", name,
                       kind == FILE_ORDERS ? "which orders one had" : "how far a partition was sealed");
}

enum status show_file(struct show *s, const struct snapshot_file *f, struct problem *p) {
    const struct header *header = snapshot_header(f->file.snapshot);
    enum status status = file_has_rows(header->kind, f->file.name, p);
    if (status == STATUS_OK)
        status = file_by_time(s->by, f->file.name, p);
    if (status != STATUS_OK)
        return status;
    if (s->by == BY_SESSION)
        file_sessions_show(s, header, f->rows);
    else
        file_sums_show(s, header, f->rows);
    return STATUS_OK;
}
