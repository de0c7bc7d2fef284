// Actors by class: held against plain sets, in whatever order they come and however they are merged.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "schemas/sketch/classes.h"
#include "sketch_bytes.h"

enum { ALL = (1 << CLASSES) - 1, MANY = 5000 };

static void add(struct classes *c, unsigned class, uint64_t nth) {
    uint64_t halves[2] = {hash_integer(nth), hash_integer(~nth)};
    classes_add(c, class, (const unsigned char *)halves);
}

static uint64_t count_of(const struct classes *c, uint16_t mask) {
    struct reach all = {0};
    classes_unite(c, mask, &all);
    uint64_t count = reach_count(&all);
    reach_fini(&all);
    return count;
}

static void assert_same(const struct classes *a, const struct classes *b) {
    unsigned char *left = memory_take(CLASSES_BYTES_MAX), *right = memory_take(CLASSES_BYTES_MAX);
    size_t length = classes_write(a, left);
    assert_int_equal(classes_write(b, right), length);
    assert_memory_equal(left, right, length);
    assert_true(classes_equal(a, b));
    free(left);
    free(right);
}

static void a_member_of_several_classes_is_one_in_their_union(void **state) {
    struct classes c = {0};
    assert_true(classes_is_empty(&c));
    assert_int_equal(classes_memory(&c), 0);
    for (uint64_t nth = 0; nth < 100; nth++) {
        add(&c, 0, nth);
        add(&c, 7, nth % 30);
        add(&c, 9, 90 + nth % 20);
    }
    assert_int_equal(count_of(&c, 1 << 0), 100);
    assert_int_equal(count_of(&c, 1 << 7), 30);
    assert_int_equal(count_of(&c, 1 << 9), 20);
    assert_int_equal(count_of(&c, 1 << 7 | 1 << 9), 50);
    assert_int_equal(count_of(&c, 1 << 5), 0);
    assert_int_equal(count_of(&c, ALL), 110);
    assert_int_equal(classes_count(&c), 110);
    assert_true(classes_memory(&c) < 200 * (PSEUDONYM_SIZE + 2) && !classes_is_empty(&c));
    classes_fini(&c);
    assert_int_equal(classes_memory(&c), 0);
}

// However many all are: a class that has few is told to the unit.
static void few_of_a_class_are_counted_exactly_beside_many(void **state) {
    struct classes c = {0};
    for (uint64_t nth = 0; nth < MANY; nth++)
        add(&c, 1, nth);
    for (uint64_t nth = 0; nth < REACH_EXACT_MAX; nth++)
        add(&c, 2, 2 * nth);
    assert_int_equal(count_of(&c, 1 << 2), REACH_EXACT_MAX);
    assert_in_range(count_of(&c, 1 << 1), MANY * 96 / 100, MANY * 104 / 100);
    assert_in_range(classes_count(&c), MANY * 96 / 100, MANY * 104 / 100);
    assert_false(classes_is_empty(&c));
    classes_fini(&c);
}

// 510 to 515 members: over the bound on the way, or in one step.
static void what_comes_out_depends_on_the_members_alone(void **state) {
    uint64_t seed = 1;
    for (uint64_t members = REACH_EXACT_MAX - 2; members < REACH_EXACT_MAX + 3; members++) {
        for (int parts = 1; parts <= 4; parts++) {
            struct classes once = {0}, merged = {0}, part[4] = {{0}};
            for (uint64_t nth = 0; nth < members; nth++) {
                for (unsigned class = 0; class < CLASSES; class += 1 + (unsigned)(nth % 4)) {
                    add(&once, class, nth);
                    add(&part[number_below(&seed, (uint64_t)parts)], class, nth);
                }
            }
            for (int i = 0; i < parts; i++)
                classes_merge(&merged, &part[(i + parts / 2) % parts]);
            assert_same(&once, &merged);
            classes_merge(&merged, &part[0]); // again: nothing more
            assert_same(&once, &merged);
            assert_true((once.apart == NULL) == (members <= REACH_EXACT_MAX));
            for (int i = 0; i < parts; i++)
                classes_fini(&part[i]);
            classes_fini(&merged);
            classes_fini(&once);
        }
    }
}

static struct classes made(uint64_t members) {
    struct classes c = {0};
    for (uint64_t nth = 0; nth < members; nth++)
        add(&c, (unsigned)(nth % 3) * 4, nth);
    return c;
}

static void what_was_written_is_read_and_nothing_else(void **state) {
    static const uint64_t sizes[] = {1, 2, 300, REACH_EXACT_MAX, REACH_EXACT_MAX + 1, MANY};
    unsigned char *bytes = memory_take(CLASSES_BYTES_MAX), *again = memory_take(CLASSES_BYTES_MAX);
    uint64_t seed = 7;
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        struct classes c = made(sizes[i]), read;
        struct slice written = {(const char *)bytes, classes_write(&c, bytes)};
        assert_true(classes_read(&read, written));
        assert_same(&c, &read);
        classes_fini(&read);
        for (int round = 0; round < 2000; round++) {
            struct slice wrong = mutate(written, &seed);
            if (classes_read(&read, wrong)) {
                assert_int_equal(classes_write(&read, again), wrong.length);
                assert_memory_equal(again, wrong.at, wrong.length);
            }
            classes_fini(&read);
            free((void *)(uintptr_t)wrong.at);
        }
        classes_fini(&c);
    }
    free(again);
    free(bytes);
}

// One set written as if it were apart, a member without a class, a class of nobody.
static void another_form_of_the_same_is_refused(void **state) {
    unsigned char *bytes = memory_take(CLASSES_BYTES_MAX);
    struct classes few = made(5), read, apart = {0};
    apart.apart = memory_take(CLASSES * sizeof(*apart.apart));
    for (unsigned class = 0; class < CLASSES; class ++)
        classes_unite(&few, (uint16_t)(1u << class), &apart.apart[class]);
    assert_false(classes_read(&read, (struct slice){(const char *)bytes, classes_write(&apart, bytes)}));
    size_t length = classes_write(&few, bytes);
    bytes[length - 1] = bytes[length - 2] = 0;
    assert_false(classes_read(&read, (struct slice){(const char *)bytes, length}));
    bytes[length - 1] = 1 << (CLASSES - 8);
    assert_false(classes_read(&read, (struct slice){(const char *)bytes, length}));
    assert_false(classes_read(&read, (struct slice){"", 0}));
    assert_true(classes_is_empty(&read));
    classes_fini(&apart);
    classes_fini(&few);
    free(bytes);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_member_of_several_classes_is_one_in_their_union),
        cmocka_unit_test(few_of_a_class_are_counted_exactly_beside_many),
        cmocka_unit_test(what_comes_out_depends_on_the_members_alone),
        cmocka_unit_test(what_was_written_is_read_and_nothing_else),
        cmocka_unit_test(another_form_of_the_same_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
