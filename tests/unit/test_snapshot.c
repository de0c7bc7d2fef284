// Files of snapshots: what is written is read back, and the same rows have the same bytes.
#include "happening_fixture.h"

#include <sodium.h>
#include <zstd.h>

#include "clameur/v1/snapshot.pb-c.h"
#include "schemas/rows/rows_table.h"
#include "tests/unit/rows_fixture.h"

static void assert_same_bytes(const struct snapshot_bytes *a, const struct snapshot_bytes *b) {
    char *x = uncompressed(a), *y = uncompressed(b);
    assert_int_equal(a->uncompressed, b->uncompressed);
    assert_memory_equal(x, y, a->uncompressed);
    assert_memory_equal(a->sum, b->sum, SNAPSHOT_SUM_SIZE);
    free(x);
    free(y);
}

// Refunds find the orders that happened.
static void settle(struct rows *r) {
    rows_settle(r, NULL);
    rows_settle_refunds(r, 0, r);
    rows_settle_refunds(r, 900, NULL);
}

static void any_order_of_events_gives_the_same_bytes(void **state) {
    struct happening *all = happenings_make();
    const struct happening *order[HAPPENINGS];
    struct snapshot_bytes first = {0};
    for (int i = 0; i < HAPPENINGS; i++)
        order[i] = &all[i];
    for (int round = 0; round < 6; round++) {
        struct rows *r = rows_create();
        for (int i = 0; i < HAPPENINGS; i++)
            happen(r, order[i]);
        if (round >= 3)
            settle(r);
        struct snapshot_bytes file = written(&part_header, r);
        if (round % 3 == 0) {
            snapshot_bytes_fini(&first);
            first = file;
        } else {
            assert_same_bytes(&first, &file);
            snapshot_bytes_fini(&file);
        }
        shuffle(order);
        rows_destroy(&r);
    }
    snapshot_bytes_fini(&first);
    free(all);
}

// The events of a window, split over partitions, written as parts, read and merged in any order, are those of
// one pass.
static void merged_parts_are_one_pass(void **state) {
    enum { PARTS = 5 };
    struct happening *all = happenings_make();
    struct rows *once = rows_create(), *parts[PARTS];
    for (int i = 0; i < PARTS; i++)
        parts[i] = rows_create();
    for (int i = 0; i < HAPPENINGS; i++) {
        happen(once, &all[i]);
        happen(parts[random_below(PARTS)], &all[i]);
    }
    settle(once);
    for (int first = 0; first < PARTS; first++) {
        struct rows *merged = rows_create();
        for (int i = 0; i < PARTS; i++) {
            struct snapshot_bytes file = written(&part_header, parts[(first + i) % PARTS]);
            if (i % 2 != 0)
                read_back(&file, merged);
            else
                rows_merge(merged, parts[(first + i) % PARTS]);
            snapshot_bytes_fini(&file);
        }
        settle(merged);
        assert_same_rows(merged, once);
        rows_destroy(&merged);
    }
    for (int i = 0; i < PARTS; i++)
        rows_destroy(&parts[i]);
    rows_destroy(&once);
    free(all);
}

static void every_table_comes_back(void **state) {
    struct happening *all = happenings_make();
    struct rows *r = rows_create(), *again = rows_create();
    for (int i = 0; i < HAPPENINGS; i++)
        happen(r, &all[i]);
    struct snapshot_bytes file = written(&part_header, r);
    read_back(&file, again);
    assert_int_equal(rows_order_count(again), rows_order_count(r));
    assert_int_equal(rows_sketch_count(again), rows_sketch_count(r));
    assert_in_range(rows_sketch_count(r), SKETCHED_COUNT, 1000);
    assert_int_equal(rows_reading_count(again), rows_reading_count(r));
    assert_in_range(rows_reading_count(r), 100, 1000);
    assert_int_equal(rows_live_count(again), rows_live_count(r));
    assert_in_range(rows_live_count(r), 100, 1000);
    assert_int_equal(rows_refund_count(again), rows_refund_count(r)); // some add up to nothing
    assert_in_range(rows_refund_count(r), 100, 1000);
    unsigned tables = 0;
    size_t rows = 0;
    for (uint32_t i = 0; i < rows_count(r); i++) {
        struct row_key key = rows_key(r, i);
        struct cell cell;
        bool has_cell = false;
        for (uint32_t at = rows_next_cell(r, i, ROWS_FIRST, &cell); at != ROWS_END;
             at = rows_next_cell(r, i, at, &cell)) {
            if (cell.value == 0)
                continue;
            assert_int_equal(value_of(again, &key, cell.field), cell.value);
            has_cell = true;
        }
        rows += has_cell;
        tables |= 1u << key.table;
    }
    assert_int_equal(tables, 0x3f | 1u << TABLE_COHORT);
    assert_int_equal(rows_count(again), rows);
    assert_same_rows(r, again);
    // Read from a part they are still to be settled, from what is published they are not.
    settle(r);
    settle(again);
    assert_same_rows(r, again);
    struct header window_header = part_header;
    window_header.kind = FILE_WINDOW;
    rows_unite(again);
    struct snapshot_bytes window = written(&window_header, again);
    struct rows *published = rows_create();
    read_back(&window, published);
    rows_settle(published, NULL);
    struct snapshot_bytes twice = written(&window_header, published);
    assert_same_bytes(&window, &twice);
    snapshot_bytes_fini(&twice);
    snapshot_bytes_fini(&window);
    snapshot_bytes_fini(&file);
    rows_destroy(&published);
    rows_destroy(&again);
    rows_destroy(&r);
    free(all);
}

// A part has whom it reached; what is published has only how many, and what tells whom among others.
static void a_published_window_forgets_whom_it_reached(void **state) {
    static const struct {
        uint64_t count, most_off;
    } cases[] = {{1, 0}, {REACH_EXACT_MAX, 0}, {REACH_EXACT_MAX + 1, 20}, {30000, 900}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct header window_header = part_header;
        struct rows *r = rows_create(), *part = rows_create(), *window = rows_create(), *both = rows_create();
        for (uint64_t nth = 0; nth < cases[i].count; nth++)
            add_reached(r, SKETCHED_ACTORS, "acme", 2, nth);
        struct snapshot_bytes file = written(&part_header, r);
        read_back(&file, part);
        assert_true(reach_equal(&rows_sketch(part, 0)->reach, &rows_sketch(r, 0)->reach));
        snapshot_bytes_fini(&file);
        window_header.kind = FILE_WINDOW;
        file = written(&window_header, part);
        read_back(&file, window);
        const struct sketch *s = rows_sketch(window, 0);
        assert_false(reach_is_exact(&s->reach));
        uint64_t least = cases[i].count - cases[i].most_off;
        assert_in_range(rows_sketch_reached(s), least, cases[i].count + cases[i].most_off);
        // Merged with itself it holds no more; how many is told by the sketch then.
        rows_merge(both, window);
        assert_int_equal(rows_sketch_reached(rows_sketch(both, 0)), rows_sketch_reached(s));
        rows_merge(both, window);
        assert_int_equal(rows_sketch(both, 0)->reached, 0);
        assert_true(reach_equal(&rows_sketch(both, 0)->reach, &s->reach));
        snapshot_bytes_fini(&file);
        rows_destroy(&both);
        rows_destroy(&window);
        rows_destroy(&part);
        rows_destroy(&r);
    }
}

static void a_row_without_a_cell_is_not_written(void **state) {
    struct rows *r = rows_create(), *empty = rows_create();
    uint32_t row = rows_row(r, &(struct row_key){.table = TABLE_TOTALS, .account = slice_of("acme")});
    assert_same_rows(r, empty);
    rows_add(r, row, field_counter(COUNTER_OF_LIKE), 1);
    rows_add(r, row, field_counter(COUNTER_OF_LIKE), -1);
    assert_same_rows(r, empty);
    rows_destroy(&empty);
    rows_destroy(&r);
}

static void values_of_every_size_come_back(void **state) {
    struct rows *r = rows_create(), *again = rows_create();
    uint32_t row = rows_row(r, &(struct row_key){.table = TABLE_LATE,
                                                 .platform = UINT32_MAX,
                                                 .origin = UINT32_MAX,
                                                 .format = UINT32_MAX,
                                                 .paid = true,
                                                 .account = slice_of("acme")});
    static const int64_t values[] = {1, -1, 63, 64, -64, -65, INT32_MAX, INT64_MAX, INT64_MIN};
    enum { VALUES = sizeof(values) / sizeof(values[0]) };
    for (uint32_t i = 0; i < VALUES; i++)
        rows_add(r, row, field_kind(1000 + i), values[i]);
    rows_add(r, row, field_kind(UINT32_MAX), 1);
    rows_add(r, row, field_currency(field_counter(COUNTER_GROSS_MICROS), slice_of("EUR")), 5);
    struct snapshot_bytes file = written(&part_header, r);
    read_back(&file, again);
    for (uint32_t i = 0; i < VALUES; i++)
        assert_int_equal(rows_value(again, 0, field_kind(1000 + i)), values[i]);
    assert_same_rows(r, again);
    snapshot_bytes_fini(&file);
    rows_destroy(&again);
    rows_destroy(&r);
}

static void many_rows_are_several_blocks(void **state) {
    enum { ROWS = 3 * SNAPSHOT_BLOCK_ROWS + 5, ORDERS = SNAPSHOT_BLOCK_ROWS + 1 };
    struct rows *r = rows_create(), *again = rows_create();
    char id[32];
    for (uint32_t i = 0; i < ROWS; i++) {
        struct row_key key = {TABLE_CONTENT,
                              2,
                              0,
                              0,
                              false,
                              slice_of("acme"),
                              sized(id, (size_t)snprintf(id, sizeof(id), "post-%u", i))};
        rows_add(r, rows_row(r, &key), field_counter(COUNTER_OF_VIEW), i + 1);
    }
    for (uint32_t i = 0; i < ORDERS; i++) {
        struct order o = order_of("acme", 0, 0, i, 1);
        memcpy(o.order, &i, sizeof(i));
        rows_add_order(r, &o);
    }
    struct snapshot_bytes file = written(&part_header, r);
    char *bytes = uncompressed(&file);
    Clameur__V1__Snapshot *s = clameur__v1__snapshot__unpack(NULL, file.uncompressed, (const uint8_t *)bytes);
    assert_non_null(s);
    assert_int_equal(s->n_blocks, 6);
    assert_int_equal(s->blocks[0]->rows, SNAPSHOT_BLOCK_ROWS);
    assert_int_equal(s->blocks[3]->rows, 5);
    assert_int_equal(s->blocks[5]->n_orders, 1);
    clameur__v1__snapshot__free_unpacked(s, NULL);
    free(bytes);
    read_back(&file, again);
    assert_int_equal(rows_count(again), ROWS);
    assert_int_equal(rows_order_count(again), ORDERS);
    assert_same_rows(r, again);
    snapshot_bytes_fini(&file);
    rows_destroy(&again);
    rows_destroy(&r);
}

// A block of the most rows would be larger than any reader takes.
static void large_rows_make_smaller_blocks(void **state) {
    enum { ORDERS = 20000, NAMES = 16 };
    struct rows *r = rows_create(), *again = rows_create();
    static char name[NAMES][256];
    struct slice names[NAMES];
    for (int i = 0; i < NAMES; i++)
        names[i] = sized(name[i], sizeof(name[i]));
    for (uint32_t i = 0; i < ORDERS; i++) {
        struct order o = order_of("acme", 0, 0, i, 1);
        memcpy(o.order, &i, sizeof(i));
        for (int k = 0; k < NAMES; k++)
            memset(name[k], 'a' + k, sizeof(name[k]));
        o.subject.tags = names;
        o.subject.tag_count = NAMES;
        rows_add_order(r, &o);
    }
    struct snapshot_bytes file = written(&part_header, r);
    assert_true(file.uncompressed > SNAPSHOT_BLOCK_BYTES);
    read_back(&file, again);
    assert_same_rows(r, again);
    snapshot_bytes_fini(&file);
    rows_destroy(&again);
    rows_destroy(&r);
}

static void large_sketches_make_smaller_blocks(void **state) {
    enum { SKETCHES = 5600, MEMBERS = 20000 };
    struct rows *one = rows_create(), *r = rows_create(), *again = rows_create();
    for (uint64_t nth = 0; nth < MEMBERS; nth++)
        add_reached(one, SKETCHED_ACTORS, "acme", 0, nth);
    struct sketch s = *rows_sketch(one, 0);
    for (s.platform = 0; s.platform < SKETCHES; s.platform++)
        rows_keep_sketch(r, &s);
    struct snapshot_bytes file = written(&part_header, r);
    assert_true(file.uncompressed > SNAPSHOT_BLOCK_BYTES);
    read_back(&file, again);
    assert_same_rows(r, again);
    snapshot_bytes_fini(&file);
    rows_destroy(&again);
    rows_destroy(&r);
    rows_destroy(&one);
}

// protobuf-c reads the file by snapshot.proto, and writes the same bytes again.
static void the_bytes_are_those_of_protobuf(void **state) {
    struct happening *all = happenings_make();
    struct rows *r = rows_create();
    for (int i = 0; i < HAPPENINGS; i++)
        happen(r, &all[i]);
    struct snapshot_bytes file = written(&part_header, r);
    char *bytes = uncompressed(&file);
    Clameur__V1__Snapshot *s = clameur__v1__snapshot__unpack(NULL, file.uncompressed, (const uint8_t *)bytes);
    assert_non_null(s);
    assert_int_equal(clameur__v1__snapshot__get_packed_size(s), file.uncompressed);
    uint8_t *packed = malloc(file.uncompressed);
    clameur__v1__snapshot__pack(s, packed);
    assert_memory_equal(packed, bytes, file.uncompressed);
    unsigned char sum[SNAPSHOT_SUM_SIZE];
    crypto_hash_sha256(sum, packed, file.uncompressed - 36);
    assert_memory_equal(sum, s->trailer->sha256.data, SNAPSHOT_SUM_SIZE);
    clameur__v1__snapshot__free_unpacked(s, NULL);
    free(packed);
    free(bytes);
    snapshot_bytes_fini(&file);
    rows_destroy(&r);
    free(all);
}

// Of a file some tables may be wanted alone; the others are held to their sum all the same.
static void tables_that_are_not_asked_for_are_passed_over(void **state) {
    struct rows *r = rows_create(), *again = rows_create();
    struct increments like = increments_like(1);
    rows_add_subject(r, &(struct subject){.account = slice_of("acme"), .content = slice_of("7310")}, &like);
    rows_sketch_number(r, SKETCHED_ACTORS, slice_of("acme"), 1);
    rows_add_reached(r, 0, (const unsigned char[PSEUDONYM_SIZE]){1});
    struct snapshot_bytes file = written(&part_header, r);
    struct snapshot *s;
    struct problem p = {0};
    assert_int_equal(snapshot_open(&s, "file", file.at, file.length, &p), STATUS_OK);
    assert_int_equal(snapshot_read_tables(s, 1 << TABLE_CONTENT, rows_of_one, again, &p), STATUS_OK);
    assert_memory_equal(snapshot_sum(s), file.sum, SNAPSHOT_SUM_SIZE);
    assert_int_equal(rows_count(r), 2);
    assert_int_equal(rows_count(again), 1);
    assert_int_equal(rows_key(again, 0).table, TABLE_CONTENT);
    assert_int_equal(rows_sketch_count(again), 0);
    snapshot_close(&s);
    snapshot_bytes_fini(&file);
    rows_destroy(&again);
    rows_destroy(&r);
}

// Whoever packs the file again, in another way, changes nothing of what it is.
static void another_packing_is_the_same_file(void **state) {
    struct rows *r = rows_create(), *again = rows_create();
    struct increments like = increments_like(1);
    rows_add_subject(r, &(struct subject){.account = slice_of("acme"), .content = slice_of("7310")}, &like);
    struct snapshot_bytes file = written(&part_header, r);
    char *bytes = uncompressed(&file);
    size_t half = file.uncompressed / 2, room = ZSTD_compressBound(file.uncompressed) * 2;
    struct snapshot_bytes packed = file;
    packed.at = malloc(room);
    packed.length = ZSTD_compress(packed.at, room, bytes, half, 19);
    packed.length += ZSTD_compress(packed.at + packed.length, room - packed.length, bytes + half,
                                   file.uncompressed - half, 1);
    read_back(&packed, again);
    assert_same_rows(r, again);
    snapshot_bytes_fini(&packed);
    snapshot_bytes_fini(&file);
    free(bytes);
    rows_destroy(&again);
    rows_destroy(&r);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_order_of_events_gives_the_same_bytes),
        cmocka_unit_test(merged_parts_are_one_pass),
        cmocka_unit_test(every_table_comes_back),
        cmocka_unit_test(a_published_window_forgets_whom_it_reached),
        cmocka_unit_test(a_row_without_a_cell_is_not_written),
        cmocka_unit_test(values_of_every_size_come_back),
        cmocka_unit_test(many_rows_are_several_blocks),
        cmocka_unit_test(large_rows_make_smaller_blocks),
        cmocka_unit_test(large_sketches_make_smaller_blocks),
        cmocka_unit_test(the_bytes_are_those_of_protobuf),
        cmocka_unit_test(tables_that_are_not_asked_for_are_passed_over),
        cmocka_unit_test(another_packing_is_the_same_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
