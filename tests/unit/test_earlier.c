// Which orders a window's are held against, where records and published revisions say it each.
#include "aggregate/keep/earlier.h"

#include "stream/store/store_kind.h"
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
    for (int changed = 0; changed < 5; changed++) {
        earlier_forget(e);
        earlier_note(e, &progress);
        earlier_noted(e);
        uint64_t hash = earlier_hash(e, START_S + EARLIER_S);
        lines[changed].orders_to += 9;
        earlier_forget(e);
        earlier_note(e, &progress);
        earlier_noted(e);
        assert_int_equal(earlier_hash(e, START_S + EARLIER_S) != hash, changed >= 1 && changed <= 3);
    }
    earlier_destroy(&e);
}

enum { WINDOWS = 2, OF_EACH = 2 };

// Two windows of two partitions, by both: so many of these have one order more.
static void windows_noted(struct earlier *e, int with_more) {
    struct line lines[WINDOWS];
    earlier_forget(e);
    for (int i = 0; i < OF_EACH; i++) {
        const struct progress progress = {
            .partition = (uint32_t)i, .sealed_s = START_S + EARLIER_S, .lines = lines, .line_count = WINDOWS};
        for (int w = 0; w < WINDOWS; w++)
            lines[w] = (struct line){
                .start_s = START_S + 900 * w, .to = 9, .orders_to = 1 + (OF_EACH * w + i < with_more)};
        earlier_note(e, &progress);
    }
    earlier_noted(e);
}

static void hashes_change_with_each_partition_of_each_window__goes_red_if_one_is_passed_over(void **state) {
    struct earlier *e = earlier_create();
    windows_noted(e, 0);
    for (int i = 0; i < WINDOWS * OF_EACH; i++) {
        int64_t changed_s = START_S + 900 * (i / OF_EACH), other_s = START_S + 900 * (1 - i / OF_EACH);
        uint64_t all = earlier_hash(e, START_S + 1800), changed = earlier_hash_of(e, changed_s),
                 other = earlier_hash_of(e, other_s);
        windows_noted(e, i + 1);
        assert_true(earlier_hash(e, START_S + 1800) != all);
        assert_true(earlier_hash_of(e, changed_s) != changed);
        assert_true(earlier_hash_of(e, other_s) == other);
    }
    earlier_destroy(&e);
}

// ---- what is read of the store, and how often

enum { PARTITIONS = 2 };

static const struct store_kind *kind; // of the store itself
static size_t gets, lists;

static enum status counted_read(struct store *at, const char *name, char **bytes, size_t *length,
                                struct problem *p) {
    gets++;
    return kind->read(at, name, bytes, length, p);
}

static enum status counted_list(struct store *at, const char *folder, struct store_names *names,
                                struct problem *p) {
    lists++;
    return kind->list(at, folder, names, p);
}

static int fresh(void **state) {
    static struct store_kind counted;
    keeper_fresh(PARTITIONS);
    if (store == NULL)
        return 1;
    kind = store->kind;
    counted = *kind;
    counted.read = counted_read;
    counted.list = counted_list;
    store->kind = &counted;
    gets = lists = 0;
    return 0;
}

// So many orders of a partition, as far as `to`.
static void lay_orders_of(uint32_t partition, int64_t to, unsigned char count) {
    const struct coverage coverage = {.partition = partition, .to = to, .counted = count};
    struct header header = keeper_header(FILE_ORDERS, START_S);
    struct rows *rows = rows_create();
    char name[NAME_MAX_LENGTH];
    header.coverage = &coverage;
    header.coverage_count = 1;
    for (unsigned char i = 0; i < count; i++) {
        const struct order order =
            order_of("acme", i, (unsigned char)(100 * partition + i), START_S * INT64_C(1000), 5);
        rows_add_order(rows, &order);
    }
    orders_name_write(name, &(struct part_name){START_S, partition, 0, to});
    lay(name, &header, rows);
    rows_destroy(&rows);
}

// How many orders there are of both partitions as far as these offsets.
static size_t orders_read(struct earlier *e, int64_t to, int64_t other_to) {
    const struct earlier_orders list[] = {{START_S, 0, to, false}, {START_S, 1, other_to, false}};
    static const int64_t starts[PARTITIONS];
    struct rows *rows = rows_create();
    struct problem p;
    assert_int_equal(earlier_read(e, &keeper, list, 2, starts, rows, &p), STATUS_OK);
    size_t count = rows_order_count(rows);
    rows_destroy(&rows);
    return count;
}

static void what_was_read_once_is_not_taken_for_what_came_later__goes_red_if_it_is(void **state) {
    struct earlier *e = earlier_create();
    lay_orders_of(0, 10, 2);
    lay_orders_of(0, 20, 3);
    lay_orders_of(1, 15, 4);
    assert_int_equal(orders_read(e, 10, 0), 2);
    assert_int_equal(orders_read(e, 20, 0), 3);
    assert_int_equal(orders_read(e, 20, 15), 7);
    assert_int_equal(orders_read(e, 10, 15), 6);
    assert_int_equal(orders_read(e, 0, 15), 4);
    earlier_destroy(&e);
}

static void of_a_window_that_was_read_only_what_changed_is__goes_red_if_all_is(void **state) {
    struct earlier *e = earlier_create();
    lay_orders_of(0, 10, 2);
    lay_orders_of(0, 20, 3);
    lay_orders_of(1, 15, 4);
    orders_read(e, 10, 15);
    assert_int_equal(gets, 2);
    orders_read(e, 10, 15);
    assert_int_equal(gets, 2);
    assert_int_equal(orders_read(e, 20, 15), 7);
    assert_int_equal(gets, 3);
    earlier_destroy(&e);
}

// What was read before the file that is missing is there still when that has come.
static void what_cannot_be_read_takes_nothing_with_it(void **state) {
    const struct earlier_orders list[] = {{START_S, 0, 10, false}, {START_S, 1, 15, false}};
    static const int64_t starts[PARTITIONS];
    struct earlier *e = earlier_create();
    const struct rows *sold;
    struct problem p;
    lay_orders_of(0, 10, 2);
    assert_int_equal(earlier_sold(e, &keeper, list, 2, starts, &sold, &p), STATUS_BAD_DATA);
    lay_orders_of(1, 15, 4);
    gets = 0;
    assert_int_equal(orders_read(e, 10, 15), 6);
    assert_int_equal(gets, 1);
    earlier_destroy(&e);
}

// Refunds name thousands of windows without orders, or whose orders are gone.
static void of_a_window_without_orders_nothing_is_remembered__goes_red_if_rows_are_made(void **state) {
    static const struct earlier_orders list[] = {{START_S, 0, 0, false}, {START_S, 1, 15, true}};
    static const int64_t starts[PARTITIONS];
    struct earlier *e = earlier_create();
    const struct rows *sold;
    struct problem p;
    assert_int_equal(earlier_sold(e, &keeper, list, 2, starts, &sold, &p), STATUS_OK);
    assert_null(sold);
    assert_int_equal(orders_read(e, 0, 0), 0);
    earlier_destroy(&e);
}

static void stored_to(struct earlier *e, bool gone, bool other_gone, int64_t to, int64_t other_to) {
    const bool both[] = {gone, other_gone};
    const int64_t *stored;
    struct problem p;
    assert_int_equal(earlier_stored(e, &keeper, START_S, both, &stored, &p), STATUS_OK);
    assert_true((!gone || stored[0] == to) && (!other_gone || stored[1] == other_to));
}

static void line_noted(struct earlier *e, uint32_t partition) {
    struct line line = {.start_s = START_S, .to = 1, .orders_to = 1};
    struct progress progress = {
        .partition = partition, .sealed_s = START_S + 900, .lines = &line, .line_count = 1};
    earlier_forget(e);
    earlier_note(e, &progress);
    earlier_noted(e);
}

static void the_store_is_asked_once_of_a_window_whose_lines_are_gone(void **state) {
    struct earlier *e = earlier_create();
    lay_orders_of(0, 10, 2);
    stored_to(e, true, true, 10, -1);
    stored_to(e, true, false, 10, -1);
    assert_int_equal(lists, 1);
    line_noted(e, 1);
    stored_to(e, true, false, 10, -1);
    stored_to(e, true, false, 10, -1);
    assert_int_equal(lists, 2);
    line_noted(e, 1); // it is known to be there
    stored_to(e, true, false, 10, -1);
    assert_int_equal(lists, 2);
    earlier_destroy(&e);
}

// A late event brought it back, and orders with it; then it was settled again.
static void and_again_when_a_line_was_back__goes_red_if_what_it_had_is_remembered(void **state) {
    struct earlier *e = earlier_create();
    lay_orders_of(0, 10, 2);
    stored_to(e, true, true, 10, -1);
    lay_orders_of(0, 20, 3);
    stored_to(e, true, true, 10, -1);
    line_noted(e, 0);
    stored_to(e, true, true, 20, -1);
    earlier_destroy(&e);
}

static void and_when_a_line_is_gone_that_was_there__goes_red_if_others_answer_for_it(void **state) {
    struct earlier *e = earlier_create();
    lay_orders_of(0, 10, 2);
    lay_orders_of(1, 15, 2);
    stored_to(e, true, false, 10, -1);
    stored_to(e, true, true, 10, 15);
    earlier_destroy(&e);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, fresh, done)

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(of_two_lists_the_greater_offset_stands__goes_red_if_it_is_either_ones),
        cmocka_unit_test(a_window_is_held_against_those_of_48_hours),
        cmocka_unit_test(hashes_change_with_each_partition_of_each_window__goes_red_if_one_is_passed_over),
        TEST(what_was_read_once_is_not_taken_for_what_came_later__goes_red_if_it_is),
        TEST(of_a_window_that_was_read_only_what_changed_is__goes_red_if_all_is),
        TEST(what_cannot_be_read_takes_nothing_with_it),
        TEST(of_a_window_without_orders_nothing_is_remembered__goes_red_if_rows_are_made),
        TEST(the_store_is_asked_once_of_a_window_whose_lines_are_gone),
        TEST(and_again_when_a_line_was_back__goes_red_if_what_it_had_is_remembered),
        TEST(and_when_a_line_is_gone_that_was_there__goes_red_if_others_answer_for_it),
    };
    return cmocka_run_group_tests(tests, store_fixture_begin, store_fixture_end);
}
