#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "aggregate/figures/time/period.h"

static struct zone *berlin;

static int zone_begin(void **state) {
    return zone_open(&berlin, "Europe/Berlin", NULL) == STATUS_OK ? 0 : -1;
}

static int zone_end(void **state) {
    zone_close(&berlin);
    return 0;
}

enum { FIRST = 1774650600, LAST_END = 1774825200 }; // of what is published

static void what_is_asked_becomes_a_stretch_of_whole_windows(void **state) {
    static const struct {
        const char *what, *since, *until;
        int64_t start_s, end_s;
    } rows[] = {
        {NULL, NULL, NULL, LAST_END - 900, LAST_END},
        {"latest", "", "", LAST_END - 900, LAST_END},
        {"1774746000", NULL, NULL, 1774746000, 1774746900},
        {"2026-03-29", NULL, NULL, 1774738800, 1774738800 + 23 * 3600},
        {"2026-03-29T03", NULL, NULL, 1774746000, 1774749600},
        {"2026-03-29T03:15", NULL, NULL, 1774746900, 1774747800},
        {"2026-10-25T02+02:00", NULL, NULL, 1792886400, 1792890000},
        {"2026-10-25T02+01:00", NULL, NULL, 1792890000, 1792893600},
        {"2026-10-25", NULL, NULL, 1792879200, 1792879200 + 25 * 3600},
        {"2026-03", NULL, NULL, 1772319600, 1772319600 + 31 * 86400 - 3600},
        {"2026-10", NULL, NULL, 1790805600, 1790805600 + 31 * 86400 + 3600},
        {"2024-02", NULL, NULL, 1706742000, 1706742000 + 29 * 86400},
        {"2025-12", NULL, NULL, 1764543600, 1764543600 + 31 * 86400},
        {NULL, "2026-02", "2026-03", 1769900400, 1772319600},
        {NULL, "2026-03-29", NULL, 1774738800, LAST_END},
        {NULL, NULL, "2026-03-29", FIRST, 1774738800},
        {NULL, "2026-03-28", "2026-03-30", 1774652400, 1774821600},
        {NULL, "24h", NULL, LAST_END - 86400, LAST_END},
        {NULL, "1h", "2026-03-29T03:00", 1774742400, 1774746000},
        {NULL, NULL, "2020-01-01", 1577833200 - 900, 1577833200},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct period period;
        struct problem p = {0};
        enum status status = period_parse(&period, berlin, rows[i].what, rows[i].since, rows[i].until, &p);
        if (status == STATUS_OK)
            status = period_settle(&period, FIRST, LAST_END, &p);
        if (status != STATUS_OK || period.start_s != rows[i].start_s || period.end_s != rows[i].end_s)
            fail_msg("row %zu: %lld to %lld, %s", i, (long long)period.start_s, (long long)period.end_s,
                     p.what);
    }
}

static void what_is_no_stretch_of_windows_is_refused_with_a_reason(void **state) {
    static const struct {
        const char *what, *since, *until, *says;
    } rows[] = {
        {"yesterday", NULL, NULL, "yesterday"},
        {"2026-13", NULL, NULL, "WINDOW: no calendar has the day or month of 2026-13"},
        {"2026-02-30", NULL, NULL, "no calendar"},
        {NULL, "2026-02-30", NULL, "--since: no calendar has"},
        {NULL, NULL, "2026-00", "--until: no calendar has"},
        {NULL, "2026-03", "2026-03", "does not lie before"},
        {"2026-03-29T03:07", NULL, NULL, "one does at 2026-03-29T01:00:00Z"},
        {"1774746001", NULL, NULL, "no window begins"},
        {"2026", NULL, NULL, "is no date or time"},
        {NULL, "24", NULL, "is no duration, and no date or time"},
        {"latest", "2026-03-29", NULL, "beside"},
        {NULL, "10m", NULL, "whole number of windows"},
        {NULL, "0", "soon", "soon"},
        {NULL, "2026-03-30", "2026-03-29", "does not lie before"},
        {NULL, "2026-03-29", "2026-03-29", "does not lie before"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct period period;
        struct problem p = {0};
        enum status status = period_parse(&period, berlin, rows[i].what, rows[i].since, rows[i].until, &p);
        if (status != STATUS_USAGE || strstr(p.what, rows[i].says) == NULL || p.remedy[0] == '\0')
            fail_msg("row %zu: %d, %s", i, status, p.what);
    }
    struct period late = {.start_s = LAST_END, .end_s = PERIOD_OPEN};
    assert_int_equal(period_settle(&late, FIRST, LAST_END, NULL), STATUS_NO);
}

static void what_since_does_not_take_is_refused_with_all_that_it_does(void **state) {
    static const char *const texts[] = {"24x", "1w", "-24h", "today", "1.5h"};
    static const char *const forms[] = {"45m",    "24h",   "7d", "2026-03-29,", "2026-03-29T14,",
                                        "14:15Z", "+02:00"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct period period;
        struct problem p = {0};
        assert_int_equal(period_parse(&period, berlin, NULL, texts[i], NULL, &p), STATUS_USAGE);
        for (size_t f = 0; f < sizeof(forms) / sizeof(forms[0]); f++) {
            if (strstr(p.remedy, forms[f]) == NULL)
                fail_msg("%s, %s: %s", texts[i], forms[f], p.remedy);
        }
        assert_int_equal(period_parse(&period, berlin, NULL, NULL, texts[i], &p), STATUS_USAGE);
        assert_null(strstr(p.remedy, "24h"));
    }
}

static void a_time_that_is_there_twice_is_refused_with_both_offsets(void **state) {
    static const struct {
        const char *what, *since, *until, *says, *remedy;
    } rows[] = {
        {"2026-10-25T02", NULL, NULL, "twice", "2026-10-25T02+02:00 or 2026-10-25T02+01:00"},
        {"2026-10-25T02:15", NULL, NULL, "twice", "2026-10-25T02:15+02:00 or 2026-10-25T02:15+01:00"},
        {NULL, "2026-10-25T02:15", NULL, "--since: ", "2026-10-25T02:15+02:00 or 2026-10-25T02:15+01:00"},
        {NULL, NULL, "2026-10-25T02:15", "--until: ", "2026-10-25T02:15+02:00 or 2026-10-25T02:15+01:00"},
        {"2026-03-29T02", NULL, NULL, "never shows 2026-03-29T02", "name a time that there is"},
        {NULL, "2026-03-29T02:15", NULL, "put on to 2026-03-29T03:00:00+02:00", "name a time that there is"},
        {NULL, NULL, "2026-03-29T02:15", "--until: ", "name a time that there is"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct period period;
        struct problem p = {0};
        enum status status = period_parse(&period, berlin, rows[i].what, rows[i].since, rows[i].until, &p);
        if (status != STATUS_USAGE || strstr(p.what, rows[i].says) == NULL ||
            strstr(p.remedy, rows[i].remedy) == NULL)
            fail_msg("row %zu: %d, %s, %s", i, status, p.what, p.remedy);
    }
}

// Every window of a period lies in exactly one stretch, and the stretches of a day in which the clock changes
// are as long as it.
static void stretches_cut_a_period_without_rest(void **state) {
    static const enum every everies[] = {EVERY_PERIOD, EVERY_WINDOW, EVERY_HOUR, EVERY_DAY};
    static const int counts[] = {1, 95 * 4 - 4, 95 - 1, 5};
    // From Friday noon to Tuesday 11:00, with the Sunday of 23 hours.
    const struct period period = {.start_s = 1774609200, .end_s = 1774947600};
    for (size_t i = 0; i < 4; i++) {
        int count = 0;
        for (int64_t at = period.start_s; at < period.end_s; count++) {
            int64_t next = period_next(&period, berlin, everies[i], at);
            for (int64_t window = at; window < next; window += 900) {
                assert_int_equal(period_begin(&period, berlin, everies[i], window), at);
                assert_int_equal(period_next(&period, berlin, everies[i], window), next);
            }
            assert_true(next > at);
            at = next;
        }
        assert_int_equal(count, counts[i]);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_asked_becomes_a_stretch_of_whole_windows),
        cmocka_unit_test(what_is_no_stretch_of_windows_is_refused_with_a_reason),
        cmocka_unit_test(a_time_that_is_there_twice_is_refused_with_both_offsets),
        cmocka_unit_test(what_since_does_not_take_is_refused_with_all_that_it_does),
        cmocka_unit_test(stretches_cut_a_period_without_rest),
    };
    return cmocka_run_group_tests(tests, zone_begin, zone_end);
}
