// The golden files of format version 1: tests/contract/snapshots/v1.zst, and v1_window.zst with what the
// version gained since. They must be readable for ever, and are what today's writer writes from the same
// rows. They were made by this program: `test_snapshot_golden v1.zst|v1_window.zst FILE` writes one.
#include "snapshot_fixture.h"

#include <zstd.h>

#define GOLDEN SOURCE_DIR "/tests/contract/snapshots/"

static struct line lines[] = {{-900, 3, 0, 17, false, 0}, {1700000100, 4, 1, 90, true, 0}};

static const struct progress progress = {.partition = 7,
                                         .start = 5,
                                         .offset = 1234,
                                         .watermark_ms = 1700001000123,
                                         .sealed_s = 1699999200,
                                         .read = 40,
                                         .rejected = 2,
                                         .duplicate = 3,
                                         .settled_counted = 25,
                                         .settled_late = 2,
                                         .settled_before_s = 1699998300,
                                         .lines = lines,
                                         .line_count = 2,
                                         .after = 1000,
                                         .segment = true};

static const struct coverage coverage[] = {{0, 0, 90, 11, 0, false, 0}, {7, 5, 1234, 29, 1, true, 0}};

static const struct header header = {.kind = FILE_CHECKPOINT,
                                     .start_s = 1699999200,
                                     .end_s = 1700001000,
                                     .topic = "engagement",
                                     .topic_id = "Zm9vYmFyYmF6cXV4",
                                     .partitions = 12,
                                     .rules_hash = "0123456789abcdef",
                                     .kpis_hash = "fedcba9876543210",
                                     .coverage = coverage,
                                     .coverage_count = 2,
                                     .progress = &progress};

static void add_subjects(struct rows *r) {
    const struct slice tags[] = {slice_of("run"), slice_of("runner"), slice_of("run")};
    const struct slice topics[] = {slice_of("price"), slice_of("caf\xc3\xa9")};
    const struct slice contents[] = {slice_of("post-1"), slice_of("post-12"), sized("post-12\0x", 9),
                                     slice_of("\xe6\x97\xa5")};
    for (uint32_t i = 0; i < 4; i++) {
        struct subject s = {.account = i % 2 == 0 ? slice_of("acme") : slice_of("acm\xc3\xa9"),
                            .platform = i < 3 ? PLATFORM_TIKTOK : 1000,
                            .origin = i % 3,
                            .format = 5 * i,
                            .paid = i == 2,
                            .content = contents[i],
                            .campaign = i == 1 ? slice_of("spring") : slice_of(""),
                            .tags = tags,
                            .tag_count = i,
                            .topics = topics,
                            .topic_count = 2};
        struct increments increments = {3,
                                        true,
                                        {{field_kind(777), 1 - (int64_t)i},
                                         {field_counter(COUNTER_OF_VIEW), (int64_t)i + 1},
                                         {field_counter(COUNTER_WATCH_MS), 1000 * (int64_t)i}}};
        rows_add_subject(r, &s, &increments);
        rows_add_late(r, &s, &increments);
    }
}

static void add_extremes(struct rows *r) {
    uint32_t row = rows_row(r, &(struct row_key){.table = TABLE_TOTALS,
                                                 .platform = UINT32_MAX,
                                                 .origin = UINT32_MAX,
                                                 .format = UINT32_MAX,
                                                 .paid = true,
                                                 .account = slice_of("zoo")});
    rows_add(r, row, field_counter(COUNTER_DWELL_MS), INT64_MIN);
    rows_add(r, row, field_counter(COUNTER_LIVE_WATCH_MS), INT64_MAX);
    rows_add(r, row, field_currency(field_counter(COUNTER_NET_MICROS), slice_of("EUR")), -1990000);
    rows_add(r, row, field_currency(field_counter(COUNTER_NET_MICROS), slice_of("JPY")), 1);
}

static void add_orders(struct rows *r) {
    const struct slice tags[] = {slice_of("run"), slice_of("sale")};
    struct order o = order_of("acme", 0xab, 0x01, 1700000150000, 25000000);
    o.subject.content = slice_of("post-1");
    o.subject.campaign = slice_of("spring");
    o.subject.tags = tags;
    o.subject.tag_count = 2;
    o.subject.topics = tags + 1;
    o.subject.topic_count = 1;
    o.subject.origin = 1;
    o.subject.format = 16;
    o.subject.paid = true;
    rows_add_order(r, &o);
    o.event_id[15] = 0xff;
    o.occurred_at_ms++;
    rows_add_order(r, &o);
    o = order_of("zoo", 0x01, 0xfe, 1700000100000, -1);
    rows_add_order(r, &o);
}

static struct snapshot_bytes golden_make(void) {
    struct rows *early = rows_create(), *late = rows_create();
    struct snapshot_bytes out;
    add_subjects(late);
    add_extremes(late);
    add_orders(late);
    rows_add(early, rows_row(early, &(struct row_key){.table = TABLE_TOTALS, .account = slice_of("acme")}),
             field_counter(COUNTER_OF_LIKE), 3);
    snapshot_write(&out, &header, (struct snapshot_window[]){{-900, early}, {1700000100, late}}, 2);
    rows_destroy(&early);
    rows_destroy(&late);
    return out;
}

// A published window: sketches, of tags and topics the row of what is used less, and what was read.
static struct snapshot_bytes window_make(void) {
    static const struct coverage covers[] = {{0, 5, 90, 11, 0, false, 0}};
    const struct header window = {.kind = FILE_WINDOW,
                                  .start_s = 1700000100,
                                  .end_s = 1700001000,
                                  .topic = "engagement",
                                  .topic_id = "",
                                  .partitions = 1,
                                  .coverage = covers,
                                  .coverage_count = 1};
    static const char *const names[] = {"", "other", "zebra"};
    struct rows *r = rows_create();
    for (enum table table = TABLE_TAG; table <= TABLE_TOPIC; table++) {
        for (int i = 0; i < 3; i++) {
            const struct row_key key = {
                .table = table, .platform = 2, .account = slice_of("acme"), .id = slice_of(names[i])};
            rows_add(r, rows_row(r, &key), field_counter(COUNTER_OF_LIKE), 5 - i);
        }
    }
    for (uint64_t nth = 0; nth < 3; nth++)
        add_reached(r, SKETCHED_ACTORS, "acme", 2, nth);
    rows_add_duration(r, SKETCHED_WATCH_MS, slice_of("acme"), 2, 1234);
    const struct latest_reading readings[] = {
        reading_of("acme", "", "followers", 0, 1, 0xff),
        reading_of("acme", "post-1", "likes", -3, 1700000200000, 1),
        reading_of("acme", "post-1", "views", 100000000000000000, INT64_C(9007199254740991), 2),
        reading_of("zoo", "caf\xc3\xa9", "a_counter_of_the_platform_9", 7, 1700000200000, 3),
    };
    for (size_t i = 0; i < sizeof(readings) / sizeof(readings[0]); i++)
        rows_add_reading(r, &readings[i]);
    struct snapshot_bytes out = written(&window, r);
    rows_destroy(&r);
    return out;
}

static const struct golden {
    const char *path;
    struct snapshot_bytes (*make)(void);
} goldens[] = {{GOLDEN "v1.zst", golden_make}, {GOLDEN "v1_window.zst", window_make}};
enum { GOLDENS = sizeof(goldens) / sizeof(goldens[0]) };

static char *file_read(const char *path, size_t *length) {
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    char *bytes = malloc(65536);
    *length = fread(bytes, 1, 65536, file);
    assert_in_range(*length, 1, 65535);
    fclose(file);
    return bytes;
}

static void assert_golden(const struct golden *golden) {
    size_t length;
    char *file = file_read(golden->path, &length);
    struct snapshot_bytes made = golden->make();
    char *bytes = malloc(made.uncompressed + 1), *expected = malloc(made.uncompressed);
    ZSTD_DCtx *zstd = ZSTD_createDCtx();
    assert_int_equal(ZSTD_decompressDCtx(zstd, bytes, made.uncompressed + 1, file, length),
                     made.uncompressed);
    assert_int_equal(ZSTD_decompressDCtx(zstd, expected, made.uncompressed, made.at, made.length),
                     made.uncompressed);
    assert_memory_equal(bytes, expected, made.uncompressed);
    ZSTD_freeDCtx(zstd);
    free(expected);
    free(bytes);
    free(file);
    snapshot_bytes_fini(&made);
}

static void todays_writer_writes_the_golden_bytes(void **state) {
    for (int i = 0; i < GOLDENS; i++)
        assert_golden(&goldens[i]);
}

static struct rows *rows_of(void *context, int64_t window_s) {
    struct rows **r = context;
    return window_s == -900 ? r[0] : r[1];
}

static void the_golden_file_is_readable(void **state) {
    size_t length;
    char *file = file_read(goldens[0].path, &length);
    struct snapshot *s;
    struct problem p = {0};
    struct rows *r[] = {rows_create(), rows_create()};
    assert_int_equal(snapshot_open(&s, goldens[0].path, file, length, &p), STATUS_OK);
    assert_int_equal(snapshot_read(s, rows_of, r, &p), STATUS_OK);
    assert_int_equal(snapshot_header(s)->progress->lines[0].start_s, -900);
    assert_string_equal(snapshot_header(s)->topic, "engagement");
    assert_int_equal(rows_value(r[0], 0, field_counter(COUNTER_OF_LIKE)), 3);
    const struct row_key key = {TABLE_CONTENT,    PLATFORM_TIKTOK,       0, 0, false,
                                slice_of("acme"), sized("post-12\0x", 9)};
    assert_int_equal(value_of(r[1], &key, field_kind(777)), -1);
    assert_int_equal(rows_order_count(r[1]), 3);
    snapshot_close(&s);
    rows_destroy(&r[0]);
    rows_destroy(&r[1]);
    free(file);
}

static struct rows *rows_of_one(void *rows, int64_t window_s) {
    return rows;
}

static void the_golden_window_is_readable(void **state) {
    size_t length;
    char *file = file_read(goldens[1].path, &length);
    struct snapshot *s;
    struct problem p = {0};
    struct rows *r = rows_create();
    struct row_key key = {
        .table = TABLE_TAG, .platform = 2, .account = slice_of("acme"), .id = slice_of("other")};
    assert_int_equal(snapshot_open(&s, goldens[1].path, file, length, &p), STATUS_OK);
    assert_int_equal(snapshot_read(s, rows_of_one, r, &p), STATUS_OK);
    assert_int_equal(value_of(r, &key, field_counter(COUNTER_OF_LIKE)), 4);
    key.id = slice_of("");
    assert_int_equal(value_of(r, &key, field_counter(COUNTER_OF_LIKE)), 5);
    assert_int_equal(rows_reading_count(r), 4);
    assert_int_equal(rows_reading(r, 1)->value, -3);
    assert_int_equal(rows_reading(r, 2)->read_at_ms, INT64_C(9007199254740991));
    assert_int_equal(rows_sketch_count(r), 2);
    snapshot_close(&s);
    rows_destroy(&r);
    free(file);
}

static int golden_write(const char *name, const char *path) {
    const struct golden *golden = strcmp(name, "v1.zst") == 0 ? &goldens[0] : &goldens[1];
    struct snapshot_bytes made = golden->make();
    FILE *file = fopen(path, "wb");
    bool ok = file != NULL && fwrite(made.at, 1, made.length, file) == made.length && fclose(file) == 0;
    snapshot_bytes_fini(&made);
    return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(todays_writer_writes_the_golden_bytes),
        cmocka_unit_test(the_golden_file_is_readable),
        cmocka_unit_test(the_golden_window_is_readable),
    };
    return argc > 2 ? golden_write(argv[1], argv[2]) : cmocka_run_group_tests(tests, NULL, NULL);
}
