#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "aggregate/zone/zone.h"
#include "sketch_bytes.h"

enum { HOUR = 3600, DAY = 86400 };

static struct zone *opened(const char *name) {
    struct zone *z;
    struct problem problem;
    if (zone_open(&z, name, &problem) != STATUS_OK)
        fail_msg("%s", problem.what);
    assert_string_equal(zone_name(z), name);
    return z;
}

static int64_t day_of(int year, int month, int day) {
    return zone_day_of((struct zone_date){year, month, day});
}

static void needs_zones(void) {
    unsetenv("TZDIR");
    if (access("/usr/share/zoneinfo/Europe/Paris", R_OK) != 0)
        skip();
}

// --- Days

static void test_days_have_as_many_hours_as_there_were(void **state) {
    static const struct {
        const char *zone;
        int year, month, day;
        int64_t start, seconds;
    } cases[] = {
        {"UTC", 1970, 1, 1, 0, DAY},
        {"Europe/Paris", 2024, 3, 30, 1711753200, DAY},
        {"Europe/Paris", 2024, 3, 31, 1711839600, 23 * HOUR},
        {"Europe/Paris", 2024, 10, 27, 1729980000, 25 * HOUR},
        {"America/New_York", 2024, 11, 3, 1730606400, 25 * HOUR},
        {"Asia/Kathmandu", 2024, 6, 1, 1717179300, DAY},                  // 5:45
        {"Asia/Kolkata", 2024, 6, 1, 1717180200, DAY},                    // 5:30
        {"Pacific/Chatham", 2024, 4, 7, 1712398500, 25 * HOUR},           // 13:45, then 12:45
        {"Australia/Lord_Howe", 2024, 4, 7, 1712408400, DAY + HOUR / 2},  // half an hour
        {"Australia/Lord_Howe", 2024, 10, 6, 1728135000, DAY - HOUR / 2}, //
        {"Pacific/Apia", 2011, 12, 29, 1325152800, DAY},                  //
        {"Pacific/Apia", 2011, 12, 30, 1325239200, 0},                    // left out
        {"Pacific/Apia", 2011, 12, 31, 1325239200, DAY},                  //
        {"Pacific/Kwajalein", 1993, 8, 20, 745848000, DAY},               //
        {"Pacific/Kwajalein", 1993, 8, 21, 745934400, 0},                 // left out
        {"America/Sao_Paulo", 2017, 10, 14, 1507950000, DAY},             //
        {"America/Sao_Paulo", 2017, 10, 15, 1508036400, 23 * HOUR},       // begins at 01:00
        {"America/Sao_Paulo", 2018, 2, 17, 1518832800, 25 * HOUR},        // 23:00 comes twice
        {"America/St_Johns", 2006, 10, 29, 1162089000, 25 * HOUR},        // 00:01 goes back to 23:01
        {"America/Havana", 2024, 11, 3, 1730606400, 25 * HOUR},           // midnight comes twice
        {"Africa/Cairo", 2023, 4, 28, 1682632800, 23 * HOUR},             // begins at 01:00
    };
    needs_zones();
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct zone *z = opened(cases[i].zone);
        int64_t day = day_of(cases[i].year, cases[i].month, cases[i].day);
        struct zone_bounds bounds = zone_day_bounds(z, day);
        if (bounds.start_s != cases[i].start || bounds.end_s - bounds.start_s != cases[i].seconds)
            fail_msg("case %zu, %s: from %lld to %lld", i, cases[i].zone, (long long)bounds.start_s,
                     (long long)bounds.end_s);
        if (cases[i].seconds > 0) {
            assert_int_equal(zone_day_at(z, bounds.start_s), day);
            assert_int_equal(zone_day_at(z, bounds.end_s - 1), day);
        }
        assert_int_equal(zone_day_bounds(z, day + 1).start_s, bounds.end_s);
        zone_close(&z);
    }
}

// What Python's zoneinfo says of the same files: zone_cases.py.
static void check_line(const struct zone *z, const char *line) {
    char asked[16], name[64];
    long long in, expected, found;
    assert_int_equal(sscanf(line, "%15s %63s %lld %lld", asked, name, &in, &expected), 4);
    if (strcmp(asked, "offset") == 0)
        found = zone_offset_at(z, in);
    else if (strcmp(asked, "day") == 0)
        found = zone_day_start(z, in);
    else
        found = zone_day_at(z, in);
    if (found != expected)
        fail_msg("%lld instead of: %s", found, line);
}

static void test_offsets_and_days_are_those_of_another_reader(void **state) {
    char line[256], name[64], command[PATH_MAX];
    struct zone *z = NULL;
    size_t lines = 0;
    needs_zones();
    if (system("python3 -c 'import zoneinfo' 2>/dev/null") != 0)
        skip();
    snprintf(command, sizeof(command), "python3 -B %s/tests/unit/zone_cases.py /usr/share/zoneinfo",
             SOURCE_DIR);
    FILE *cases = popen(command, "re");
    assert_non_null(cases);
    for (; fgets(line, sizeof(line), cases) != NULL; lines++) {
        assert_int_equal(sscanf(line, "%*s %63s", name), 1);
        if (z == NULL || strcmp(zone_name(z), name) != 0) {
            zone_close(&z);
            z = opened(name);
        }
        check_line(z, line);
    }
    assert_int_equal(pclose(cases), 0);
    assert_true(lines > 10000);
    zone_close(&z);
}

// --- The calendar

static void test_the_calendar_counts_days(void **state) {
    static const struct {
        struct zone_date date;
        int64_t day;
        int weekday;
    } cases[] = {
        {{1970, 1, 1}, 0, 3},       {{1969, 12, 31}, -1, 2},    {{2000, 2, 29}, 11016, 1},
        {{2000, 3, 1}, 11017, 2},   {{1900, 2, 28}, -25509, 2}, {{1900, 3, 1}, -25508, 3},
        {{2026, 11, 30}, 20787, 0}, {{0, 3, 1}, -719468, 2},    {{-1, 12, 31}, -719529, 4},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct zone_date date = zone_date_of(cases[i].day);
        assert_int_equal(zone_day_of(cases[i].date), cases[i].day);
        assert_int_equal(zone_weekday_of(cases[i].day), cases[i].weekday);
        assert_true(date.year == cases[i].date.year && date.month == cases[i].date.month &&
                    date.day == cases[i].date.day);
    }
    assert_int_equal(day_of(2023, 2, 29), day_of(2023, 3, 1));
    for (int64_t day = day_of(-401, 1, 1); day < day_of(2401, 1, 1); day++) {
        struct zone_date date = zone_date_of(day);
        assert_true(date.month >= 1 && date.month <= 12 && date.day >= 1 && date.day <= 31);
        assert_int_equal(zone_day_of(date), day);
    }
}

// --- Files of our own

struct transition {
    int64_t at;
    unsigned char type;
};

struct tzif {
    unsigned char bytes[4096];
    size_t length;
};

static void put(struct tzif *f, uint64_t value, int size) {
    for (int shift = 8 * (size - 1); shift >= 0; shift -= 8)
        f->bytes[f->length++] = (unsigned char)(value >> shift);
}

static void put_header(struct tzif *f, char version, uint32_t leaps, uint32_t transitions, uint32_t types) {
    memcpy(f->bytes + f->length, "TZif", 4);
    f->length += 4;
    put(f, (unsigned char)version, 1);
    for (int i = 0; i < 15; i++)
        put(f, 0, 1);
    put(f, 0, 4);
    put(f, 0, 4);
    put(f, leaps, 4);
    put(f, transitions, 4);
    put(f, types, 4);
    put(f, 4, 4);
}

// Of the version, with the transitions and offsets given (each with the abbreviation XXX), and the footer.
static struct tzif tzif_of(char version, const struct transition *transitions, uint32_t count,
                           const int32_t *offsets, uint32_t types, const char *footer) {
    struct tzif f = {0};
    put_header(&f, version, 0, 0, 1);
    put(&f, 0, 6);
    put(&f, 0x58585800, 4);
    put_header(&f, version, 0, count, types);
    for (uint32_t i = 0; i < count; i++)
        put(&f, (uint64_t)transitions[i].at, 8);
    for (uint32_t i = 0; i < count; i++)
        put(&f, transitions[i].type, 1);
    for (uint32_t i = 0; i < types; i++) {
        put(&f, (uint32_t)offsets[i], 4);
        put(&f, 0, 2);
    }
    put(&f, 0x58585800, 4);
    if (footer != NULL)
        f.length += (size_t)snprintf((char *)f.bytes + f.length, 256, "\n%s\n", footer);
    return f;
}

static enum status read_bytes(struct zone **z, struct slice bytes, struct problem *problem) {
    struct slice exact = copy_exactly(bytes);
    enum status status = zone_read(z, "Test/Zone", exact, problem);
    free((char *)exact.at);
    return status;
}

static struct zone *zone_by_footer(const char *footer) {
    static const int32_t offset = 0;
    struct tzif f = tzif_of('3', NULL, 0, &offset, 1, footer);
    struct zone *z;
    struct problem problem;
    if (read_bytes(&z, (struct slice){(char *)f.bytes, f.length}, &problem) != STATUS_OK)
        fail_msg("%s: %s", footer, problem.what);
    return z;
}

// Each rule, and around which instant it changes to what.
static void test_a_footer_says_what_comes_after_the_table(void **state) {
    static const struct {
        const char *footer;
        int year, month, day;
        int64_t time; // UTC, of the day
        int32_t before, then;
    } cases[] = {
        {"CET-1CEST,M3.5.0,M10.5.0/3", 2040, 3, 25, 1 * HOUR, HOUR, 2 * HOUR},
        {"CET-1CEST,M3.5.0,M10.5.0/3", 2040, 10, 28, 1 * HOUR, 2 * HOUR, HOUR},
        {"EST5EDT,M3.2.0,M11.1.0", 2050, 3, 13, 7 * HOUR, -5 * HOUR, -4 * HOUR},
        {"IST-1GMT0,M10.5.0,M3.5.0/1", 2040, 3, 25, 1 * HOUR, 0, HOUR}, // winter is the exception
        {"IST-1GMT0,M10.5.0,M3.5.0/1", 2040, 10, 28, 1 * HOUR, HOUR, 0},
        {"<+1030>-10:30<+11>-11,M10.1.0,M4.1.0", 2040, 4, 1, -9 * HOUR, 11 * HOUR, 37800},
        {"<-02>2<-01>,M3.5.0/-1,M10.5.0/0", 2040, 3, 25, 1 * HOUR, -2 * HOUR, -1 * HOUR}, // a day before
        {"IST-2IDT,M3.4.4/26,M10.5.0", 2040, 3, 23, 0, 2 * HOUR, 3 * HOUR},               // a day after
        {"XXX0YYY,J60,J300", 2040, 3, 1, 2 * HOUR, 0, HOUR}, // of a leap year, and of none
        {"XXX0YYY,J60,J300", 2041, 3, 1, 2 * HOUR, 0, HOUR},
        {"XXX0YYY,J60,J300", 2100, 3, 1, 2 * HOUR, 0, HOUR}, // which is none
        {"XXX0YYY,J59/0,J300", 2040, 2, 28, 0, 0, HOUR},
        {"XXX0YYY,59,300", 2040, 2, 29, 2 * HOUR, 0, HOUR},
        {"XXX0YYY,59,300", 2041, 3, 1, 2 * HOUR, 0, HOUR},
        {"XXX0YYY,0/0,364/0:0:1", 2041, 1, 1, 0, 0, HOUR},
        {"XXX0YYY,M2.5.2/0,M12.5.4/0", 2040, 2, 28, 0, 0, HOUR},  // the fourth Tuesday is the last
        {"XXX0YYY,M2.5.3/0,M12.5.4/0", 2040, 2, 29, 0, 0, HOUR},  // the fifth Wednesday
        {"XXX0YYY,M2.1.0/0,M12.5.4/1", 2041, 12, 26, 0, HOUR, 0}, // of December
        {"XXX0YYY-0:30:15,M2.1.0/0,M12.5.4/1", 2041, 2, 3, 0, 0, 30 * 60 + 15}, //
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct zone *z = zone_by_footer(cases[i].footer);
        int64_t at = day_of(cases[i].year, cases[i].month, cases[i].day) * DAY + cases[i].time;
        if (zone_offset_at(z, at - 1) != cases[i].before || zone_offset_at(z, at) != cases[i].then)
            fail_msg("case %zu, %s: %d, then %d", i, cases[i].footer, zone_offset_at(z, at - 1),
                     zone_offset_at(z, at));
        zone_close(&z);
    }
}

static void test_a_summer_may_never_end_and_a_rule_may_have_none(void **state) {
    struct zone *always = zone_by_footer("XXX3EDT4,0/0,J365/23"), *never = zone_by_footer("<+0330>-3:30");
    for (int64_t day = day_of(2039, 12, 1); day < day_of(2041, 2, 1); day++) {
        for (int64_t hour = 0; hour < 24; hour++) {
            assert_int_equal(zone_offset_at(always, day * DAY + hour * HOUR), -4 * HOUR);
            assert_int_equal(zone_offset_at(never, day * DAY + hour * HOUR), 12600);
        }
        assert_int_equal(zone_day_start(always, day), day * DAY + 4 * HOUR);
    }
    zone_close(&always);
    zone_close(&never);
}

// Before the first transition the first type holds, behind the last the rule, or without one the last type.
static void test_the_table_has_two_ends(void **state) {
    static const struct transition transitions[] = {{-1000000000, 1}, {0, 2}, {1000000000, 1}};
    static const int32_t offsets[] = {561, HOUR, 2 * HOUR};
    static const char *const footers[] = {"", "XXX-5"};
    for (int i = 0; i < 2; i++) {
        struct tzif f = tzif_of('2', transitions, 3, offsets, 3, footers[i]);
        struct zone *z;
        assert_int_equal(read_bytes(&z, (struct slice){(char *)f.bytes, f.length}, NULL), STATUS_OK);
        assert_int_equal(zone_offset_at(z, INT64_MIN), 561);
        assert_int_equal(zone_offset_at(z, -1000000001), 561);
        assert_int_equal(zone_offset_at(z, -1000000000), HOUR);
        assert_int_equal(zone_offset_at(z, -1), HOUR);
        assert_int_equal(zone_offset_at(z, 0), 2 * HOUR);
        assert_int_equal(zone_offset_at(z, 999999999), 2 * HOUR);
        assert_int_equal(zone_offset_at(z, 1000000000), (i == 0 ? 1 : 5) * HOUR);
        assert_int_equal(zone_offset_at(z, INT64_MAX), (i == 0 ? 1 : 5) * HOUR);
        zone_close(&z);
    }
}

static void test_any_instant_and_any_day_may_be_asked_for(void **state) {
    struct zone *z = zone_by_footer("CET-1CEST,M3.5.0,M10.5.0/3");
    int64_t last = zone_day_at(z, INT64_MAX), first = zone_day_at(z, INT64_MIN);
    assert_int_equal(last, zone_day_at(z, ZONE_INSTANT_MAX));
    assert_int_equal(first, zone_day_at(z, -ZONE_INSTANT_MAX));
    assert_int_equal(last, ZONE_INSTANT_MAX / DAY);
    assert_true(zone_day_bounds(z, INT64_MAX).start_s > ZONE_INSTANT_MAX);
    assert_true(zone_day_bounds(z, INT64_MIN).start_s < -ZONE_INSTANT_MAX);
    zone_close(&z);
}

// Whatever the offsets do, each instant is in the one day that its bounds say, and days follow upon each
// other.
static void check_days(const struct zone *z, uint64_t *seed) {
    for (int i = 0; i < 40; i++) {
        int64_t instant = (int64_t)number_below(seed, 4000000000) - 1500000000;
        int64_t day = zone_day_at(z, instant);
        struct zone_bounds bounds = zone_day_bounds(z, day);
        assert_true(bounds.start_s <= instant && instant < bounds.end_s);
        assert_int_equal(zone_day_bounds(z, day + 1).start_s, bounds.end_s);
        assert_int_equal(zone_day_at(z, bounds.start_s), day);
        assert_true(bounds.start_s + zone_offset_at(z, bounds.start_s) >= day * DAY);
        assert_true(bounds.start_s - 1 + zone_offset_at(z, bounds.start_s - 1) < day * DAY);
    }
}

static void test_wild_offsets_still_part_all_instants_into_days(void **state) {
    uint64_t seed = 7;
    for (int round = 0; round < 300; round++) {
        struct transition transitions[40];
        int32_t offsets[8];
        int64_t at = -1500000000;
        for (int i = 0; i < 8; i++)
            offsets[i] = (int32_t)number_below(&seed, 26 * HOUR + 25 * HOUR - 1) - 25 * HOUR + 1;
        for (int i = 0; i < 40; i++) {
            at += 1 + (int64_t)number_below(&seed, round % 2 == 0 ? 200000000 : 100000);
            transitions[i] = (struct transition){at, (unsigned char)number_below(&seed, 8)};
        }
        struct tzif f =
            tzif_of('2', transitions, 40, offsets, 8, round % 3 == 0 ? "" : "AAA3BBB-9,M3.1.1,20/99");
        struct zone *z;
        assert_int_equal(read_bytes(&z, (struct slice){(char *)f.bytes, f.length}, NULL), STATUS_OK);
        check_days(z, &seed);
        zone_close(&z);
    }
}

// --- What is damaged

static void test_footers_that_are_none_are_refused(void **state) {
    static const char *const footers[] = {
        "C",
        "CET",
        "CE-1",
        "<+1-1",
        "CET-1:60",
        "CET-25",
        "CET-",
        "CET-0001",
        "CET-1 ",
        "CET-1CEST",
        "CET-1CEST,",
        "CET-1CEST,M3.5.0",
        "CET-1<CEST,M3.5.0,M10.5.0",
        "CET-1CEST,M3.5.0,",
        "CET-1CEST,M13.5.0,M10.5.0",
        "CET-1CEST,M0.5.0,M10.5.0",
        "CET-1CEST,M3.6.0,M10.5.0",
        "CET-1CEST,M3.0.0,M10.5.0",
        "CET-1CEST,M3.5.7,M10.5.0",
        "CET-1CEST,M3.5,M10.5.0",
        "CET-1CEST,J0,J100",
        "CET-1CEST,J366,J100",
        "CET-1CEST,366,100",
        "CET-1CEST,M3.5.0/168,M10.5.0",
        "CET-1CEST,M3.5.0/,M10.5.0",
        "CET-1CEST,M3.5.0,M10.5.0/3,",
        "CET-1CEST-25,M3.5.0,M10.5.0",
        "AAA-24:59:59BBB-25,M3.5.0,M10.5.0",
        "\x43\x45\x54\xff-1",
    };
    static const int32_t offset = 0;
    for (size_t i = 0; i < sizeof(footers) / sizeof(footers[0]); i++) {
        struct tzif f = tzif_of('3', NULL, 0, &offset, 1, footers[i]);
        struct zone *z;
        struct problem problem;
        if (read_bytes(&z, (struct slice){(char *)f.bytes, f.length}, &problem) != STATUS_BAD_DATA)
            fail_msg("%s is taken", footers[i]);
        assert_null(z);
        assert_non_null(strstr(problem.what, "its rule is none"));
    }
}

static void refuse(struct tzif f, const char *why) {
    struct zone *z;
    struct problem problem = {0};
    if (read_bytes(&z, (struct slice){(char *)f.bytes, f.length}, &problem) != STATUS_BAD_DATA)
        fail_msg("taken, although %s", why);
    if (strstr(problem.what, why) == NULL)
        fail_msg("\"%s\" does not say that %s", problem.what, why);
    assert_null(z);
}

static void test_damaged_files_are_refused_and_say_why(void **state) {
    enum { SECOND = 44 + 6 + 4, LEAPS = 28, TYPES = 36, CHARS = 40 };
    static const struct transition two[] = {{5, 0}, {7, 1}}, equal[] = {{5, 0}, {5, 1}}, no_type[] = {{5, 2}};
    static const int32_t offsets[] = {0, HOUR}, far_east = 26 * HOUR, far_west = -25 * HOUR;
    const struct tzif good = tzif_of('2', two, 2, offsets, 2, "XXX0");
    struct zone *z;
    assert_int_equal(read_bytes(&z, (struct slice){(char *)good.bytes, good.length}, NULL), STATUS_OK);
    zone_close(&z);
    refuse(tzif_of('2', equal, 2, offsets, 2, "XXX0"), "its transitions are damaged");
    refuse(tzif_of('2', no_type, 1, offsets, 2, "XXX0"), "its transitions are damaged");
    refuse(tzif_of('2', NULL, 0, &far_east, 1, ""), "a type of time is damaged");
    refuse(tzif_of('2', NULL, 0, &far_west, 1, ""), "a type of time is damaged");
    refuse(tzif_of('\0', NULL, 0, offsets, 1, ""), "it is of version 1");
    refuse(tzif_of('2', two, 2, offsets, 2, NULL), "its rule is missing");
    refuse(tzif_of('2', two, 2, offsets, 0, "XXX0"), "its header is damaged");
    static const struct {
        size_t at;
        unsigned char byte;
        const char *why;
    } changes[] = {
        {0, 'X', "it is no TZif file"},
        {SECOND, 'X', "it is no TZif file"},
        {SECOND + LEAPS + 3, 1, "it counts leap seconds"},
        {SECOND + 20 + 3, 1, "its header is damaged"},
        {SECOND + 24 + 3, 1, "its header is damaged"},
        {SECOND + CHARS + 3, 0, "its header is damaged"},
        {SECOND + 32, 0xff, "it breaks off"},
        {LEAPS, 0xff, "it breaks off"},
        {SECOND + 44 + 18 + 5, 4, "a type of time is damaged"},
    };
    for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
        struct tzif f = good;
        f.bytes[changes[i].at] = changes[i].byte;
        refuse(f, changes[i].why);
    }
    for (size_t length = 0; length < good.length; length++) {
        assert_int_equal(read_bytes(&z, (struct slice){(char *)good.bytes, length}, NULL), STATUS_BAD_DATA);
        assert_null(z);
    }
}

static void test_mutated_files_are_refused_or_other_zones(void **state) {
    static const struct transition transitions[] = {{-9000000, 1}, {40000, 0}, {50000, 2}, {1000000000, 1}};
    static const int32_t offsets[] = {561, HOUR, -2 * HOUR};
    const struct tzif f = tzif_of('2', transitions, 4, offsets, 3, "CET-1CEST,M3.5.0,M10.5.0/3");
    uint64_t seed = 3, accepted = 0, refused = 0;
    for (int round = 0; round < 20000; round++) {
        struct slice mutated = mutate((struct slice){(const char *)f.bytes, f.length}, &seed);
        struct zone *z;
        if (zone_read(&z, "Test/Zone", mutated, NULL) == STATUS_OK) {
            accepted++;
            check_days(z, &seed);
            zone_close(&z);
        } else {
            refused++;
            assert_null(z);
        }
        free((char *)mutated.at);
    }
    assert_true(accepted > 1000 && refused > 1000);
}

// --- Names

// A folder of zones of our own, in TZDIR.
static char folder[64];

static void write_file(const char *name, const void *bytes, size_t length) {
    char path[PATH_MAX];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    int file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(file >= 0);
    assert_int_equal(write(file, bytes, length), length);
    close(file);
}

static const char *const names[] = {
    "Europe/Paris",     "Europe/Prague",           "Europe/Kiev", "Europe/Kyiv", "CET",
    "America/New_York", "America/Argentina/Salta", "Etc/GMT+2",   "localtime",   "posixrules",
    "posix/CET",        "Deep/Er/Than/Names"};
static const char *const folders[] = {"Europe", "America", "America/Argentina", "Etc",
                                      "posix",  "Deep",    "Deep/Er",           "Deep/Er/Than"};

static int make_folder(void **state) {
    static const int32_t offset = HOUR;
    char path[PATH_MAX];
    struct tzif f = tzif_of('2', NULL, 0, &offset, 1, "XXX-1");
    strcpy(folder, "/tmp/test_zone.XXXXXX");
    assert_non_null(mkdtemp(folder));
    for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
        snprintf(path, sizeof(path), "%s/%s", folder, folders[i]);
        assert_int_equal(mkdir(path, 0700), 0);
    }
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        write_file(names[i], f.bytes, f.length);
    write_file("leapseconds", "# no zone", 9);
    write_file("Damaged", "TZif2", 5);
    setenv("TZDIR", folder, 1);
    return 0;
}

static int remove_folder(void **state) {
    char command[128];
    snprintf(command, sizeof(command), "rm -rf %s", folder);
    unsetenv("TZDIR");
    return system(command);
}

static void test_a_name_that_is_unknown_gets_the_nearest(void **state) {
    static const struct {
        const char *name, *nearest; // NULL: none is alike
    } cases[] = {
        {"Europe/Pari", "Europe/Paris"},
        {"europe/paris", "Europe/Paris"},
        {"Paris", "Europe/Paris"},
        {"America/Paris", "Europe/Paris"},
        {"new york", "America/New_York"},
        {"America/Argentina/Slata", "America/Argentina/Salta"},
        {"Europe/Kyev", "Europe/Kiev"}, // as near as Kyiv: the first by the alphabet
        {"posix/Europe/Paris", "Europe/Paris"},
        {"GMT+2", "Etc/GMT+2"},
        {"CEST", "CET"},
        {"Europe", NULL},
        {"leapsecond", NULL},
        {"Names", NULL}, // too deep
        {"Mars/Olympus_Mons", NULL},
        {"", NULL},
        {"Europe/Paris_Europe/Paris_Europe/Paris_Europe/Paris_Europe/Paris_", NULL},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct zone *z;
        struct problem p;
        char remedy[128], what[160];
        assert_int_equal(zone_open(&z, cases[i].name, &p), STATUS_CONFIG);
        assert_null(z);
        snprintf(what, sizeof(what), "there is no time zone \"%s\"", cases[i].name);
        assert_string_equal(p.what, what);
        snprintf(remedy, sizeof(remedy), "%s is the nearest name that there is", cases[i].nearest);
        if (cases[i].nearest != NULL)
            assert_string_equal(p.remedy, remedy);
        else
            assert_non_null(strstr(p.remedy, "names are IANA's"));
    }
}

// Each would be opened if its name were no matter: the file is there.
static void test_a_name_never_leads_out_of_the_folder(void **state) {
    char inside[PATH_MAX], absolute[PATH_MAX];
    snprintf(inside, sizeof(inside), "../%s/CET", strrchr(folder, '/') + 1);
    snprintf(absolute, sizeof(absolute), "/%s/CET", folder);
    const char *const outside[] = {inside,          absolute,    "./CET",      "Europe/../CET",
                                   "Europe//Paris", "/CET",      "CET/",       "localtime",
                                   "posixrules",    "posix/CET", "Etc/./GMT+2"};
    for (size_t i = 0; i < sizeof(outside) / sizeof(outside[0]); i++) {
        struct zone *z;
        if (zone_open(&z, outside[i], NULL) != STATUS_CONFIG)
            fail_msg("%s is taken", outside[i]);
        assert_null(z);
    }
    struct zone *z = opened("Etc/GMT+2");
    zone_close(&z);
}

static void test_utc_needs_no_file_and_other_zones_do(void **state) {
    struct zone *z;
    struct problem p;
    assert_int_equal(zone_open(&z, "Damaged", &p), STATUS_BAD_DATA);
    assert_null(z);
    setenv("TZDIR", "/nowhere", 1);
    z = opened("UTC");
    assert_int_equal(zone_offset_at(z, 1700000000), 0);
    assert_int_equal(zone_day_start(z, 19675), 19675 * DAY);
    zone_close(&z);
    assert_int_equal(zone_open(&z, "Europe/Paris", &p), STATUS_NO_INPUT);
    assert_non_null(strstr(p.what, "there are no time zones in /nowhere"));
    setenv("TZDIR", folder, 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_days_have_as_many_hours_as_there_were),
        cmocka_unit_test(test_offsets_and_days_are_those_of_another_reader),
        cmocka_unit_test(test_the_calendar_counts_days),
        cmocka_unit_test(test_a_footer_says_what_comes_after_the_table),
        cmocka_unit_test(test_a_summer_may_never_end_and_a_rule_may_have_none),
        cmocka_unit_test(test_the_table_has_two_ends),
        cmocka_unit_test(test_any_instant_and_any_day_may_be_asked_for),
        cmocka_unit_test(test_wild_offsets_still_part_all_instants_into_days),
        cmocka_unit_test(test_footers_that_are_none_are_refused),
        cmocka_unit_test(test_damaged_files_are_refused_and_say_why),
        cmocka_unit_test(test_mutated_files_are_refused_or_other_zones),
        cmocka_unit_test_setup_teardown(test_a_name_that_is_unknown_gets_the_nearest, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(test_a_name_never_leads_out_of_the_folder, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(test_utc_needs_no_file_and_other_zones_do, make_folder,
                                        remove_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
