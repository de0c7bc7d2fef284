#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "aggregate/figures/span.h"
#include "schemas/registry.h"

enum { FIRST = 1767225600, WINDOWS = 3 };

struct window {
    struct header header;
    struct coverage coverage[2];
    struct rows *rows;
    char name[16];
};

static struct window windows[WINDOWS];

static void order_add(struct rows *rows, int64_t at_ms, unsigned char event) {
    struct order order = {.occurred_at_ms = at_ms,
                          .subject = {.account = slice_of("acme"), .platform = 19},
                          .increments = {.count = 1, .has_kind = true}};
    order.order[0] = 7;
    order.event_id[0] = event;
    order.increments.at[0] = (struct increment){field_counter(COUNTER_OF_PURCHASE), 1};
    rows_add_order(rows, &order);
}

static int windows_make(void **state) {
    for (int i = 0; i < WINDOWS; i++) {
        struct window *w = &windows[i];
        const struct row_key key = {.account = slice_of("acme"), .platform = (uint32_t)(1 + i % 2)};
        snprintf(w->name, sizeof(w->name), "w%d", i);
        w->coverage[0] =
            (struct coverage){.partition = 0, .start = 5, .to = 10 * (i + 1), .counted = 3, .late = 1};
        w->coverage[1] =
            (struct coverage){.partition = 1, .start = 0, .to = i == 1 ? 0 : 8, .missing = i == 2};
        w->header = (struct header){.kind = FILE_WINDOW,
                                    .start_s = FIRST + 900 * i,
                                    .end_s = FIRST + 900 * (i + 1),
                                    .topic = "engagement",
                                    .topic_id = "",
                                    .rules_hash = i == 2 ? "new" : "old",
                                    .kpis_hash = "kpis",
                                    .partitions = 2,
                                    .coverage = w->coverage,
                                    .coverage_count = 2};
        w->rows = rows_create();
        rows_add(w->rows, rows_row(w->rows, &key), field_counter(COUNTER_OF_LIKE), 100 + i);
        order_add(w->rows, w->header.start_s * 1000, (unsigned char)i);
        rows_settle(w->rows, NULL);
    }
    return 0;
}

static int windows_free(void **state) {
    for (int i = 0; i < WINDOWS; i++)
        rows_destroy(&windows[i].rows);
    return 0;
}

static void merged(struct snapshot_bytes *out, const int *order, int count) {
    struct span span;
    span_init(&span);
    for (int i = 0; i < count; i++) {
        const struct window *w = &windows[order[i]];
        assert_int_equal(span_add(&span, w->name, &w->header, w->rows, NULL), STATUS_OK);
    }
    assert_int_equal(span_end(&span, NULL), STATUS_OK);
    span_write(&span, out);
    span_fini(&span);
}

static void the_order_of_files_changes_no_byte(void **state) {
    static const int orders[][WINDOWS] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
    struct snapshot_bytes first, other;
    merged(&first, orders[0], WINDOWS);
    for (int i = 1; i < 6; i++) {
        merged(&other, orders[i], WINDOWS);
        assert_memory_equal(first.sum, other.sum, SNAPSHOT_SUM_SIZE);
        snapshot_bytes_fini(&other);
    }
    snapshot_bytes_fini(&first);
}

static struct rows *rows_of(void *context, int64_t window_s) {
    return context;
}

// A span is merged as a window is: in two steps, the same.
static void spans_are_merged_again(void **state) {
    struct snapshot_bytes two, all, twice;
    struct snapshot *read;
    struct span span;
    struct problem p;
    struct rows *rows = rows_create();
    merged(&two, (int[]){2, 1}, 2);
    merged(&all, (int[]){0, 1, 2}, 3);
    assert_int_equal(snapshot_open(&read, "two", two.at, two.length, &p), STATUS_OK);
    assert_int_equal(snapshot_read(read, rows_of, rows, &p), STATUS_OK);
    span_init(&span);
    assert_int_equal(span_add(&span, "two", snapshot_header(read), rows, NULL), STATUS_OK);
    assert_int_equal(span_add(&span, "w0", &windows[0].header, windows[0].rows, NULL), STATUS_OK);
    assert_int_equal(span_end(&span, NULL), STATUS_OK);
    span_write(&span, &twice);
    assert_memory_equal(all.sum, twice.sum, SNAPSHOT_SUM_SIZE);
    span_fini(&span);
    snapshot_close(&read);
    snapshot_bytes_fini(&twice);
    snapshot_bytes_fini(&all);
    snapshot_bytes_fini(&two);
    rows_destroy(&rows);
}

static void a_span_says_what_it_covers_and_has_every_sum(void **state) {
    struct snapshot_bytes bytes;
    struct snapshot *read;
    struct problem p;
    struct rows *rows = rows_create();
    merged(&bytes, (int[]){1, 2, 0}, 3);
    assert_int_equal(snapshot_open(&read, "span", bytes.at, bytes.length, &p), STATUS_OK);
    assert_int_equal(snapshot_read(read, rows_of, rows, &p), STATUS_OK);
    const struct header *header = snapshot_header(read);
    assert_int_equal(header->kind, FILE_SPAN);
    assert_true(header->start_s == FIRST && header->end_s == FIRST + 2700);
    assert_string_equal(header->rules_hash, "new");
    assert_int_equal(header->coverage_count, 2);
    assert_true(header->coverage[0].start == 5 && header->coverage[0].to == 30 &&
                header->coverage[0].counted == 9 && header->coverage[0].late == 3 &&
                !header->coverage[0].missing);
    assert_true(header->coverage[1].to == 8 && header->coverage[1].missing);
    const struct row_key key = {.account = slice_of("acme"), .platform = 1};
    assert_int_equal(rows_value(rows, rows_row(rows, &key), field_counter(COUNTER_OF_LIKE)), 202);
    assert_int_equal(rows_order_count(rows), 3);
    snapshot_close(&read);
    snapshot_bytes_fini(&bytes);
    rows_destroy(&rows);
}

static void what_would_count_twice_or_is_of_another_log_is_refused(void **state) {
    struct span span;
    struct problem p;
    span_init(&span);
    assert_int_equal(span_end(&span, &p), STATUS_NO_INPUT);
    assert_int_equal(span_add(&span, "b", &windows[1].header, windows[1].rows, &p), STATUS_OK);
    assert_int_equal(span_add(&span, "a", &windows[1].header, windows[1].rows, &p), STATUS_OK);
    assert_int_equal(span_end(&span, &p), STATUS_USAGE);
    assert_non_null(strstr(p.what, "a and b both cover 2026-01-01T00:15:00Z"));
    struct header other = windows[0].header;
    other.topic = "clicks";
    assert_int_equal(span_add(&span, "c", &other, windows[0].rows, &p), STATUS_USAGE);
    assert_non_null(strstr(p.what, "clicks"));
    other = windows[0].header;
    other.partitions = 3;
    assert_int_equal(span_add(&span, "c", &other, windows[0].rows, &p), STATUS_USAGE);
    other = windows[0].header;
    other.kind = FILE_PART;
    assert_int_equal(span_add(&span, "c", &other, windows[0].rows, &p), STATUS_USAGE);
    span_fini(&span);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_order_of_files_changes_no_byte),
        cmocka_unit_test(spans_are_merged_again),
        cmocka_unit_test(a_span_says_what_it_covers_and_has_every_sum),
        cmocka_unit_test(what_would_count_twice_or_is_of_another_log_is_refused),
    };
    return cmocka_run_group_tests(tests, windows_make, windows_free);
}
