// The hours of the local week.

#include "aggregate/figures/time/hour_week.h"
#include "tests/unit/book_fixture.h"
#include "tests/unit/zone_fixture.h"

enum { WINDOW_S = PERIOD_WINDOW_S, DAY_S = 86400 };

static void an_hour_is_what_the_clock_shows_where_the_window_begins(void **state) {
    static const struct {
        const char *zone;
        int64_t time_s;
        const char *label;
    } cases[] = {
        {"UTC", 0, "thu 00"}, // 1970-01-01
        {"UTC", -1, "wed 23"},
        {"UTC", 1767225600, "thu 00"}, // 2026-01-01
        {"UTC", 1767225600 + 4 * DAY_S - 1, "sun 23"},
        {"UTC", 1767225600 + 4 * DAY_S, "mon 00"},
        {"America/New_York", 1767225600, "wed 19"},
        {"Asia/Kathmandu", 1767225600, "thu 05"}, // 05:45
        {"Asia/Kathmandu", 1767225600 + WINDOW_S, "thu 06"},
        {"Australia/Adelaide", 1767225600, "thu 10"}, // 10:30, in summer
        {"Australia/Adelaide", 1767225600 + 2 * WINDOW_S, "thu 11"},
        {"Europe/Berlin", 1774745999, "sun 01"}, // 2026-03-29: the clock goes from 2 to 3
        {"Europe/Berlin", 1774746000, "sun 03"},
        {"Europe/Berlin", 1792888200, "sun 02"}, // 2026-10-25: 02:30, and again
        {"Europe/Berlin", 1792891800, "sun 02"},
        {"Europe/Berlin", 1792893600, "sun 03"},
    };
    char label[LABEL_MAX];
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct zone *in = zone(cases[i].zone);
        assert_string_equal(hour_of_week_write(label, hour_of_week(in, cases[i].time_s)), cases[i].label);
        zone_close(&in);
    }
}

// How many windows each hour of the day has.
static void assert_day(const char *name, const char *date, unsigned weekday, unsigned odd_hour,
                       unsigned odd) {
    struct zone *in = zone(name);
    struct hour_week w;
    struct local_time day;
    assert_int_equal(local_time_parse(date, in, &day), LOCAL_FOUND);
    int64_t start_s = day.time_s;
    hour_week_init(&w, in, &book);
    for (int64_t at = start_s; at < local_day_end(in, start_s); at += WINDOW_S)
        hour_week_know(&w, at);
    for (unsigned hour = 0; hour < HOURS_OF_WEEK; hour++) {
        bool is_that_day = hour / 24 == weekday;
        assert_int_equal(w.windows[hour], !is_that_day ? 0 : hour % 24 == odd_hour ? odd : 4);
    }
    hour_week_fini(&w);
    zone_close(&in);
}

static void a_day_has_the_hours_that_its_clocks_show(void **state) {
    assert_day("Europe/Berlin", "2026-03-28", 5, 2, 4);
    assert_day("Europe/Berlin", "2026-03-29", 6, 2, 0);
    assert_day("Europe/Berlin", "2026-10-25", 6, 2, 8);
    assert_day("Asia/Kathmandu", "2026-03-29", 6, 2, 4);
    assert_day("Australia/Lord_Howe", "2026-04-05", 6, 1, 6); // back by half an hour
    assert_day("Australia/Lord_Howe", "2026-10-04", 6, 2, 2); // and forward
    assert_day("America/Sao_Paulo", "2017-10-15", 6, 0, 0);   // at midnight
}

// ---- what is told

struct line {
    char text[1024];
};

static void tell(void *context, const struct row_key *key, const struct kpi_figure *f) {
    struct line *line = context;
    char label[LABEL_MAX];
    size_t length = strlen(line->text);
    assert_string_equal(f->kpi->name, "interactions");
    assert_true(f->kpi->unit == KPI_RATIO && f->has_numerator && f->has_denominator && !f->is_null);
    struct slice value = by_value(BY_HOUR_OF_WEEK, key, label);
    if (f->numerator != 0 || key->origin == 0)
        snprintf(line->text + length, sizeof(line->text) - length, "%.*s/%u %.*s %lld/%lld\n",
                 (int)key->account.length, key->account.at, key->platform, (int)value.length, value.at,
                 (long long)f->numerator, (long long)f->denominator);
}

static void add(struct rows *rows, const char *account, uint32_t platform, bool paid, enum counter counter,
                int64_t value) {
    const struct row_key key = {
        .table = TABLE_TOTALS, .platform = platform, .paid = paid, .account = slice_of(account)};
    rows_add(rows, rows_row(rows, &key), field_counter(counter), value);
}

static void interactions_are_told_by_window_of_their_hour(void **state) {
    const int64_t monday_s = 1767225600 + 4 * DAY_S;
    struct zone *in = zone("Asia/Kathmandu"); // Monday begins at 18:15 UTC on Sunday
    struct hour_week w;
    struct line line = {""};
    hour_week_init(&w, in, &book);
    for (int64_t at = monday_s - 7 * DAY_S; at < monday_s + 7 * DAY_S; at += WINDOW_S)
        hour_week_know(&w, at);
    for (int week = -1; week <= 0; week++) {
        struct rows *rows = rows_create();
        add(rows, "acme", PLATFORM_TIKTOK, false, COUNTER_OF_LIKE, 5);
        add(rows, "acme", PLATFORM_TIKTOK, true, COUNTER_OF_SHARE, 2);
        add(rows, "acme", PLATFORM_TIKTOK, true, COUNTER_OF_VIEW, 100); // no interaction
        add(rows, "acme", PLATFORM_X, false, COUNTER_OF_VIEW, 9);
        add(rows, "zoo", PLATFORM_X, false, COUNTER_OF_LIKE, -3);
        const struct row_key content = {.table = TABLE_CONTENT,
                                        .platform = PLATFORM_TIKTOK,
                                        .account = slice_of("acme"),
                                        .id = slice_of("v")};
        rows_add(rows, rows_row(rows, &content), field_counter(COUNTER_OF_LIKE), 5);
        hour_week_take(&w, monday_s + week * 7 * DAY_S, rows, &(struct filter){0}); // 05:45
        hour_week_take(&w, monday_s + week * 7 * DAY_S + WINDOW_S, rows,
                       &(struct filter){.account = slice_of("acme"), .platform = PLATFORM_TIKTOK});
        rows_destroy(&rows);
    }
    hour_week_each(&w, tell, &line);
    assert_string_equal(line.text, "acme/2 mon 00 0/8\n"
                                   "acme/2 mon 05 14/8\n"
                                   "acme/2 mon 06 14/8\n"
                                   "zoo/5 mon 00 0/8\n"
                                   "zoo/5 mon 05 -6/8\n");
    hour_week_fini(&w);
    zone_close(&in);
}

// Many accounts, each with sums of its own.
static void places_are_kept_apart(void **state) {
    struct zone *in = zone("UTC");
    struct hour_week w;
    hour_week_init(&w, in, &book);
    for (int i = 0; i < 100; i++) {
        struct rows *rows = rows_create();
        char account[16];
        snprintf(account, sizeof(account), "a%03d", i);
        add(rows, account, PLATFORM_X, false, COUNTER_OF_LIKE, i + 1);
        hour_week_take(&w, i * INT64_C(3600), rows, &(struct filter){0});
        rows_destroy(&rows);
    }
    for (uint32_t i = 0; i < 100; i++) {
        for (unsigned hour = 0; hour < HOURS_OF_WEEK; hour++)
            assert_int_equal(w.sums[i][hour], hour == (72 + i) % HOURS_OF_WEEK ? i + 1 : 0);
    }
    hour_week_fini(&w);
    zone_close(&in);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_hour_is_what_the_clock_shows_where_the_window_begins),
        cmocka_unit_test(a_day_has_the_hours_that_its_clocks_show),
        cmocka_unit_test(interactions_are_told_by_window_of_their_hour),
        cmocka_unit_test(places_are_kept_apart),
    };
    return cmocka_run_group_tests(tests, book_open, book_close);
}
