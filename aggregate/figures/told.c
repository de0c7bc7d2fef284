#include "aggregate/figures/told.h"

static const struct sketch *sketch_of(const struct sums *sums, const struct row_key *key, enum sketched of) {
    return rows_sketch_find(sums->rows, of, key->account, key->platform);
}

static void tell(struct kpi_input *input, enum kpi_told told, int64_t value) {
    input->is_told[told] = true;
    input->told[told] = value;
}

// ---- different ones

// Who is paid for and who is not are all actors, or a window had actors alone (files of before there were
// classes).
static bool has_classes(const struct sums *sums, const struct row_key *key, const struct sketch *actors) {
    static const enum sketched halves[] = {SKETCHED_ACTORS_PAID, SKETCHED_ACTORS_ORGANIC};
    struct reach all = {0}, both = {0};
    reach_merge(&all, &actors->reach);
    for (size_t i = 0; i < sizeof(halves) / sizeof(halves[0]); i++) {
        const struct sketch *half = sketch_of(sums, key, halves[i]);
        if (half != NULL)
            reach_merge(&both, &half->reach);
    }
    reach_forget_members(&all);
    reach_forget_members(&both);
    bool equal = reach_equal(&all, &both);
    reach_fini(&all);
    reach_fini(&both);
    return equal;
}

static bool is_class(enum sketched of) {
    return of != SKETCHED_ACTORS && of != SKETCHED_LIVE_ACTORS && of != SKETCHED_ACTIVE_MEMBERS;
}

static void uniques_fill(struct kpi_input *input, const struct sums *sums, const struct row_key *key) {
    const struct sketch *actors = sketch_of(sums, key, SKETCHED_ACTORS);
    bool knows_classes = actors != NULL && has_classes(sums, key, actors);
    for (unsigned i = 0; i < TOLD_COUNT; i++) {
        const struct told_row *row = &told_rows[i];
        if (row->source != TOLD_UNIQUE || (is_class(row->sketch) && !knows_classes))
            continue;
        const struct sketch *s = sketch_of(sums, key, row->sketch);
        if (s != NULL)
            tell(input, (enum kpi_told)i, (int64_t)rows_sketch_reached(s));
        else if (is_class(row->sketch))
            tell(input, (enum kpi_told)i, 0);
    }
}

// Of a row by class the reach is that of the class, and nothing else is known.
static void class_fill(struct kpi_input *input, const struct sums *sums, const struct row_key *key) {
    enum sketched of = key->paid ? SKETCHED_ACTORS_PAID : SKETCHED_ACTORS_ORGANIC;
    const struct sketch *actors = sketch_of(sums, key, SKETCHED_ACTORS);
    if ((sums->by == BY_ORIGIN && !sketched_of_origin(&of, key->origin)) || actors == NULL ||
        !has_classes(sums, key, actors))
        return;
    const struct sketch *s = sketch_of(sums, key, of);
    tell(input, TOLD_REACH, s != NULL ? (int64_t)rows_sketch_reached(s) : 0);
}

// ---- durations, and what was read

static void durations_fill(struct kpi_input *input, const struct sums *sums, const struct row_key *key) {
    for (unsigned i = 0; i < TOLD_COUNT; i++) {
        const struct told_row *row = &told_rows[i];
        const struct sketch *s = row->source == TOLD_DURATION ? sketch_of(sums, key, row->sketch) : NULL;
        int64_t ms;
        if (s != NULL && quantiles_at(&s->quantiles, row->permille, &ms))
            tell(input, (enum kpi_told)i, ms);
    }
}

const struct latest_reading *told_reading(const struct sums *sums, const struct row_key *key,
                                          enum kpi_told told) {
    return rows_reading_find(sums->rows, key->account, key->platform, slice_of(told_rows[told].term));
}

void told_fill(struct kpi_input *input, const struct sums *sums, const struct row_key *key) {
    const struct latest_reading *followers =
        rows_reading_count(sums->rows) > 0 ? told_reading(sums, key, TOLD_FOLLOWERS) : NULL;
    if (followers != NULL)
        tell(input, TOLD_FOLLOWERS, followers->value);
    if (rows_sketch_count(sums->rows) == 0)
        return;
    if (sums->by == BY_ORIGIN || sums->by == BY_PAID) {
        class_fill(input, sums, key);
        return;
    }
    uniques_fill(input, sums, key);
    durations_fill(input, sums, key);
}
