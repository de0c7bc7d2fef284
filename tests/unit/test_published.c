// What is known of windows that are not there: by the records of a store. Which files are its revisions.
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

// ---- a revision

static const struct coverage covered = {.start = 0, .to = 7, .counted = 1};

static struct header revision_of(int number, const char *topic, const char *topic_id) {
    return (struct header){.kind = FILE_WINDOW,
                           .start_s = window(number),
                           .end_s = window(number + 1),
                           .topic = topic,
                           .topic_id = topic_id,
                           .partitions = 1,
                           .coverage = &covered,
                           .coverage_count = 1};
}

static void lay_meta(void) {
    struct store_meta meta = {
        .layout = STORE_LAYOUT, .topic = "ours", .topic_id = "id of ours", .partitions = 1};
    assert_int_equal(store_meta_begin(store, &meta, NULL), STATUS_OK);
}

// What a reader says of a file with this header under this name.
static enum status fit(const struct header *header, const struct snapshot_name *name, struct problem *p) {
    const struct published_terms terms = {.now_s = window(WINDOWS)};
    struct published pub;
    struct shelf_file file;
    struct snapshot_bytes bytes;
    char text[NAME_MAX_LENGTH];
    snapshot_write(&bytes, header, NULL, 0);
    snapshot_name_write(text, name);
    assert_int_equal(store_put(store, text, bytes.at, bytes.length, p), STATUS_OK);
    snapshot_bytes_fini(&bytes);
    assert_int_equal(published_open(&pub, store, &terms, p), STATUS_OK);
    assert_int_equal(shelf_read(store, text, NULL, &file, p), STATUS_OK);
    enum status status = published_fit(&pub, &file, p);
    shelf_file_fini(&file);
    published_fini(&pub);
    return status;
}

static enum status fit_as_named(const struct header *header, struct problem *p) {
    const struct snapshot_name name = shelf_name_of(header);
    return fit(header, &name, p);
}

static void a_revision_is_of_the_log_that_the_store_is_of(void **state) {
    const struct header ours = revision_of(3, "ours", "id of ours"), nameless = revision_of(3, "ours", "");
    const struct header other = revision_of(3, "other", "id of ours"),
                        made_anew = revision_of(3, "ours", "another");
    struct problem p;
    assert_int_equal(fit_as_named(&other, &p), STATUS_OK); // nothing says which log it is
    lay_meta();
    assert_int_equal(fit_as_named(&ours, &p), STATUS_OK);
    assert_int_equal(fit_as_named(&nameless, &p), STATUS_OK);
    assert_int_equal(fit_as_named(&other, &p), STATUS_BAD_DATA);
    assert_string_equal(p.code, "CLM-D3");
    assert_int_equal(fit_as_named(&made_anew, &p), STATUS_BAD_DATA);
}

static void a_revision_is_the_one_that_its_name_says(void **state) {
    const struct header header = revision_of(3, "ours", "");
    struct header span = header;
    const struct snapshot_name right = shelf_name_of(&header);
    struct snapshot_name other_window = right, other_sum = right, other_hash = right;
    struct problem p;
    other_window.start_s = window(4);
    other_sum.sum++;
    other_hash.hash++;
    span.kind = FILE_SPAN;
    assert_int_equal(fit(&header, &right, &p), STATUS_OK);
    assert_int_equal(fit(&header, &other_window, &p), STATUS_BAD_DATA);
    assert_int_equal(fit(&header, &other_sum, &p), STATUS_BAD_DATA);
    assert_int_equal(fit(&header, &other_hash, &p), STATUS_BAD_DATA);
    assert_int_equal(fit(&span, &right, &p), STATUS_BAD_DATA);
    assert_string_equal(p.code, "CLM-D3");
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, fresh, done)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(what_is_sealed_and_was_never_published_had_no_event),
        TEST(before_the_first_that_is_there_nothing_is_known__goes_red_if_it_had_no_event),
        TEST(where_nothing_is_there_nothing_is_known),
        TEST(what_is_settled_behind_the_first_that_is_there_is_known),
        TEST(a_revision_is_of_the_log_that_the_store_is_of),
        TEST(a_revision_is_the_one_that_its_name_says),
    };
    return cmocka_run_group_tests(tests, store_fixture_begin, store_fixture_end);
}
