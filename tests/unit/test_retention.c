// What leaves a store with time, and what stays: on a directory here, and on a bucket by
// tests/integration/test_store_s3.py.
#include "aggregate/keep/retention.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "aggregate/keep/publisher.h"
#include "tests/unit/store_fixture.h"

enum { PARTITIONS = 4, DAY_S = 86400, RETAIN_S = 10 * DAY_S, ALL = 1000 };
#define NEWEST_S  INT64_C(1767225600)
#define NOW_S     (NEWEST_S + WINDOW_S)
#define HORIZON_S (NOW_S - RETAIN_S - DAY_S)
// The last window that goes, and the first that stays.
#define LAST_S  (HORIZON_S - WINDOW_S)
#define FIRST_S HORIZON_S

static struct store *store;
static struct keeper keeper;

static int fresh(void **state) {
    store = store_fresh();
    keeper = (struct keeper){.store = store, .partitions = PARTITIONS, .retain_s = RETAIN_S, .now_s = NOW_S};
    return store == NULL;
}

static int done(void **state) {
    store_close(&store);
    return 0;
}

static void lay(const char *name) {
    assert_int_equal(store_put(store, name, "x", 1, NULL), STATUS_OK);
}

static void lay_window(int64_t start_s) {
    char name[NAME_MAX_LENGTH];
    const struct part_name part = {start_s, 1, 0, 7};
    part_name_write(name, &part);
    lay(name);
    orders_name_write(name, &part);
    lay(name);
    snapshot_name_write(name, &(struct snapshot_name){start_s, 7, 1});
    lay(name);
    snapshot_name_write(name, &(struct snapshot_name){start_s, 9, 1});
    lay(name);
}

static size_t files_in(const char *folder, int64_t start_s) {
    char path[NAME_MAX_LENGTH];
    struct store_names names;
    snprintf(path, sizeof(path), "%s/%lld", folder, (long long)start_s);
    assert_int_equal(store_list(store, path, &names, NULL), STATUS_OK);
    size_t count = names.count;
    store_names_fini(&names);
    return count;
}

static void holds(int64_t start_s, size_t parts, size_t snapshots, size_t orders) {
    assert_int_equal(files_in("parts", start_s), parts);
    assert_int_equal(files_in("snapshots", start_s), snapshots);
    assert_int_equal(files_in("orders", start_s), orders);
}

static const bool all[PARTITIONS] = {true, true, true, true};

static bool none_is_open(const void *context, int64_t start_s) {
    return false;
}

static struct retention terms_of(int64_t sealed_s) {
    return (struct retention){.sealed_s = sealed_s, .owned = all, .is_open = none_is_open};
}

static size_t run(const struct retention *terms, size_t most, bool *more) {
    struct problem p;
    size_t removed;
    assert_int_equal(retention_run(&keeper, terms, most, &removed, more, &p), STATUS_OK);
    return removed;
}

static size_t run_all(const struct retention *terms) {
    bool more;
    size_t removed = run(terms, ALL, &more);
    assert_false(more);
    return removed;
}

static void windows_that_are_older_go_and_their_orders_three_days_later(void **state) {
    const struct retention terms = terms_of(NOW_S);
    lay_window(LAST_S - RETENTION_ORDERS_S);
    lay_window(LAST_S - RETENTION_ORDERS_S + WINDOW_S);
    lay_window(LAST_S);
    lay_window(FIRST_S);
    lay_window(NEWEST_S);
    assert_int_equal(run_all(&terms), 3 * 3 + 1);
    holds(LAST_S - RETENTION_ORDERS_S, 0, 0, 0);
    holds(LAST_S - RETENTION_ORDERS_S + WINDOW_S, 0, 0, 1);
    holds(LAST_S, 0, 0, 1);
    holds(FIRST_S, 1, 2, 1);
    holds(NEWEST_S, 1, 2, 1);
    assert_int_equal(run_all(&terms), 0);
}

static void what_is_not_called_as_we_call_it_stays(void **state) {
    static const char *const names[] = {"meta",
                                        "spans/2020-01",
                                        "through/p0001-0000000000000000000-0000000000000000000.zst",
                                        "checkpoints/p0001-0000000000000000000-0000000000000000000.zst",
                                        "parts/900/notes",
                                        "parts/900/p0001-0000000000000000000-0000000000000000007.zst.bak",
                                        "snapshots/900/0000000000000000007-zz00000000000001.zst",
                                        "orders/0900/p0001-0000000000000000000-0000000000000000007.zst",
                                        "parts/january/p0001-0000000000000000000-0000000000000000007.zst"};
    const struct retention terms = terms_of(NOW_S);
    char *bytes;
    size_t length;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        lay(names[i]);
    lay_window(900);
    lay_window(NEWEST_S);
    assert_int_equal(run_all(&terms), 4);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        assert_int_equal(store_get(store, names[i], &bytes, &length, NULL), STATUS_OK);
        free(bytes);
    }
}

static bool last_is_open(const void *context, int64_t start_s) {
    return start_s == LAST_S;
}

static void a_window_whose_rows_somebody_holds_stays(void **state) {
    struct retention terms = terms_of(NOW_S);
    terms.is_open = last_is_open;
    lay_window(LAST_S);
    lay_window(LAST_S - WINDOW_S);
    lay_window(NEWEST_S);
    assert_int_equal(run_all(&terms), 3);
    holds(LAST_S, 1, 2, 1);
}

static void processes_share_the_work(void **state) {
    bool owned[PARTITIONS] = {false};
    struct retention terms = terms_of(NOW_S);
    terms.owned = owned;
    owned[publisher_of(LAST_S, PARTITIONS)] = true;
    lay_window(NEWEST_S);
    for (int i = 0; i < 8; i++)
        lay_window(LAST_S - i * WINDOW_S);
    run_all(&terms);
    for (int i = 0; i < 8; i++) {
        int64_t start_s = LAST_S - i * WINDOW_S;
        assert_int_equal(files_in("parts", start_s), owned[publisher_of(start_s, PARTITIONS)] ? 0 : 1);
    }
}

static void a_pass_is_bounded_and_the_next_goes_on(void **state) {
    const struct retention terms = terms_of(NOW_S);
    bool more;
    lay_window(LAST_S);
    lay_window(LAST_S - WINDOW_S);
    lay_window(NEWEST_S);
    assert_int_equal(run(&terms, 4, &more), 4);
    assert_true(more);
    assert_int_equal(run(&terms, 4, &more), 2);
    assert_false(more);
    holds(LAST_S, 0, 0, 1);
    assert_int_equal(run(&terms, 0, &more), 0);
    assert_false(more);
}

static void a_clock_that_is_wrong_takes_nothing__goes_red_if_it_alone_is_asked(void **state) {
    const struct retention ahead = terms_of(NOW_S + 1000 * (int64_t)DAY_S);
    const struct retention behind = terms_of(NOW_S - WINDOW_S), unknown = terms_of(0);
    lay_window(LAST_S);
    lay_window(FIRST_S);
    lay_window(NEWEST_S);
    assert_int_equal(run_all(&unknown), 0);
    assert_int_equal(run_all(&behind), 0);
    assert_int_equal(run_all(&ahead), 3);
    holds(FIRST_S, 1, 2, 1);
}

// A producer's clock was wrong, and its events are of a far future: in all partitions, and published.
static void events_of_a_far_future_take_nothing__goes_red_if_they_are_believed(void **state) {
    const int64_t future_s = NEWEST_S + 1000 * (int64_t)DAY_S;
    const struct retention terms = terms_of(future_s + WINDOW_S);
    lay_window(LAST_S);
    lay_window(FIRST_S);
    lay_window(NEWEST_S);
    lay_window(future_s);
    assert_int_equal(run_all(&terms), 3);
    holds(FIRST_S, 1, 2, 1);
    holds(NEWEST_S, 1, 2, 1);
}

// A folder that somebody made by hand: neither is it the newest window, nor is it old.
static void a_folder_of_no_time_is_no_window__goes_red_if_its_end_is_reckoned_with(void **state) {
    const struct retention terms = terms_of(NOW_S);
    lay_window(LAST_S);
    lay_window(NEWEST_S);
    lay_window(INT64_MAX);
    assert_int_equal(run_all(&terms), 3);
    holds(INT64_MAX, 1, 2, 1);
}

static void nothing_goes_where_it_is_off(void **state) {
    const struct retention terms = terms_of(NOW_S);
    keeper.retain_s = 0;
    lay_window(900);
    lay_window(NEWEST_S);
    assert_int_equal(run_all(&terms), 0);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, fresh, done)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(windows_that_are_older_go_and_their_orders_three_days_later),
        TEST(what_is_not_called_as_we_call_it_stays),
        TEST(a_window_whose_rows_somebody_holds_stays),
        TEST(processes_share_the_work),
        TEST(a_pass_is_bounded_and_the_next_goes_on),
        TEST(a_clock_that_is_wrong_takes_nothing__goes_red_if_it_alone_is_asked),
        TEST(events_of_a_far_future_take_nothing__goes_red_if_they_are_believed),
        TEST(a_folder_of_no_time_is_no_window__goes_red_if_its_end_is_reckoned_with),
        TEST(nothing_goes_where_it_is_off),
    };
    return cmocka_run_group_tests(tests, store_fixture_begin, store_fixture_end);
}
