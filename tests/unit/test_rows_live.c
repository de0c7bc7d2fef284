// Live sessions in rows: sums by second, in whatever order they come.
#include "snapshot_fixture.h"

enum { START_S = 1700000100 };

// What is told of a session in a window: `second:change` of each second that changes.
static const char *told(const struct rows *r, size_t number) {
    static char text[256];
    const struct live_session *live = rows_live(r, number);
    size_t length = 0;
    text[0] = '\0';
    for (uint32_t i = 0; i < live->change_count; i++) {
        if (live->changes[i].change != 0)
            length += (size_t)snprintf(text + length, sizeof(text) - length, "%u:%lld ",
                                       live->changes[i].second, (long long)live->changes[i].change);
    }
    return text;
}

// Leaves come before their joins, a second has both, one nets to nothing, one is taken back.
static void seconds_add_up_in_whatever_order_they_come(void **state) {
    static const struct {
        uint32_t second;
        int64_t joins, leaves;
    } all[] = {{899, 0, 3}, {0, 2, 0}, {7, 4, 4}, {0, 1, 0}, {7, 5, 2}, {8, 1, 0}, {8, -1, 0}};
    enum { COUNT = sizeof(all) / sizeof(all[0]) };
    for (size_t first = 0; first < COUNT; first++) {
        for (size_t step = 1; step < COUNT; step++) { // COUNT is a prime: each order is one of all
            struct rows *r = rows_create(), *parts[3] = {rows_create(), rows_create(), rows_create()};
            for (size_t i = 0; i < COUNT; i++) {
                size_t k = (first + i * step) % COUNT;
                add_live(r, "show", START_S, all[k].second, all[k].joins, all[k].leaves);
                add_live(parts[i % 3], "show", START_S, all[k].second, all[k].joins, all[k].leaves);
            }
            assert_string_equal(told(r, 0), "0:3 7:3 899:-3 ");
            assert_int_equal(rows_live(r, 0)->joins, 12);
            assert_int_equal(rows_live(r, 0)->leaves, 9);
            rows_merge(parts[1], parts[2]);
            rows_merge(parts[0], parts[1]);
            assert_same_rows(parts[0], r);
            for (int i = 0; i < 3; i++)
                rows_destroy(&parts[i]);
            rows_destroy(&r);
        }
    }
}

static void a_window_has_every_second_of_it(void **state) {
    struct rows *r = rows_create();
    size_t before = rows_memory(r);
    for (uint32_t i = 0; i < ROWS_WINDOW_S; i++)
        add_live(r, "show", START_S, i * 7 % ROWS_WINDOW_S, i + 1, 0);
    const struct live_session *live = rows_live(r, 0);
    assert_int_equal(rows_live_count(r), 1);
    assert_int_equal(live->change_count, ROWS_WINDOW_S);
    for (uint32_t i = 0; i < ROWS_WINDOW_S; i++) {
        assert_int_equal(live->changes[i * 7 % ROWS_WINDOW_S].second, i * 7 % ROWS_WINDOW_S);
        assert_int_equal(live->changes[i * 7 % ROWS_WINDOW_S].change, i + 1);
    }
    assert_in_range(rows_memory(r) - before, ROWS_WINDOW_S * sizeof(struct live_change), 1 << 16);
    rows_destroy(&r);
}

static void sums_are_modulo_two_to_the_64(void **state) {
    struct rows *r = rows_create();
    add_live(r, "show", START_S, 7, INT64_MAX, 0);
    add_live(r, "show", START_S, 7, 1, 0);
    assert_int_equal(rows_live(r, 0)->joins, INT64_MIN);
    assert_int_equal(rows_live(r, 0)->changes[0].change, INT64_MIN);
    add_live(r, "show", START_S, 7, 0, 1);
    assert_int_equal(rows_live(r, 0)->changes[0].change, INT64_MAX);
    rows_destroy(&r);
}

static void sessions_are_apart_by_all_that_names_them_and_in_no_row(void **state) {
    struct rows *r = rows_create();
    char account[] = "acme", session[] = "show";
    struct live_session live = {
        .platform = 2, .account = slice_of(account), .session = slice_of(session), .start_s = START_S};
    live.joins = 4;
    rows_add_live(r, &live);
    live.platform = 3;
    live.joins = 6;
    rows_add_live(r, &live);
    live.platform = 2;
    live.start_s += ROWS_WINDOW_S;
    live.joins = 5;
    rows_add_live(r, &live);
    live.session = slice_of("shows");
    live.start_s = START_S;
    live.joins = 7; // sorts after the window of "show" that comes later
    rows_add_live(r, &live);
    live.account = slice_of("acm");
    live.session = slice_of("eshow");
    live.joins = 1;
    rows_add_live(r, &live);
    live.joins = 0;
    live.session = slice_of("nothing");
    rows_add_live(r, &live);
    account[0] = session[0] = '?';
    static const int64_t sorted[] = {1, 4, 5, 7, 6};
    uint32_t numbers[6];
    assert_int_equal(rows_count(r), 0);
    assert_int_equal(rows_live_count(r), 6);
    assert_int_equal(rows_sort_live(r, numbers), 5);
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(rows_live(r, numbers[i])->joins, sorted[i]);
    assert_true(slice_equal(rows_live(r, numbers[1])->session, slice_of("show")));
    assert_true(slice_equal(rows_live(r, numbers[1])->account, slice_of("acme")));
    rows_destroy(&r);
}

// So many that some have one hash: each is told from the others by one thing alone.
static void many_are_found_again(void **state) {
    enum { MANY = 300000 };
    for (int by = 0; by < 4; by++) {
        struct rows *r = rows_create();
        for (uint32_t i = 0; i < 2 * MANY; i++) {
            char name[16];
            uint32_t nth = i % MANY;
            const struct slice numbered = sized(name, (size_t)snprintf(name, sizeof(name), "s-%u", nth));
            rows_add_live(r, &(struct live_session){.platform = by == 0 ? nth : 2,
                                                    .account = by == 1 ? numbered : slice_of("acme"),
                                                    .session = by == 2 ? numbered : slice_of("show"),
                                                    .start_s = by == 3 ? nth * INT64_C(900) : 0,
                                                    .joins = 1});
        }
        assert_int_equal(rows_live_count(r), MANY);
        for (uint32_t i = 0; i < MANY; i++)
            assert_int_equal(rows_live(r, i)->joins, 2);
        rows_destroy(&r);
    }
}

static void what_was_taken_back_leaves_nothing_in_a_file(void **state) {
    struct rows *r = rows_create(), *none = rows_create();
    add_live(r, "show", START_S, 7, 1, 0);
    add_live(r, "show", START_S, 9, 0, 1);
    assert_false(live_session_is_empty(rows_live(r, 0)));
    add_live(r, "show", START_S, 7, -1, 0);
    assert_false(live_session_is_empty(rows_live(r, 0)));
    add_live(r, "show", START_S, 9, 0, -1);
    assert_true(live_session_is_empty(rows_live(r, 0)));
    assert_same_rows(r, none);
    add_live(r, "show", START_S, 7, 1, 0);
    add_live(r, "show", START_S, 8, -1, 0); // no join remains, and two seconds change
    assert_false(live_session_is_empty(rows_live(r, 0)));
    rows_destroy(&none);
    rows_destroy(&r);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(seconds_add_up_in_whatever_order_they_come),
        cmocka_unit_test(a_window_has_every_second_of_it),
        cmocka_unit_test(sums_are_modulo_two_to_the_64),
        cmocka_unit_test(sessions_are_apart_by_all_that_names_them_and_in_no_row),
        cmocka_unit_test(many_are_found_again),
        cmocka_unit_test(what_was_taken_back_leaves_nothing_in_a_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
