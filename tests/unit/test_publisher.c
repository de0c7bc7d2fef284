// What a window is published with, where the records alone do not say it: lines were settled, a revision was
// published late, or is damaged. (What is published in all other cases: test_keeper.c.)
#include "tests/unit/capture.h"
#include "tests/unit/publisher_fixture.h"

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

static void cut(const struct snapshot_name *revision) {
    char name[NAME_MAX_LENGTH];
    snapshot_name_write(name, revision);
    assert_int_equal(store_put(store, name, "torn", 4, NULL), STATUS_OK);
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

// How far a partition has come that has no event of the window.
static void lay_progress(uint32_t partition, int64_t offset, int64_t sealed_s) {
    lay_record(&(struct progress){
        .partition = partition, .offset = offset, .sealed_s = sealed_s, .watermark_ms = sealed_s * 1000});
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
    };
    return cmocka_run_group_tests(tests, store_fixture_begin, store_fixture_end);
}
