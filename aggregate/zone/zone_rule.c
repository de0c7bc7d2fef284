// The footer of a TZif file: a TZ variable as POSIX has it, with RFC 9636's times of up to 167 hours either
// way.
#include "aggregate/zone/zone_internal.h"

// --- Reading

struct text {
    const char *at, *end;
};

static bool next_is(struct text *t, char c) {
    if (t->at == t->end || *t->at != c)
        return false;
    t->at++;
    return true;
}

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

static bool is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

// At most three digits, and at most `most`.
static bool read_number(struct text *t, int most, int *value) {
    const char *first = t->at;
    for (*value = 0; t->at < t->end && is_digit(*t->at) && t->at - first < 3; t->at++)
        *value = *value * 10 + (*t->at - '0');
    return t->at > first && *value <= most;
}

// hh[:mm[:ss]], with a sign or without.
static bool read_time(struct text *t, int hours_most, int32_t *seconds) {
    int hours, minutes = 0, rest = 0;
    bool is_negative = next_is(t, '-');
    *seconds = 0;
    if (!is_negative)
        next_is(t, '+');
    if (!read_number(t, hours_most, &hours))
        return false;
    if (next_is(t, ':') && (!read_number(t, 59, &minutes) || (next_is(t, ':') && !read_number(t, 59, &rest))))
        return false;
    *seconds = hours * 3600 + minutes * 60 + rest;
    *seconds = is_negative ? -*seconds : *seconds;
    return true;
}

// Letters, or <anything of letters, digits and signs>; three at least. Nobody reads it.
static bool read_abbreviation(struct text *t) {
    bool is_quoted = next_is(t, '<');
    const char *first = t->at;
    while (t->at < t->end &&
           (is_letter(*t->at) || (is_quoted && (is_digit(*t->at) || *t->at == '+' || *t->at == '-'))))
        t->at++;
    return t->at - first >= 3 && (!is_quoted || next_is(t, '>'));
}

// POSIX counts offsets westwards. Of 24 hours at most none leaves RFC 9636's bounds.
static bool read_offset(struct text *t, int32_t *offset) {
    bool is_offset = read_time(t, 24, offset);
    *offset = -*offset;
    return is_offset;
}

static bool read_day(struct text *t, struct zone_when *when) {
    if (next_is(t, 'J')) {
        when->kind = ZONE_WHEN_NO_LEAP;
        return read_number(t, 365, &when->day) && when->day >= 1;
    }
    if (!next_is(t, 'M')) {
        when->kind = ZONE_WHEN_DAY;
        return read_number(t, 365, &when->day);
    }
    when->kind = ZONE_WHEN_WEEK;
    return read_number(t, 12, &when->month) && when->month >= 1 && next_is(t, '.') &&
           read_number(t, 5, &when->week) && when->week >= 1 && next_is(t, '.') &&
           read_number(t, 6, &when->weekday);
}

static bool read_when(struct text *t, struct zone_when *when) {
    when->time_s = 2 * 3600;
    return next_is(t, ',') && read_day(t, when) && (!next_is(t, '/') || read_time(t, 167, &when->time_s));
}

bool zone_rule_read(struct zone_rule *rule, struct slice text) {
    struct text t = {text.at, text.at + text.length};
    *rule = (struct zone_rule){0};
    if (!read_abbreviation(&t) || !read_offset(&t, &rule->offset))
        return false;
    if (t.at == t.end)
        return true;
    rule->has_summer = true;
    rule->summer_offset = rule->offset + 3600;
    if (!read_abbreviation(&t) || (t.at < t.end && *t.at != ',' && !read_offset(&t, &rule->summer_offset)))
        return false;
    return read_when(&t, &rule->summer_start) && read_when(&t, &rule->summer_end) && t.at == t.end;
}

// --- Asking

static bool is_leap(int64_t year) {
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static int64_t week_day(const struct zone_when *when, int64_t year) {
    int64_t first = zone_day_of((struct zone_date){year, when->month, 1});
    int64_t next = zone_day_of((struct zone_date){year + when->month / 12, when->month % 12 + 1, 1});
    int wanted = (when->weekday + 6) % 7; // from Monday on
    int64_t day = first + (wanted - zone_weekday_of(first) + 7) % 7 + 7 * (when->week - 1);
    return day < next ? day : day - 7; // the fifth may be the fourth
}

// The seconds from 1970 on that clocks show then.
static int64_t clock_at(const struct zone_when *when, int64_t year) {
    int64_t new_year = zone_day_of((struct zone_date){year, 1, 1});
    switch (when->kind) {
    case ZONE_WHEN_WEEK:
        return week_day(when, year) * ZONE_DAY_S + when->time_s;
    case ZONE_WHEN_NO_LEAP:
        return (new_year + when->day - 1 + (when->day >= 60 && is_leap(year))) * ZONE_DAY_S + when->time_s;
    case ZONE_WHEN_DAY:
        break;
    }
    return (new_year + when->day) * ZONE_DAY_S + when->time_s;
}

// Both changes of this year, of two before and of two after, in the order of time: one is before the instant
// and one behind it, wherever in the year they are. Of changes at one instant the later year's is the last:
// so a summer that ends where the next begins never ends.
enum { YEARS_AROUND = 2, CHANGES = 2 * (2 * YEARS_AROUND + 1) };

struct change {
    int64_t at;
    int32_t offset; // from then on
};

static void changes_insert(struct change *changes, int count, struct change change) {
    for (; count > 0 && changes[count - 1].at > change.at; count--)
        changes[count] = changes[count - 1];
    changes[count] = change;
}

static void changes_around(const struct zone_rule *rule, int64_t year, struct change changes[CHANGES]) {
    for (int i = 0; i < CHANGES; i += 2) {
        int64_t then = year - YEARS_AROUND + i / 2;
        struct change starts = {clock_at(&rule->summer_start, then) - rule->offset, rule->summer_offset};
        struct change ends = {clock_at(&rule->summer_end, then) - rule->summer_offset, rule->offset};
        changes_insert(changes, i, starts);
        changes_insert(changes, i + 1, ends);
    }
}

struct zone_span zone_rule_span(const struct zone_rule *rule, int64_t instant) {
    if (!rule->has_summer)
        return (struct zone_span){INT64_MIN, INT64_MAX, rule->offset};
    struct change changes[CHANGES];
    int64_t days = instant / ZONE_DAY_S; // either way: the years around will do
    changes_around(rule, zone_date_of(days).year, changes);
    int next = 1;
    while (next < CHANGES - 1 && changes[next].at <= instant)
        next++;
    return (struct zone_span){changes[next - 1].at, changes[next].at, changes[next - 1].offset};
}
