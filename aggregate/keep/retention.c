#include "aggregate/keep/retention.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "aggregate/keep/publisher.h"

enum { MARGIN_S = 24 * 3600 };

struct removal {
    struct keeper *keeper;
    const struct retention *terms;
    size_t left; // files
    bool more;
};

int64_t retention_time(const struct keeper *k, int64_t sealed_s) {
    return sealed_s < k->now_s ? sealed_s : k->now_s;
}

static int64_t lesser(int64_t a, int64_t b) {
    return a < b ? a : b;
}

int64_t retention_now(int64_t clock_s, int64_t newest_end_s, int64_t sealed_s) {
    return lesser(clock_s, lesser(newest_end_s, sealed_s));
}

int64_t retention_horizon(int64_t sealed_s, int64_t retain_s) {
    int64_t horizon_s = sealed_s - retain_s - MARGIN_S;
    return retain_s > 0 && horizon_s > 0 ? horizon_s : 0;
}

static bool part_is_ours(int64_t start_s, const char *text) {
    return part_name_parse(&(struct part_name){0}, start_s, text);
}

static bool snapshot_is_ours(int64_t start_s, const char *text) {
    return snapshot_name_parse(&(struct snapshot_name){0}, start_s, text);
}

static enum status window_remove(struct removal *r, const char *folder, int64_t start_s,
                                 bool (*is_ours)(int64_t start_s, const char *text), struct problem *p) {
    struct store_names names;
    char path[NAME_MAX_LENGTH], name[2 * NAME_MAX_LENGTH];
    snprintf(path, sizeof(path), "%s/%" PRId64, folder, start_s);
    enum status status = store_list(r->keeper->store, path, &names, p);
    for (size_t i = 0; i < names.count && status == STATUS_OK && !r->more; i++) {
        if (!is_ours(start_s, names.at[i]))
            continue;
        r->more = r->left == 0;
        if (r->more)
            break;
        snprintf(name, sizeof(name), "%s/%s", path, names.at[i]);
        status = store_remove(r->keeper->store, name, p);
        r->left -= status == STATUS_OK;
    }
    store_names_fini(&names);
    return status;
}

static bool may_go(const struct removal *r, int64_t start_s) {
    const struct retention *terms = r->terms;
    return terms->owned[publisher_of(start_s, r->keeper->partitions)] &&
           !terms->is_open(terms->context, start_s);
}

static enum status folder_remove(struct removal *r, const char *folder, int64_t horizon_s,
                                 bool (*is_ours)(int64_t start_s, const char *text), struct problem *p) {
    int64_t *starts;
    size_t count;
    enum status status = shelf_windows(r->keeper->store, folder, &starts, &count, NULL, p);
    for (size_t i = 0; i < count && starts[i] + WINDOW_S <= horizon_s && status == STATUS_OK && !r->more;
         i++) {
        if (may_go(r, starts[i]))
            status = window_remove(r, folder, starts[i], is_ours, p);
    }
    free(starts);
    return status;
}

static enum status now_of(struct keeper *k, int64_t sealed_s, int64_t *now_s, struct problem *p) {
    int64_t *starts;
    size_t count;
    enum status status = shelf_windows(k->store, "snapshots", &starts, &count, NULL, p);
    *now_s = retention_now(k->now_s, count > 0 ? starts[count - 1] + WINDOW_S : 0, sealed_s);
    free(starts);
    return status;
}

enum status retention_run(struct keeper *k, const struct retention *terms, size_t most, size_t *removed,
                          bool *more, struct problem *p) {
    struct removal r = {.keeper = k, .terms = terms, .left = most};
    int64_t now_s;
    enum status status = now_of(k, terms->sealed_s, &now_s, p);
    int64_t horizon_s = retention_horizon(now_s, k->retain_s);
    if (status == STATUS_OK && horizon_s > 0)
        status = folder_remove(&r, "parts", horizon_s, part_is_ours, p);
    if (status == STATUS_OK && horizon_s > 0)
        status = folder_remove(&r, "snapshots", horizon_s, snapshot_is_ours, p);
    if (status == STATUS_OK && horizon_s > 0)
        status = folder_remove(&r, "orders", horizon_s - RETENTION_ORDERS_S, part_is_ours, p);
    *removed = most - r.left;
    *more = r.more;
    return status;
}
