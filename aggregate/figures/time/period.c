#include "aggregate/figures/time/period.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/config/config.h"

static const char window_word[] = "WINDOW", since_word[] = "--since";

#define TIME_FORMS                                                                                           \
    "2026-03, 2026-03-29, 2026-03-29T14, 2026-03-29T14:15, 2026-03-29T14:15Z, 2026-03-29T14:15+02:00"

static enum status unreadable(struct problem *p, const char *what, const char *text) {
    const char *remedy = "a date or time in the zone of --tz, or with an offset: " TIME_FORMS;
    if (strcmp(what, since_word) == 0)
        remedy = "so long before the end: 45m, 24h, 7d; or a date or time in the zone of --tz, or with an "
                 "offset: " TIME_FORMS;
    return problem_set(p, STATUS_USAGE, "", remedy, "%s: \"%s\" is no %sdate or time%s", what, text,
                       strcmp(what, since_word) == 0 ? "duration, and no " : "",
                       strcmp(what, window_word) == 0 ? ", and there is no such file" : "");
}

static enum status between_windows(struct problem *p, const char *what, int64_t time_s) {
    char text[2][LOCAL_TIME_MAX];
    int64_t before = time_s - (time_s % PERIOD_WINDOW_S + PERIOD_WINDOW_S) % PERIOD_WINDOW_S;
    local_time_write(text[0], NULL, before);
    local_time_write(text[1], NULL, time_s);
    return problem_set(p, STATUS_USAGE, "", "choose a time at which a window begins: every 15 minutes of UTC",
                       "%s: no window begins at %s; one does at %s", what, text[1], text[0]);
}

static const char *offset_in(const char text[LOCAL_TIME_MAX]) {
    return text + strlen("2026-10-25T02:00:00");
}

static enum status there_twice(struct problem *p, const char *name, const char *text, const struct zone *zone,
                               const struct local_time *time) {
    char first[LOCAL_TIME_MAX], again[LOCAL_TIME_MAX], remedy[2 * LOCAL_TIME_MAX + 32];
    const char *before = offset_in(local_time_write(first, zone, time->time_s).at);
    const char *after = offset_in(local_time_write(again, zone, time->again_s).at);
    snprintf(remedy, sizeof(remedy), "say which: %.30s%s or %.30s%s", text, before, text, after);
    return problem_set(p, STATUS_USAGE, "", remedy, "%s: the clock is put back, and shows %s twice", name,
                       text);
}

static enum status left_out(struct problem *p, const char *name, const char *text, const struct zone *zone,
                            const struct local_time *time) {
    char change[LOCAL_TIME_MAX];
    local_time_write(change, zone, time->time_s);
    return problem_set(p, STATUS_USAGE, "", "name a time that there is",
                       "%s: the clock is put on to %s, and never shows %s", name, change, text);
}

static enum status no_day(struct problem *p, const char *name, const char *text) {
    return problem_set(p, STATUS_USAGE, "", "name a month or day that there is: 2026-03, 2026-03-29",
                       "%s: no calendar has the day or month of %s", name, text);
}

// Unix seconds of an event's time. A shorter number is a year, or lacks its unit.
static bool is_seconds(const char *text) {
    size_t length = strlen(text);
    return text[strspn(text, "0123456789")] == '\0' &&
           ((length >= 9 && length <= 11) || strcmp(text, "0") == 0);
}

static enum status local_parse(const char *name, const char *text, const struct zone *zone,
                               struct local_time *time, struct problem *p) {
    switch (local_time_parse(text, zone, time)) {
    case LOCAL_FOUND:
        return STATUS_OK;
    case LOCAL_TWICE:
        return there_twice(p, name, text, zone, time);
    case LOCAL_LEFT_OUT:
        return left_out(p, name, text, zone, time);
    case LOCAL_NO_DAY:
        return no_day(p, name, text);
    case LOCAL_NO_TIME:
        break;
    }
    return unreadable(p, name, text);
}

static enum status time_parse(const char *name, const char *text, const struct zone *zone, int64_t *time_s,
                              enum local_part *part, struct problem *p) {
    struct local_time time = {.part = LOCAL_MINUTE};
    enum status status = STATUS_OK;
    if (is_seconds(text))
        time.time_s = strtoll(text, NULL, 10);
    else
        status = local_parse(name, text, zone, &time, p);
    if (status != STATUS_OK)
        return status;
    *time_s = time.time_s;
    *part = time.part;
    return *time_s % PERIOD_WINDOW_S == 0 ? STATUS_OK : between_windows(p, name, *time_s);
}

// A month, a day, an hour, a window: as much as was written.
static enum status whole_parse(struct period *period, const struct zone *zone, const char *what,
                               struct problem *p) {
    enum local_part part;
    enum status status = time_parse(window_word, what, zone, &period->start_s, &part, p);
    if (status != STATUS_OK)
        return status;
    switch (part) {
    case LOCAL_MONTH:
        period->end_s = local_month_end(zone, period->start_s);
        break;
    case LOCAL_DAY:
        period->end_s = local_day_end(zone, period->start_s);
        break;
    case LOCAL_HOUR:
        period->end_s = local_hour_end(zone, period->start_s);
        break;
    case LOCAL_MINUTE:
        period->end_s = period->start_s + PERIOD_WINDOW_S;
        break;
    }
    return period->end_s % PERIOD_WINDOW_S == 0 ? STATUS_OK : between_windows(p, window_word, period->end_s);
}

static enum status since_parse(struct period *period, const struct zone *zone, const char *since,
                               struct problem *p) {
    int64_t back_ms;
    enum local_part part;
    if (!config_parse_duration(since, &back_ms) || strcmp(since, "0") == 0)
        return time_parse(since_word, since, zone, &period->start_s, &part, p);
    if (back_ms % (PERIOD_WINDOW_S * 1000) != 0 || back_ms == 0)
        return problem_set(p, STATUS_USAGE, "", "choose a multiple of 15m: --since 24h",
                           "--since: %s is no whole number of windows", since);
    period->back_s = back_ms / 1000;
    return STATUS_OK;
}

enum status period_parse(struct period *period, const struct zone *zone, const char *what, const char *since,
                         const char *until, struct problem *p) {
    enum local_part part;
    bool has_what = what != NULL && what[0] != '\0', has_since = since != NULL && since[0] != '\0',
         has_until = until != NULL && until[0] != '\0';
    *period = (struct period){.start_s = PERIOD_OPEN, .end_s = PERIOD_OPEN};
    if (has_what && (has_since || has_until))
        return problem_set(p, STATUS_USAGE, "", "name a window, or give --since and --until",
                           "%s stands beside --since or --until", what);
    period->latest = has_what ? strcmp(what, "latest") == 0 : !has_since && !has_until;
    if (period->latest)
        return STATUS_OK;
    if (has_what)
        return whole_parse(period, zone, what, p);
    enum status status = has_since ? since_parse(period, zone, since, p) : STATUS_OK;
    if (status == STATUS_OK && has_until)
        status = time_parse("--until", until, zone, &period->end_s, &part, p);
    if (status == STATUS_OK && period->start_s != PERIOD_OPEN && period->end_s != PERIOD_OPEN &&
        period->start_s >= period->end_s)
        return problem_set(
            p, STATUS_USAGE, "",
            "--until is the first instant that is no longer meant, a date's its midnight; a day or month "
            "is named by itself: show 2026-03-29, export --window 2026-03",
            "--since %s does not lie before --until %s", since, until);
    return status;
}

enum status period_settle(struct period *period, int64_t first_s, int64_t last_end_s, struct problem *p) {
    if (period->latest)
        period->start_s = last_end_s - PERIOD_WINDOW_S;
    if (period->end_s == PERIOD_OPEN)
        period->end_s = last_end_s;
    if (period->back_s > 0)
        period->start_s = period->end_s - period->back_s;
    if (period->start_s == PERIOD_OPEN)
        period->start_s = first_s < period->end_s ? first_s : period->end_s - PERIOD_WINDOW_S;
    if (period->start_s < period->end_s)
        return STATUS_OK;
    char text[2][LOCAL_TIME_MAX];
    local_time_write(text[0], NULL, period->start_s);
    local_time_write(text[1], NULL, last_end_s);
    return problem_set(p, STATUS_NO, "", "ask for a time before that, or wait for its windows",
                       "nothing is published from %s on: the last window ends at %s", text[0], text[1]);
}

int64_t period_next(const struct period *period, const struct zone *zone, enum every every, int64_t time_s) {
    int64_t end = period->end_s;
    switch (every) {
    case EVERY_PERIOD:
        break;
    case EVERY_WINDOW:
        end = time_s - time_s % PERIOD_WINDOW_S + PERIOD_WINDOW_S;
        break;
    case EVERY_HOUR:
        end = local_hour_end(zone, time_s);
        break;
    case EVERY_DAY:
        end = local_day_end(zone, time_s);
        break;
    }
    return end < period->end_s ? end : period->end_s;
}

int64_t period_begin(const struct period *period, const struct zone *zone, enum every every, int64_t time_s) {
    int64_t start = period->start_s;
    switch (every) {
    case EVERY_PERIOD:
        break;
    case EVERY_WINDOW:
        start = time_s - time_s % PERIOD_WINDOW_S;
        break;
    case EVERY_HOUR:
        start = local_hour_start(zone, time_s);
        break;
    case EVERY_DAY:
        start = local_day_start(zone, time_s);
        break;
    }
    return start > period->start_s ? start : period->start_s;
}
