#include "aggregate/figures/ranking.h"
#include "schemas/registry.h"
#include "tests/unit/book_fixture.h"

static void add(struct rows *rows, const char *id, enum counter counter, int64_t value) {
    struct row_key key = {
        .table = TABLE_CONTENT, .platform = PLATFORM_TIKTOK, .account = slice_of("acme"), .id = slice_of(id)};
    rows_add(rows, rows_row(rows, &key), field_counter(counter), value);
}

static void add_money(struct rows *rows, const char *id, enum counter counter, const char *currency,
                      int64_t micros) {
    struct row_key key = {
        .table = TABLE_CONTENT, .platform = PLATFORM_TIKTOK, .account = slice_of("acme"), .id = slice_of(id)};
    rows_add(rows, rows_row(rows, &key), field_currency(field_counter(counter), slice_of(currency)), micros);
}

static const char *ranked(const struct rows *rows, const char *kpi, size_t most) {
    static char text[128];
    uint32_t numbers[16];
    struct sums sums;
    sums_init(&sums, BY_CONTENT);
    sums_take(&sums, rows, &(struct filter){0});
    size_t count = ranking_of(&book, &sums, kpi, most, numbers);
    text[0] = '\0';
    for (size_t i = 0; i < count; i++) {
        struct slice id = rows_key(sums.rows, numbers[i]).id;
        size_t length = strlen(text);
        snprintf(text + length, sizeof(text) - length, "%s%.*s", i > 0 ? " " : "", (int)id.length, id.at);
    }
    sums_fini(&sums);
    return text;
}

static void the_greatest_come_first_and_null_is_none_of_them(void **state) {
    struct rows *rows = rows_create();
    add(rows, "a", COUNTER_OF_LIKE, 2);
    add(rows, "b", COUNTER_OF_LIKE, 9);
    add(rows, "c", COUNTER_OF_SHARE, 5);
    add(rows, "d", COUNTER_OF_LIKE, -1);
    add(rows, "e", COUNTER_OF_LIKE, 5);
    add(rows, "f", COUNTER_OF_VIEW, 5);
    add(rows, "", COUNTER_OF_LIKE, 100);
    assert_string_equal(ranked(rows, "interactions", 10), "b c e a d");
    assert_string_equal(ranked(rows, "interactions", 2), "b c");
    add(rows, "a", COUNTER_OF_VIEW, 2);
    add(rows, "b", COUNTER_OF_VIEW, 90);
    assert_string_equal(ranked(rows, "engagement_by_view", 10), "a b f");
    rows_destroy(&rows);
}

static void of_several_currencies_a_rows_greatest_counts(void **state) {
    struct rows *rows = rows_create();
    add_money(rows, "a", COUNTER_SPEND_MICROS, "EUR", 10);
    add_money(rows, "a", COUNTER_GROSS_MICROS, "EUR", 90);
    add_money(rows, "a", COUNTER_SPEND_MICROS, "JPY", 10);
    add_money(rows, "a", COUNTER_GROSS_MICROS, "JPY", 10);
    add_money(rows, "b", COUNTER_SPEND_MICROS, "EUR", 10);
    add_money(rows, "b", COUNTER_GROSS_MICROS, "EUR", 50);
    assert_string_equal(ranked(rows, "roas", 10), "a b");
    rows_destroy(&rows);
}

static void money_is_not_compared_nor_is_what_is_no_kpi_of_events(void **state) {
    assert_true(ranking_takes("interactions") && ranking_takes("roas"));
    assert_false(ranking_takes("aov"));
    assert_false(ranking_takes("late_events"));
    assert_false(ranking_takes("peak_viewers"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_greatest_come_first_and_null_is_none_of_them),
        cmocka_unit_test(of_several_currencies_a_rows_greatest_counts),
        cmocka_unit_test(money_is_not_compared_nor_is_what_is_no_kpi_of_events),
    };
    return cmocka_run_group_tests(tests, book_open, book_close);
}
