// What is known of windows that are not there: by the records of a store.
#include "aggregate/commands/published.h"

#include "tests/unit/snapshot_fixture.h"
#include "tests/unit/store_of_test.h"

enum { WINDOWS = 100, WINDOW = 900 };
#define BEGIN_S INT64_C(1767225600)

static bool known[WINDOWS];

static int64_t window(int number) {
    return BEGIN_S + (int64_t)number * WINDOW;
}

static int fresh(void **state) {
    store = store_fresh();
    memset(known, 0, sizeof(known));
    return store == NULL;
}

// The partition has sealed the first `sealed` windows, and settled lines of the first `settled`.
static void lay_through(int sealed, int settled) {
    const struct progress progress = {
        .offset = 7, .sealed_s = window(sealed), .settled_before_s = window(settled)};
    const struct header header = {.kind = FILE_THROUGH, .partitions = 1, .progress = &progress};
    struct snapshot_bytes bytes;
    char name[NAME_MAX_LENGTH];
    through_name_write(name, &(struct through_name){0, progress.offset, progress.sealed_s});
    snapshot_write(&bytes, &header, NULL, 0);
    assert_int_equal(store_put(store, name, bytes.at, bytes.length, NULL), STATUS_OK);
    snapshot_bytes_fini(&bytes);
}

static void lay_window(int number) {
    char name[NAME_MAX_LENGTH];
    snapshot_name_write(name, &(struct snapshot_name){window(number), 7, 1});
    assert_int_equal(store_put(store, name, "x", 1, NULL), STATUS_OK);
}

static void know(void *context, int64_t start_s) {
    known[(start_s - BEGIN_S) / WINDOW] = true;
}

static void ask(void) {
    const struct period all = {.start_s = BEGIN_S, .end_s = window(WINDOWS)};
    const struct published_terms terms = {.lateness_s = 600, .now_s = window(WINDOWS)};
    struct published pub;
    struct problem p;
    assert_int_equal(published_open(&pub, store, &terms, &p), STATUS_OK);
    published_known(&pub, &all, know, NULL);
    published_fini(&pub);
}

static void assert_known(int from, int to) {
    for (int i = 0; i < WINDOWS; i++)
        assert_int_equal(known[i], i >= from && i < to);
}

static void what_is_sealed_and_was_never_published_had_no_event(void **state) {
    lay_through(80, 0);
    lay_window(60);
    lay_window(62);
    ask();
    assert_known(60, 80);
}

static void before_the_first_that_is_there_nothing_is_known__goes_red_if_it_had_no_event(void **state) {
    lay_through(80, 50);
    lay_window(60);
    ask();
    assert_known(60, 80);
}

static void where_nothing_is_there_nothing_is_known(void **state) {
    lay_through(80, 70);
    ask();
    assert_known(0, 0);
}

// Lines of what is there are settled, too.
static void what_is_settled_behind_the_first_that_is_there_is_known(void **state) {
    lay_through(80, 70);
    lay_window(20);
    lay_window(60);
    ask();
    assert_known(20, 80);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, fresh, done)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(what_is_sealed_and_was_never_published_had_no_event),
        TEST(before_the_first_that_is_there_nothing_is_known__goes_red_if_it_had_no_event),
        TEST(where_nothing_is_there_nothing_is_known),
        TEST(what_is_settled_behind_the_first_that_is_there_is_known),
    };
    return cmocka_run_group_tests(tests, store_fixture_begin, store_fixture_end);
}
