// Blocks of an arena: reused after a reset, given back by a trim.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "runtime/arena.h"

enum { BLOCK = 1024 };

static void what_is_taken_is_counted_until_the_reset(void **state) {
    struct arena a;
    arena_init(&a, BLOCK);
    assert_int_equal(arena_used(&a), 0);
    memset(arena_take(&a, 100), 1, 100);
    memset(arena_take(&a, 10 * BLOCK), 2, 10 * BLOCK); // a block of its own
    memset(arena_take(&a, BLOCK), 3, BLOCK);
    assert_in_range(arena_used(&a), 100 + 11 * BLOCK, 116 + 11 * BLOCK);
    assert_int_equal(arena_held(&a), 12 * BLOCK);
    arena_reset(&a);
    assert_int_equal(arena_used(&a), 0);
    assert_int_equal(arena_held(&a), 12 * BLOCK);
    arena_fini(&a);
}

static void a_trim_gives_back_what_is_beyond_and_the_arena_goes_on(void **state) {
    struct arena a;
    arena_init(&a, BLOCK);
    for (int round = 0; round < 3; round++) {
        memset(arena_take(&a, BLOCK), 1, BLOCK);
        memset(arena_take(&a, 10 * BLOCK), 2, 10 * BLOCK);
        memset(arena_take(&a, BLOCK), 3, BLOCK);
        arena_reset(&a);
        arena_trim(&a, 2 * BLOCK);
        assert_int_equal(arena_held(&a), 2 * BLOCK);
    }
    arena_trim(&a, 0);
    assert_int_equal(arena_held(&a), BLOCK);
    memset(arena_take(&a, 5 * BLOCK), 4, 5 * BLOCK);
    arena_fini(&a);
}

static void a_growing_one_begins_small_and_doubles_up_to_its_most(void **state) {
    static const size_t held[] = {1, 3, 7, 15, 23, 31}; // blocks: 1, 2, 4, 8, 8, 8
    struct arena a;
    arena_init_growing(&a, BLOCK, 8 * BLOCK);
    for (size_t i = 0; i < sizeof(held) / sizeof(held[0]); i++) {
        assert_int_equal(arena_held(&a), held[i] * BLOCK);
        while (arena_held(&a) == held[i] * BLOCK)
            memset(arena_take(&a, BLOCK / 2), 1, BLOCK / 2);
    }
    arena_fini(&a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_taken_is_counted_until_the_reset),
        cmocka_unit_test(a_growing_one_begins_small_and_doubles_up_to_its_most),
        cmocka_unit_test(a_trim_gives_back_what_is_beyond_and_the_arena_goes_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
