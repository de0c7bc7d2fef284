// How fast hashtags go: uses by hour, and beside those of the time before. Pure.
//
// Hours are told by windows of which all is known: one that is missing makes no tag slower.
#pragma once

#include "aggregate/figures/kpi_figures.h"

// What is told of a tag: rows of velocity.def.
enum velocity_figure {
#define VELOCITY(id, name, version, numerator, denominator, unit, doc) VELOCITY_##id,
#include "aggregate/figures/velocity.def"
#undef VELOCITY
    VELOCITIES,
};

struct velocity_row {
    const char *name;
    uint32_t version;
    const char *numerator, *denominator, *unit, *doc;
};
extern const struct velocity_row velocity_rows[VELOCITIES];

// Tags of a stretch of time: rows by tag (BY_TAG), and how many of its windows are known.
struct tag_uses {
    struct sums sums;
    int64_t windows;
};

// Of each tag of `now` that has a name, sorted; of what rows_fold has added up, nothing. `before` may gain
// rows without a cell.
typedef void (*velocity_visit)(void *context, const struct row_key *key, const struct kpi_figure *figure);
void velocity_each(const struct tag_uses *now, struct tag_uses *before, velocity_visit visit, void *context);
