#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "aggregate/figures/sums.h"
#include "schemas/registry.h"

static void add(struct rows *rows, struct row_key key, int64_t likes) {
    rows_add(rows, rows_row(rows, &key), field_counter(COUNTER_OF_LIKE), likes);
}

static struct row_key totals(const char *account, uint32_t platform, uint32_t origin, uint32_t format,
                             bool paid) {
    return (struct row_key){.table = TABLE_TOTALS,
                            .account = slice_of(account),
                            .platform = platform,
                            .origin = origin,
                            .format = format,
                            .paid = paid};
}

static struct row_key named(enum table table, const char *account, uint32_t platform, const char *id) {
    return (struct row_key){
        .table = table, .account = slice_of(account), .platform = platform, .id = slice_of(id)};
}

static struct rows *day(void) {
    struct rows *rows = rows_create();
    add(rows, totals("acme", 2, 1, 5, false), 1);
    add(rows, totals("acme", 2, 1, 5, true), 2);
    add(rows, totals("acme", 2, 2, 4, false), 4);
    add(rows, totals("acme", 3, 1, 4, false), 8);
    add(rows, totals("bolt", 2, 1, 5, false), 16);
    add(rows, named(TABLE_CONTENT, "acme", 2, "7310"), 32);
    add(rows, named(TABLE_CONTENT, "acme", 3, "7310"), 64);
    add(rows, named(TABLE_CAMPAIGN, "acme", 2, "spring"), 128);
    add(rows, named(TABLE_TAG, "acme", 2, "spring"), 256);
    add(rows, named(TABLE_TOPIC, "acme", 2, "price"), 512);
    add(rows, named(TABLE_COHORT, "acme", 2, "1767224700"), 2048); // the last window of 2025
    add(rows, named(TABLE_COHORT, "acme", 2, "1767225600"), 4096);
    add(rows, named(TABLE_COHORT, "acme", 2, "1767311100"), 8192);
    add(rows, named(TABLE_COHORT, "acme", 3, "no-time"), 1);
    struct row_key late = totals("acme", 2, 3, 5, false);
    late.table = TABLE_LATE;
    add(rows, late, 1024);
    return rows;
}

// "acme/2/brand=5 ..." of all rows, as files sort them.
static const char *told(const struct rows *rows, enum by by) {
    static char text[1024];
    uint32_t numbers[64];
    size_t length = 0;
    rows_sort(rows, numbers);
    text[0] = '\0';
    for (size_t i = 0; i < rows_count(rows); i++) {
        char label[LABEL_MAX];
        struct row_key key = rows_key(rows, numbers[i]);
        struct slice value = by_value(by, &key, label);
        length += (size_t)snprintf(text + length, sizeof(text) - length, "%s%.*s/%u/%.*s=%lld",
                                   i > 0 ? " " : "", (int)key.account.length, key.account.at, key.platform,
                                   (int)value.length, value.at,
                                   (long long)rows_value(rows, numbers[i], field_counter(COUNTER_OF_LIKE)));
    }
    return text;
}

static void sums_are_told_by_one_thing_and_lose_nothing(void **state) {
    static const struct {
        enum by by;
        const char *account;
        uint32_t platform;
        const char *told;
    } rows[] = {
        {BY_PLATFORM, NULL, 0, "acme/2/=7 acme/3/=8 bolt/2/=16"},
        {BY_DAY, NULL, 0, "acme/2/=7 acme/3/=8 bolt/2/=16"},
        {BY_PLATFORM, "acme", 0, "acme/2/=7 acme/3/=8"},
        {BY_PLATFORM, NULL, 2, "acme/2/=7 bolt/2/=16"},
        {BY_PLATFORM, "bolt", 3, ""},
        {BY_ACCOUNT, NULL, 0, "acme/0/=15 bolt/0/=16"},
        {BY_ORIGIN, "acme", 0, "acme/2/brand=3 acme/2/ugc=4 acme/3/brand=8"},
        {BY_PAID, "acme", 2, "acme/2/organic=5 acme/2/paid=2"},
        {BY_FORMAT, "acme", 2, "acme/2/video=4 acme/2/short_video=3"},
        {BY_CONTENT, NULL, 0, "acme/2/7310=32 acme/3/7310=64"},
        {BY_CAMPAIGN, NULL, 0, "acme/2/spring=128"},
        {BY_TAG, NULL, 0, "acme/2/spring=256"},
        {BY_TOPIC, NULL, 0, "acme/2/price=512"},
        {BY_COHORT, NULL, 0, "acme/2/2025-12-31=2048 acme/2/2026-01-01=12288 acme/3/no-time=1"},
    };
    struct rows *from = day();
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct sums sums;
        struct filter filter = {.platform = rows[i].platform};
        if (rows[i].account != NULL)
            filter.account = slice_of(rows[i].account);
        sums_init(&sums, rows[i].by);
        sums_take(&sums, from, &filter);
        assert_string_equal(told(sums.rows, rows[i].by), rows[i].told);
        sums_fini(&sums);
    }
    rows_destroy(&from);
}

static void what_came_too_late_is_in_no_sum_but_its_own(void **state) {
    struct rows *from = day(), *late = rows_create(), *all = rows_create();
    struct filter filter = {.platform = 0};
    sums_take_late(late, from, &filter, BY_PLATFORM);
    assert_string_equal(told(late, BY_PLATFORM), "acme/2/=1024");
    sums_take_all(all, from, &filter);
    assert_int_equal(rows_count(all), rows_count(from));
    sums_take_all(all, from, &filter);
    struct row_key key = totals("acme", 2, 1, 5, true);
    assert_int_equal(rows_value(all, rows_row(all, &key), field_counter(COUNTER_OF_LIKE)), 4);
    rows_destroy(&all);
    rows_destroy(&late);
    rows_destroy(&from);
}

static void every_by_has_a_name_that_finds_it(void **state) {
    enum by by;
    for (int i = 0; i < BY_COUNT; i++) {
        assert_true(by_parse(&by, by_row((enum by)i)->name));
        assert_int_equal(by, i);
    }
    assert_false(by_parse(&by, "weekday"));
}

static void labels_are_the_names_of_the_contract(void **state) {
    char text[LABEL_MAX];
    assert_string_equal(label_origin(text, 4), "employee");
    assert_string_equal(label_origin(text, 0), "unknown");
    assert_string_equal(label_origin(text, 77), "origin_77");
    assert_string_equal(label_format(text, 8), "audio_live");
    assert_string_equal(label_format(text, UINT32_MAX), "content_format_4294967295");
    assert_string_equal(label_platform(text, 2), "tiktok");
    assert_string_equal(label_platform(text, 4000000000), "platform_4000000000");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sums_are_told_by_one_thing_and_lose_nothing),
        cmocka_unit_test(what_came_too_late_is_in_no_sum_but_its_own),
        cmocka_unit_test(every_by_has_a_name_that_finds_it),
        cmocka_unit_test(labels_are_the_names_of_the_contract),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
