// What a file says of itself, of how far it reaches and of where its partition stands: written and read back.
#include "happening_fixture.h"

struct windows {
    struct rows *at[3];
};

static struct rows *rows_of_windows(void *context, int64_t window_s) {
    struct windows *w = context;
    return window_s == 1700000000 ? w->at[0] : window_s == 1700000900 ? w->at[1] : NULL;
}

static const struct coverage coverage[] = {{0, 5, 100, 7, 0, false, 90}, {3, 0, 200, 0, 9, true, 0}};
static struct line lines[] = {{-900, 1, 2, 3, true, 0, 0}, {1700000000, 4, 5, 6, false, 5, 0}};
static const struct progress progress = {.partition = 3,
                                         .start = 5,
                                         .offset = 900,
                                         .watermark_ms = 1700000001234,
                                         .sealed_s = 1700000000,
                                         .read = 100,
                                         .rejected = 1,
                                         .duplicate = 2,
                                         .settled_counted = 80,
                                         .settled_late = 5,
                                         .settled_before_s = 1699999100,
                                         .last_end = 899,
                                         .last_fingerprint = UINT64_MAX - 4,
                                         .lines = lines,
                                         .line_count = 2,
                                         .after = 700,
                                         .segment = true};

static void assert_header(const struct header *h, const struct header *expected) {
    assert_int_equal(h->kind, expected->kind);
    assert_int_equal(h->start_s, expected->start_s);
    assert_int_equal(h->end_s, expected->end_s);
    assert_int_equal(h->partitions, expected->partitions);
    assert_string_equal(h->topic, expected->topic);
    assert_string_equal(h->topic_id, expected->topic_id);
    assert_string_equal(h->rules_hash, expected->rules_hash);
    assert_string_equal(h->kpis_hash, expected->kpis_hash);
    assert_int_equal(h->coverage_count, expected->coverage_count);
    for (size_t i = 0; i < expected->coverage_count; i++) {
        const struct coverage *a = &h->coverage[i], *b = &expected->coverage[i];
        assert_int_equal(a->partition, b->partition);
        assert_int_equal(a->start, b->start);
        assert_int_equal(a->to, b->to);
        assert_int_equal(a->counted, b->counted);
        assert_int_equal(a->late, b->late);
        assert_int_equal(a->missing, b->missing);
        assert_int_equal(a->orders_to, b->orders_to);
    }
    assert_int_equal(h->earlier_count, expected->earlier_count);
    for (size_t i = 0; i < expected->earlier_count; i++) {
        assert_int_equal(h->earlier[i].start_s, expected->earlier[i].start_s);
        assert_int_equal(h->earlier[i].partition, expected->earlier[i].partition);
        assert_int_equal(h->earlier[i].to, expected->earlier[i].to);
    }
}

static void assert_progress(const struct progress *a, const struct progress *b) {
    assert_int_equal(a->partition, b->partition);
    assert_int_equal(a->start, b->start);
    assert_int_equal(a->offset, b->offset);
    assert_int_equal(a->watermark_ms, b->watermark_ms);
    assert_int_equal(a->sealed_s, b->sealed_s);
    assert_int_equal(a->read, b->read);
    assert_int_equal(a->rejected, b->rejected);
    assert_int_equal(a->duplicate, b->duplicate);
    assert_int_equal(a->settled_counted, b->settled_counted);
    assert_int_equal(a->settled_late, b->settled_late);
    assert_int_equal(a->settled_before_s, b->settled_before_s);
    assert_int_equal(a->last_end, b->last_end);
    assert_int_equal(a->last_fingerprint, b->last_fingerprint);
    assert_int_equal(a->after, b->after);
    assert_int_equal(a->segment, b->segment);
    assert_int_equal(a->line_count, b->line_count);
    for (size_t i = 0; i < b->line_count; i++) {
        assert_int_equal(a->lines[i].start_s, b->lines[i].start_s);
        assert_int_equal(a->lines[i].counted, b->lines[i].counted);
        assert_int_equal(a->lines[i].late, b->lines[i].late);
        assert_int_equal(a->lines[i].to, b->lines[i].to);
        assert_int_equal(a->lines[i].open, b->lines[i].open);
        assert_int_equal(a->lines[i].orders_to, b->lines[i].orders_to);
    }
}

static void a_checkpoint_holds_several_windows(void **state) {
    struct header header = part_header;
    header.kind = FILE_CHECKPOINT;
    header.start_s = header.end_s = 0;
    header.coverage = coverage;
    header.coverage_count = 2;
    header.earlier = (const struct earlier_orders[]){{900, 2, 40, false}, {1800, 1, 7, true}};
    header.earlier_count = 2;
    header.progress = &progress;
    struct happening *all = happenings_make();
    struct windows w, again;
    for (int i = 0; i < 3; i++) {
        w.at[i] = rows_create();
        again.at[i] = rows_create();
    }
    for (int i = 0; i < HAPPENINGS; i++)
        happen(w.at[random_below(3)], &all[i]);
    const struct snapshot_window windows[] = {
        {1700000000, w.at[0]}, {1700000900, w.at[1]}, {1700001800, w.at[2]}};
    struct snapshot_bytes file;
    snapshot_write(&file, &header, windows, 3);
    struct snapshot *s;
    struct problem p = {0};
    assert_int_equal(snapshot_open(&s, "file", file.at, file.length, &p), STATUS_OK);
    assert_header(snapshot_header(s), &header);
    assert_progress(snapshot_header(s)->progress, &progress);
    assert_int_equal(snapshot_read(s, rows_of_windows, &again, &p), STATUS_OK);
    assert_same_rows(w.at[0], again.at[0]);
    assert_same_rows(w.at[1], again.at[1]);
    assert_int_equal(rows_count(again.at[2]), 0);
    snapshot_close(&s);
    snapshot_bytes_fini(&file);
    for (int i = 0; i < 3; i++) {
        rows_destroy(&w.at[i]);
        rows_destroy(&again.at[i]);
    }
    free(all);
}

static void a_through_record_has_no_rows(void **state) {
    const struct progress at_start = {.watermark_ms = INT64_MIN};
    struct header header = {.kind = FILE_THROUGH, .progress = &at_start};
    struct snapshot_bytes file;
    snapshot_write(&file, &header, NULL, 0);
    struct snapshot *s;
    struct problem p = {0};
    assert_int_equal(snapshot_open(&s, "file", file.at, file.length, &p), STATUS_OK);
    header.topic = header.topic_id = header.rules_hash = header.kpis_hash = "";
    assert_header(snapshot_header(s), &header);
    assert_progress(snapshot_header(s)->progress, &at_start);
    assert_int_equal(snapshot_read(s, rows_of_one, NULL, &p), STATUS_OK);
    snapshot_close(&s);
    snapshot_bytes_fini(&file);
}

static void a_line_is_found_by_its_window__and_no_record_has_no_lines(void **state) {
    struct line of[] = {{.start_s = -900}, {.start_s = 0}, {.start_s = 1800}};
    const struct progress three = {.lines = of, .line_count = 3}, none = {0};
    for (size_t i = 0; i < three.line_count; i++)
        assert_ptr_equal(progress_line(&three, of[i].start_s), &of[i]);
    assert_null(progress_line(&three, -1800));
    assert_null(progress_line(&three, 900));
    assert_null(progress_line(&three, 2700));
    assert_null(progress_line(&none, 0));
    assert_null(progress_line(NULL, 0));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_checkpoint_holds_several_windows),
        cmocka_unit_test(a_through_record_has_no_rows),
        cmocka_unit_test(a_line_is_found_by_its_window__and_no_record_has_no_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
