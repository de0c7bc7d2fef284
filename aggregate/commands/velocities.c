#include "aggregate/commands/velocities.h"

#include "aggregate/commands/revisions.h"

void velocities_fini(struct velocities *v) {
    if (v->has_last)
        sums_fini(&v->last.sums);
    *v = (struct velocities){0};
}

static void window_known(void *context, int64_t start_s) {
    ++*(int64_t *)context;
}

static void uses_init(struct tag_uses *uses, const struct published *pub, int64_t start_s, int64_t end_s) {
    const struct period period = {.start_s = start_s, .end_s = end_s};
    sums_init(&uses->sums, BY_TAG);
    uses->windows = 0;
    published_known(pub, &period, window_known, &uses->windows);
}

struct reading_before {
    struct tag_uses *uses;
    const struct filter *filter;
};

static enum status before_take(void *context, const struct revision *revision, const struct shelf_file *file,
                               const struct rows *rows, struct problem *p) {
    const struct reading_before *r = context;
    sums_take(&r->uses->sums, rows, r->filter);
    return STATUS_OK;
}

static enum status before_read(struct tag_uses *uses, const struct published *pub, int64_t start_s,
                               int64_t end_s, const struct filter *filter, struct problem *p) {
    uses_init(uses, pub, start_s, end_s);
    return revisions_each(pub, start_s, end_s, before_take, &(struct reading_before){uses, filter}, NULL, p);
}

enum status velocities_each(struct velocities *v, const struct published *pub, int64_t start_s, int64_t end_s,
                            const struct rows *rows, const struct filter *filter, velocity_visit visit,
                            void *context, struct problem *p) {
    struct tag_uses now;
    int64_t before_s = start_s - (end_s - start_s);
    enum status status = STATUS_OK;
    uses_init(&now, pub, start_s, end_s);
    sums_take(&now.sums, rows, filter);
    if (!v->has_last || v->start_s != before_s || v->end_s != start_s) {
        velocities_fini(v);
        status = before_read(&v->last, pub, before_s, start_s, filter, p);
        v->has_last = true;
    }
    if (status == STATUS_OK)
        velocity_each(&now, &v->last, visit, context);
    velocities_fini(v);
    *v = (struct velocities){now, start_s, end_s, true};
    return status;
}
