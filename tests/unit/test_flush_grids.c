// Grids of a flush against a real Redis: keys that move the same counters.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "flush_delta.h"

static void content_add(const char *id, enum counter counter, int64_t value) {
    struct delta_identity content = identity(KEY_CONTENT, id, 0);
    delta_add(&d, &content, 0, field_counter(counter), value);
}

static void keys_that_move_the_same_counters_in_any_order_each_get_their_own(void **state) {
    content_add("a", COUNTER_OF_LIKE, 1);
    content_add("a", COUNTER_OF_VIEW, 2);
    content_add("b", COUNTER_OF_VIEW, 3);
    content_add("c", COUNTER_OF_VIEW, 4);
    content_add("c", COUNTER_OF_LIKE, -5);
    assert_int_equal(flush_range(&d, 0, 10), FLUSH_APPLIED);
    expect("1", "HGET clm:{3560}:content:acme:instagram:a likes");
    expect("2", "HGET clm:{3560}:content:acme:instagram:a views");
    expect("3", "HGET clm:{3560}:content:acme:instagram:b views");
    expect("0", "HEXISTS clm:{3560}:content:acme:instagram:b likes");
    expect("4", "HGET clm:{3560}:content:acme:instagram:c views");
    expect("-5", "HGET clm:{3560}:content:acme:instagram:c likes");
}

// More shapes than there are grids, rows wider than a grid: content n has the field kind_1000+i where bit i
// of n is set.
static void every_shape_of_a_key_is_counted(void **state) {
    enum { FIELDS = 10, CONTENTS = 1 << FIELDS };
    char id[16];
    for (uint32_t n = 1; n < CONTENTS; n++) {
        snprintf(id, sizeof(id), "%u", n);
        struct delta_identity content = identity(KEY_CONTENT, id, 0);
        for (uint32_t i = 0; i < FIELDS; i++) {
            if ((n >> i & 1) != 0)
                delta_add(&d, &content, 0, field_kind(1000 + i), (int64_t)n + i);
        }
    }
    assert_int_equal(flush_range(&d, 0, 10), FLUSH_APPLIED);
    assert_int_equal(answer.faults, 0);
    for (uint32_t n = 1; n < CONTENTS; n++) {
        char want[16];
        for (uint32_t i = 0; i < FIELDS; i++) {
            snprintf(want, sizeof(want), "%u", n + i);
            expect((n >> i & 1) != 0 ? want : "", "HGET clm:{3560}:content:acme:instagram:%u kind_%u", n,
                   1000 + i);
        }
    }
}

static void a_fault_in_a_grid_is_of_its_own_key_and_counter(void **state) {
    tell("SET clm:{3560}:content:acme:instagram:b x");
    tell("HSET clm:{3560}:content:acme:instagram:c views x");
    for (const char *id = "abc"; *id != '\0'; id++) {
        content_add((char[]){*id, '\0'}, COUNTER_OF_LIKE, 1);
        content_add((char[]){*id, '\0'}, COUNTER_OF_VIEW, 2);
    }
    assert_int_equal(flush_range(&d, 0, 10), FLUSH_APPLIED);
    assert_int_equal(answer.faults, 3);
    expect("2", "HGET clm:{3560}:content:acme:instagram:a views");
    expect("1", "HGET clm:{3560}:content:acme:instagram:c likes");
    expect("1", "HGET clm:{3560}:faults %s", "[\"clm:{3560}:content:acme:instagram:b\",\"likes\"]");
    expect("2", "HGET clm:{3560}:faults %s", "[\"clm:{3560}:content:acme:instagram:b\",\"views\"]");
    expect("2", "HGET clm:{3560}:faults %s", "[\"clm:{3560}:content:acme:instagram:c\",\"views\"]");
}

int main(void) {
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, begin, end)
        T(keys_that_move_the_same_counters_in_any_order_each_get_their_own),
        T(every_shape_of_a_key_is_counted),
        T(a_fault_in_a_grid_is_of_its_own_key_and_counter),
    };
    return cmocka_run_group_tests(tests, redis_begin, redis_end);
}
