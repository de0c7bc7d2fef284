// Calendar time in a zone, as people write and read it. Pure.
//
// A local time that a change of the clock leaves out is the instant of the change; one that it repeats is the
// first of the two. Times are Unix seconds.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "aggregate/zone/zone.h"
#include "runtime/slice.h"

// How much of a date was written: what such a text stands for, as a stretch of time.
enum local_part { LOCAL_MONTH, LOCAL_DAY, LOCAL_HOUR, LOCAL_MINUTE };

// "2026-03", "2026-03-29", "2026-03-29T14", "2026-03-29T14:15" in the zone; times with seconds of 00, and
// with Z or an offset
// (+05:30) instead of the zone's own; a space instead of the T. LOCAL_NO_TIME for all else, and
// LOCAL_NO_DAY for a month or day that no calendar has. Where the zone's clock shows it twice, LOCAL_TWICE,
// and both instants; where it never does, LOCAL_LEFT_OUT, and when it was put on. A month and a day begin at
// their first instant, once.
enum local_found { LOCAL_FOUND, LOCAL_NO_TIME, LOCAL_NO_DAY, LOCAL_TWICE, LOCAL_LEFT_OUT };
struct local_time {
    int64_t time_s, again_s; // equal but for LOCAL_TWICE
    enum local_part part;
};
enum local_found local_time_parse(const char *text, const struct zone *zone, struct local_time *time);

// The start of the local hour and day that hold an instant, and of the next.
int64_t local_hour_start(const struct zone *zone, int64_t time_s);
int64_t local_hour_end(const struct zone *zone, int64_t time_s);
int64_t local_day_start(const struct zone *zone, int64_t time_s);
int64_t local_day_end(const struct zone *zone, int64_t time_s);
int64_t local_month_end(const struct zone *zone, int64_t time_s);

// "2026-03-29T14:15:00+02:00", or with Z where `zone` is NULL; terminated.
enum { LOCAL_TIME_MAX = 40 };
struct slice local_time_write(char out[LOCAL_TIME_MAX], const struct zone *zone, int64_t time_s);
// What the zone's clock shows, "2026-03-29T14:15:00", terminated; `*offset_s` is how far it is ahead of UTC.
// Of a `zone` that is NULL: UTC.
void local_clock_write(char out[LOCAL_TIME_MAX], const struct zone *zone, int64_t time_s, int32_t *offset_s);
