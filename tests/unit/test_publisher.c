// What a window is published with, where the records alone do not say it: lines were settled, a revision was
// published late, or is damaged. (What is published in all other cases: test_keeper.c.)
#include "aggregate/keep/publisher.h"

#include "aggregate/keep/keep_files.h"
#include "aggregate/keep/retention.h"
#include "tests/unit/capture.h"
#include "tests/unit/keeper_fixture.h"

enum { PARTITIONS = 2, START_S = 1767225600 };

static struct publisher_figures figures; // of the last round
static int64_t settled_before_s;         // of lines that are laid

static int fresh(void **state) {
    keeper_fresh(PARTITIONS);
    settled_before_s = 0;
    return store == NULL;
}

// As many likes as events, as far as `to`.
static struct coverage covers(uint32_t partition, int64_t to) {
    return (struct coverage){.partition = partition, .to = to, .counted = (uint64_t)to};
}

static void lay_part_at(int64_t start_s, uint32_t partition, int64_t to, const struct rows *rows) {
    char name[NAME_MAX_LENGTH];
    struct coverage coverage = covers(partition, to);
    struct header header = keeper_header(FILE_PART, start_s);
    header.coverage = &coverage;
    header.coverage_count = 1;
    part_name_write(name, &(struct part_name){start_s, partition, 0, to});
    lay(name, &header, rows);
}

static void lay_part_of(uint32_t partition, int64_t to, const struct rows *rows) {
    lay_part_at(START_S, partition, to, rows);
}

static void lay_part(uint32_t partition, int64_t to) {
    struct rows *rows = rows_create();
    struct increments likes = increments_like(to);
    rows_add_subject(rows, &(struct subject){.account = slice_of("acme"), .platform = PLATFORM_WEB}, &likes);
    lay_part_of(partition, to, rows);
    rows_destroy(&rows);
}

// A like for each of the tags [first, last).
static void lay_part_of_tags(uint32_t partition, int first, int last) {
    struct rows *rows = rows_create();
    for (int i = first; i < last; i++) {
        char id[16];
        snprintf(id, sizeof(id), "tag-%04d", i);
        const struct row_key key = {
            .table = TABLE_TAG, .platform = PLATFORM_WEB, .account = slice_of("acme"), .id = slice_of(id)};
        rows_add(rows, rows_row(rows, &key), field_counter(COUNTER_OF_LIKE), 1);
    }
    lay_part_of(partition, last - first, rows);
    rows_destroy(&rows);
}

static struct snapshot_name lay_revision(int64_t to, int64_t other_to) {
    char name[NAME_MAX_LENGTH];
    struct rows *rows = rows_create();
    const struct coverage coverage[] = {covers(0, to), covers(1, other_to)};
    struct header header = keeper_header(FILE_WINDOW, START_S);
    header.coverage = coverage;
    header.coverage_count = PARTITIONS;
    struct snapshot_name revision = shelf_name_of(&header);
    snapshot_name_write(name, &revision);
    lay(name, &header, rows);
    rows_destroy(&rows);
    return revision;
}

// Sealed well past the window, whose line ends at `to`; 0: it was settled.
static void lay_through_at(uint32_t partition, int64_t offset, int64_t to) {
    struct line line = {.start_s = START_S, .counted = (uint64_t)to, .to = to};
    struct progress progress = {.partition = partition,
                                .offset = offset,
                                .sealed_s = START_S + 10 * WINDOW_S,
                                .watermark_ms = (START_S + INT64_C(10) * WINDOW_S) * 1000,
                                .settled_before_s = to == 0 ? START_S + WINDOW_S : settled_before_s,
                                .lines = &line,
                                .line_count = to > 0};
    lay_record(&progress);
}

static void lay_through(uint32_t partition, int64_t to) {
    lay_through_at(partition, 1000, to);
}

static void cut(const struct snapshot_name *revision) {
    char name[NAME_MAX_LENGTH];
    snapshot_name_write(name, revision);
    assert_int_equal(store_put(store, name, "torn", 4, NULL), STATUS_OK);
}

static enum status publish(void) {
    static const bool owned[PARTITIONS] = {true, true};
    struct publisher *publisher = publisher_create(PARTITIONS, -1);
    struct problem p;
    bool more;
    enum status status = publisher_run(publisher, &keeper, owned, 8, 0, &more, &p);
    figures = publisher_figures(publisher);
    publisher_destroy(&publisher);
    return status;
}

static void newest_covers(int64_t to, int64_t other_to) {
    struct snapshot_name newest;
    struct shelf_file file;
    struct problem p;
    char name[NAME_MAX_LENGTH];
    assert_int_equal(shelf_newest(store, START_S, &newest, &p), STATUS_OK);
    snapshot_name_write(name, &newest);
    assert_int_equal(shelf_open(store, name, &file, &p), STATUS_OK);
    assert_int_equal(snapshot_header(file.snapshot)->coverage[0].to, to);
    assert_int_equal(snapshot_header(file.snapshot)->coverage[1].to, other_to);
    shelf_file_fini(&file);
}

static void lay_parts(void) {
    lay_part(0, 90);
    lay_part(0, 100);
    lay_part(1, 50);
    lay_part(1, 70);
}

// A process read the records, was stopped, and published when others had gone on: of partition 1 it knew
// more, of partition 0 less than the revision before, by which the line of partition 0 was settled.
static void
a_revision_that_came_late_takes_nothing_away__goes_red_if_the_newest_alone_is_asked(void **state) {
    lay_parts();
    lay_revision(100, 50);
    lay_revision(90, 70);
    lay_through(0, 0);
    lay_through(1, 70);
    assert_int_equal(publish(), STATUS_OK);
    newest_covers(100, 70);
}

static void where_all_lines_are_there_a_damaged_revision_is_not_needed(void **state) {
    lay_parts();
    struct snapshot_name revision = lay_revision(90, 70);
    cut(&revision);
    lay_through(0, 100);
    lay_through(1, 70);
    assert_int_equal(publish(), STATUS_OK);
    newest_covers(100, 70);
}

// Nobody else knows what it said: the window waits for it, and nothing is published that may lack something.
static void where_a_line_was_settled_it_is__goes_red_if_it_is_passed_over(void **state) {
    struct snapshot_name newest;
    lay_parts();
    struct snapshot_name revision = lay_revision(100, 50);
    cut(&revision);
    lay_through(0, 0);
    lay_through(1, 70);
    assert_int_equal(publish(), STATUS_BAD_DATA);
    assert_int_equal(shelf_newest(store, START_S, &newest, NULL), STATUS_OK);
    assert_int_equal(newest.hash, revision.hash);
}

// Each part is below the bound; the tags of both are not: 500 of them are used twice, and all those stay.
static void tags_fold_where_all_parts_are_together__a_part_alone_knows_not_which(void **state) {
    char name[NAME_MAX_LENGTH];
    struct snapshot_name newest;
    struct shelf_file file;
    struct rows *rows = rows_create();
    lay_part_of_tags(0, 0, 1000);
    lay_part_of_tags(1, 500, 1400);
    lay_through(0, 1000);
    lay_through(1, 900);
    assert_int_equal(publish(), STATUS_OK);
    assert_int_equal(figures.folded, 400);
    assert_int_equal(figures.rows, ROWS_NAMED_MAX + 1);
    assert_int_equal(shelf_newest(store, START_S, &newest, NULL), STATUS_OK);
    snapshot_name_write(name, &newest);
    assert_int_equal(shelf_read(store, name, rows, &file, NULL), STATUS_OK);
    assert_int_equal(rows_count(rows), ROWS_NAMED_MAX + 1);
    struct row_key key = {.table = TABLE_TAG, .platform = PLATFORM_WEB, .account = slice_of("acme")};
    assert_int_equal(value_of(rows, &key, field_counter(COUNTER_OF_LIKE)), 400);
    key.id = slice_of("tag-0999");
    assert_int_equal(value_of(rows, &key, field_counter(COUNTER_OF_LIKE)), 2);
    shelf_file_fini(&file);
    rows_destroy(&rows);
}

// ---- without a partition

enum { AFTER_MS = 3600 * 1000 };
#define SEALED_S (START_S + 10 * (int64_t)WINDOW_S)

// How far a partition has come that has no event of the window.
static void lay_progress(uint32_t partition, int64_t offset, int64_t sealed_s) {
    lay_record(&(struct progress){
        .partition = partition, .offset = offset, .sealed_s = sealed_s, .watermark_ms = sealed_s * 1000});
}

static struct publisher_figures publish_at(struct publisher *publisher, const bool *owned, int64_t now_ms) {
    struct problem p;
    bool more;
    assert_int_equal(publisher_run(publisher, &keeper, owned, 8, now_ms, &more, &p), STATUS_OK);
    return publisher_figures(publisher);
}

static bool newest_lacks(uint32_t partition) {
    struct snapshot_name newest;
    struct shelf_file file;
    char name[NAME_MAX_LENGTH];
    assert_int_equal(shelf_newest(store, START_S, &newest, NULL), STATUS_OK);
    snapshot_name_write(name, &newest);
    assert_int_equal(shelf_open(store, name, &file, NULL), STATUS_OK);
    bool lacks = snapshot_header(file.snapshot)->coverage[partition].missing;
    shelf_file_fini(&file);
    return lacks;
}

static const bool both[PARTITIONS] = {true, true};

// Partition 0 has all; partition 1 has no owner, and later seals the window without an event of it: the sum
// of what both reach is the same then.
static void a_partition_that_nobody_seals_is_left_out_and_made_up_for(void **state) {
    struct publisher *publisher = publisher_create(PARTITIONS, AFTER_MS);
    lay_parts();
    lay_through(0, 100);
    assert_int_equal(publish_at(publisher, both, 0).published, 0);
    struct publisher_figures f = publish_at(publisher, both, AFTER_MS - 1);
    assert_int_equal(f.published, 0);
    assert_int_equal(f.waits_for, 1);
    assert_int_equal(f.waiting, 1);
    f = publish_at(publisher, both, AFTER_MS);
    assert_int_equal(f.published, 1);
    assert_int_equal(f.incomplete, 1);
    assert_true(newest_lacks(1));
    newest_covers(100, 0);
    assert_int_equal(publish_at(publisher, both, 2 * AFTER_MS).published, 1);
    lay_progress(1, 10, SEALED_S);
    f = publish_at(publisher, both, 2 * AFTER_MS);
    assert_int_equal(f.published, 2);
    assert_int_equal(f.incomplete, 1);
    assert_int_equal(f.waiting, 0);
    assert_false(newest_lacks(1));
    publisher_destroy(&publisher);
}

static void never_where_it_is_off(void **state) {
    struct publisher *publisher = publisher_create(PARTITIONS, -1);
    lay_parts();
    lay_through(0, 100);
    assert_int_equal(publish_at(publisher, both, 0).published, 0);
    assert_int_equal(publish_at(publisher, both, INT64_MAX / 2).published, 0);
    publisher_destroy(&publisher);
}

static bool tells_at(struct publisher *publisher, int64_t now_ms) {
    static struct capture captured;
    capture_begin(&captured);
    publish_at(publisher, both, now_ms);
    capture_end(&captured);
    return strstr(captured.text, "windows_wait") != NULL;
}

// At a start one partition always keeps before the others.
static void whom_windows_wait_for_is_told_once_and_after_a_while__red_without_the_while(void **state) {
    struct publisher *publisher = publisher_create(PARTITIONS, -1);
    lay_parts();
    lay_through(0, 100);
    assert_false(tells_at(publisher, 5));
    assert_false(tells_at(publisher, 30004));
    assert_true(tells_at(publisher, 30005));
    assert_false(tells_at(publisher, 90000));
    publisher_destroy(&publisher);
}

static void nor_while_its_owner_reads__goes_red_if_the_distance_alone_is_looked_at(void **state) {
    struct publisher *publisher = publisher_create(PARTITIONS, AFTER_MS);
    lay_parts();
    lay_through(0, 100);
    for (int i = 1; i < 5; i++) {
        lay_progress(1, i, START_S);
        assert_int_equal(publish_at(publisher, both, i * (int64_t)AFTER_MS).published, 0);
    }
    publisher_destroy(&publisher);
}

// Nothing is written into it: it seals by the clock alone.
static void nor_while_a_quiet_partition_seals__goes_red_if_its_offset_alone_is_looked_at(void **state) {
    struct publisher *publisher = publisher_create(PARTITIONS, AFTER_MS);
    lay_parts();
    lay_through(0, 100);
    for (int i = 0; i < 5; i++) {
        lay_progress(1, 10, START_S - (5 - i) * (int64_t)WINDOW_S);
        assert_int_equal(publish_at(publisher, both, i * (int64_t)AFTER_MS).published, 0);
    }
    publisher_destroy(&publisher);
}

// Retention, alerts and metrics go by it.
static void what_all_have_sealed_is_what_the_last_has__goes_red_if_it_is_any_others(void **state) {
    for (uint32_t last = 0; last < PARTITIONS; last++) {
        struct publisher *publisher = publisher_create(PARTITIONS, -1);
        assert_int_equal(publish_at(publisher, both, 0).sealed_s, last == 0 ? 0 : START_S);
        lay_progress(last, 10 + last, START_S);
        lay_progress(1 - last, 10 + last, SEALED_S);
        struct publisher_figures f = publish_at(publisher, both, 0);
        assert_int_equal(f.sealed_s, START_S);
        assert_int_equal(f.waits_for, last);
        publisher_destroy(&publisher);
    }
}

// Its line and its part were written together: one of them is not what it was.
static void a_part_that_holds_other_events_than_its_line_says_publishes_nothing(void **state) {
    static const struct coverage held[] = {{.to = 100, .counted = 99},
                                           {.to = 100, .counted = 100, .late = 1}};
    struct snapshot_name newest;
    for (size_t i = 0; i < 2; i++) {
        struct rows *rows = rows_create();
        char name[NAME_MAX_LENGTH];
        struct header header = keeper_header(FILE_PART, START_S);
        lay_parts();
        header.coverage = &held[i];
        header.coverage_count = 1;
        part_name_write(name, &(struct part_name){START_S, 0, 0, 100});
        lay(name, &header, rows);
        lay_through(0, 100);
        lay_through(1, 70);
        assert_int_equal(publish(), STATUS_BAD_DATA);
        assert_int_equal(shelf_newest(store, START_S, &newest, NULL), STATUS_NO_INPUT);
        rows_destroy(&rows);
    }
}

static void nor_before_the_window_itself_has_waited(void **state) {
    struct publisher *publisher = publisher_create(PARTITIONS, 10 * WINDOW_S * 1000);
    lay_parts();
    lay_through(0, 100); // nine windows of event time past its end
    assert_int_equal(publish_at(publisher, both, 0).published, 0);
    assert_int_equal(publish_at(publisher, both, INT64_MAX / 2).published, 0);
    publisher_destroy(&publisher);
}

// Whose windows it is to publish, if nobody owns it?
static void where_the_publisher_of_a_window_stands_still_the_next_is__goes_red_if_nobody(void **state) {
    struct publisher *publisher = publisher_create(PARTITIONS, AFTER_MS);
    uint32_t gone = publisher_of(START_S, PARTITIONS), there = 1 - gone;
    const bool owned[PARTITIONS] = {there == 0, there == 1};
    lay_parts();
    lay_through(there, there == 0 ? 100 : 70);
    assert_int_equal(publish_at(publisher, owned, 0).published, 0);
    assert_int_equal(publish_at(publisher, owned, AFTER_MS).published, 1);
    assert_true(newest_lacks(gone));
    publisher_destroy(&publisher);
}

// Its line would be gone when the complete one is to be made.
static void no_line_is_settled_by_a_window_that_is_incomplete(void **state) {
    struct publisher *publisher = publisher_create(PARTITIONS, AFTER_MS);
    int64_t to;
    struct problem p;
    lay_parts();
    lay_through(0, 100);
    publish_at(publisher, both, 0);
    publish_at(publisher, both, AFTER_MS);
    assert_int_equal(keep_files_published(&keeper, START_S, 0, &to, &p), STATUS_OK);
    assert_int_equal(to, -1);
    lay_progress(1, 10, SEALED_S);
    publish_at(publisher, both, AFTER_MS);
    assert_int_equal(keep_files_published(&keeper, START_S, 0, &to, &p), STATUS_OK);
    assert_int_equal(to, 100);
    publisher_destroy(&publisher);
}

// ---- refunds

enum { SOLD_S = START_S - 100 * 86400, PLACED_S = SOLD_S + 30 };

// Of the order 1.
static struct refund refund_of(int64_t placed_s) {
    struct refund refund = {.order_occurred_at_ms = placed_s * 1000,
                            .subject = {.account = slice_of("acme"), .platform = PLATFORM_WEB},
                            .increments = {1, true, {{field_counter(COUNTER_OF_REFUND), 1}}}};
    memset(refund.order, 1, sizeof(refund.order));
    return refund;
}

// In the window's part of partition 0: a like, and a refund of the order 1 that was placed long ago.
static void lay_refund(int64_t to, int64_t placed_s) {
    struct rows *rows = rows_create();
    struct increments likes = increments_like(to);
    struct refund refund = refund_of(placed_s);
    rows_add_subject(rows, &refund.subject, &likes);
    rows_add_refund(rows, &refund);
    lay_part_of(0, to, rows);
    rows_destroy(&rows);
}

// The orders of a window, of partition 1, as far as `to`: an order of that platform.
static void lay_orders(int64_t start_s, int64_t to, unsigned char order, uint32_t platform) {
    char name[NAME_MAX_LENGTH];
    struct rows *rows = rows_create();
    struct coverage coverage = covers(1, to);
    struct header header = keeper_header(FILE_ORDERS, start_s);
    header.coverage = &coverage;
    header.coverage_count = 1;
    struct order o = order_of("acme", order, 1, start_s * 1000, 5);
    o.subject.platform = platform;
    rows_add_order(rows, &o);
    orders_name_write(name, &(struct part_name){start_s, 1, 0, to});
    lay(name, &header, rows);
    rows_destroy(&rows);
}

// Partition 1 has no event of the window, and a line of the one that starts at `sold_s`, whose orders reach
// to `orders_to`; 0: it never had an event of it, -1: its line was settled.
static void lay_lines(int64_t offset, int64_t sold_s, int64_t orders_to) {
    struct rows *rows = rows_create();
    struct line line = {
        .start_s = sold_s, .counted = (uint64_t)orders_to, .to = orders_to, .orders_to = orders_to};
    const struct progress progress = {.partition = 1,
                                      .offset = offset,
                                      .sealed_s = SEALED_S,
                                      .watermark_ms = SEALED_S * 1000,
                                      .settled_before_s = orders_to < 0 ? sold_s + WINDOW_S : 0,
                                      .lines = &line,
                                      .line_count = orders_to > 0};
    if (orders_to > 0)
        lay_part_at(sold_s, 1, orders_to, rows);
    rows_destroy(&rows);
    lay_record(&progress);
}

static size_t revisions(void) {
    struct snapshot_name *names;
    size_t count;
    struct problem p;
    assert_int_equal(shelf_revisions(store, START_S, &names, &count, &p), STATUS_OK);
    free(names);
    return count;
}

static struct snapshot_name newest_read(struct rows *rows, struct shelf_file *file) {
    struct snapshot_name newest;
    struct problem p;
    char name[NAME_MAX_LENGTH];
    assert_int_equal(shelf_newest(store, START_S, &newest, &p), STATUS_OK);
    snapshot_name_write(name, &newest);
    assert_int_equal(shelf_read(store, name, rows, file, &p), STATUS_OK);
    return newest;
}

// The refund of a sale long ago, of whose window the line says so (lay_lines).
static void lay_refund_of_a_sale(int64_t line_to) {
    lay_refund(100, PLACED_S);
    lay_orders(SOLD_S, 30, 1, PLATFORM_TIKTOK);
    lay_through(0, 100);
    lay_lines(31, SOLD_S, line_to);
}

// Where the refund counts in the newest revision: on the platform of its order, or on its own.
static void the_refund_is_of(uint32_t platform) {
    struct rows *rows = rows_create();
    struct shelf_file file;
    newest_read(rows, &file);
    struct row_key key = {.table = TABLE_TOTALS, .platform = platform, .account = slice_of("acme")};
    assert_int_equal(value_of(rows, &key, field_counter(COUNTER_OF_REFUND)), 1);
    assert_int_equal(value_of(rows, &key, field_counter(COUNTER_REFUNDS_UNATTRIBUTED)),
                     platform == PLATFORM_WEB);
    shelf_file_fini(&file);
    rows_destroy(&rows);
}

// Of the window that the order was placed in, what the newest header says.
static void the_header_names(int64_t start_s, uint32_t partition, int64_t to, bool gone) {
    struct rows *rows = rows_create();
    struct shelf_file file;
    newest_read(rows, &file);
    const struct header *header = snapshot_header(file.snapshot);
    assert_int_equal(header->earlier_count, 1);
    assert_int_equal(header->earlier[0].start_s, start_s);
    assert_int_equal(header->earlier[0].partition, partition);
    assert_int_equal(header->earlier[0].to, to);
    assert_int_equal(header->earlier[0].gone, gone);
    shelf_file_fini(&file);
    rows_destroy(&rows);
}

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

static void remove_orders(void) {
    char name[NAME_MAX_LENGTH];
    orders_name_write(name, &(struct part_name){SOLD_S, 1, 0, 30});
    assert_int_equal(store_remove(store, name, NULL), STATUS_OK);
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
        TEST(a_revision_that_came_late_takes_nothing_away__goes_red_if_the_newest_alone_is_asked),
        TEST(where_all_lines_are_there_a_damaged_revision_is_not_needed),
        TEST(tags_fold_where_all_parts_are_together__a_part_alone_knows_not_which),
        TEST(where_a_line_was_settled_it_is__goes_red_if_it_is_passed_over),
        TEST(a_partition_that_nobody_seals_is_left_out_and_made_up_for),
        TEST(never_where_it_is_off),
        TEST(whom_windows_wait_for_is_told_once_and_after_a_while__red_without_the_while),
        TEST(nor_while_its_owner_reads__goes_red_if_the_distance_alone_is_looked_at),
        TEST(nor_while_a_quiet_partition_seals__goes_red_if_its_offset_alone_is_looked_at),
        TEST(nor_before_the_window_itself_has_waited),
        TEST(what_all_have_sealed_is_what_the_last_has__goes_red_if_it_is_any_others),
        TEST(a_part_that_holds_other_events_than_its_line_says_publishes_nothing),
        TEST(where_the_publisher_of_a_window_stands_still_the_next_is__goes_red_if_nobody),
        TEST(no_line_is_settled_by_a_window_that_is_incomplete),
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
