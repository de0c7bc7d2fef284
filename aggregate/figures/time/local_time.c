#include "aggregate/figures/time/local_time.h"

#include <stdio.h>

// A local date and time, as it was written.
struct local_date {
    int year, month, day, hour, minute;
};

enum { MINUTE_S = 60, HOUR_S = 3600, DAY_S = 86400, OFFSET_MAX_S = 18 * HOUR_S };

static int64_t floor_to(int64_t value, int64_t step) {
    int64_t rest = value % step;
    return value - (rest < 0 ? rest + step : rest);
}

// What a clock shows, as seconds since it showed 1970-01-01T00:00.
static int64_t local_of(const struct local_date *date) {
    int64_t day = zone_day_of((struct zone_date){date->year, date->month, date->day});
    return day * DAY_S + date->hour * HOUR_S + date->minute * MINUTE_S;
}

// The first day of the next month.
static int64_t month_end_day(int64_t year, int month) {
    return zone_day_of((struct zone_date){year + (month == 12), month % 12 + 1, 1});
}

static bool is_day(const struct local_date *date) {
    return date->month >= 1 && date->month <= 12 && date->day >= 1 &&
           date->day <= zone_date_of(month_end_day(date->year, date->month) - 1).day;
}

// ---- in a zone

// The first instant after `before` whose offset is not that of `before`; there is one up to `after`.
static int64_t change_between(const struct zone *zone, int64_t before, int64_t after) {
    int64_t low = before, high = after;
    while (high - low > 1) {
        int64_t middle = low + (high - low) / 2;
        if (zone_offset_at(zone, middle) == zone_offset_at(zone, before))
            low = middle;
        else
            high = middle;
    }
    return high;
}

static bool shows(const struct zone *zone, int64_t time_s, int64_t local_s) {
    return time_s + zone_offset_at(zone, time_s) == local_s;
}

// The instants that a local clock shows as so many seconds.
static enum local_found instants_of(const struct zone *zone, int64_t local_s, struct local_time *time) {
    int64_t before = local_s - zone_offset_at(zone, local_s - OFFSET_MAX_S);
    int64_t after = local_s - zone_offset_at(zone, local_s + OFFSET_MAX_S);
    bool is_before = shows(zone, before, local_s), is_after = shows(zone, after, local_s);
    time->time_s = is_before ? before : after;
    time->again_s = is_after ? after : before;
    if (is_before || is_after)
        return time->time_s == time->again_s ? LOCAL_FOUND : LOCAL_TWICE;
    time->time_s = time->again_s =
        change_between(zone, after < before ? after : before, after < before ? before : after);
    return LOCAL_LEFT_OUT;
}

// Hours go by the clock's own: where the clock changes within one, it ends there.
int64_t local_hour_start(const struct zone *zone, int64_t time_s) {
    int32_t offset = zone_offset_at(zone, time_s);
    int64_t start = floor_to(time_s + offset, HOUR_S) - offset;
    return zone_offset_at(zone, start) == offset ? start : change_between(zone, start, time_s);
}

int64_t local_hour_end(const struct zone *zone, int64_t time_s) {
    int32_t offset = zone_offset_at(zone, time_s);
    int64_t end = floor_to(time_s + offset, HOUR_S) - offset + HOUR_S;
    return zone_offset_at(zone, end - 1) == offset ? end : change_between(zone, time_s, end);
}

int64_t local_day_start(const struct zone *zone, int64_t time_s) {
    return zone_day_bounds(zone, zone_day_at(zone, time_s)).start_s;
}

int64_t local_day_end(const struct zone *zone, int64_t time_s) {
    return zone_day_bounds(zone, zone_day_at(zone, time_s)).end_s;
}

int64_t local_month_end(const struct zone *zone, int64_t time_s) {
    struct zone_date date = zone_date_of(zone_day_at(zone, time_s));
    return zone_day_start(zone, month_end_day(date.year, date.month));
}

// ---- as text

static bool digits_take(const char **text, int count, int *value) {
    *value = 0;
    for (int i = 0; i < count; i++) {
        if (**text < '0' || **text > '9')
            return false;
        *value = *value * 10 + *(*text)++ - '0';
    }
    return true;
}

static bool character_take(const char **text, char character) {
    if (**text != character)
        return false;
    (*text)++;
    return true;
}

// A month's day is its first.
static bool date_take(const char **text, struct local_date *date, enum local_part *part) {
    *part = LOCAL_MONTH;
    date->day = 1;
    if (!digits_take(text, 4, &date->year) || !character_take(text, '-') ||
        !digits_take(text, 2, &date->month))
        return false;
    if (**text == '\0')
        return true;
    *part = LOCAL_DAY;
    return character_take(text, '-') && digits_take(text, 2, &date->day);
}

static bool clock_take(const char **text, struct local_date *date, enum local_part *part) {
    int second = 0;
    *part = LOCAL_HOUR;
    if (!digits_take(text, 2, &date->hour) || date->hour > 23)
        return false;
    if (!character_take(text, ':'))
        return true;
    *part = LOCAL_MINUTE;
    if (!digits_take(text, 2, &date->minute) || date->minute > 59)
        return false;
    return !character_take(text, ':') || (digits_take(text, 2, &second) && second == 0);
}

// Z, +05:30, +0530 or +05; `*offset_s` is not touched where there is none.
static bool offset_take(const char **text, int64_t *offset_s, bool *is_there) {
    int hour = 0, minute = 0;
    *is_there = **text == 'Z' || **text == '+' || **text == '-';
    *offset_s = 0;
    if (!*is_there || character_take(text, 'Z'))
        return true;
    int64_t sign = *(*text)++ == '-' ? -1 : 1;
    if (!digits_take(text, 2, &hour))
        return false;
    bool has_minute = character_take(text, ':') || (**text >= '0' && **text <= '9');
    if ((has_minute && !digits_take(text, 2, &minute)) || hour > 18 || minute > 59)
        return false;
    *offset_s = sign * (hour * HOUR_S + minute * MINUTE_S);
    return true;
}

static enum local_found found_at(struct local_time *time, int64_t time_s) {
    time->time_s = time->again_s = time_s;
    return LOCAL_FOUND;
}

enum local_found local_time_parse(const char *text, const struct zone *zone, struct local_time *time) {
    struct local_date date = {0};
    int64_t offset_s;
    bool has_offset = false;
    *time = (struct local_time){0};
    if (!date_take(&text, &date, &time->part))
        return LOCAL_NO_TIME;
    if (!is_day(&date))
        return LOCAL_NO_DAY;
    if (*text == '\0')
        return found_at(time, zone_day_start(zone, local_of(&date) / DAY_S));
    if (*text != 'T' && *text != 't' && *text != ' ')
        return LOCAL_NO_TIME;
    text++;
    if (!clock_take(&text, &date, &time->part) || !offset_take(&text, &offset_s, &has_offset) ||
        *text != '\0')
        return LOCAL_NO_TIME;
    if (has_offset)
        return found_at(time, local_of(&date) - offset_s);
    return instants_of(zone, local_of(&date), time);
}

static int clock_write(char out[LOCAL_TIME_MAX], int64_t local_s) {
    int64_t midnight_s = floor_to(local_s, DAY_S);
    struct zone_date date = zone_date_of(midnight_s / DAY_S);
    int second = (int)(local_s - midnight_s);
    return snprintf(out, LOCAL_TIME_MAX, "%04lld-%02d-%02dT%02d:%02d:%02d", (long long)date.year, date.month,
                    date.day, second / HOUR_S, second % HOUR_S / MINUTE_S, second % MINUTE_S);
}

void local_clock_write(char out[LOCAL_TIME_MAX], const struct zone *zone, int64_t time_s, int32_t *offset_s) {
    *offset_s = zone != NULL ? zone_offset_at(zone, time_s) : 0;
    clock_write(out, time_s + *offset_s);
}

struct slice local_time_write(char out[LOCAL_TIME_MAX], const struct zone *zone, int64_t time_s) {
    int32_t offset = zone != NULL ? zone_offset_at(zone, time_s) : 0;
    int32_t size = offset < 0 ? -offset : offset;
    int length = clock_write(out, time_s + offset);
    if (zone == NULL)
        snprintf(out + length, (size_t)(LOCAL_TIME_MAX - length), "Z");
    else
        snprintf(out + length, (size_t)(LOCAL_TIME_MAX - length), "%c%02d:%02d", offset < 0 ? '-' : '+',
                 size / HOUR_S, size % HOUR_S / MINUTE_S);
    return slice_of(out);
}
