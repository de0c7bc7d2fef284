#include "aggregate/listen/watcher.h"

#include <stdlib.h>

#include "aggregate/keep/keep_files.h"
#include "aggregate/keep/retention.h"
#include "runtime/log/log.h"
#include "runtime/memory.h"

struct watcher {
    const struct rules_book *rules;
    bool known;         // `watch` and `next_s` are the chain's end
    struct watch watch; // after the last window that was judged
    int64_t next_s;     // window
    bool pending;       // `after` has alerts that must be told before it is created
    bool told;          // they were
    struct watch after;
    struct watcher_message *messages;
    size_t message_count;
    struct watcher_figures figures;
};

struct watcher *watcher_create(const struct rules_book *rules) {
    struct watcher *w = memory_take(sizeof(*w));
    w->rules = rules;
    watch_init(&w->watch);
    watch_init(&w->after);
    return w;
}

static void messages_drop(struct watcher *w) {
    for (size_t i = 0; i < w->message_count; i++) {
        free(w->messages[i].account);
        free(w->messages[i].text);
    }
    free(w->messages);
    w->messages = NULL;
    w->message_count = 0;
}

static void watch_clear(struct watch *watch) {
    watch_fini(watch);
    watch_init(watch);
}

void watcher_destroy(struct watcher **w) {
    if (*w == NULL)
        return;
    messages_drop(*w);
    watch_fini(&(*w)->watch);
    watch_fini(&(*w)->after);
    free(*w);
    *w = NULL;
}

void watcher_forget(struct watcher *w) {
    w->known = w->pending = w->told = false;
    messages_drop(w);
    watch_clear(&w->after);
}

// ---- the chain's end

static enum status file_read(struct keeper *k, int64_t start_s, struct watch *watch, struct problem *p) {
    char name[NAME_MAX_LENGTH], *bytes;
    size_t length;
    baseline_name_write(name, start_s);
    enum status status = store_get(k->store, name, &bytes, &length, p);
    if (status != STATUS_OK)
        return status;
    if (!watch_read(watch, bytes, length) || watch->start_s != start_s)
        status = problem_set(p, STATUS_BAD_DATA, "CLM-D3", "none: the one before it is taken",
                             "%s is torn or changed", name);
    free(bytes);
    return status;
}

static enum status file_remove(struct keeper *k, int64_t start_s, struct problem *p) {
    char name[NAME_MAX_LENGTH];
    baseline_name_write(name, start_s);
    return store_remove(k->store, name, p);
}

// The newest that is whole: is_begun false where there is none.
static enum status newest_read(struct keeper *k, const struct store_names *names, struct watch *watch,
                               struct problem *p) {
    for (size_t i = names->count; i > 0; i--) {
        int64_t start_s;
        if (!baseline_name_parse(&start_s, names->at[i - 1]))
            continue;
        watch_clear(watch);
        enum status status = file_read(k, start_s, watch, p);
        if (status != STATUS_BAD_DATA && status != STATUS_NO_INPUT)
            return status;
        if (status == STATUS_BAD_DATA)
            log_problem(LOG_LEVEL_ERROR, "baseline_skipped", p);
        watch_clear(watch);
    }
    return STATUS_OK;
}

// Files that a crash, or a window that was passed over, has left: all but the last. What else stands there is
// not ours.
static void sweep(struct keeper *k, const struct store_names *names) {
    struct problem p;
    size_t kept = 0;
    for (size_t i = names->count; i > 0; i--) {
        int64_t start_s;
        if (baseline_name_parse(&start_s, names->at[i - 1]) && kept++ >= WATCHER_FILES_KEPT)
            file_remove(k, start_s, &p);
    }
}

static enum status chain_read(struct watcher *w, struct keeper *k, struct problem *p) {
    struct store_names names;
    enum status status = store_list(k->store, "baselines", &names, p);
    if (status != STATUS_OK)
        return status;
    watch_clear(&w->watch);
    status = newest_read(k, &names, &w->watch, p);
    if (status == STATUS_OK)
        sweep(k, &names);
    store_names_fini(&names);
    w->known = status == STATUS_OK;
    w->next_s = w->watch.is_begun ? w->watch.start_s + WINDOW_S : -1;
    return status;
}

// ---- a file of our own

static void go_on_with(struct watcher *w, struct watch *watch) {
    watch_fini(&w->watch);
    w->watch = *watch;
    watch_init(watch);
    w->next_s = w->watch.start_s + WINDOW_S;
}

// Somebody was before us: what they wrote stands, and what follows it; ours, if theirs is torn.
static enum status follow(struct watcher *w, struct keeper *k, struct problem *p) {
    enum status status = chain_read(w, k, p);
    if (status == STATUS_OK && (!w->watch.is_begun || w->watch.start_s < w->after.start_s))
        go_on_with(w, &w->after);
    watch_clear(&w->after);
    return status;
}

static enum status after_create(struct watcher *w, struct keeper *k, struct problem *p) {
    char name[NAME_MAX_LENGTH];
    size_t length;
    bool created;
    int64_t start_s = w->after.start_s, old_s = start_s - WATCHER_FILES_KEPT * WINDOW_S;
    char *text = watch_write(&w->after, &length);
    baseline_name_write(name, start_s);
    enum status status = store_create(k->store, name, text, length, &created, p);
    free(text);
    if (status != STATUS_OK)
        return status;
    w->pending = w->told = false;
    messages_drop(w);
    if (!created)
        return follow(w, k, p);
    w->figures.refused += w->after.refused;
    go_on_with(w, &w->after);
    return old_s < 0 ? STATUS_OK : file_remove(k, old_s, p);
}

// ---- a window

enum seen { SEEN_WHOLE, SEEN_EMPTY, SEEN_UNPUBLISHED };

// What a watch hears of; STATUS_NO_INPUT where it was published without a partition.
static enum status whole_read(struct keeper *k, const struct snapshot_name *revision, struct rows *rows,
                              struct problem *p) {
    struct shelf_file file;
    char name[NAME_MAX_LENGTH];
    snapshot_name_write(name, revision);
    enum status status = shelf_read_tables(k->store, name, WATCH_TABLES, rows, &file, p);
    if (status != STATUS_OK)
        return status;
    const struct header *header = snapshot_header(file.snapshot);
    status = keep_files_fit(k, FILE_WINDOW, &file, p);
    if (status == STATUS_OK && (header_missing(header) > 0 || header->start_s != revision->start_s))
        status = STATUS_NO_INPUT;
    shelf_file_fini(&file);
    return status;
}

// Its first revision that is whole: what lacks a partition would look like a drop.
static enum status revision_read(struct keeper *k, const struct snapshot_name *names, size_t count,
                                 struct rows **rows, struct problem *p) {
    enum status status = STATUS_NO_INPUT;
    for (size_t i = 0; i < count && (status == STATUS_NO_INPUT || status == STATUS_BAD_DATA); i++) {
        *rows = rows_create();
        status = whole_read(k, &names[i], *rows, p);
        if (status != STATUS_OK)
            rows_destroy(rows);
    }
    return status;
}

// Where nobody has a line of it, and it is not there: nobody had an event of it, unless it has left the
// store.
static enum seen absent(const struct keeper *k, const struct publisher *pub, int64_t start_s) {
    int64_t now_s = retention_time(k, publisher_figures(pub).sealed_s);
    bool is_gone = start_s + WINDOW_S <= retention_horizon(now_s, k->retain_s);
    return is_gone ? SEEN_UNPUBLISHED : SEEN_EMPTY;
}

static enum status window_read(struct keeper *k, const struct publisher *pub, int64_t start_s,
                               struct rows **rows, enum seen *seen, struct problem *p) {
    struct snapshot_name *names;
    size_t count;
    *rows = NULL;
    enum status status = shelf_revisions(k->store, start_s, &names, &count, p);
    if (status != STATUS_OK)
        return status;
    *seen = count == 0 && !publisher_expects(pub, start_s) ? absent(k, pub, start_s) : SEEN_WHOLE;
    status = *seen == SEEN_WHOLE ? revision_read(k, names, count, rows, p) : STATUS_OK;
    free(names);
    if (status != STATUS_NO_INPUT && status != STATUS_BAD_DATA)
        return status;
    *seen = SEEN_UNPUBLISHED;
    return STATUS_OK;
}

static void messages_make(struct watcher *w, const struct keeper *k, const struct alerts *alerts) {
    w->messages = memory_take((alerts->count + 1) * sizeof(*w->messages));
    for (size_t i = 0; i < alerts->count; i++) {
        const struct alert *alert = &alerts->at[i];
        char *account = memory_take(alert->account.length + 1);
        memcpy(account, alert->account.at, alert->account.length);
        w->messages[w->message_count++] =
            (struct watcher_message){alert->change, account, alert_write(alert, w->after.start_s, k->topic)};
    }
}

static enum status judge(struct watcher *w, struct keeper *k, const struct rows *rows, struct problem *p) {
    struct alerts alerts = {0};
    if (rows == NULL && w->watch.count == 0) {
        w->next_s += WINDOW_S; // nobody is known, and nobody was mentioned: no file says so
        return STATUS_OK;
    }
    const struct rules *in_force = rules_at(w->rules, (w->next_s + WINDOW_S) * 1000);
    const struct baseline_rules rules = watch_rules(&in_force->alerts);
    watch_step(&w->watch, &rules, w->next_s, rows, &w->after, &alerts);
    messages_make(w, k, &alerts);
    w->pending = alerts.count > 0;
    alerts_fini(&alerts);
    if (w->pending)
        return STATUS_OK;
    enum status status = after_create(w, k, p);
    if (status != STATUS_OK) { // it is judged again
        watch_clear(&w->after);
        messages_drop(w);
    }
    return status;
}

static void pass_over(struct watcher *w) {
    log_warn("window_not_judged", FIELD("window", LOG_TIME(w->next_s)));
    w->figures.passed++;
    w->next_s += WINDOW_S;
}

// `*stop`: it is to be waited for, or told of.
static enum status window_take(struct watcher *w, struct keeper *k, const struct publisher *pub,
                               int64_t sealed_s, bool *stop, struct problem *p) {
    struct rows *rows;
    enum seen seen;
    enum status status = window_read(k, pub, w->next_s, &rows, &seen, p);
    if (status != STATUS_OK)
        return status;
    if (seen != SEEN_UNPUBLISHED) {
        status = judge(w, k, rows, p);
        *stop = w->pending;
        rows_destroy(&rows);
        return status;
    }
    *stop = sealed_s - w->next_s <= WATCHER_PATIENCE_WINDOWS * WINDOW_S;
    if (!*stop)
        pass_over(w);
    return STATUS_OK;
}

// ---- a run

static int64_t begin_of(int64_t sealed_s) {
    int64_t begin_s = sealed_s - WATCHER_BEGIN_WINDOWS * WINDOW_S;
    return begin_s > 0 ? begin_s : 0;
}

static bool is_sealed(const struct watcher *w, int64_t sealed_s) {
    return w->next_s >= 0 && w->next_s + WINDOW_S <= sealed_s;
}

static enum status windows_take(struct watcher *w, struct keeper *k, const struct publisher *pub, size_t most,
                                struct watcher_answer *answer, struct problem *p) {
    int64_t sealed_s = publisher_figures(pub).sealed_s;
    enum status status = w->known ? STATUS_OK : chain_read(w, k, p);
    if (status == STATUS_OK && w->next_s < 0 && sealed_s > 0)
        w->next_s = begin_of(sealed_s);
    bool stop = false;
    for (; most > 0 && status == STATUS_OK && !stop && is_sealed(w, sealed_s); most--)
        status = window_take(w, k, pub, sealed_s, &stop, p);
    answer->more = status == STATUS_OK && !stop && is_sealed(w, sealed_s);
    return status;
}

enum status watcher_run(struct watcher *w, struct keeper *k, const struct publisher *pub, bool told,
                        size_t most, struct watcher_answer *answer, struct problem *p) {
    enum status status = STATUS_OK;
    *answer = (struct watcher_answer){0};
    w->told = w->pending && (w->told || told);
    if (w->told)
        status = after_create(w, k, p);
    if (status == STATUS_OK && !w->pending)
        status = windows_take(w, k, pub, most, answer, p);
    if (w->pending && !w->told) {
        answer->messages = w->messages;
        answer->count = w->message_count;
    }
    w->figures.judged_s = w->known && w->next_s > 0 ? w->next_s : 0;
    w->figures.series = w->watch.count;
    return status;
}

struct watcher_figures watcher_figures(const struct watcher *w) {
    return w->figures;
}
