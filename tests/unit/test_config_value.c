#include "runtime/config/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { REFUSED = -77 };

static const struct {
    const char *text;
    int64_t duration, size, integer;
} grammar[] = {
    {"0", 0, 0, 0},
    {"5", REFUSED, REFUSED, 5},
    {"-5", REFUSED, REFUSED, -5},
    {"250ms", 250, REFUSED, REFUSED},
    {"10s", 10000, REFUSED, REFUSED},
    {"5m", 300000, REFUSED, REFUSED},
    {"2h", 7200000, REFUSED, REFUSED},
    {"90d", INT64_C(7776000000), REFUSED, REFUSED},
    {"0s", 0, REFUSED, REFUSED},
    {"1B", REFUSED, 1, REFUSED},
    {"64KiB", REFUSED, 65536, REFUSED},
    {"3MiB", REFUSED, 3145728, REFUSED},
    {"2GiB", REFUSED, INT64_C(2147483648), REFUSED},
    {"64KB", REFUSED, 64000, REFUSED},
    {"3MB", REFUSED, 3000000, REFUSED},
    {"2GB", REFUSED, 2000000000, REFUSED},
    {"", REFUSED, REFUSED, REFUSED},
    {"s", REFUSED, REFUSED, REFUSED},
    {"-", REFUSED, REFUSED, REFUSED},
    {"+1", REFUSED, REFUSED, REFUSED},
    {"-1s", REFUSED, REFUSED, REFUSED},
    {" 1s", REFUSED, REFUSED, REFUSED},
    {"1 s", REFUSED, REFUSED, REFUSED},
    {"1S", REFUSED, REFUSED, REFUSED},
    {"1s ", REFUSED, REFUSED, REFUSED},
    {"1h30m", REFUSED, REFUSED, REFUSED},
    {"010", REFUSED, REFUSED, REFUSED},
    {"0x10", REFUSED, REFUSED, REFUSED},
    {"1e3", REFUSED, REFUSED, REFUSED},
    {"9223372036854775807", REFUSED, REFUSED, INT64_MAX},
    {"9223372036854775808", REFUSED, REFUSED, REFUSED},
    {"9223372036854775807s", REFUSED, REFUSED, REFUSED},
    {"9223372036854775807KiB", REFUSED, REFUSED, REFUSED},
};

static void test_value_grammars(void **state) {
    for (size_t i = 0; i < sizeof(grammar) / sizeof(grammar[0]); i++) {
        int64_t value;
        assert_int_equal(config_parse_duration(grammar[i].text, &value) ? value : REFUSED,
                         grammar[i].duration);
        assert_int_equal(config_parse_size(grammar[i].text, &value) ? value : REFUSED, grammar[i].size);
        assert_int_equal(config_parse_int(grammar[i].text, &value) ? value : REFUSED, grammar[i].integer);
    }
}

static const struct {
    const char *text;
    int64_t ms;
} times[] = {
    {"1970-01-01T00:00:00Z", 0},
    {"2026-01-01T00:00:00Z", INT64_C(1767225600000)},
    {"2024-02-29T23:59:59.5Z", INT64_C(1709251199500)},
    {"2024-02-29T23:59:59.007Z", INT64_C(1709251199007)},
    {"2000-02-29T00:00:00Z", INT64_C(951782400000)},
    {"1767225600000", INT64_C(1767225600000)},
    {"0", 0},
    {"-1", REFUSED},
    {"2100-02-29T00:00:00Z", REFUSED},
    {"2023-02-29T00:00:00Z", REFUSED},
    {"2024-04-31T00:00:00Z", REFUSED},
    {"2024-00-10T00:00:00Z", REFUSED},
    {"2024-13-10T00:00:00Z", REFUSED},
    {"2024-01-00T00:00:00Z", REFUSED},
    {"2024-01-01T24:00:00Z", REFUSED},
    {"2024-01-01T00:60:00Z", REFUSED},
    {"2024-01-01T00:00:60Z", REFUSED},
    {"1969-12-31T23:59:59Z", REFUSED},
    {"2024-01-01T00:00:00", REFUSED},
    {"2024-01-01T00:00:00.Z", REFUSED},
    {"2024-01-01T00:00:00.1234Z", REFUSED},
    {"2024-01-01T00:00:00+00:00", REFUSED},
    {"2024-01-01T00:00:00Zulu", REFUSED},
    {"2024-01-01 00:00:00Z", REFUSED},
    {"2024-01-01", REFUSED},
    {"", REFUSED},
};

static void test_times(void **state) {
    for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
        int64_t ms;
        assert_int_equal(config_parse_time(times[i].text, &ms) ? ms : REFUSED, times[i].ms);
    }
}

static void test_nearest(void **state) {
    static const char *const names[] = {"flush_min", "flush_max", "url", "like"};
    assert_string_equal(config_nearest("flush_mn", names, 4), "flush_min");
    assert_string_equal(config_nearest("flush_amx", names, 4), "flush_max"); // a swap is one step
    assert_string_equal(config_nearest("ulr", names, 4), "url");
    assert_string_equal(config_nearest("likes", names, 4), "like");
    assert_null(config_nearest("ur", names, 4)); // a third of 2 is nothing
    assert_null(config_nearest("flsh_mn_x_y", names, 2));
    assert_null(config_nearest("", names, 4));
    char longer[4096];
    memset(longer, 'a', sizeof(longer));
    longer[sizeof(longer) - 1] = '\0';
    assert_null(config_nearest(longer, names, 4));
}

static const struct option_row rows[] = {
    {"kafka.bootstrap.servers", OPTION_STRING, 0, "", OPTION_REQUIRED, 0, 0, "brokers"},
    {"redis.url", OPTION_STRING, 0, "redis://here", 0, 0, 0, "where"},
    {"redis.password", OPTION_STRING, 0, "", OPTION_SECRET, 0, 0, "secret"},
};

static void test_print_options(void **state) {
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    config_print_options(out, rows, 3);
    fclose(out);
    assert_string_equal(text, "  --kafka.bootstrap.servers  (required)    brokers\n"
                              "  --redis.url                redis://here  where\n"
                              "  --redis.password           -             secret\n");
    free(text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_value_grammars),
        cmocka_unit_test(test_times),
        cmocka_unit_test(test_nearest),
        cmocka_unit_test(test_print_options),
    };
    return cmocka_run_group_tests_name("config_value", tests, NULL, NULL);
}
