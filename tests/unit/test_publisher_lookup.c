// In which windows refunds look up their orders, and what of those is found.
#include "aggregate/keep/retention.h"
#include "tests/unit/publisher_fixture.h"

// Another order lies before 20, that of the refund before 30: which of the two files is looked into, where
// the line of their window says so (lay_lines)?
static void is_looked_up(int64_t line_to, int64_t to, uint32_t platform) {
    lay_refund(100, PLACED_S);
    lay_orders(SOLD_S, 20, 2, PLATFORM_X);
    lay_orders(SOLD_S, 30, 1, PLATFORM_TIKTOK);
    lay_through(0, 100);
    lay_lines(10, SOLD_S, line_to);
    assert_int_equal(publish(), STATUS_OK);
    the_refund_is_of(platform);
    the_header_names(SOLD_S, 1, to, false);
}

static void a_refund_is_looked_up_as_far_as_a_line_says(void **state) {
    is_looked_up(20, 20, PLATFORM_WEB);
}

// Of partition 0 the line is gone, so the store is asked; of partition 1 it says more than its line does,
// which has not been sealed so far.
static void and_no_further_where_another_line_is_gone__goes_red_if_files_come_before_lines(void **state) {
    settled_before_s = SOLD_S + WINDOW_S;
    is_looked_up(20, 20, PLATFORM_WEB);
}

static void and_where_the_line_is_gone_as_far_as_the_store_does(void **state) {
    is_looked_up(-1, 30, PLATFORM_TIKTOK);
}

static void a_window_without_orders_is_named(void **state) {
    lay_refund(100, PLACED_S);
    lay_through(0, 100);
    lay_lines(10, SOLD_S, 0);
    assert_int_equal(publish(), STATUS_OK);
    the_refund_is_of(PLATFORM_WEB);
    the_header_names(SOLD_S, 0, 0, false);
}

// A process that is further on has written them.
static void orders_of_a_line_that_is_to_come_are_not_looked_up__goes_red_if_it_counts_as_gone(void **state) {
    lay_refund(100, PLACED_S);
    lay_orders(SOLD_S, 30, 1, PLATFORM_TIKTOK);
    lay_through(0, 100);
    lay_lines(10, SOLD_S, 0);
    assert_int_equal(publish(), STATUS_OK);
    the_refund_is_of(PLATFORM_WEB);
    the_header_names(SOLD_S, 0, 0, false);
}

// Nor is one that comes after it, whatever a refund says.
static void a_window_does_not_name_itself__goes_red_if_it_is_looked_up_like_others(void **state) {
    for (int64_t after_s = 0; after_s <= WINDOW_S; after_s += WINDOW_S) {
        struct rows *rows = rows_create();
        struct shelf_file file;
        lay_refund(100 + after_s, START_S + after_s + 30);
        lay_through_at(0, 1000 + after_s, 100 + after_s);
        lay_lines(10, START_S + after_s, 0);
        assert_int_equal(publish(), STATUS_OK);
        the_refund_is_of(PLATFORM_WEB);
        newest_read(rows, &file);
        assert_int_equal(snapshot_header(file.snapshot)->earlier_count, 0);
        shelf_file_fini(&file);
        rows_destroy(&rows);
    }
}

// By the process that published it, which remembers, and by one that has just begun, and reads the header.
static void an_order_that_comes_later_makes_a_revision__goes_red_if_the_windows_are_forgotten(void **state) {
    for (int begun = 0; begun < 2; begun++) {
        struct publisher *publisher = publisher_create(PARTITIONS, -1);
        done(state);
        fresh(state);
        lay_refund(100, PLACED_S);
        lay_through(0, 100);
        lay_lines(10, SOLD_S, 0);
        publish_at(publisher, both, 0);
        publish_at(publisher, both, 0);
        assert_int_equal(revisions(), 1);
        lay_orders(SOLD_S, 30, 1, PLATFORM_TIKTOK);
        lay_lines(31, SOLD_S, 30);
        if (begun == 1) {
            publisher_destroy(&publisher);
            publisher = publisher_create(PARTITIONS, -1);
        }
        publish_at(publisher, both, 0);
        assert_int_equal(revisions(), 2);
        the_refund_is_of(PLATFORM_TIKTOK);
        the_header_names(SOLD_S, 1, 30, false);
        publish_at(publisher, both, 0);
        assert_int_equal(revisions(), 2);
        publisher_destroy(&publisher);
        if (begun == 0)
            done(state);
    }
}

// A part is torn that nobody would need: it is not read where the newest revision says all that is known.
static void who_begins_reads_no_parts_of_what_is_published(void **state) {
    char name[NAME_MAX_LENGTH];
    lay_refund_of_a_sale(30);
    assert_int_equal(publish(), STATUS_OK);
    part_name_write(name, &(struct part_name){START_S, 0, 0, 100});
    assert_int_equal(store_put(store, name, "torn", 4, NULL), STATUS_OK);
    assert_int_equal(publish(), STATUS_OK);
    assert_int_equal(figures.published, 0);
}

static void tear_orders(void) {
    char name[NAME_MAX_LENGTH];
    orders_name_write(name, &(struct part_name){SOLD_S, 1, 0, 30});
    assert_int_equal(store_put(store, name, "torn", 4, NULL), STATUS_OK);
}

static void damaged_orders_that_no_part_has_hold_the_window_and_are_named(void **state) {
    struct problem p;
    lay_refund(100, PLACED_S);
    lay_through(0, 100);
    lay_lines(31, SOLD_S, 30);
    assert_int_equal(publish(), STATUS_BAD_DATA);
    tear_orders();
    struct publisher *publisher = publisher_create(PARTITIONS, -1);
    bool more;
    assert_int_equal(publisher_run(publisher, &keeper, both, 8, 0, &more, &p), STATUS_BAD_DATA);
    assert_non_null(strstr(p.what, "orders/"));
    publisher_destroy(&publisher);
    lay_orders(SOLD_S, 30, 1, PLATFORM_TIKTOK);
    assert_int_equal(publish(), STATUS_OK);
}

// The part that says how far its orders reach, with the order 1 of that platform.
static void lay_part_of_orders(const struct part_name *part, int64_t orders_to, uint32_t platform) {
    char name[NAME_MAX_LENGTH];
    struct rows *rows = rows_create();
    struct coverage coverage = covers(part->partition, part->to);
    struct header header = keeper_header(FILE_PART, SOLD_S);
    struct order order = order_of("acme", 1, 1, SOLD_S * INT64_C(1000), 5);
    coverage.start = part->from;
    coverage.orders_to = orders_to;
    header.coverage = &coverage;
    header.coverage_count = 1;
    order.subject.platform = platform;
    rows_add_order(rows, &order);
    part_name_write(name, part);
    lay(name, &header, rows);
    rows_destroy(&rows);
}

static void tear_part(int64_t to) {
    char name[NAME_MAX_LENGTH];
    part_name_write(name, &(struct part_name){SOLD_S, 1, 0, to});
    assert_int_equal(store_put(store, name, "torn", 4, NULL), STATUS_OK);
}

// Parts before have fewer, parts after may have more, and those of other partitions have others.
static void damaged_orders_are_taken_from_the_part_that_has_just_those(void **state) {
    lay_refund(100, PLACED_S);
    lay_through(0, 100);
    lay_lines(90, SOLD_S, -1);
    lay_part_of_orders(&(struct part_name){SOLD_S, 0, 0, 40}, 30, PLATFORM_X);
    lay_part_of_orders(&(struct part_name){SOLD_S, 1, 0, 25}, 25, PLATFORM_X);
    tear_part(35);
    lay_part_of_orders(&(struct part_name){SOLD_S, 1, 0, 40}, 30, PLATFORM_TIKTOK);
    lay_part_of_orders(&(struct part_name){SOLD_S, 1, 0, 50}, 50, PLATFORM_YOUTUBE);
    tear_orders();
    assert_int_equal(publish(), STATUS_OK);
    the_refund_is_of(PLATFORM_TIKTOK);
    the_header_names(SOLD_S, 1, 30, false);
}

static void nor_are_they_taken_from_one_that_has_more__goes_red_if_its_coverage_is_not_asked(void **state) {
    lay_refund(100, PLACED_S);
    lay_through(0, 100);
    lay_lines(90, SOLD_S, -1);
    lay_part_of_orders(&(struct part_name){SOLD_S, 1, 0, 50}, 50, PLATFORM_TIKTOK);
    tear_orders();
    assert_int_equal(publish(), STATUS_BAD_DATA);
}

static void nor_from_one_that_starts_later__goes_red_if_its_start_is_not_asked(void **state) {
    lay_refund(100, PLACED_S);
    lay_through(0, 100);
    lay_lines(90, SOLD_S, -1);
    lay_part_of_orders(&(struct part_name){SOLD_S, 1, 10, 40}, 30, PLATFORM_TIKTOK);
    tear_orders();
    assert_int_equal(publish(), STATUS_BAD_DATA);
}

// Of partition 0 its line is gone, and of partition 1 it says how far orders reach.
static void
orders_of_a_window_that_is_not_published_are_not_gone__goes_red_if_the_store_answers_for_lines(void **state) {
    settled_before_s = SOLD_S + WINDOW_S;
    lay_refund(100, PLACED_S);
    lay_orders(SOLD_S, 30, 1, PLATFORM_TIKTOK);
    lay_through(0, 100);
    lay_lines(31, SOLD_S, 30);
    tear_part(30);
    assert_int_equal(publish(), STATUS_BAD_DATA); // that window's
    the_refund_is_of(PLATFORM_TIKTOK);
    the_header_names(SOLD_S, 1, 30, false);
}

// A copy of an order that a refund of the window names lies further back than 48 hours: the order counts.
static void
orders_of_a_refunds_window_are_no_copies__goes_red_if_all_that_the_header_names_are(void **state) {
    struct rows *rows = rows_create(), *published = rows_create();
    struct shelf_file file;
    char name[NAME_MAX_LENGTH];
    struct coverage coverage = covers(0, 100);
    struct header header = keeper_header(FILE_PART, START_S);
    struct refund refund = refund_of(PLACED_S);
    struct order again = order_of("acme", 1, 7, INT64_C(1000) * START_S, 5);
    rows_add_refund(rows, &refund);
    rows_add_order(rows, &again);
    coverage.orders_to = 100;
    header.coverage = &coverage;
    header.coverage_count = 1;
    part_name_write(name, &(struct part_name){START_S, 0, 0, 100});
    lay(name, &header, rows);
    lay_orders(SOLD_S, 30, 1, PLATFORM_TIKTOK);
    lay_through(0, 100);
    lay_lines(31, SOLD_S, 30);
    assert_int_equal(publish(), STATUS_OK);
    the_refund_is_of(PLATFORM_TIKTOK);
    newest_read(published, &file);
    struct row_key key = {.table = TABLE_TOTALS, .platform = PLATFORM_WEB, .account = slice_of("acme")};
    assert_int_equal(value_of(published, &key, field_counter(COUNTER_OF_PURCHASE)), 1);
    assert_int_equal(value_of(published, &key, field_counter(COUNTER_ORDER_COPIES)), 0);
    shelf_file_fini(&file);
    rows_destroy(&rows);
    rows_destroy(&published);
}

// Nothing of it is asked for any more, and it is found again where a revision of the window is made: its sum
// is greater than that of the revision that had the orders.
static void what_has_left_the_store_is_not_looked_up__goes_red_without_the_bound(void **state) {
    lay_refund_of_a_sale(-1);
    assert_int_equal(publish(), STATUS_OK);
    the_refund_is_of(PLATFORM_TIKTOK);
    keeper.retain_s = 90 * 86400;
    keeper.now_s = SEALED_S;
    remove_orders();
    assert_int_equal(publish(), STATUS_OK);
    assert_int_equal(revisions(), 1);
    lay_refund(101, PLACED_S);
    lay_through_at(0, 1001, 101);
    assert_int_equal(publish(), STATUS_OK);
    assert_int_equal(revisions(), 2);
    the_refund_is_of(PLATFORM_WEB);
    the_header_names(SOLD_S, 1, 30, true);
    assert_int_equal(publish(), STATUS_OK);
    assert_int_equal(revisions(), 2);
}

static void nothing_refunded(int64_t to) {
    struct rows *rows = rows_create();
    struct increments likes = increments_like(to);
    struct refund refund = refund_of(PLACED_S);
    rows_add_subject(rows, &refund.subject, &likes);
    rows_add_refund(rows, &refund);
    refund.increments.at[0].value = -1; // delta -1: taken back
    rows_add_refund(rows, &refund);
    lay_part_of(0, to, rows);
    rows_destroy(&rows);
}

// The revision that says so is the newest.
static void
a_refund_that_is_taken_back_is_looked_up_still__goes_red_if_sums_of_nothing_are_left_out(void **state) {
    lay_refund_of_a_sale(30);
    assert_int_equal(publish(), STATUS_OK);
    newest_covers(100, 0);
    nothing_refunded(102);
    lay_through_at(0, 1002, 102);
    assert_int_equal(publish(), STATUS_OK);
    assert_int_equal(revisions(), 2);
    newest_covers(102, 0);
}

// What had left by then is gone; the window gets a late event.
static void
where_store_retain_was_shorter_once_orders_are_gone__goes_red_if_the_setting_alone_says_so(void **state) {
    lay_refund_of_a_sale(-1);
    assert_int_equal(publish(), STATUS_OK);
    remove_orders(); // by store.retain: 90d
    keeper.retain_s = 400 * 86400;
    keeper.now_s = SEALED_S;
    lay_refund(101, PLACED_S);
    lay_through_at(0, 1001, 101);
    assert_int_equal(publish(), STATUS_OK);
    newest_covers(101, 0);
}

// Its own files leave first.
static void
where_the_window_of_the_orders_stands_they_are_missed__goes_red_if_they_count_as_gone(void **state) {
    char name[NAME_MAX_LENGTH];
    lay_refund_of_a_sale(-1);
    assert_int_equal(publish(), STATUS_OK);
    snapshot_name_write(name, &(struct snapshot_name){SOLD_S, 30, 1});
    assert_int_equal(store_put(store, name, "x", 1, NULL), STATUS_OK);
    remove_orders();
    lay_refund(101, PLACED_S);
    lay_through_at(0, 1001, 101);
    assert_int_equal(publish(), STATUS_BAD_DATA);
    newest_covers(100, 0);
}

// A record of partition 1, whose line of the window is gone, with so many events of it.
static void lay_settled(int64_t offset, uint64_t settled) {
    const struct progress progress = {.partition = 1,
                                      .offset = offset,
                                      .sealed_s = SEALED_S,
                                      .watermark_ms = SEALED_S * 1000,
                                      .settled_before_s = SOLD_S + WINDOW_S,
                                      .settled_counted = settled};
    lay_record(&progress);
}

// Between two rounds of ours it came back with an order, was published, and settled again.
static void
orders_of_a_line_that_nobody_saw_are_looked_up__goes_red_if_the_store_is_asked_once(void **state) {
    struct publisher *publisher = publisher_create(PARTITIONS, -1);
    lay_refund(100, PLACED_S);
    lay_orders(SOLD_S, 20, 2, PLATFORM_X);
    lay_through(0, 100);
    lay_settled(21, 20);
    publish_at(publisher, both, 0);
    the_header_names(SOLD_S, 1, 20, false);
    lay_orders(SOLD_S, 30, 1, PLATFORM_TIKTOK);
    lay_settled(31, 21);
    lay_refund(101, PLACED_S);
    lay_through_at(0, 1001, 101);
    publish_at(publisher, both, 0);
    the_header_names(SOLD_S, 1, 30, false);
    the_refund_is_of(PLATFORM_TIKTOK);
    publisher_destroy(&publisher);
}

// Another process removed them, whose store.retain is shorter, after the store was asked.
static void
orders_that_have_left_meanwhile_hold_no_window__goes_red_if_the_store_is_not_asked_again(void **state) {
    struct publisher *publisher = publisher_create(PARTITIONS, -1);
    struct problem p;
    bool more;
    lay_refund(100, PLACED_S);
    lay_orders(SOLD_S, 30, 1, PLATFORM_TIKTOK);
    lay_through(0, 100);
    lay_lines(31, SOLD_S, -1);
    tear_orders();
    assert_int_equal(publisher_run(publisher, &keeper, both, 8, 0, &more, &p), STATUS_BAD_DATA);
    remove_orders();
    assert_int_equal(publisher_run(publisher, &keeper, both, 8, 0, &more, &p), STATUS_OK);
    the_refund_is_of(PLATFORM_WEB);
    publisher_destroy(&publisher);
}

static bool none_is_open(const void *context, int64_t start_s) {
    return false;
}

// The process that removes is almost a day ahead of the one that publishes, which may just look them up.
static void
no_orders_are_removed_that_another_may_look_up__goes_red_if_they_leave_when_they_are_not(void **state) {
    const int64_t ahead_s = SEALED_S + 23 * 3600;
    const struct retention terms = {.sealed_s = ahead_s, .owned = both, .is_open = none_is_open};
    char name[NAME_MAX_LENGTH];
    struct problem p;
    size_t removed;
    bool more;
    snapshot_name_write(name, &(struct snapshot_name){ahead_s - WINDOW_S - ahead_s % WINDOW_S, 1, 1});
    assert_int_equal(store_put(store, name, "x", 1, NULL), STATUS_OK);
    lay_refund(100, PLACED_S);
    lay_orders(SOLD_S, 30, 1, PLATFORM_TIKTOK);
    lay_through(0, 100);
    lay_lines(31, SOLD_S, -1);
    keeper.now_s = ahead_s;
    keeper.retain_s = SEALED_S - 86400 - EARLIER_S - SOLD_S;
    assert_int_equal(retention_run(&keeper, &terms, 100, &removed, &more, &p), STATUS_OK);
    assert_int_equal(publish(), STATUS_OK);
    the_refund_is_of(PLATFORM_TIKTOK);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, fresh, done)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_refund_is_looked_up_as_far_as_a_line_says),
        TEST(and_no_further_where_another_line_is_gone__goes_red_if_files_come_before_lines),
        TEST(and_where_the_line_is_gone_as_far_as_the_store_does),
        TEST(a_window_without_orders_is_named),
        TEST(orders_of_a_line_that_is_to_come_are_not_looked_up__goes_red_if_it_counts_as_gone),
        TEST(a_window_does_not_name_itself__goes_red_if_it_is_looked_up_like_others),
        TEST(an_order_that_comes_later_makes_a_revision__goes_red_if_the_windows_are_forgotten),
        TEST(who_begins_reads_no_parts_of_what_is_published),
        TEST(damaged_orders_that_no_part_has_hold_the_window_and_are_named),
        TEST(damaged_orders_are_taken_from_the_part_that_has_just_those),
        TEST(orders_of_a_window_that_is_not_published_are_not_gone__goes_red_if_the_store_answers_for_lines),
        TEST(nor_from_one_that_starts_later__goes_red_if_its_start_is_not_asked),
        TEST(nor_are_they_taken_from_one_that_has_more__goes_red_if_its_coverage_is_not_asked),
        TEST(orders_of_a_refunds_window_are_no_copies__goes_red_if_all_that_the_header_names_are),
        TEST(a_refund_that_is_taken_back_is_looked_up_still__goes_red_if_sums_of_nothing_are_left_out),
        TEST(where_store_retain_was_shorter_once_orders_are_gone__goes_red_if_the_setting_alone_says_so),
        TEST(what_has_left_the_store_is_not_looked_up__goes_red_without_the_bound),
        TEST(where_the_window_of_the_orders_stands_they_are_missed__goes_red_if_they_count_as_gone),
        TEST(orders_of_a_line_that_nobody_saw_are_looked_up__goes_red_if_the_store_is_asked_once),
        TEST(orders_that_have_left_meanwhile_hold_no_window__goes_red_if_the_store_is_not_asked_again),
        TEST(no_orders_are_removed_that_another_may_look_up__goes_red_if_they_leave_when_they_are_not),
    };
    return cmocka_run_group_tests(tests, store_fixture_begin, store_fixture_end);
}
