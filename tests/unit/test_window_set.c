#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "aggregate/figures/time/window_set.h"

static void each_window_is_there_once_and_in_order(void **state) {
    struct window_set set = {0};
    assert_int_equal(window_set_place(&set, 0), 0);
    assert_false(window_set_has(&set, 0));
    window_set_join(&set, NULL, 0);
    window_set_join(&set, (const int64_t[]){2700, 900, 2700}, 3);
    window_set_join(&set, (const int64_t[]){1800, 900, 0}, 3);
    static const int64_t expected[] = {0, 900, 1800, 2700};
    assert_int_equal(set.count, 4);
    assert_memory_equal(set.at, expected, sizeof(expected));
    assert_int_equal(window_set_place(&set, 901), 2);
    assert_int_equal(window_set_place(&set, 1800), 2);
    assert_int_equal(window_set_place(&set, INT64_MAX), 4);
    assert_true(window_set_has(&set, 0) && window_set_has(&set, 2700));
    assert_false(window_set_has(&set, 901) || window_set_has(&set, -900) || window_set_has(&set, 3600));
    window_set_fini(&set);
    assert_int_equal(set.count, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_window_is_there_once_and_in_order)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
