#include "aggregate/keep/recent.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>

#include <cmocka.h>

#include "runtime/memory.h"

static size_t dropped;

static void drop(void *value) {
    dropped++;
    free(value);
}

static void keep(struct recent *r, int64_t start_s, size_t bytes) {
    int64_t *value = memory_take(sizeof(*value));
    *value = start_s;
    recent_keep(r, start_s, value, bytes);
}

static bool has(struct recent *r, int64_t start_s) {
    const int64_t *value = recent_find(r, start_s);
    assert_true(value == NULL || *value == start_s);
    return value != NULL;
}

static void thousands_are_found_again(void **state) {
    enum { COUNT = 20000 };
    struct recent *r = recent_create(COUNT, drop);
    dropped = 0;
    for (int i = 0; i < COUNT; i++)
        keep(r, i * INT64_C(900), 1);
    for (int i = 0; i < COUNT; i++)
        assert_true(has(r, i * INT64_C(900)));
    assert_false(has(r, 1));
    assert_int_equal(recent_count(r), COUNT);
    assert_int_equal(dropped, 0);
    recent_destroy(&r);
    assert_int_equal(dropped, COUNT);
}

static void what_was_not_wanted_for_longest_goes__goes_red_if_all_does(void **state) {
    struct recent *r = recent_create(30, drop);
    keep(r, 1, 10);
    keep(r, 2, 10);
    keep(r, 3, 10);
    assert_true(has(r, 1));
    keep(r, 4, 10);
    assert_false(has(r, 2));
    assert_true(has(r, 1) && has(r, 3) && has(r, 4));
    keep(r, 5, 15); // two make room for it
    assert_false(has(r, 1) || has(r, 3));
    assert_true(has(r, 4) && has(r, 5));
    recent_destroy(&r);
}

// Who has just read it needs it, however large it is.
static void what_is_larger_than_all_may_be_stays_alone(void **state) {
    struct recent *r = recent_create(30, drop);
    keep(r, 1, 10);
    keep(r, 2, 100);
    assert_true(has(r, 2));
    assert_int_equal(recent_count(r), 1);
    keep(r, 3, 10);
    assert_false(has(r, 2));
    recent_destroy(&r);
}

static void another_takes_its_place_and_its_bytes(void **state) {
    struct recent *r = recent_create(30, drop);
    for (int i = 0; i < 10; i++)
        keep(r, 1, 20);
    keep(r, 2, 10);
    assert_true(has(r, 1) && has(r, 2));
    recent_forget(r, 1);
    recent_forget(r, 1);
    keep(r, 3, 20);
    assert_true(has(r, 2) && has(r, 3));
    assert_int_equal(recent_count(r), 2);
    recent_destroy(&r);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(thousands_are_found_again),
        cmocka_unit_test(what_was_not_wanted_for_longest_goes__goes_red_if_all_does),
        cmocka_unit_test(what_is_larger_than_all_may_be_stays_alone),
        cmocka_unit_test(another_takes_its_place_and_its_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
