#include "aggregate/zone/zone.h"

#include <stdlib.h>

#include "aggregate/zone/zone_internal.h"

const char *zone_name(const struct zone *z) {
    return z->name;
}

static int64_t clamped(int64_t instant) {
    if (instant > ZONE_INSTANT_MAX)
        return ZONE_INSTANT_MAX;
    return instant < -ZONE_INSTANT_MAX ? -ZONE_INSTANT_MAX : instant;
}

// How many transitions are at or before the instant.
static size_t transitions_before(const struct zone *z, int64_t instant) {
    size_t first = 0, length = z->transitions;
    while (length > 0) {
        size_t half = length / 2;
        bool before = z->at[first + half] <= instant;
        first += before ? half + 1 : 0;
        length = before ? length - half - 1 : half;
    }
    return first;
}

static struct zone_span span_at(const struct zone *z, int64_t instant) {
    size_t before = transitions_before(z, instant);
    struct zone_span span = {
        .start = before > 0 ? z->at[before - 1] : INT64_MIN,
        .end = before < z->transitions ? z->at[before] : INT64_MAX,
        .offset = before > 0 ? z->from_then[before - 1] : z->before,
    };
    if (before < z->transitions || !z->has_rule)
        return span;
    struct zone_span by_rule = zone_rule_span(&z->rule, instant);
    if (by_rule.start < span.start)
        by_rule.start = span.start;
    return by_rule;
}

int32_t zone_offset_at(const struct zone *z, int64_t utc_s) {
    return span_at(z, clamped(utc_s)).offset;
}

// Further than any instant's.
static int64_t clamped_day(int64_t day) {
    const int64_t most = ZONE_INSTANT_MAX / ZONE_DAY_S + 1000;
    return day > most ? most : day < -most ? -most : day;
}

// The first instant at which the clocks show the day's first second or a later time. Before the one to begin
// with they cannot, for no offset is greater; span by span from there on.
int64_t zone_day_start(const struct zone *z, int64_t day) {
    int64_t midnight = clamped_day(day) * ZONE_DAY_S;
    for (int64_t instant = midnight - ZONE_OFFSET_MOST;;) {
        struct zone_span span = span_at(z, instant);
        int64_t shown = midnight - span.offset;
        if (shown < span.start)
            shown = span.start;
        if (shown < span.end)
            return shown;
        instant = span.end;
    }
}

struct zone_bounds zone_day_bounds(const struct zone *z, int64_t day) {
    day = clamped_day(day);
    return (struct zone_bounds){zone_day_start(z, day), zone_day_start(z, day + 1)};
}

static int64_t divide_down(int64_t a, int64_t b) {
    return a / b - (a % b < 0);
}

// By the clocks, unless they have been turned back over midnight: then they show a day that is over.
int64_t zone_day_at(const struct zone *z, int64_t utc_s) {
    int64_t instant = clamped(utc_s);
    int64_t day = divide_down(instant + span_at(z, instant).offset, ZONE_DAY_S);
    while (zone_day_start(z, day + 1) <= instant)
        day++;
    return day;
}

// --- The calendar. Years begin with March here, so that the leap day is their last; 400 of them have 146,097
// --- days, wherever they begin.

enum { ERA_YEARS = 400, ERA_DAYS = 146097, MARCH_0000 = -719468 };

int64_t zone_day_of(struct zone_date date) {
    int64_t year = date.year - (date.month <= 2);
    int64_t era = divide_down(year, ERA_YEARS), of_era = year - era * ERA_YEARS;
    int month = date.month > 2 ? date.month - 3 : date.month + 9;
    int64_t of_year = (153 * month + 2) / 5 + date.day - 1; // five months from March have 153 days
    return MARCH_0000 + era * ERA_DAYS + of_era * 365 + of_era / 4 - of_era / 100 + of_year;
}

struct zone_date zone_date_of(int64_t day) {
    int64_t since = day - MARCH_0000, era = divide_down(since, ERA_DAYS), of_era = since - era * ERA_DAYS;
    int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * year + year / 4 - year / 100), month = (5 * of_year + 2) / 153;
    return (struct zone_date){
        .year = era * ERA_YEARS + year + (month >= 10),
        .month = (int)(month < 10 ? month + 3 : month - 9),
        .day = (int)(of_year - (153 * month + 2) / 5 + 1),
    };
}

int zone_weekday_of(int64_t day) {
    return (int)(day + 3 - 7 * divide_down(day + 3, 7)); // 1970 began with a Thursday
}

void zone_close(struct zone **z) {
    if (*z == NULL)
        return;
    free((*z)->at);
    free((*z)->from_then);
    free(*z);
    *z = NULL;
}
