// Time zones, for an account's days: IANA's names and rules, as the system's tzdata has them.
//
// A zone is read from its TZif file (RFC 9636) in $TZDIR, else /usr/share/zoneinfo; times past the file's
// table follow its footer's rule. UTC needs no file. Nothing is asked of the C library, so that TZ, which
// belongs to the whole process, stays untouched.
//
// Instants are seconds since 1970-01-01T00:00:00Z. A day is a number, too: of the days since 1970-01-01 in
// the zone's own calendar. It begins with the first instant at which the zone's clocks show its date or a
// later one, and ends where the next begins; so each instant is in exactly one day, and
//
//   - a day has 23, 24 or 25 hours, now and then others: as many as there were;
//   - where clocks go forward over midnight it begins when they have (01:00 in Sao Paulo on 2017-10-15);
//   - where midnight comes twice it begins with the first;
//   - a day that clocks left out (2011-12-30 in Apia) begins where the next does, and is empty.
//
// A week or a month is from the start of its first day to the start of the day after its last.
//
// Zones do not change once opened: any thread may ask. Instants more than ZONE_INSTANT_MAX away from 1970 (by
// 36,000 years) are taken for that one.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "runtime/slice.h"
#include "runtime/status.h"

enum { ZONE_NAME_MAX = 63 };
#define ZONE_INSTANT_MAX (INT64_C(1) << 40)

struct zone;

// STATUS_CONFIG: there is no zone of that name; the remedy names the nearest. A name has letters, digits and
// `_ + - /` alone, so that none leads out of the folder; `posix/...`, `right/...`, `localtime` and
// `posixrules` are a host's own and refused. STATUS_NO_INPUT: no time zones are installed. STATUS_BAD_DATA:
// the file is damaged, is of a version without a rule, or counts leap seconds.
enum status zone_open(struct zone **z, const char *name, struct problem *problem);
void zone_close(struct zone **z);

// zone_open with the file's content at hand, where nothing is trusted. STATUS_BAD_DATA as above.
enum status zone_read(struct zone **z, const char *name, struct slice tzif, struct problem *problem);

const char *zone_name(const struct zone *z);
int32_t zone_offset_at(const struct zone *z, int64_t utc_s); // seconds east of Greenwich

struct zone_bounds {
    int64_t start_s, end_s; // start <= instant < end
};

int64_t zone_day_at(const struct zone *z, int64_t utc_s); // the day that an instant is in
int64_t zone_day_start(const struct zone *z, int64_t day);
struct zone_bounds zone_day_bounds(const struct zone *z, int64_t day);

// --- The calendar, which is Gregory's at all times. Years may be 0 and below.

struct zone_date {
    int64_t year;
    int month, day; // 1..12, 1..31
};

int64_t zone_day_of(struct zone_date date); // a day past its month's end is one of the next month
struct zone_date zone_date_of(int64_t day);
int zone_weekday_of(int64_t day); // 0: Monday
