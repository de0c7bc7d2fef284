#include "aggregate/commands/revisions.h"

#include <stdio.h>
#include <stdlib.h>

#include "aggregate/commands/gaps.h"

// ---- a window

static void revision_of(const struct published *pub, const struct header *header, struct revision *revision) {
    revision->start_s = header->start_s;
    revision->end_s = header->end_s;
    for (size_t i = 0; i < header->coverage_count; i++) {
        revision->counted += header->coverage[i].counted;
        revision->late += header->coverage[i].late;
    }
    revision->missing = header_missing(header);
    revision->freshness =
        freshness_of(&pub->seal, header->end_s, pub->terms.lateness_s, revision->number, revision->missing,
                     freshness_is_short(header, pub->throughs, pub->partitions));
}

// Which of the window's revisions is the newest; STATUS_NO_INPUT where there is none.
static enum status newest_find(const struct published *pub, int64_t start_s, struct snapshot_name *newest,
                               uint32_t *number, struct problem *p) {
    struct snapshot_name *names;
    size_t count;
    enum status status = shelf_revisions(pub->store, start_s, &names, &count, p);
    if (status == STATUS_OK && count == 0)
        status = STATUS_NO_INPUT;
    if (status == STATUS_OK)
        *newest = names[count - 1];
    *number = (uint32_t)count;
    free(names);
    return status;
}

// `rows` NULL: its header alone.
static enum status newest_read(const struct published *pub, int64_t start_s, struct rows *rows,
                               struct revision *revision, struct shelf_file *file, struct problem *p) {
    struct snapshot_name newest;
    enum status status = newest_find(pub, start_s, &newest, &revision->number, p);
    if (status != STATUS_OK)
        return status;
    snapshot_name_write(revision->name, &newest);
    status = rows != NULL ? shelf_read(pub->store, revision->name, rows, file, p)
                          : shelf_open(pub->store, revision->name, file, p);
    if (status != STATUS_OK)
        return status;
    status = published_fit(pub, file, p);
    if (status == STATUS_OK)
        revision_of(pub, snapshot_header(file->snapshot), revision);
    else
        shelf_file_fini(file);
    return status;
}

// A folder that somebody has emptied, or whose files are gone meanwhile.
static void empty_say(int64_t start_s) {
    char time[LOCAL_TIME_MAX];
    local_time_write(time, NULL, start_s);
    fprintf(stderr, "warning: the window that begins at %s has no snapshot: the figures are without it\n",
            time);
}

static enum status window_visit(const struct published *pub, int64_t start_s, struct rows *rows,
                                revision_visit visit, void *context, struct revisions_state *state,
                                struct problem *p) {
    struct revision revision = {0};
    struct shelf_file file;
    enum status status = newest_read(pub, start_s, rows, &revision, &file, p);
    if (status == STATUS_OK) {
        freshness_add(&state->all, revision.freshness, revision.number);
        status = visit(context, &revision, &file, rows, p);
        shelf_file_fini(&file);
    } else if (status == STATUS_NO_INPUT) {
        freshness_add(&state->lacks, FRESH_INCOMPLETE, 0);
        empty_say(start_s);
        status = STATUS_OK;
    }
    return status;
}

enum status revisions_each(const struct published *pub, int64_t start_s, int64_t end_s, revision_visit visit,
                           void *context, struct revisions_state *state, struct problem *p) {
    struct revisions_state found = {0};
    enum status status = STATUS_OK;
    gaps_freshness(pub, start_s, end_s, &found.lacks);
    for (size_t i = window_set_place(&pub->windows, start_s);
         i < pub->windows.count && pub->windows.at[i] < end_s && status == STATUS_OK; i++) {
        struct rows *rows = rows_create();
        status = window_visit(pub, pub->windows.at[i], rows, visit, context, &found, p);
        rows_destroy(&rows);
    }
    freshness_add(&found.all, found.lacks.worst, 0);
    if (state != NULL)
        *state = found;
    return status;
}

enum status revisions_header(const struct published *pub, int64_t start_s, revision_visit visit,
                             void *context, struct problem *p) {
    struct revisions_state found = {0};
    return window_visit(pub, start_s, NULL, visit, context, &found, p);
}

enum status revisions_stretches(const struct published *pub, const struct period *period,
                                const struct zone *zone, enum every every, stretch_visit visit, void *context,
                                struct problem *p) {
    const struct window_set *windows = &pub->windows;
    enum status status = STATUS_OK;
    size_t i = window_set_place(windows, period->start_s);
    while (i < windows->count && windows->at[i] < period->end_s && status == STATUS_OK) {
        int64_t start_s = period_begin(period, zone, every, windows->at[i]);
        int64_t end_s = period_next(period, zone, every, windows->at[i]);
        status = visit(context, start_s, end_s, p);
        i = window_set_place(windows, end_s);
    }
    return status;
}
