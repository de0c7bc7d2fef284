#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "aggregate/figures/time/local_time.h"
#include "aggregate/zone/account_zones.h"
#include "tests/unit/zone_fixture.h"

static void written_times_are_the_instants_that_a_calendar_says(void **state) {
    static const struct {
        const char *zone, *text;
        int64_t time_s;
        enum local_part part;
    } rows[] = {
        {"UTC", "1970-01-01", 0, LOCAL_DAY},
        {"UTC", "2026-01-01", 1767225600, LOCAL_DAY},
        {"UTC", "2024-02-29T23", 1709247600, LOCAL_HOUR},
        {"UTC", "2026-03-29T14:15", 1774793700, LOCAL_MINUTE},
        {"UTC", "2026-03-29 14:15:00", 1774793700, LOCAL_MINUTE},
        {"Europe/Berlin", "2026-03-29", 1774738800, LOCAL_DAY},
        {"Europe/Berlin", "2026-03-29T14:15", 1774786500, LOCAL_MINUTE},
        {"Europe/Berlin", "2026-03-29T14:15Z", 1774793700, LOCAL_MINUTE},
        {"UTC", "2026-03-29T14:15+05:45", 1774773000, LOCAL_MINUTE},
        {"UTC", "2026-03-29T14:15-0330", 1774806300, LOCAL_MINUTE},
        {"UTC", "2026-03-29T14+01", 1774789200, LOCAL_HOUR},
        {"Asia/Kathmandu", "2026-01-01", 1767204900, LOCAL_DAY},
        {"Europe/Berlin", "2026-10-25T02:30+02:00", 1792888200, LOCAL_MINUTE},
        {"Europe/Berlin", "2026-10-25T02:30+01:00", 1792891800, LOCAL_MINUTE},
        {"Europe/Berlin", "2026-10-25T01:45", 1792885500, LOCAL_MINUTE},
        {"Europe/Berlin", "2026-10-25T03", 1792893600, LOCAL_HOUR},
        {"Europe/Berlin", "2026-10-25", 1792879200, LOCAL_DAY},
        {"Europe/Berlin", "2026-10", 1790805600, LOCAL_MONTH},
        {"UTC", "2026-12", 1796083200, LOCAL_MONTH},
        {"Europe/Berlin", "2026-03-29T03", 1774746000, LOCAL_HOUR},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct zone *in = zone(rows[i].zone);
        struct local_time time;
        if (local_time_parse(rows[i].text, in, &time) != LOCAL_FOUND || time.time_s != rows[i].time_s ||
            time.again_s != rows[i].time_s || time.part != rows[i].part)
            fail_msg("%s in %s: %lld", rows[i].text, rows[i].zone, (long long)time.time_s);
        zone_close(&in);
    }
}

static void what_a_clock_shows_twice_or_never_is_told_with_its_instants(void **state) {
    static const struct {
        const char *zone, *text;
        enum local_found found;
        int64_t time_s, again_s;
    } rows[] = {
        {"Europe/Berlin", "2026-10-25T02", LOCAL_TWICE, 1792886400, 1792890000},
        {"Europe/Berlin", "2026-10-25T02:45", LOCAL_TWICE, 1792889100, 1792892700},
        {"America/New_York", "2026-11-01T01:00", LOCAL_TWICE, 1793509200, 1793512800},
        {"Australia/Lord_Howe", "2026-04-05T01:30", LOCAL_TWICE, 1775313000, 1775314800},
        {"Europe/Berlin", "2026-03-29T02", LOCAL_LEFT_OUT, 1774746000, 1774746000},
        {"Europe/Berlin", "2026-03-29T02:45", LOCAL_LEFT_OUT, 1774746000, 1774746000},
        {"America/New_York", "2026-03-08T02:15", LOCAL_LEFT_OUT, 1772953200, 1772953200},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct zone *in = zone(rows[i].zone);
        struct local_time time;
        enum local_found found = local_time_parse(rows[i].text, in, &time);
        if (found != rows[i].found || time.time_s != rows[i].time_s || time.again_s != rows[i].again_s)
            fail_msg("%s in %s: %d, %lld, %lld", rows[i].text, rows[i].zone, (int)found,
                     (long long)time.time_s, (long long)time.again_s);
        zone_close(&in);
    }
}

static void what_is_no_time_is_refused(void **state) {
    static const char *const texts[] = {"",
                                        "2026",
                                        "2026-",
                                        "2026-1",
                                        "2026-10x",
                                        "2026-10-",
                                        "2026-10T10",
                                        "2026-1-1",
                                        "2026-01-01T",
                                        "2026-01-01T24:00",
                                        "2026-01-01T10:60",
                                        "2026-01-01T10:15:30",
                                        "2026-01-01T10:15x",
                                        "2026-01-01x",
                                        "2026-01-01T10:15+19:00"};
    struct zone *utc = zone("UTC");
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct local_time time;
        if (local_time_parse(texts[i], utc, &time) != LOCAL_NO_TIME)
            fail_msg("%s was taken", texts[i]);
    }
    zone_close(&utc);
}

static void what_a_clock_shows_stands_beside_its_offset(void **state) {
    static const struct {
        const char *zone, *text;
        int64_t time_s;
        int32_t offset_s;
    } rows[] = {
        {"Europe/Berlin", "2026-10-25T02:30:00", 1792888200, 7200},
        {"Europe/Berlin", "2026-10-25T02:30:00", 1792891800, 3600},
        {"America/St_Johns", "2026-03-28T20:30:00", 1774738800, -9000},
        {"", "1970-01-01T00:00:00", 0, 0},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct zone *in = rows[i].zone[0] != '\0' ? zone(rows[i].zone) : NULL;
        char text[LOCAL_TIME_MAX];
        int32_t offset_s;
        local_clock_write(text, in, rows[i].time_s, &offset_s);
        assert_string_equal(text, rows[i].text);
        assert_int_equal(offset_s, rows[i].offset_s);
        if (in != NULL)
            zone_close(&in);
    }
}

static void what_no_calendar_has_is_no_day(void **state) {
    static const char *const texts[] = {"2026-13",    "2026-00",    "2026-13-01",      "2026-02-29",
                                        "2100-02-29", "2026-04-31", "2026-01-00T10:15"};
    struct zone *utc = zone("UTC");
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct local_time time;
        if (local_time_parse(texts[i], utc, &time) != LOCAL_NO_DAY)
            fail_msg("%s was taken", texts[i]);
    }
    zone_close(&utc);
}

static void days_have_23_and_25_hours_where_the_clock_changes(void **state) {
    static const struct {
        const char *zone, *day;
        int64_t hours;
    } rows[] = {
        {"Europe/Berlin", "2026-03-28", 24},
        {"Europe/Berlin", "2026-03-29", 23},
        {"Europe/Berlin", "2026-10-25", 25},
        {"America/New_York", "2026-03-08", 23},
        {"America/New_York", "2026-11-01", 25},
        {"Asia/Kolkata", "2026-03-29", 24},
        {"UTC", "2026-03-29", 24},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct zone *in = zone(rows[i].zone);
        struct local_time day;
        assert_int_equal(local_time_parse(rows[i].day, in, &day), LOCAL_FOUND);
        int64_t start = day.time_s;
        int64_t end = local_day_end(in, start);
        if (end - start != rows[i].hours * 3600)
            fail_msg("%s %s has %lld s", rows[i].zone, rows[i].day, (long long)(end - start));
        for (int64_t at = start; at < end; at += 900)
            assert_true(local_day_start(in, at) == start && local_day_end(in, at) == end);
        zone_close(&in);
    }
}

static void hours_follow_one_another_without_a_gap(void **state) {
    static const char *const names[] = {"UTC", "Europe/Berlin", "Asia/Kathmandu", "Australia/Lord_Howe",
                                        "America/St_Johns"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct zone *in = zone(names[i]);
        int64_t at = 1767225600, end = at + 370 * INT64_C(86400);
        for (at = local_hour_start(in, at); at < end;) {
            int64_t next = local_hour_end(in, at);
            assert_true(next > at && next - at <= 3600 && next % 900 == 0);
            assert_int_equal(local_hour_start(in, at), at);
            assert_int_equal(local_hour_start(in, next - 900), at);
            assert_int_equal(local_hour_end(in, next - 900), next);
            at = next;
        }
        zone_close(&in);
    }
}

static void times_are_written_with_their_offset(void **state) {
    static const struct {
        const char *zone;
        int64_t time_s;
        const char *text;
    } rows[] = {
        {NULL, 1774793700, "2026-03-29T14:15:00Z"},
        {"UTC", 1774793700, "2026-03-29T14:15:00+00:00"},
        {"Europe/Berlin", 1774746000, "2026-03-29T03:00:00+02:00"},
        {"Europe/Berlin", 1774745999, "2026-03-29T01:59:59+01:00"},
        {"America/St_Johns", 1767225600, "2025-12-31T20:30:00-03:30"},
        {"Asia/Kathmandu", 1767204900, "2026-01-01T00:00:00+05:45"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char text[LOCAL_TIME_MAX];
        struct zone *in = rows[i].zone != NULL ? zone(rows[i].zone) : NULL;
        local_time_write(text, in, rows[i].time_s);
        assert_string_equal(text, rows[i].text);
        if (in != NULL)
            zone_close(&in);
    }
}

static void an_account_has_the_zone_that_is_said__goes_red_if_another_item_is_taken(void **state) {
    static const struct {
        const char *zones, *account, *zone; // NULL: the list is none
    } cases[] = {
        {"", "acme", ""},
        {"acme=Europe/Berlin", "acme", "Europe/Berlin"},
        {"acme=Europe/Berlin", "acm", ""},
        {"acme=Europe/Berlin", "acmes", ""},
        {" bolt = Asia/Kolkata , acme=Europe/Berlin ,", "bolt", "Asia/Kolkata"},
        {"a=b=UTC,b=Asia/Kolkata", "a=b", "UTC"},
        {"acme=UTC,Berlin", "acme", NULL},
        {"acme=", "acme", NULL},
        {"=UTC", "acme", NULL},
        {",", "acme", NULL},
        {"acme=x234567890123456789012345678901234567890123456789012345678901234", "bolt", NULL},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char name[ZONE_NAME_MAX + 1];
        struct problem p;
        enum status status = account_zones_find(cases[i].zones, cases[i].account, name, &p);
        assert_int_equal(status, cases[i].zone == NULL ? STATUS_CONFIG : STATUS_OK);
        if (status == STATUS_OK)
            assert_string_equal(name, cases[i].zone);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(written_times_are_the_instants_that_a_calendar_says),
        cmocka_unit_test(what_a_clock_shows_twice_or_never_is_told_with_its_instants),
        cmocka_unit_test(what_is_no_time_is_refused),
        cmocka_unit_test(what_no_calendar_has_is_no_day),
        cmocka_unit_test(what_a_clock_shows_stands_beside_its_offset),
        cmocka_unit_test(days_have_23_and_25_hours_where_the_clock_changes),
        cmocka_unit_test(hours_follow_one_another_without_a_gap),
        cmocka_unit_test(times_are_written_with_their_offset),
        cmocka_unit_test(an_account_has_the_zone_that_is_said__goes_red_if_another_item_is_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
