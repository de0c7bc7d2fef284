#include "aggregate/store/shelf.h"

#include "tests/unit/snapshot_fixture.h"
#include "tests/unit/store_of_test.h"

static int fresh(void **state) {
    store = store_fresh();
    return store == NULL;
}

static void lay(const char *name) {
    assert_int_equal(store_put(store, name, "x", 1, NULL), STATUS_OK);
}

static void lay_part(uint32_t partition, int64_t from, int64_t to) {
    char name[NAME_MAX_LENGTH];
    part_name_write(name, &(struct part_name){900, partition, from, to});
    lay(name);
}

static void lay_bytes(const char *name, const struct snapshot_bytes *bytes) {
    assert_int_equal(store_put(store, name, bytes->at, bytes->length, NULL), STATUS_OK);
}

static struct rows *some_rows(void) {
    struct rows *rows = rows_create();
    for (int i = 0; i < 100; i++) {
        char account[16];
        snprintf(account, sizeof(account), "account-%d", i);
        struct increments likes = increments_like(i + 1);
        rows_add_subject(rows, &(struct subject){.account = slice_of(account), .platform = PLATFORM_WEB},
                         &likes);
    }
    return rows;
}

static void a_file_is_read_with_its_header_and_its_rows(void **state) {
    struct rows *rows = some_rows(), *back = rows_create();
    struct snapshot_bytes bytes = written(&part_header, rows);
    struct shelf_file file;
    struct problem p;
    lay_bytes("parts/1700000100/a.zst", &bytes);
    assert_int_equal(shelf_open(store, "parts/1700000100/a.zst", &file, &p), STATUS_OK);
    assert_string_equal(file.name, "parts/1700000100/a.zst");
    assert_string_equal(snapshot_header(file.snapshot)->topic, "engagement");
    shelf_file_fini(&file);
    assert_int_equal(shelf_read(store, "parts/1700000100/a.zst", back, &file, &p), STATUS_OK);
    assert_same_rows(back, rows);
    assert_memory_equal(snapshot_sum(file.snapshot), bytes.sum, SNAPSHOT_SUM_SIZE);
    shelf_file_fini(&file);
    assert_int_equal(shelf_read(store, "parts/1700000100/a.zst", NULL, &file, &p),
                     STATUS_OK); // the sum alone
    assert_memory_equal(snapshot_sum(file.snapshot), bytes.sum, SNAPSHOT_SUM_SIZE);
    shelf_file_fini(&file);
    shelf_file_fini(&file);
    assert_int_equal(shelf_open(store, "parts/1700000100/b.zst", &file, &p), STATUS_NO_INPUT);
    snapshot_bytes_fini(&bytes);
    rows_destroy(&rows);
    rows_destroy(&back);
}

// Cut off anywhere, or with a bit changed, a file is named; it stays where it is, for whoever looks into it.
static void a_damaged_file_is_named_and_left(void **state) {
    struct rows *rows = some_rows();
    struct snapshot_bytes bytes = written(&part_header, rows);
    char *damaged = malloc(bytes.length);
    for (size_t at = 0; at < bytes.length; at += 1 + bytes.length / 50) {
        for (int cut = 0; cut < 2; cut++) {
            struct shelf_file file;
            struct problem p;
            memcpy(damaged, bytes.at, bytes.length);
            damaged[at] = (char)(damaged[at] ^ 0x10);
            size_t length = cut ? at : bytes.length;
            assert_int_equal(store_put(store, "parts/900/a.zst", damaged, length, NULL), STATUS_OK);
            assert_int_equal(shelf_read(store, "parts/900/a.zst", NULL, &file, &p), STATUS_BAD_DATA);
            assert_string_equal(p.code, "CLM-D3");
            assert_non_null(strstr(p.what, "parts/900/a.zst"));
            assert_null(file.snapshot);
            assert_null(file.bytes);
            char *found;
            size_t found_length;
            assert_int_equal(store_get(store, "parts/900/a.zst", &found, &found_length, NULL), STATUS_OK);
            assert_int_equal(found_length, length);
            free(found);
        }
    }
    free(damaged);
    snapshot_bytes_fini(&bytes);
    rows_destroy(&rows);
}

static void windows_come_by_their_time(void **state) {
    static const char *const names[] = {"parts/900/a", "parts/2700/a",    "parts/1767225600/a",
                                        "parts/0/a",   "parts/notes/a",   "parts/800",
                                        "parts/007/a", "snapshots/1800/a"};
    static const int64_t expected[] = {0, 900, 2700, 1767225600};
    int64_t *starts;
    size_t count;
    assert_int_equal(shelf_windows(store, "parts", &starts, &count, NULL, NULL), STATUS_OK);
    assert_int_equal(count, 0);
    free(starts);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        lay(names[i]);
    struct store_names others;
    assert_int_equal(shelf_windows(store, "parts", &starts, &count, &others, NULL), STATUS_OK);
    assert_int_equal(others.count, 3);
    assert_string_equal(others.at[0], "007/");
    assert_string_equal(others.at[1], "800");
    assert_string_equal(others.at[2], "notes/");
    store_names_fini(&others);
    assert_int_equal(count, 4);
    assert_memory_equal(starts, expected, sizeof(expected));
    free(starts);
    assert_int_equal(shelf_windows(store, "snapshots", &starts, &count, NULL, NULL), STATUS_OK);
    assert_int_equal(count, 1);
    assert_int_equal(starts[0], 1800);
    free(starts);
}

static void the_newest_revision_is_that_of_the_greatest_sum(void **state) {
    static const struct snapshot_name revisions[] = {{900, 1000, 7}, {900, 70, UINT64_MAX}, {900, 100, 0}};
    struct snapshot_name newest, *names;
    struct problem p;
    size_t count;
    char name[NAME_MAX_LENGTH];
    assert_int_equal(shelf_newest(store, 900, &newest, &p), STATUS_NO_INPUT);
    for (size_t i = 0; i < 3; i++) {
        snapshot_name_write(name, &revisions[i]);
        lay(name);
    }
    lay("snapshots/900/z.zst");
    lay("snapshots/900/9999999999999999999-0000000000000000.zst");
    snapshot_name_write(name, &(struct snapshot_name){1800, 5000, 1});
    lay(name);
    assert_int_equal(shelf_revisions(store, 900, &names, &count, &p), STATUS_OK);
    assert_int_equal(count, 3);
    assert_int_equal(names[0].sum, 70);
    assert_int_equal(names[1].sum, 100);
    assert_int_equal(names[2].sum, 1000);
    free(names);
    assert_int_equal(shelf_newest(store, 900, &newest, &p), STATUS_OK);
    assert_int_equal(newest.start_s, 900);
    assert_int_equal(newest.sum, 1000);
    assert_int_equal(newest.hash, 7);
}

enum { PARTITIONS = 4 };

static void of_parts_the_longest_counts_up_to_the_bound(void **state) {
    static const int64_t open_bounds[PARTITIONS] = {INT64_MAX, INT64_MAX, INT64_MAX, INT64_MAX};
    static const int64_t bounds[PARTITIONS] = {200, 49, INT64_MAX, INT64_MAX};
    struct part_name parts[PARTITIONS];
    lay_part(0, 10, 200);
    lay_part(0, 10, 1000);
    lay_part(0, 10, 99);
    lay_part(1, 0, 50);
    // After a start from a later place: however far it came, it does not hold what came before.
    lay_part(2, 0, 300);
    lay_part(2, 250, 90000);
    lay_part(PARTITIONS, 0, 5);
    lay("parts/900/z");
    lay("parts/1800/p0003-0000000000000000000-0000000000000000009.zst");
    assert_int_equal(shelf_parts(store, 900, open_bounds, parts, PARTITIONS, NULL), STATUS_OK);
    assert_int_equal(parts[0].to, 1000);
    assert_int_equal(parts[1].to, 50);
    assert_int_equal(parts[2].from, 0);
    assert_int_equal(parts[2].to, 300);
    assert_int_equal(parts[3].to, -1);
    assert_int_equal(parts[3].partition, 3);
    assert_int_equal(parts[3].start_s, 900);
    assert_int_equal(shelf_parts(store, 900, bounds, parts, PARTITIONS, NULL), STATUS_OK);
    assert_int_equal(parts[0].from, 10);
    assert_int_equal(parts[0].to, 200);
    assert_int_equal(parts[1].to, -1);
    assert_int_equal(shelf_parts(store, 2700, open_bounds, parts, PARTITIONS, NULL), STATUS_OK);
    for (uint32_t i = 0; i < PARTITIONS; i++)
        assert_int_equal(parts[i].to, -1);
}

static struct snapshot_name name_of(const struct coverage *coverage, size_t count,
                                    const struct earlier_orders *earlier, size_t earlier_count) {
    const struct header header = {.start_s = 900,
                                  .coverage = coverage,
                                  .coverage_count = count,
                                  .earlier = earlier,
                                  .earlier_count = earlier_count};
    return shelf_name_of(&header);
}

// Two fleets, or two years, give the same name to the same coverage; and to another one another.
static void a_name_says_the_coverage(void **state) {
    static const struct coverage coverage[] = {{0, 0, 500, 9, 1, false, 0}, {1, 3, 4000, 8, 0, false, 0}};
    static const struct earlier_orders earlier[] = {{0, 1, 30, false}, {450, 0, 20, false}};
    struct coverage other[2];
    char text[NAME_MAX_LENGTH];
    struct snapshot_name name = name_of(coverage, 2, NULL, 0);
    snapshot_name_write(text, &name);
    assert_string_equal(text, "snapshots/900/0000000000000004500-758c70f615b4452f.zst");
    for (int i = 0; i < 5; i++) {
        memcpy(other, coverage, sizeof(other));
        other[1].start += i == 0;
        other[1].to += i == 1;
        other[1].missing = i == 2;
        other[0].to += i == 3, other[1].to -= i == 3; // the same sum
        other[1].partition += i == 4;
        assert_int_not_equal(name_of(other, 2, NULL, 0).hash, name.hash);
    }
    assert_int_equal(name_of(other, 0, NULL, 0).sum, 0);
    assert_int_equal(name_of(coverage, 2, earlier, 2).sum, 4550);
    assert_int_not_equal(name_of(coverage, 2, earlier, 2).hash, name_of(coverage, 2, earlier, 1).hash);
}

// Of two revisions that reach as far, one looked up what had left the store for the other: what both say
// together is that it is gone.
static void what_is_gone_comes_after__goes_red_if_the_hash_alone_says_so(void **state) {
    static const struct coverage coverage[] = {{0, 0, 500, 9, 1, false, 0}, {1, 3, 4000, 8, 0, false, 0}};
    struct earlier_orders earlier[] = {{0, 1, 30, false}, {450, 0, 0, false}};
    struct snapshot_name name = name_of(coverage, 2, earlier, 2);
    for (int i = 0; i < 2; i++) {
        earlier[i].gone = true;
        struct snapshot_name gone = name_of(coverage, 2, earlier, 2);
        assert_int_equal(gone.sum, name.sum + 1);
        name = gone;
    }
}

static void lay_through(uint32_t partition, int64_t offset, int64_t sealed_s) {
    struct progress progress = {.partition = partition, .offset = offset, .sealed_s = sealed_s, .read = 5};
    struct header header = {.kind = FILE_THROUGH,
                            .topic = "engagement",
                            .topic_id = "k8s2",
                            .rules_hash = "0011",
                            .kpis_hash = "2233",
                            .partitions = 12,
                            .progress = &progress};
    struct snapshot_bytes bytes;
    char name[NAME_MAX_LENGTH];
    snapshot_write(&bytes, &header, NULL, 0);
    through_name_write(name, &(struct through_name){partition, offset, sealed_s});
    lay_bytes(name, &bytes);
    snapshot_bytes_fini(&bytes);
}

static void the_newest_through_record_that_is_whole_is_taken(void **state) {
    struct shelf_file file;
    struct problem p;
    assert_int_equal(shelf_through(store, 3, &file, &p), STATUS_NO_INPUT);
    lay_through(3, 100, 900);
    lay_through(3, 1000, 900);
    lay_through(3, 1000, 1800);
    lay_through(4, 7000, 1800);
    lay_through(30, 8000, 1800);
    assert_int_equal(shelf_through(store, 3, &file, &p), STATUS_OK);
    assert_int_equal(snapshot_header(file.snapshot)->progress->offset, 1000);
    assert_int_equal(snapshot_header(file.snapshot)->progress->sealed_s, 1800);
    shelf_file_fini(&file);
    lay("through/p0003-0000000000000005000-0000000000000002700.zst"); // torn
    assert_int_equal(shelf_through(store, 3, &file, &p), STATUS_OK);
    assert_int_equal(snapshot_header(file.snapshot)->progress->offset, 1000);
    shelf_file_fini(&file);
    assert_int_equal(shelf_through(store, 5, &file, &p), STATUS_NO_INPUT);
    lay("through/p0005-0000000000000005000-0000000000000002700.zst");
    assert_int_equal(shelf_through(store, 5, &file, &p), STATUS_BAD_DATA);
    assert_non_null(strstr(p.what, "through/p0005-0000000000000005000-0000000000000002700.zst"));
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, fresh, done)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_file_is_read_with_its_header_and_its_rows),
        TEST(a_damaged_file_is_named_and_left),
        TEST(windows_come_by_their_time),
        TEST(the_newest_revision_is_that_of_the_greatest_sum),
        TEST(of_parts_the_longest_counts_up_to_the_bound),
        TEST(a_name_says_the_coverage),
        TEST(what_is_gone_comes_after__goes_red_if_the_hash_alone_says_so),
        TEST(the_newest_through_record_that_is_whole_is_taken),
    };
    return cmocka_run_group_tests(tests, store_fixture_begin, store_fixture_end);
}
