// The golden files of format version 1, tests/contract/snapshots/: they must be readable for ever, and are
// what today's writer writes from the same rows, which golden_fixture.h adds.
//
// They were made by this program: `test_snapshot_golden NAME FILE` writes one.
#include "golden_fixture.h"

#include <zstd.h>

#define FOLDER SOURCE_DIR "/tests/contract/snapshots/"

static char *file_read(const char *name, size_t *length) {
    char path[512];
    snprintf(path, sizeof(path), FOLDER "%s", name);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    char *bytes = malloc(65536);
    *length = fread(bytes, 1, 65536, file);
    assert_in_range(*length, 1, 65535);
    fclose(file);
    return bytes;
}

static void assert_is_made(const struct golden *golden) {
    size_t length;
    char *file = file_read(golden->name, &length);
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
    for (size_t i = 0; i < GOLDENS; i++)
        assert_is_made(&goldens[i]);
}

static struct rows *rows_of(void *context, int64_t window_s) {
    struct rows **r = context;
    return window_s == -900 ? r[0] : r[1];
}

// A golden file, read whole.
struct opened {
    char *bytes;
    struct snapshot *snapshot;
    struct rows *rows[2]; // of the early window, and of any other
    struct viewer viewers[3];
    size_t viewer_count;
};

static void viewer_take(void *opened, const struct viewer *viewer) {
    struct opened *g = opened;
    assert_in_range(g->viewer_count, 0, 2);
    g->viewers[g->viewer_count++] = *viewer;
}

static void opened_init(struct opened *g, const char *name) {
    size_t length;
    struct problem p = {0};
    g->bytes = file_read(name, &length);
    g->rows[0] = rows_create();
    g->rows[1] = rows_create();
    assert_int_equal(snapshot_open(&g->snapshot, name, g->bytes, length, &p), STATUS_OK);
    g->viewer_count = 0;
    snapshot_viewers_to(g->snapshot, viewer_take, g);
    assert_int_equal(snapshot_read(g->snapshot, rows_of, g->rows, &p), STATUS_OK);
}

static void opened_fini(struct opened *g) {
    snapshot_close(&g->snapshot);
    rows_destroy(&g->rows[0]);
    rows_destroy(&g->rows[1]);
    free(g->bytes);
}

static void assert_counters(struct rows *r) {
    const struct row_key key = {TABLE_CONTENT,    PLATFORM_TIKTOK,       0, 0, false,
                                slice_of("acme"), sized("post-12\0x", 9)};
    assert_int_equal(value_of(r, &key, field_kind(777)), -1);
    assert_int_equal(rows_order_count(r), 3);
}

static void the_refunds_are_readable(void **state) {
    struct opened g;
    opened_init(&g, "v1-refunds.zst");
    const struct header *read = snapshot_header(g.snapshot);
    assert_int_equal(read->earlier_count, 3);
    assert_false(read->earlier[0].gone);
    assert_true(read->earlier[2].gone);
    assert_int_equal(rows_refund_count(g.rows[0]), 1);
    assert_int_equal(rows_refund_count(g.rows[1]), 3);
    const struct refund *first = rows_refund(g.rows[1], 0), *last = rows_refund(g.rows[1], 2);
    assert_int_equal(first->increments.at[0].value, 2);
    assert_int_equal(first->increments.at[1].value, 2 * 1990000);
    assert_int_equal(last->increments.at[1].value, INT64_MIN);
    assert_true(slice_equal(last->subject.tags[1], slice_of("sale")));
    opened_fini(&g);
}

static const struct sketch *sketch_of(const struct rows *r, enum sketched of, const char *account,
                                      uint32_t platform) {
    const struct sketch *s = rows_sketch_find(r, of, slice_of(account), platform);
    assert_non_null(s);
    return s;
}

static uint64_t reached(const struct rows *r, enum sketched of, const char *account, uint32_t platform) {
    return rows_sketch_reached(sketch_of(r, of, account, platform));
}

static int64_t median(const struct rows *r, enum sketched of, const char *account, uint32_t platform) {
    int64_t ms;
    assert_true(quantiles_at(&sketch_of(r, of, account, platform)->quantiles, 500, &ms));
    return ms;
}

static void assert_sketches(const struct rows *r) {
    assert_int_equal(rows_sketch_count(r), 8);
    assert_int_equal(reached(r, SKETCHED_ACTORS, "acme", PLATFORM_TIKTOK), FEW);
    assert_in_range(reached(r, SKETCHED_ACTORS, "acme", 1000), SOME - 15, SOME + 15);
    assert_in_range(reached(r, SKETCHED_ACTORS, "zoo", PLATFORM_TIKTOK), MANY - 600, MANY + 600);
    assert_int_equal(reached(r, SKETCHED_PERSONS, "acme", PLATFORM_TIKTOK), 1);
    assert_in_range(median(r, SKETCHED_WATCH_MS, "acme", PLATFORM_TIKTOK), 1485, 1515);
    assert_in_range(median(r, SKETCHED_FIRST_RESPONSE_MS, "zoo", PLATFORM_WEB), 59400, 60600);
    assert_in_range(median(r, SKETCHED_RESOLUTION_MS, "zoo", PLATFORM_WEB), 3564000, 3636000);
    assert_int_equal(median(r, SKETCHED_RESPONSE_MS, "zoo", PLATFORM_WEB), 0);
}

static void the_first_file_is_readable(void **state) {
    struct opened g;
    opened_init(&g, "v1.zst");
    assert_int_equal(snapshot_header(g.snapshot)->progress->lines[0].start_s, -900);
    assert_string_equal(snapshot_header(g.snapshot)->topic, "engagement");
    assert_int_equal(rows_value(g.rows[0], 0, field_counter(COUNTER_OF_LIKE)), 3);
    assert_counters(g.rows[1]);
    opened_fini(&g);
}

static void the_checkpoint_is_readable_with_its_sketches(void **state) {
    struct opened g;
    opened_init(&g, "v1-checkpoint.zst");
    const struct progress *read = snapshot_header(g.snapshot)->progress;
    assert_true(read->last_fingerprint == 0xfedcba9876543210);
    assert_int_equal(read->last_end, 1233);
    assert_int_equal(read->lines[1].orders_to, 88);
    assert_counters(g.rows[1]);
    assert_sketches(g.rows[1]);
    assert_true(reach_is_exact(&sketch_of(g.rows[1], SKETCHED_ACTORS, "acme", PLATFORM_TIKTOK)->reach));
    assert_int_equal(reached(g.rows[0], SKETCHED_ACTORS, "acme", PLATFORM_TIKTOK), 1);
    opened_fini(&g);
}

static void the_window_is_readable_with_its_sketches(void **state) {
    struct opened g;
    opened_init(&g, "v1-window.zst");
    const struct header *read = snapshot_header(g.snapshot);
    assert_int_equal(read->kind, FILE_WINDOW);
    assert_int_equal(read->earlier_count, 2);
    assert_int_equal(read->earlier[1].to, 1200);
    assert_int_equal(read->coverage[0].orders_to, 88);
    assert_counters(g.rows[1]);
    assert_sketches(g.rows[1]);
    assert_false(reach_is_exact(&sketch_of(g.rows[1], SKETCHED_ACTORS, "acme", PLATFORM_TIKTOK)->reach));
    opened_fini(&g);
}

static void the_window_with_readings_is_readable(void **state) {
    struct opened g;
    opened_init(&g, "v1-readings.zst");
    const struct rows *r = g.rows[1];
    struct row_key key = {
        .table = TABLE_TAG, .platform = 2, .account = slice_of("acme"), .id = slice_of("other")};
    assert_int_equal(value_of(g.rows[1], &key, field_counter(COUNTER_OF_LIKE)), 4);
    key.id = slice_of("");
    assert_int_equal(value_of(g.rows[1], &key, field_counter(COUNTER_OF_LIKE)), 5);
    assert_int_equal(rows_reading_count(r), 4);
    assert_int_equal(rows_reading(r, 1)->value, -3);
    assert_int_equal(rows_reading(r, 2)->read_at_ms, INT64_C(9007199254740991));
    assert_int_equal(rows_sketch_count(r), 2);
    opened_fini(&g);
}

// As windows tell it: of the crowd each class has 60, each origin two of them.
static void the_part_with_classes_is_readable(void **state) {
    struct opened g;
    opened_init(&g, "v1-classes.zst");
    struct rows *r = g.rows[1];
    assert_int_equal(rows_sketch_count(r), 5);
    assert_int_equal(reached(r, SKETCHED_ACTED, "acme", PLATFORM_TIKTOK), FEW);
    rows_unite(r);
    assert_int_equal(reached(r, SKETCHED_ACTORS, "acme", PLATFORM_TIKTOK), FEW);
    assert_in_range(reached(r, SKETCHED_ACTORS, "zoo", PLATFORM_TELEGRAM), CROWD - 20, CROWD + 20);
    assert_int_equal(reached(r, SKETCHED_ACTORS_PAID, "zoo", PLATFORM_TELEGRAM), CROWD / 2);
    assert_int_equal(reached(r, SKETCHED_ACTORS_UGC, "zoo", PLATFORM_TELEGRAM), CROWD / 5);
    assert_int_equal(reached(r, SKETCHED_ACTORS_ADVOCACY, "zoo", PLATFORM_TELEGRAM), 2 * CROWD / 5);
    assert_int_equal(reached(r, SKETCHED_LIVE_ACTORS, "acme", PLATFORM_TIKTOK), FEW);
    assert_int_equal(reached(r, SKETCHED_ACTIVE_MEMBERS, "zoo", PLATFORM_TELEGRAM), 1);
    assert_in_range(median(r, SKETCHED_CYCLE_MS, "zoo", PLATFORM_LINKEDIN), 85536000, 87264000);
    opened_fini(&g);
}

static void the_checkpoint_with_what_stands_apart_is_readable(void **state) {
    struct opened g;
    opened_init(&g, "v1-apart.zst");
    const struct progress *p = snapshot_header(g.snapshot)->progress;
    assert_int_equal(p->line_count, 2);
    assert_int_equal(p->apart_count, 1);
    assert_int_equal(p->apart[0].start_s, -900);
    assert_int_equal(p->apart[0].counted, 2);
    assert_int_equal(p->apart[0].late, 1);
    assert_int_equal(p->apart[0].to, 1230);
    assert_int_equal(p->apart[0].orders_to, 1229);
    assert_int_equal(p->apart[0].part_to, 1200);
    assert_true(rows_count(g.rows[0]) > 0);
    opened_fini(&g);
}

static void the_span_with_live_sessions_is_readable(void **state) {
    struct opened g;
    opened_init(&g, "v1-live.zst");
    const struct rows *r = g.rows[1];
    assert_int_equal(rows_live_count(r), 4);
    const struct live_session *first = rows_live(r, 1);
    assert_true(slice_equal(first->session, slice_of("show")));
    assert_int_equal(first->start_s, 1700000100);
    assert_int_equal(first->joins, 100000000000000007);
    assert_int_equal(first->leaves, 100000000000000003);
    assert_int_equal(first->change_count, 2);
    assert_int_equal(first->changes[0].second, 7);
    assert_int_equal(first->changes[0].change, 2);
    assert_int_equal(first->changes[1].second, 899);
    assert_int_equal(rows_live(r, 2)->changes[0].change, -4);
    assert_int_equal(rows_live(r, 3)->watch_ms, 61000);
    opened_fini(&g);
}

static void the_checkpoint_with_viewers_is_readable(void **state) {
    struct opened g;
    opened_init(&g, "v1-viewers.zst");
    assert_int_equal(snapshot_header(g.snapshot)->progress->viewer_events, 42);
    assert_int_equal(g.viewer_count, 3);
    for (int i = 0; i < 3; i++) {
        assert_memory_equal(g.viewers[i].key, viewers[i].key, VIEWER_KEY_SIZE);
        assert_int_equal(g.viewers[i].heard_ms, viewers[i].heard_ms);
        assert_int_equal(g.viewers[i].joined, viewers[i].joined);
        assert_int_equal(g.viewers[i].heard_event, viewers[i].heard_event);
        assert_int_equal(g.viewers[i].timeout_ms, viewers[i].timeout_ms);
        assert_int_equal(g.viewers[i].armed, viewers[i].armed);
        assert_int_equal(g.viewers[i].assumed, viewers[i].assumed);
    }
    assert_int_equal(rows_live_count(g.rows[1]), 2);
    assert_int_equal(rows_live(g.rows[1], 0)->expired, -1);
    assert_int_equal(rows_live(g.rows[1], 0)->changes[2].second, 8099);
    assert_int_equal(rows_live(g.rows[1], 1)->returned, 2);
    opened_fini(&g);
}

static int golden_write(const char *name, const char *path) {
    size_t number = 0;
    while (number < GOLDENS && strcmp(goldens[number].name, name) != 0)
        number++;
    if (number == GOLDENS)
        return EXIT_FAILURE;
    struct snapshot_bytes made = goldens[number].make();
    FILE *file = fopen(path, "wb");
    bool ok = file != NULL && fwrite(made.at, 1, made.length, file) == made.length && fclose(file) == 0;
    snapshot_bytes_fini(&made);
    return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(todays_writer_writes_the_golden_bytes),
        cmocka_unit_test(the_first_file_is_readable),
        cmocka_unit_test(the_checkpoint_is_readable_with_its_sketches),
        cmocka_unit_test(the_window_is_readable_with_its_sketches),
        cmocka_unit_test(the_window_with_readings_is_readable),
        cmocka_unit_test(the_part_with_classes_is_readable),
        cmocka_unit_test(the_span_with_live_sessions_is_readable),
        cmocka_unit_test(the_checkpoint_with_viewers_is_readable),
        cmocka_unit_test(the_checkpoint_with_what_stands_apart_is_readable),
        cmocka_unit_test(the_refunds_are_readable),
    };
    return argc > 2 ? golden_write(argv[1], argv[2]) : cmocka_run_group_tests(tests, NULL, NULL);
}
