#include "aggregate/figures/sums.h"

#include <string.h>

#include "aggregate/figures/time/hour_week.h"
#include "aggregate/figures/time/local_time.h"

enum { START_DIGITS = 13 }; // of a time below EVENT_TIME_END_MS

static const struct by_row rows_of_by[BY_COUNT] = {
    [BY_PLATFORM] = {"platform", TABLE_TOTALS, EVERY_PERIOD, false},
    [BY_ACCOUNT] = {"account", TABLE_TOTALS, EVERY_PERIOD, false},
    [BY_ORIGIN] = {"origin", TABLE_TOTALS, EVERY_PERIOD, true},
    [BY_PAID] = {"paid", TABLE_TOTALS, EVERY_PERIOD, true},
    [BY_FORMAT] = {"format", TABLE_TOTALS, EVERY_PERIOD, true},
    [BY_CONTENT] = {"content", TABLE_CONTENT, EVERY_PERIOD, true},
    [BY_CAMPAIGN] = {"campaign", TABLE_CAMPAIGN, EVERY_PERIOD, true},
    [BY_TAG] = {"tag", TABLE_TAG, EVERY_PERIOD, true},
    [BY_TOPIC] = {"topic", TABLE_TOPIC, EVERY_PERIOD, true},
    [BY_COHORT] = {"cohort", TABLE_COHORT, EVERY_PERIOD, true},
    [BY_WINDOW] = {"window", TABLE_TOTALS, EVERY_WINDOW, false},
    [BY_HOUR] = {"hour", TABLE_TOTALS, EVERY_HOUR, false},
    [BY_DAY] = {"day", TABLE_TOTALS, EVERY_DAY, false},
    [BY_HOUR_OF_WEEK] = {"hour-of-week", TABLE_TOTALS, EVERY_PERIOD, true},
    [BY_SESSION] = {"session", TABLE_LIVE, EVERY_PERIOD, true},
};

const struct by_row *by_row(enum by by) {
    return &rows_of_by[by];
}

bool by_parse(enum by *by, const char *name) {
    for (int i = 0; i < BY_COUNT; i++) {
        if (strcmp(rows_of_by[i].name, name) != 0)
            continue;
        *by = (enum by)i;
        return true;
    }
    return false;
}

struct slice by_value(enum by by, const struct row_key *key, char out[LABEL_MAX]) {
    if (by == BY_ORIGIN)
        return slice_of(label_origin(out, key->origin));
    if (by == BY_FORMAT)
        return slice_of(label_format(out, key->format));
    if (by == BY_PAID)
        return slice_of(label_paid(key->paid));
    if (by == BY_HOUR_OF_WEEK)
        return slice_of(hour_of_week_write(out, key->origin));
    return rows_of_by[by].has_value ? key->id : slice_of("");
}

bool filter_has(const struct filter *filter, const struct row_key *key) {
    return (filter->account.at == NULL || slice_equal(filter->account, key->account)) &&
           (filter->platform == 0 || filter->platform == key->platform);
}

// "2026-11-30" of the start of a window in digits; what is none stays as it is.
static struct slice day_of(struct slice start, char out[LOCAL_TIME_MAX]) {
    int64_t start_s = 0;
    for (size_t i = 0; i < start.length; i++) {
        if (start.at[i] < '0' || start.at[i] > '9' || start.length > START_DIGITS)
            return start;
        start_s = 10 * start_s + (start.at[i] - '0');
    }
    struct slice text = local_time_write(out, NULL, start_s);
    const char *clock = memchr(text.at, 'T', text.length);
    return clock != NULL ? (struct slice){text.at, (size_t)(clock - text.at)} : start;
}

// What is left of a row's key.
static struct row_key key_by(enum by by, const struct row_key *key) {
    struct row_key left = {.table = key->table, .account = key->account, .id = key->id};
    if (by != BY_ACCOUNT)
        left.platform = key->platform;
    if (by == BY_ORIGIN)
        left.origin = key->origin;
    if (by == BY_FORMAT)
        left.format = key->format;
    if (by == BY_PAID)
        left.paid = key->paid;
    return left;
}

static void row_add(struct rows *into, const struct row_key *key, const struct rows *from, uint32_t row) {
    struct cell cell;
    uint32_t number = rows_row(into, key);
    uint32_t at = rows_next_cell(from, row, ROWS_FIRST, &cell);
    for (; at != ROWS_END; at = rows_next_cell(from, row, at, &cell))
        rows_add(into, number, cell.field, cell.value);
}

void sums_init(struct sums *sums, enum by by) {
    bool adds_formats = rows_of_by[by].table == TABLE_TOTALS && by != BY_FORMAT;
    *sums = (struct sums){.by = by, .rows = rows_create(), .formats = adds_formats ? rows_create() : NULL};
}

void sums_fini(struct sums *sums) {
    rows_destroy(&sums->rows);
    rows_destroy(&sums->formats);
}

static void sketches_take(struct rows *into, const struct rows *from, const struct filter *filter) {
    for (size_t i = 0; i < rows_sketch_count(from); i++) {
        const struct sketch *s = rows_sketch(from, i);
        const struct row_key key = {.platform = s->platform, .account = s->account};
        if (filter_has(filter, &key))
            rows_keep_sketch(into, s);
    }
}

static void readings_take(struct rows *into, const struct rows *from, const struct filter *filter) {
    for (size_t i = 0; i < rows_reading_count(from); i++) {
        const struct latest_reading *reading = rows_reading(from, i);
        const struct row_key key = {.platform = reading->platform, .account = reading->account};
        if (filter_has(filter, &key))
            rows_add_reading(into, reading);
    }
}

// Both are by account and platform: of nothing less, and of platforms together they would say something else.
static bool has_readings(enum by by) {
    return rows_of_by[by].table == TABLE_TOTALS && !rows_of_by[by].has_value && by != BY_ACCOUNT;
}

// Whom an account reached is also known by origin, and by paid or organic (told.h).
static bool has_sketches(enum by by) {
    return has_readings(by) || by == BY_ORIGIN || by == BY_PAID;
}

void sums_take(struct sums *sums, const struct rows *from, const struct filter *filter) {
    size_t count = rows_count(from);
    for (uint32_t row = 0; row < count; row++) {
        struct row_key whole = rows_key(from, row);
        if (whole.table != rows_of_by[sums->by].table || !filter_has(filter, &whole))
            continue;
        char day[LOCAL_TIME_MAX];
        struct row_key key = key_by(sums->by, &whole);
        if (sums->by == BY_COHORT)
            key.id = day_of(key.id, day);
        row_add(sums->rows, &key, from, row);
        if (sums->formats == NULL)
            continue;
        key.format = whole.format;
        row_add(sums->formats, &key, from, row);
    }
    if (has_sketches(sums->by))
        sketches_take(sums->rows, from, filter);
    if (has_readings(sums->by) || sums->by == BY_CONTENT)
        readings_take(sums->rows, from, filter);
}

void sums_take_late(struct rows *into, const struct rows *from, const struct filter *filter, enum by by) {
    size_t count = rows_count(from);
    for (uint32_t row = 0; row < count; row++) {
        struct row_key key = rows_key(from, row);
        if (key.table != TABLE_LATE || !filter_has(filter, &key))
            continue;
        key = key_by(by, &key);
        row_add(into, &key, from, row);
    }
}

void sums_take_all(struct rows *into, const struct rows *from, const struct filter *filter) {
    size_t count = rows_count(from);
    for (uint32_t row = 0; row < count; row++) {
        struct row_key key = rows_key(from, row);
        if (filter_has(filter, &key))
            row_add(into, &key, from, row);
    }
    sketches_take(into, from, filter);
    readings_take(into, from, filter);
}
