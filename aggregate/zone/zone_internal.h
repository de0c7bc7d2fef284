// What the parts of a zone share: zone.c asks, zone_file.c and zone_rule.c read, zone_names.c finds names.
#pragma once

#include "aggregate/zone/zone.h"

enum {
    ZONE_DAY_S = 86400,
    ZONE_OFFSET_LEAST = -25 * 3600 + 1, // RFC 9636's bounds
    ZONE_OFFSET_MOST = 26 * 3600 - 1,
};

// A day of the year and a time on it.
enum zone_when_kind {
    ZONE_WHEN_WEEK,    // Mm.w.d: the w-th weekday d of month m; of 5, the last
    ZONE_WHEN_NO_LEAP, // Jn: day 1..365, February 29 not counted
    ZONE_WHEN_DAY,     // n: day 0..365
};
struct zone_when {
    enum zone_when_kind kind;
    int month, week, weekday; // 1..12, 1..5, 0..6, of which 0 is Sunday
    int day;
    int32_t time_s; // may be before the day, or some days after
};

struct zone_rule {
    int32_t offset, summer_offset; // seconds east
    bool has_summer;
    struct zone_when summer_start, summer_end; // by the clocks before
};

struct zone {
    char name[ZONE_NAME_MAX + 1];
    size_t transitions; // ascending
    int64_t *at;        // their instants
    int32_t *from_then; // the offset from each on
    int32_t before;     // and before the first
    bool has_rule;      // for what comes after the last; else the last's offset holds
    struct zone_rule rule;
};

// The offset at an instant, and how long it holds: start <= instant < end.
struct zone_span {
    int64_t start, end;
    int32_t offset;
};

// Reads `EST5EDT,M3.2.0,M11.1.0` and the like to its end. False where it is none.
bool zone_rule_read(struct zone_rule *rule, struct slice text);
struct zone_span zone_rule_span(const struct zone_rule *rule, int64_t instant);

bool zone_name_is_fit(const char *name);
const char *zone_folder(void); // $TZDIR, or the system's

// The name in the folder that is most like `name`, in `nearest`; false where none is like it.
bool zone_name_nearest(const char *name, char nearest[ZONE_NAME_MAX + 1]);
