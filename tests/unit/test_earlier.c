// Which orders a window's are held against, where records and published revisions say it each.
#include "aggregate/keep/earlier.h"

#include "tests/unit/keeper_fixture.h"

enum { START_S = 1767225600 };

static void assert_joined(const struct earlier_orders *a, size_t a_count, const struct earlier_orders *b,
                          size_t b_count, const struct earlier_orders *expected, size_t expected_count) {
    struct earlier_orders *joined;
    assert_int_equal(earlier_join(a, a_count, b, b_count, &joined), expected_count);
    for (size_t i = 0; i < expected_count; i++) {
        assert_int_equal(joined[i].start_s, expected[i].start_s);
        assert_int_equal(joined[i].partition, expected[i].partition);
        assert_int_equal(joined[i].to, expected[i].to);
    }
    free(joined);
}

static void of_two_lists_the_greater_offset_stands__goes_red_if_it_is_either_ones(void **state) {
    static const struct earlier_orders a[] = {{START_S, 0, 10, false},
                                              {START_S, 2, 30, false},
                                              {START_S + 900, 0, 5, false}},
                                       b[] = {{START_S, 0, 20, false},
                                              {START_S, 1, 7, false},
                                              {START_S, 2, 25, false}},
                                       both[] = {{START_S, 0, 20, false},
                                                 {START_S, 1, 7, false},
                                                 {START_S, 2, 30, false},
                                                 {START_S + 900, 0, 5, false}};
    assert_joined(a, 3, b, 3, both, 4);
    assert_joined(b, 3, a, 3, both, 4);
    assert_joined(a, 3, NULL, 0, a, 3);
    assert_joined(NULL, 0, b, 3, b, 3);
    assert_joined(NULL, 0, NULL, 0, NULL, 0);
}

// 48 hours before, and no more; of windows that their partition has not sealed yet, nothing.
static void a_window_is_held_against_those_of_48_hours(void **state) {
    struct line lines[] = {{.start_s = START_S - 900, .to = 4, .orders_to = 1},
                           {.start_s = START_S, .to = 4, .orders_to = 2},
                           {.start_s = START_S + 900, .to = 4},
                           {.start_s = START_S + EARLIER_S - 900, .to = 4, .orders_to = 3},
                           {.start_s = START_S + EARLIER_S, .to = 4, .orders_to = 4}};
    struct progress progress = {.sealed_s = START_S + EARLIER_S, .lines = lines, .line_count = 5};
    struct earlier *e = earlier_create();
    struct earlier_orders *list;
    earlier_note(e, &progress);
    assert_int_equal(earlier_list(e, START_S + EARLIER_S, NULL, 0, &list), 2);
    assert_int_equal(list[0].to, 2);
    assert_int_equal(list[1].to, 3);
    assert_true(earlier_has(e, START_S));
    assert_false(earlier_has(e, START_S + 900));
    assert_false(earlier_has(e, START_S + EARLIER_S));
    uint64_t hash = earlier_hash(e, START_S + EARLIER_S);
    lines[1].orders_to = 9;
    earlier_forget(e);
    earlier_note(e, &progress);
    assert_true(earlier_hash(e, START_S + EARLIER_S) != hash);
    free(list);
    earlier_destroy(&e);
}

static int fresh(void **state) {
    keeper_fresh(1);
    return store == NULL;
}

// So many orders, as far as `to`.
static void lay_orders(int64_t to, unsigned char count) {
    const struct coverage coverage = {.to = to, .counted = count};
    struct header header = keeper_header(FILE_ORDERS, START_S);
    struct rows *rows = rows_create();
    char name[NAME_MAX_LENGTH];
    header.coverage = &coverage;
    header.coverage_count = 1;
    for (unsigned char i = 0; i < count; i++) {
        const struct order order = order_of("acme", i, i, START_S * INT64_C(1000), 5);
        rows_add_order(rows, &order);
    }
    orders_name_write(name, &(struct part_name){START_S, 0, 0, to});
    lay(name, &header, rows);
    rows_destroy(&rows);
}

static size_t orders_read(struct earlier *e, int64_t to) {
    const struct earlier_orders list = {START_S, 0, to, false};
    const int64_t start = 0;
    struct rows *rows = rows_create();
    struct problem p;
    assert_int_equal(earlier_read(e, &keeper, &list, 1, &start, rows, &p), STATUS_OK);
    size_t count = rows_order_count(rows);
    rows_destroy(&rows);
    return count;
}

static void what_was_read_once_is_not_taken_for_what_came_later__goes_red_if_it_is(void **state) {
    struct earlier *e = earlier_create();
    lay_orders(10, 2);
    lay_orders(20, 3);
    assert_int_equal(orders_read(e, 10), 2);
    assert_int_equal(orders_read(e, 20), 3);
    assert_int_equal(orders_read(e, 10), 2);
    earlier_destroy(&e);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(of_two_lists_the_greater_offset_stands__goes_red_if_it_is_either_ones),
        cmocka_unit_test(a_window_is_held_against_those_of_48_hours),
        cmocka_unit_test_setup_teardown(
            what_was_read_once_is_not_taken_for_what_came_later__goes_red_if_it_is, fresh, done),
    };
    return cmocka_run_group_tests(tests, store_fixture_begin, store_fixture_end);
}
