// Windows of which lines came back with orders, were published, and settled again: what was published with
// fewer of their orders is revised, whether or not its publisher saw such a line.
#include "aggregate/keep/earlier.h"
#include "tests/unit/capture.h"
#include "tests/unit/publisher_fixture.h"

enum { BEFORE_S = START_S - 4 * WINDOW_S }; // within 48 hours

// Of a partition that has settled all lines before, so many events of them, and has that one.
static void lay_settled(uint32_t partition, int64_t offset, int64_t before_s, uint64_t settled,
                        struct line *lines, size_t count) {
    const struct progress progress = {.partition = partition,
                                      .offset = offset,
                                      .sealed_s = SEALED_S,
                                      .watermark_ms = SEALED_S * 1000,
                                      .settled_before_s = before_s,
                                      .settled_counted = settled,
                                      .lines = lines,
                                      .line_count = count};
    lay_record(&progress);
}

static void begin_again(struct publisher **publisher) {
    publisher_destroy(publisher);
    *publisher = publisher_create(PARTITIONS, -1);
}

// A part of partition 0 that holds the order 1, placed again in the window.
static struct line lay_sale(int64_t start_s, int64_t to) {
    char name[NAME_MAX_LENGTH];
    struct rows *rows = rows_create();
    struct coverage coverage = covers(0, to);
    struct header header = keeper_header(FILE_PART, start_s);
    struct order again = order_of("acme", 1, 7, INT64_C(1000) * start_s, 5);
    coverage.orders_to = to;
    header.coverage = &coverage;
    header.coverage_count = 1;
    rows_add_order(rows, &again);
    part_name_write(name, &(struct part_name){start_s, 0, 0, to});
    lay(name, &header, rows);
    rows_destroy(&rows);
    return (struct line){.start_s = start_s, .counted = (uint64_t)to, .to = to, .orders_to = to};
}

static void the_newest_has(int64_t purchases, int64_t copies) {
    struct rows *rows = rows_create();
    struct shelf_file file;
    newest_read(rows, &file);
    struct row_key key = {.table = TABLE_TOTALS, .platform = PLATFORM_WEB, .account = slice_of("acme")};
    assert_int_equal(value_of(rows, &key, field_counter(COUNTER_OF_PURCHASE)), purchases);
    assert_int_equal(value_of(rows, &key, field_counter(COUNTER_ORDER_COPIES)), copies);
    shelf_file_fini(&file);
    rows_destroy(&rows);
}

static void cut_newest(void) {
    char name[NAME_MAX_LENGTH];
    struct snapshot_name newest;
    assert_int_equal(shelf_newest(store, START_S, &newest, NULL), STATUS_OK);
    snapshot_name_write(name, &newest);
    assert_int_equal(store_put(store, name, "torn", 4, NULL), STATUS_OK);
}

// ---- of windows that have lines

// By the process that published it, and by one that has just begun: of the sale's window nobody has a line.
static void a_refund_finds_the_order_that_came_unseen__goes_red_if_lines_alone_are_asked(void **state) {
    for (int begun = 0; begun < 2; begun++) {
        struct publisher *publisher = publisher_create(PARTITIONS, -1);
        done(state);
        fresh(state);
        lay_refund(100, PLACED_S);
        lay_orders(SOLD_S, 20, 2, PLATFORM_X);
        lay_through(0, 100);
        lay_settled(1, 21, SOLD_S + WINDOW_S, 20, NULL, 0);
        publish_at(publisher, both, 0);
        the_header_names(SOLD_S, 1, 20, false);
        lay_orders(SOLD_S, 30, 1, PLATFORM_TIKTOK);
        lay_settled(1, 31, SOLD_S + WINDOW_S, 21, NULL, 0);
        if (begun == 1)
            begin_again(&publisher);
        publish_at(publisher, both, 0);
        the_header_names(SOLD_S, 1, 30, false);
        the_refund_is_of(PLATFORM_TIKTOK);
        publish_at(publisher, both, 0);
        assert_int_equal(revisions(), 2);
        publisher_destroy(&publisher);
        if (begun == 0)
            done(state);
    }
}

// Nor has anybody published the window yet. Of 48 hours before, and no more.
static void a_copy_of_an_order_of_a_settled_window_is_one__goes_red_if_lines_alone_are_asked(void **state) {
    static const int64_t backs_s[] = {WINDOW_S, EARLIER_S, EARLIER_S + WINDOW_S};
    for (size_t i = 0; i < 3; i++) {
        const int64_t back_s = backs_s[i];
        bool is_copy = back_s <= EARLIER_S;
        done(state);
        fresh(state);
        struct line line = lay_sale(START_S, 100);
        lay_orders(START_S - back_s, 30, 1, PLATFORM_WEB);
        lay_settled(0, 1000, START_S, 0, &line, 1);
        lay_settled(1, 31, START_S, 30, NULL, 0);
        assert_int_equal(publish(), STATUS_OK);
        the_newest_has(!is_copy, is_copy);
    }
}

static void
and_so_is_one_that_came_unseen__goes_red_if_what_is_published_is_not_held_against_it(void **state) {
    for (int begun = 0; begun < 2; begun++) {
        struct publisher *publisher = publisher_create(PARTITIONS, -1);
        done(state);
        fresh(state);
        struct line line = lay_sale(START_S, 100);
        lay_orders(BEFORE_S, 20, 2, PLATFORM_X);
        lay_settled(0, 1000, BEFORE_S + WINDOW_S, 0, &line, 1);
        lay_settled(1, 21, BEFORE_S + WINDOW_S, 20, NULL, 0);
        publish_at(publisher, both, 0);
        the_newest_has(1, 0);
        lay_orders(BEFORE_S, 30, 1, PLATFORM_WEB);
        lay_settled(1, 31, BEFORE_S + WINDOW_S, 21, NULL, 0);
        if (begun == 1)
            begin_again(&publisher);
        publish_at(publisher, both, 0);
        the_newest_has(0, 1);
        publish_at(publisher, both, 0);
        assert_int_equal(revisions(), 2);
        publisher_destroy(&publisher);
        if (begun == 0)
            done(state);
    }
}

// Its orders went by store.retain: what was read of them stands.
static void nothing_is_revised_by_what_has_left__goes_red_if_it_is_called_gone(void **state) {
    lay_refund(100, PLACED_S);
    lay_orders(SOLD_S, 30, 1, PLATFORM_TIKTOK);
    lay_through(0, 100);
    lay_settled(1, 31, SOLD_S + WINDOW_S, 30, NULL, 0);
    assert_int_equal(publish(), STATUS_OK);
    remove_orders();
    assert_int_equal(publish(), STATUS_OK);
    assert_int_equal(revisions(), 1);
    the_refund_is_of(PLATFORM_TIKTOK);
}

// Who made a revision would read none of its orders any more.
static void nor_by_what_is_about_to_leave__goes_red_if_the_store_is_asked(void **state) {
    lay_refund(100, PLACED_S);
    lay_orders(SOLD_S, 20, 1, PLATFORM_TIKTOK);
    lay_through(0, 100);
    lay_settled(1, 21, SOLD_S + WINDOW_S, 20, NULL, 0);
    assert_int_equal(publish(), STATUS_OK);
    lay_orders(SOLD_S, 30, 2, PLATFORM_X);
    keeper.retain_s = 90 * 86400;
    keeper.now_s = SEALED_S;
    assert_int_equal(publish(), STATUS_OK);
    assert_int_equal(revisions(), 1);
    the_refund_is_of(PLATFORM_TIKTOK);
}

// Clocks of devices are years behind at times, and their events come too late for all windows.
static void late_events_cast_no_doubt__goes_red_if_all_is_looked_at_again(void **state) {
    static struct capture captured;
    struct publisher *publisher = publisher_create(PARTITIONS, -1);
    struct progress progress = {
        .partition = 1, .offset = 21, .sealed_s = SEALED_S, .watermark_ms = SEALED_S * 1000};
    lay_refund(100, PLACED_S);
    lay_through(0, 100);
    lay_record(&progress);
    publish_at(publisher, both, 0);
    cut_newest();
    progress.offset++;
    progress.settled_late++;
    lay_record(&progress);
    capture_begin(&captured);
    publish_at(publisher, both, 0);
    capture_end(&captured);
    assert_null(strstr(captured.text, "revision_skipped"));
    publisher_destroy(&publisher);
}

// ---- of windows that have none

// An order that lies 48 hours before it at most, and its copy in the window, which knows of another order
// there. Then the lines of the window go, and one of the other is back.
static struct line lay_orders_back(int64_t start_s, int64_t to) {
    struct rows *rows = rows_create();
    lay_orders(start_s, to, 1, PLATFORM_WEB);
    lay_part_at(start_s, 1, to, rows);
    rows_destroy(&rows);
    return (struct line){.start_s = start_s, .counted = (uint64_t)to, .to = to, .orders_to = to};
}

static void lay_back(int64_t sold_s) {
    struct line line = lay_sale(START_S, 100);
    lay_orders(sold_s, 20, 2, PLATFORM_X);
    lay_settled(0, 1000, sold_s + WINDOW_S, 0, &line, 1);
    lay_settled(1, 21, sold_s + WINDOW_S, 20, NULL, 0);
    assert_int_equal(publish(), STATUS_OK);
    the_newest_has(1, 0);
    lay_settled(0, 1001, START_S + WINDOW_S, 100, NULL, 0);
    line = lay_orders_back(sold_s, 30);
    lay_settled(1, 31, START_S + WINDOW_S, 0, &line, 1);
}

static bool is_there(int64_t start_s) {
    struct snapshot_name newest;
    return shelf_newest(store, start_s, &newest, NULL) == STATUS_OK;
}

static void
what_is_held_against_a_window_is_revised_before_it__goes_red_if_only_lines_are_looked_at(void **state) {
    struct publisher *publisher = publisher_create(PARTITIONS, -1);
    lay_back(BEFORE_S);
    publish_at(publisher, both, 0);
    assert_false(is_there(BEFORE_S));
    publish_at(publisher, both, 0);
    the_newest_has(0, 1);
    the_header_names(BEFORE_S, 1, 30, false);
    publish_at(publisher, both, 0);
    assert_true(is_there(BEFORE_S));
    assert_int_equal(publish_at(publisher, both, 0).published, 2);
    publisher_destroy(&publisher);
}

static void is_revised_by(int64_t sold_s) {
    struct publisher *publisher = publisher_create(PARTITIONS, -1);
    lay_back(sold_s);
    for (int i = 0; i < 50 && !is_there(sold_s); i++) // a few of 192 windows at a time
        publish_at(publisher, both, 0);
    the_newest_has(0, 1);
    assert_true(is_there(sold_s));
    publisher_destroy(&publisher);
}

static void so_is_the_first_after_it__goes_red_if_it_is_left_out(void **state) {
    is_revised_by(START_S - WINDOW_S);
}

static void and_the_last_of_48_hours__goes_red_if_it_is_left_out(void **state) {
    is_revised_by(START_S - EARLIER_S);
}

// Of that nothing was known when it was published.
static void and_again_by_another__goes_red_if_only_windows_that_were_named_are_asked(void **state) {
    struct publisher *publisher = publisher_create(PARTITIONS, -1);
    lay_back(BEFORE_S);
    for (int i = 0; i < 3; i++)
        publish_at(publisher, both, 0);
    assert_int_equal(revisions(), 2);
    struct line lines[] = {lay_orders_back(BEFORE_S, 30), lay_orders_back(BEFORE_S + WINDOW_S, 40)};
    lay_settled(1, 41, START_S + WINDOW_S, 0, lines, 2);
    for (int i = 0; i < 3; i++)
        publish_at(publisher, both, 0);
    assert_int_equal(revisions(), 3);
    publisher_destroy(&publisher);
}

// It has no publisher but that of the other, who may own nothing else.
static void whoever_publishes_that_does__goes_red_if_it_must_be_ours(void **state) {
    int64_t sold_s = BEFORE_S;
    while (publisher_of(sold_s, PARTITIONS) == publisher_of(START_S, PARTITIONS))
        sold_s -= WINDOW_S;
    const uint32_t ours = publisher_of(sold_s, PARTITIONS);
    const bool owned[PARTITIONS] = {ours == 0, ours == 1};
    struct publisher *publisher = publisher_create(PARTITIONS, -1);
    lay_back(sold_s);
    for (int i = 0; i < 3; i++)
        publish_at(publisher, owned, 0);
    the_newest_has(0, 1);
    assert_true(is_there(sold_s));
    publisher_destroy(&publisher);
}

// Its line would go with the revision, and nobody would know any more.
static void until_then_it_waits__goes_red_if_it_is_published_first(void **state) {
    struct publisher *publisher = publisher_create(PARTITIONS, -1);
    struct problem p;
    bool more;
    char name[NAME_MAX_LENGTH];
    lay_back(BEFORE_S);
    part_name_write(name, &(struct part_name){START_S, 0, 0, 100});
    assert_int_equal(store_put(store, name, "torn", 4, NULL), STATUS_OK);
    publish_at(publisher, both, 0);
    for (int i = 0; i < 3; i++)
        assert_int_equal(publisher_run(publisher, &keeper, both, 8, 0, &more, &p), STATUS_BAD_DATA);
    assert_non_null(strstr(p.what, name));
    assert_false(is_there(BEFORE_S));
    lay_sale(START_S, 100);
    for (int i = 0; i < 2; i++)
        publish_at(publisher, both, 0);
    the_newest_has(0, 1);
    assert_true(is_there(BEFORE_S));
    publisher_destroy(&publisher);
}

// Windows between that never had an event stay as they are.
static void of_nothing_nothing_is_published__goes_red_if_windows_without_a_line_are_made(void **state) {
    struct publisher *publisher = publisher_create(PARTITIONS, -1);
    int64_t *starts;
    size_t count;
    lay_back(BEFORE_S);
    for (int i = 0; i < 4; i++)
        publish_at(publisher, both, 0);
    assert_int_equal(shelf_windows(store, "snapshots", &starts, &count, NULL, NULL), STATUS_OK);
    assert_int_equal(count, 2);
    free(starts);
    publisher_destroy(&publisher);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, fresh, done)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_refund_finds_the_order_that_came_unseen__goes_red_if_lines_alone_are_asked),
        TEST(a_copy_of_an_order_of_a_settled_window_is_one__goes_red_if_lines_alone_are_asked),
        TEST(nothing_is_revised_by_what_has_left__goes_red_if_it_is_called_gone),
        TEST(nor_by_what_is_about_to_leave__goes_red_if_the_store_is_asked),
        TEST(late_events_cast_no_doubt__goes_red_if_all_is_looked_at_again),
        TEST(what_is_held_against_a_window_is_revised_before_it__goes_red_if_only_lines_are_looked_at),
        TEST(so_is_the_first_after_it__goes_red_if_it_is_left_out),
        TEST(and_the_last_of_48_hours__goes_red_if_it_is_left_out),
        TEST(and_again_by_another__goes_red_if_only_windows_that_were_named_are_asked),
        TEST(whoever_publishes_that_does__goes_red_if_it_must_be_ours),
        TEST(until_then_it_waits__goes_red_if_it_is_published_first),
        TEST(of_nothing_nothing_is_published__goes_red_if_windows_without_a_line_are_made),
        TEST(and_so_is_one_that_came_unseen__goes_red_if_what_is_published_is_not_held_against_it),
    };
    return cmocka_run_group_tests(tests, store_fixture_begin, store_fixture_end);
}
