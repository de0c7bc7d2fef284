// What the rows of windows come to when they are told by one thing: by platform, by content, by day... Pure.
#pragma once

#include <stdbool.h>

#include "aggregate/figures/labels.h"
#include "aggregate/figures/time/period.h"
#include "schemas/rows/rows.h"

// By what figures are told, beside account and platform. Of BY_ACCOUNT all platforms are one: the number 0.
enum by {
    BY_PLATFORM,
    BY_ACCOUNT,
    BY_ORIGIN,
    BY_PAID,
    BY_FORMAT,
    BY_CONTENT,
    BY_CAMPAIGN,
    BY_TAG,
    BY_TOPIC,
    BY_COHORT, // the day, in UTC, in which a case was opened
    BY_WINDOW,
    BY_HOUR,
    BY_DAY,
    BY_HOUR_OF_WEEK, // told by hour_week.h, not by sums; the hour stands in the key as its origin
    BY_SESSION,      // told by live_figures.h, not by sums
    BY_COUNT,
};

struct by_row {
    const char *name;
    enum table table; // what it is read from
    enum every every; // EVERY_PERIOD but for times
    bool has_value;   // says something that account and platform do not
};
const struct by_row *by_row(enum by by);
// "day"...; false where there is none.
bool by_parse(enum by *by, const char *name);

// What a row's `by` is called; "" where account, platform and time say it.
struct slice by_value(enum by by, const struct row_key *key, char out[LABEL_MAX]);

struct filter {
    struct slice account; // .at NULL: all
    uint32_t platform;    // 0: all
};

bool filter_has(const struct filter *filter, const struct row_key *key);

struct sums {
    enum by by;
    struct rows *rows;
    struct rows *formats; // the same by format as well, where `by` adds them up; else NULL
};

void sums_init(struct sums *sums, enum by by);
void sums_fini(struct sums *sums);
// Adds the rows that `by` is read from, made one where it tells nothing apart. Sketches are merged and
// readings kept where it tells apart accounts, platforms and times alone; sketches also by origin and by paid
// or organic, readings also by content.
void sums_take(struct sums *sums, const struct rows *from, const struct filter *filter);

// Adds what came too late: the table LATE, by account and platform, and by what `by` tells apart of it.
void sums_take_late(struct rows *into, const struct rows *from, const struct filter *filter, enum by by);
// Adds all rows, sketches and readings as they are, without the orders.
void sums_take_all(struct rows *into, const struct rows *from, const struct filter *filter);
