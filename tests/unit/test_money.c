#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "schemas/money.h"

static void test_digits_are_the_currencys(void **state) {
    static const struct {
        const char *currency;
        int digits;
    } rows[] = {{"EUR", 2}, {"USD", 2}, {"JPY", 0}, {"KRW", 0},
                {"KWD", 3}, {"TND", 3}, {"CLF", 4}, {"ZZZ", 2}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_int_equal(money_digits(slice_of(rows[i].currency)), rows[i].digits);
    assert_int_equal(money_digits((struct slice){"JP", 2}), 2);
}

static void test_a_currency_is_three_capitals(void **state) {
    static const char *const none[] = {"", "EU", "EURO", "eur", "E1R", "EU ", "@AZ", "AZ["};
    for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
        assert_false(money_is_currency(slice_of(none[i])));
    assert_true(money_is_currency(slice_of("EUR")) && money_is_currency(slice_of("AZZ")));
}

static void test_amounts_are_rounded_half_to_even(void **state) {
    static const struct {
        int64_t micros;
        const char *currency, *text;
    } rows[] = {
        {0, "EUR", "0.00"},
        {182311400000, "EUR", "182311.40"},
        {1, "EUR", "0.00"},
        {-1, "EUR", "0.00"},
        {5000, "EUR", "0.00"},
        {5001, "EUR", "0.01"},
        {15000, "EUR", "0.02"},
        {25000, "EUR", "0.02"},
        {-15000, "EUR", "-0.02"},
        {-25001, "EUR", "-0.03"},
        {999995000, "EUR", "1000.00"},
        {500000, "JPY", "0"},
        {1500000, "JPY", "2"},
        {2500000, "JPY", "2"},
        {-1500000, "JPY", "-2"},
        {1234567, "KWD", "1.235"},
        {1234500, "KWD", "1.234"},
        {1235500, "KWD", "1.236"},
        {1234550, "CLF", "1.2346"},
        {INT64_MAX, "EUR", "9223372036854.78"},
        {INT64_MIN, "EUR", "-9223372036854.78"},
        {INT64_MIN, "JPY", "-9223372036855"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char text[MONEY_TEXT_MAX];
        size_t length = money_write(text, rows[i].micros, slice_of(rows[i].currency));
        assert_string_equal(text, rows[i].text);
        assert_int_equal(length, strlen(text));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_digits_are_the_currencys),
        cmocka_unit_test(test_a_currency_is_three_capitals),
        cmocka_unit_test(test_amounts_are_rounded_half_to_even),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
