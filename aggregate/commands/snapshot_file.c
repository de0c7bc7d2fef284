#include "aggregate/commands/snapshot_file.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aggregate/commands/local_file.h"
#include "runtime/config/config.h"
#include "runtime/memory.h"

static struct rows *rows_of_any(void *context, int64_t window_s) {
    (void)window_s;
    return context;
}

static void viewer_keep(void *context, const struct viewer *viewer) {
    struct viewers_kept *kept = context;
    if (kept->count == kept->room) {
        kept->room = 2 * kept->room + 64;
        kept->at = memory_grow(kept->at, kept->room, sizeof(*kept->at));
    }
    kept->at[kept->count++] = *viewer;
}

static enum status all_read(struct snapshot_file *f, struct problem *p) {
    snapshot_viewers_to(f->file.snapshot, viewer_keep, &f->viewers);
    return snapshot_read(f->file.snapshot, rows_of_any, f->rows, p);
}

enum status snapshot_file_open_path(struct snapshot_file *f, const char *path, struct problem *p) {
    *f = (struct snapshot_file){.rows = rows_create()};
    snprintf(f->file.name, sizeof(f->file.name), "%s", path);
    enum status status = local_file_read(path, &f->file.bytes, &f->file.length, p);
    if (status != STATUS_OK)
        return status;
    status = snapshot_open(&f->file.snapshot, path, f->file.bytes, f->file.length, p);
    return status == STATUS_OK ? all_read(f, p) : status;
}

enum status snapshot_file_open_name(struct snapshot_file *f, struct store *store, const char *name,
                                    struct problem *p) {
    *f = (struct snapshot_file){.rows = rows_create()};
    enum status status = shelf_open(store, name, &f->file, p);
    return status == STATUS_OK ? all_read(f, p) : status;
}

static enum status no_revision(int64_t start_s, size_t count, struct problem *p) {
    char time[LOCAL_TIME_MAX];
    local_time_write(time, NULL, start_s);
    return problem_set(p, STATUS_NO_INPUT, "",
                       "name two windows or files; clameur-aggregate show --since T --by window tells which "
                       "windows there are, and of how many revisions",
                       "the window that begins at %s has %zu published revision%s", time, count,
                       count == 1 ? " alone" : "s");
}

enum status snapshot_file_open_revision(struct snapshot_file *f, const struct published *pub, int64_t start_s,
                                        int64_t number, struct problem *p) {
    struct snapshot_name *names;
    char name[NAME_MAX_LENGTH];
    size_t count;
    *f = (struct snapshot_file){0};
    enum status status = shelf_revisions(pub->store, start_s, &names, &count, p);
    if (status != STATUS_OK)
        return status;
    int64_t place = number > 0 ? number - 1 : (int64_t)count - 1 + number;
    if (place >= 0 && place < (int64_t)count)
        snapshot_name_write(name, &names[place]);
    else
        status = no_revision(start_s, count, p);
    free(names);
    return status == STATUS_OK ? snapshot_file_open_name(f, pub->store, name, p) : status;
}

// Nobody means the first quarter of an hour by a day.
enum status snapshot_file_window(int64_t *start_s, const char *word, const struct published *pub,
                                 const struct zone *zone, struct problem *p) {
    struct period period;
    enum status status = period_parse(&period, zone, word, NULL, NULL, p);
    if (status == STATUS_OK)
        status = published_period(pub, &period, p);
    if (status != STATUS_OK)
        return status;
    *start_s = period.start_s;
    if (period.end_s - period.start_s == PERIOD_WINDOW_S)
        return STATUS_OK;
    return problem_set(p, STATUS_USAGE, "",
                       "name one window: 2026-03-29T14:15; of longer times, two files that clameur-aggregate "
                       "merge --since T --until T --out FILE wrote",
                       "%s is no single window of 15 minutes", word);
}

// "2026-03-29T14:15@2": a window, and which of its revisions.
static enum status open_window(struct snapshot_file *f, const char *word, const struct published *pub,
                               const struct zone *zone, struct problem *p) {
    char window[64];
    const char *at = strchrnul(word, '@');
    int64_t number = 0, start_s;
    snprintf(window, sizeof(window), "%.*s", (int)(at - word), word);
    if (*at == '@' && (!config_parse_int(at + 1, &number) || number < 1))
        return problem_set(p, STATUS_USAGE, "", "revisions are numbered from 1: WINDOW@2",
                           "%s names no revision", word);
    enum status status = snapshot_file_window(&start_s, window, pub, zone, p);
    return status == STATUS_OK ? snapshot_file_open_revision(f, pub, start_s, number, p) : status;
}

enum status snapshot_file_open(struct snapshot_file *f, const char *word, const struct published *pub,
                               const struct zone *zone, struct problem *p) {
    *f = (struct snapshot_file){0};
    if (local_file_is_there(word) || pub == NULL)
        return snapshot_file_open_path(f, word, p);
    if (strchr(word, '/') != NULL)
        return snapshot_file_open_name(f, pub->store, word, p);
    return open_window(f, word, pub, zone, p);
}

void snapshot_file_close(struct snapshot_file *f) {
    rows_destroy(&f->rows);
    free(f->viewers.at);
    if (f->file.snapshot != NULL || f->file.bytes != NULL)
        shelf_file_fini(&f->file);
    *f = (struct snapshot_file){0};
}
