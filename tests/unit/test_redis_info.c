#include "runtime/redis/redis_info.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const char info[] = "# Memory\r\nused_memory:1048576\r\nmaxmemory_policy:noeviction\r\n\r\n# Stats\r\n"
                           "evicted_keys:0\r\nempty:\r\nlast:7";

static void a_value_ends_with_its_line(void **state) {
    char value[REDIS_INFO_VALUE_MAX];
    assert_true(redis_info_value(info, "maxmemory_policy", value));
    assert_string_equal(value, "noeviction");
    assert_int_equal(redis_info_number(info, "used_memory"), 1048576);
    assert_int_equal(redis_info_number(info, "evicted_keys"), 0);
    assert_int_equal(redis_info_number(info, "last"), 7);
}

static void what_is_not_told_is_unknown(void **state) {
    char value[REDIS_INFO_VALUE_MAX];
    assert_false(redis_info_value(info, "maxmemory", value)); // the beginning of another name
    assert_string_equal(value, "unknown");
    assert_false(redis_info_value("", "used_memory", value));
    assert_false(redis_info_value(info, "empty", value));
    assert_int_equal(redis_info_number(info, "maxmemory"), -1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_value_ends_with_its_line),
        cmocka_unit_test(what_is_not_told_is_unknown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
