// Files in a store that are not what they are taken for: of another log, or renamed. A backup that was put
// back in the wrong place looks like this. Each is named and passed over, and nothing is made of it.
#include "aggregate/keep/keep_files.h"
#include "aggregate/keep/publisher.h"
#include "runtime/log/log.h"
#include "tests/unit/keeper_fixture.h"

enum { PARTITIONS = 2, START_S = 1767225600, OTHERS = 8 };
#define NEXT_S   (START_S + (int64_t)WINDOW_S)
#define SEALED_S (START_S + 10 * (int64_t)WINDOW_S)

static int fresh(void **state) {
    keeper_fresh(PARTITIONS);
    return store == NULL;
}

static struct header of_progress(enum file_kind kind, const struct progress *progress) {
    struct header header = keeper_header(kind, 0);
    header.end_s = 0;
    header.progress = progress;
    return header;
}

static void lay_header(const char *name, const struct header *header) {
    struct snapshot_bytes bytes;
    snapshot_write(&bytes, header, NULL, 0);
    assert_int_equal(store_put(store, name, bytes.at, bytes.length, NULL), STATUS_OK);
    snapshot_bytes_fini(&bytes);
}

static void rename_file(const char *from, const char *to) {
    char *bytes;
    size_t length;
    assert_int_equal(store_get(store, from, &bytes, &length, NULL), STATUS_OK);
    assert_int_equal(store_put(store, to, bytes, length, NULL), STATUS_OK);
    assert_int_equal(store_remove(store, from, NULL), STATUS_OK);
    free(bytes);
}

// ---- checkpoints

static void lay_checkpoint(const struct header *header) {
    const struct progress *at = header->progress;
    char name[NAME_MAX_LENGTH];
    checkpoint_name_write(name, &(struct checkpoint_name){at->partition, at->offset, at->after});
    lay_header(name, header);
}

static void lay_base(uint32_t partition, int64_t offset) {
    const struct progress at = {
        .partition = partition, .offset = offset, .after = offset, .read = (uint64_t)offset};
    const struct header header = of_progress(FILE_CHECKPOINT, &at);
    lay_checkpoint(&header);
}

static void restores(int64_t offset) {
    struct kept *kept;
    struct problem p;
    assert_int_equal(keeper_restore(&keeper, 0, 0, &kept, &p), STATUS_OK);
    assert_int_equal(kept->ledger.offset, offset);
    keeper_release(&kept);
}

static void a_checkpoint_of_another_partition_is_none__goes_red_if_its_name_is_believed(void **state) {
    lay_base(0, 100);
    lay_base(1, 200);
    rename_file("checkpoints/p0001-0000000000000000200-0000000000000000200.zst",
                "checkpoints/p0000-0000000000000000200-0000000000000000200.zst");
    restores(100);
}

static void lay_segment(int64_t offset, int64_t after) {
    const struct progress at = {.offset = offset, .after = after, .segment = true, .read = (uint64_t)offset};
    const struct header header = of_progress(FILE_CHECKPOINT, &at);
    lay_checkpoint(&header);
}

static void nor_one_of_another_offset(void **state) {
    lay_base(0, 100);
    lay_segment(200, 100);
    rename_file("checkpoints/p0000-0000000000000000200-0000000000000000100.zst",
                "checkpoints/p0000-0000000000000000300-0000000000000000100.zst");
    restores(100);
}

// As a base it would lack all that the files before it hold.
static void nor_a_segment_that_is_called_a_base(void **state) {
    lay_base(0, 100);
    lay_segment(200, 100);
    rename_file("checkpoints/p0000-0000000000000000200-0000000000000000100.zst",
                "checkpoints/p0000-0000000000000000200-0000000000000000200.zst");
    restores(100);
}

static void nor_one_of_another_log(void **state) {
    const struct progress at = {.offset = 200, .after = 200, .read = 200};
    struct header header = of_progress(FILE_CHECKPOINT, &at);
    lay_base(0, 100);
    header.topic = "orders";
    lay_checkpoint(&header);
    restores(100);
    header.topic = keeper.topic;
    header.topic_id = "made-anew";
    lay_checkpoint(&header);
    restores(100);
    header.topic_id = keeper.topic_id;
    header.partitions = OTHERS;
    lay_checkpoint(&header);
    restores(100);
    header.partitions = PARTITIONS;
    header.topic_id = ""; // the cluster did not tell, then
    lay_checkpoint(&header);
    restores(200);
}

// ---- through records

static void lay_through_of(uint32_t partition, int64_t to, int64_t start) {
    struct line line = {.start_s = START_S, .counted = (uint64_t)to, .to = to};
    struct progress progress = {.partition = partition,
                                .start = start,
                                .offset = 1000,
                                .sealed_s = SEALED_S,
                                .watermark_ms = SEALED_S * 1000,
                                .lines = &line,
                                .line_count = to > 0};
    lay_record(&progress);
}

static void lay_through(uint32_t partition, int64_t to) {
    lay_through_of(partition, to, 0);
}

// What a record of another partition says was sealed is not.
static void a_record_of_another_partition_seals_nothing__goes_red_if_it_is_believed(void **state) {
    struct kept *kept;
    struct problem p;
    lay_base(0, 1000);
    lay_through(1, 0);
    rename_file("through/p0001-0000000000000001000-0000000001767234600.zst",
                "through/p0000-0000000000000001000-0000000001767234600.zst");
    assert_int_equal(keeper_restore(&keeper, 0, 0, &kept, &p), STATUS_OK);
    assert_int_equal(kept->ledger.sealed_s, 0);
    assert_false(kept->told);
    keeper_release(&kept);
}

// The crash came between the checkpoint, which has sealed more, and its record.
static void
a_record_that_seals_less_than_the_checkpoint_is_made_up_for__goes_red_if_it_is_enough(void **state) {
    const struct progress at = {.offset = 1000,
                                .after = 1000,
                                .sealed_s = SEALED_S + WINDOW_S,
                                .watermark_ms = (SEALED_S + WINDOW_S) * 1000};
    const struct header header = of_progress(FILE_CHECKPOINT, &at);
    struct kept *kept;
    struct problem p;
    lay_checkpoint(&header);
    lay_through(0, 0);
    assert_int_equal(keeper_restore(&keeper, 0, 0, &kept, &p), STATUS_OK);
    assert_false(kept->told);
    assert_int_equal(kept->ledger.sealed_s, SEALED_S + WINDOW_S);
    keeper_release(&kept);
}

// ---- parts and revisions

static struct coverage covers(uint32_t partition, int64_t to) {
    return (struct coverage){.partition = partition, .to = to, .counted = (uint64_t)to};
}

static void lay_part(const char *name, const struct coverage *coverage) {
    struct rows *rows = rows_create();
    struct increments likes = increments_like((int64_t)coverage->counted);
    struct header header = keeper_header(FILE_PART, START_S);
    header.coverage = coverage;
    header.coverage_count = 1;
    rows_add_subject(rows, &(struct subject){.account = slice_of("acme"), .platform = PLATFORM_WEB}, &likes);
    lay(name, &header, rows);
    rows_destroy(&rows);
}

static void lay_both_parts(void) {
    const struct coverage coverage[] = {covers(0, 100), covers(1, 70)};
    char name[NAME_MAX_LENGTH];
    for (uint32_t i = 0; i < PARTITIONS; i++) {
        part_name_write(name, &(struct part_name){START_S, i, 0, coverage[i].to});
        lay_part(name, &coverage[i]);
    }
}

static void lay_revision(const struct header *header, int64_t start_s) {
    char name[NAME_MAX_LENGTH];
    struct rows *rows = rows_create();
    struct snapshot_name revision = shelf_name_of(header);
    revision.start_s = start_s;
    snapshot_name_write(name, &revision);
    lay(name, header, rows);
    rows_destroy(&rows);
}

static enum status publish(void) {
    static const bool owned[PARTITIONS] = {true, true};
    struct publisher *publisher = publisher_create(PARTITIONS, -1);
    struct problem p;
    bool more;
    enum status status = publisher_run(publisher, &keeper, owned, 8, 0, &more, &p);
    publisher_destroy(&publisher);
    return status;
}

// Is there a revision that reaches so far, and from there?
static bool is_published(int64_t start, int64_t to, int64_t other_to) {
    const struct coverage coverage[] = {{.partition = 0, .start = start, .to = to}, covers(1, other_to)};
    struct header header = keeper_header(FILE_WINDOW, START_S);
    char *bytes, name[NAME_MAX_LENGTH];
    size_t length;
    header.coverage = coverage;
    header.coverage_count = PARTITIONS;
    const struct snapshot_name revision = shelf_name_of(&header);
    snapshot_name_write(name, &revision);
    enum status status = store_get(store, name, &bytes, &length, NULL);
    if (status == STATUS_OK)
        free(bytes);
    return status == STATUS_OK;
}

static void a_record_of_another_offset_publishes_nothing(void **state) {
    lay_both_parts();
    lay_through(0, 100);
    lay_through(1, 70);
    rename_file("through/p0001-0000000000000001000-0000000001767234600.zst",
                "through/p0001-0000000000000002000-0000000001767234600.zst");
    assert_int_equal(publish(), STATUS_OK);
    assert_false(is_published(0, 100, 70));
}

static void is_passed_over(const struct header *revision) {
    lay_revision(revision, START_S);
    lay_both_parts();
    lay_through(0, 100);
    lay_through(1, 70);
    assert_int_equal(publish(), STATUS_OK);
    assert_true(is_published(0, 100, 70));
}

// It says that it is ours, and has a place for more.
static void a_revision_of_more_partitions_is_not_joined(void **state) {
    struct coverage coverage[OTHERS];
    struct header header = keeper_header(FILE_WINDOW, START_S);
    for (uint32_t i = 0; i < OTHERS; i++)
        coverage[i] = covers(i, 900);
    header.coverage = coverage;
    header.coverage_count = OTHERS;
    is_passed_over(&header);
}

static void nor_one_of_fewer__goes_red_if_the_places_are_not_looked_at(void **state) {
    const struct coverage coverage = covers(1, 900);
    struct header header = keeper_header(FILE_WINDOW, START_S);
    header.coverage = &coverage;
    header.coverage_count = 1;
    is_passed_over(&header);
}

static void nor_one_of_other_partitions(void **state) {
    const struct coverage coverage[] = {covers(1, 900), covers(2, 900)};
    struct header header = keeper_header(FILE_WINDOW, START_S);
    header.coverage = coverage;
    header.coverage_count = PARTITIONS;
    is_passed_over(&header);
}

// There is no start of such a partition that its orders could be called by.
static void nor_one_held_against_orders_of_a_partition_that_there_is_not(void **state) {
    struct coverage coverage[] = {covers(0, 900), covers(1, 900)};
    const struct earlier_orders earlier = {START_S - WINDOW_S, OTHERS, 100, false};
    struct header header = keeper_header(FILE_WINDOW, START_S);
    coverage[0].orders_to = 900;
    header.coverage = coverage;
    header.coverage_count = PARTITIONS;
    header.earlier = &earlier;
    header.earlier_count = 1;
    is_passed_over(&header);
}

static void nor_one_of_another_window(void **state) {
    const struct coverage coverage[] = {covers(0, 900), covers(1, 900)};
    struct header header = keeper_header(FILE_WINDOW, NEXT_S);
    header.coverage = coverage;
    header.coverage_count = PARTITIONS;
    is_passed_over(&header);
}

static void a_part_that_starts_elsewhere_is_another(void **state) {
    const struct coverage coverage = {.start = 50, .to = 100, .counted = 50};
    struct rows *rows = rows_create();
    struct coverage read;
    struct problem p;
    lay_part("parts/1767225600/p0000-0000000000000000000-0000000000000000100.zst", &coverage);
    assert_int_equal(keep_files_read_part(&keeper, &(struct part_name){START_S, 0, 0, 100}, rows, &read, &p),
                     STATUS_BAD_DATA);
    rows_destroy(&rows);
}

// A store whose aggregators began anew, further on in the log, as when "meta" and checkpoints were lost: what
// was sealed before holds records that they have never read.
static void a_line_that_starts_later_replaces_nothing__goes_red_if_the_greater_end_does(void **state) {
    const struct coverage coverage[] = {covers(0, 100), covers(1, 70)};
    const struct coverage later = {.start = 50, .to = 120, .counted = 70};
    struct header header = keeper_header(FILE_WINDOW, START_S);
    header.coverage = coverage;
    header.coverage_count = PARTITIONS;
    lay_both_parts();
    lay_revision(&header, START_S);
    lay_part("parts/1767225600/p0000-0000000000000000050-0000000000000000120.zst", &later);
    lay_through_of(0, 120, 50);
    lay_through(1, 70);
    assert_int_equal(publish(), STATUS_OK);
    assert_false(is_published(50, 120, 70));
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, fresh, done)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_checkpoint_of_another_partition_is_none__goes_red_if_its_name_is_believed),
        TEST(nor_one_of_another_offset),
        TEST(nor_a_segment_that_is_called_a_base),
        TEST(nor_one_of_another_log),
        TEST(a_record_of_another_partition_seals_nothing__goes_red_if_it_is_believed),
        TEST(a_record_that_seals_less_than_the_checkpoint_is_made_up_for__goes_red_if_it_is_enough),
        TEST(a_record_of_another_offset_publishes_nothing),
        TEST(a_revision_of_more_partitions_is_not_joined),
        TEST(nor_one_of_fewer__goes_red_if_the_places_are_not_looked_at),
        TEST(nor_one_of_other_partitions),
        TEST(nor_one_held_against_orders_of_a_partition_that_there_is_not),
        TEST(nor_one_of_another_window),
        TEST(a_part_that_starts_elsewhere_is_another),
        TEST(a_line_that_starts_later_replaces_nothing__goes_red_if_the_greater_end_does),
    };
    log_configure("error", "text");
    return cmocka_run_group_tests(tests, store_fixture_begin, store_fixture_end);
}
