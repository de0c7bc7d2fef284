#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "aggregate/figures/freshness.h"

enum { WINDOW = 1767225600, END = WINDOW + 900, LATENESS = 600 };

static struct line lines[] = {{.start_s = WINDOW, .counted = 5, .to = 40}};

static struct progress progress_of(uint32_t partition, int64_t watermark_s) {
    return (struct progress){.partition = partition,
                             .offset = 100,
                             .watermark_ms = watermark_s * 1000,
                             .sealed_s = watermark_s / 900 * 900};
}

static void what_all_have_sealed_is_what_the_last_has(void **state) {
    struct progress of[] = {progress_of(0, END + 2000), progress_of(1, END + 100), progress_of(2, END + 900)};
    const struct progress *all[] = {&of[0], &of[1], &of[2]};
    struct seal seal = seal_of(all, 3);
    assert_true(seal.known && !seal.level && seal.last == 1 && seal.sealed_s == END &&
                seal.watermark_s == END + 100);
    all[2] = NULL;
    seal = seal_of(all, 3);
    assert_true(!seal.known && !seal.level && seal.last == 2 && seal.sealed_s == 0);
    seal = seal_of(all, 0);
    assert_false(seal.known || seal.level);
    of[1].watermark_ms = INT64_MIN;
    of[1].sealed_s = 0;
    seal = seal_of(all, 2);
    assert_true(seal.known && seal.last == 1 && seal.sealed_s == 0 && seal.watermark_s == 0);
}

static void where_all_have_sealed_the_same_none_is_the_last(void **state) {
    struct progress of[] = {progress_of(0, END + 1000), progress_of(1, END + 900),
                            progress_of(2, END + 1799)};
    const struct progress *all[] = {&of[0], &of[1], &of[2]};
    assert_true(seal_of(all, 3).level && seal_of(all, 3).sealed_s == END + 900);
    of[2].sealed_s += 900;
    assert_false(seal_of(all, 3).level);
}

static void a_window_is_sealed_once_every_partition_is_past_its_lateness(void **state) {
    static const struct {
        int64_t watermarks[2];
        uint32_t revisions;
        bool is_short;
        const char *text;
    } rows[] = {
        {{END + LATENESS + 1, END + LATENESS + 1}, 1, false, "sealed"},
        {{END + LATENESS + 1, END + LATENESS}, 1, false, "provisional"},
        {{END, END + 9000}, 1, false, "provisional"},
        {{END + 9000, END + 9000}, 3, false, "revision 3"},
        {{END + 9000, END + 9000}, 3, true, "provisional"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct progress of[] = {progress_of(0, rows[i].watermarks[0]), progress_of(1, rows[i].watermarks[1])};
        const struct progress *all[] = {&of[0], &of[1]};
        struct seal seal = seal_of(all, 2);
        struct freshness_sum sum = {0};
        char text[FRESHNESS_TEXT_MAX];
        freshness_add(&sum, freshness_of(&seal, END, LATENESS, rows[i].revisions, 0, rows[i].is_short),
                      rows[i].revisions);
        assert_string_equal(freshness_write(text, &sum), rows[i].text);
    }
    const struct progress *none[] = {NULL};
    struct seal unknown = seal_of(none, 1);
    assert_int_equal(freshness_of(&unknown, END, LATENESS, 1, 0, false), FRESH_PROVISIONAL);
}

static void a_stretch_is_as_fresh_as_the_worst_of_its_windows(void **state) {
    struct freshness_sum sum = {0};
    char text[FRESHNESS_TEXT_MAX];
    assert_string_equal(freshness_write(text, &sum), "sealed");
    freshness_add(&sum, FRESH_REVISED, 2);
    freshness_add(&sum, FRESH_SEALED, 1);
    freshness_add(&sum, FRESH_REVISED, 4);
    assert_string_equal(freshness_write(text, &sum), "revision 4");
    freshness_add(&sum, FRESH_PROVISIONAL, 1);
    freshness_add(&sum, FRESH_SEALED, 1);
    assert_string_equal(freshness_write(text, &sum), "provisional");
    freshness_add(&sum, freshness_of(&(struct seal){0}, END, LATENESS, 2, 1, false), 2);
    freshness_add(&sum, FRESH_PROVISIONAL, 1);
    assert_string_equal(freshness_write(text, &sum), "incomplete");
}

static void a_file_that_lacks_what_a_line_has_is_short__it_would_pass_for_sealed(void **state) {
    struct progress of = progress_of(0, END + 9000);
    of.lines = lines;
    of.line_count = 1;
    const struct progress *all[] = {&of, NULL};
    struct coverage coverage[] = {{.partition = 0, .to = 40}, {.partition = 1, .to = 7}};
    struct header header = {.start_s = WINDOW, .coverage = coverage, .coverage_count = 2};
    assert_false(freshness_is_short(&header, all, 2));
    coverage[0].to = 39;
    assert_true(freshness_is_short(&header, all, 2));
    coverage[0].to = 41; // published since the record was read
    assert_false(freshness_is_short(&header, all, 2));
    coverage[1] = (struct coverage){.partition = 9, .to = 7};
    assert_false(freshness_is_short(&header, all, 2));
}

static void a_window_that_was_not_held_against_the_orders_before_it_is_short(void **state) {
    struct line before[] = {{.start_s = WINDOW - 2 * 86400 - 900, .to = 30, .orders_to = 30},
                            {.start_s = WINDOW - 2 * 86400, .to = 30, .orders_to = 30},
                            {.start_s = WINDOW - 900, .to = 35}, // without orders: no header names it
                            {.start_s = WINDOW, .to = 40, .orders_to = 40}};
    struct progress of = progress_of(0, END + 9000);
    of.lines = before;
    of.line_count = 4;
    const struct progress *all[] = {&of};
    struct coverage coverage = {.partition = 0, .to = 40, .orders_to = 40};
    struct earlier_orders earlier = {WINDOW - 2 * 86400, 0, 30, false};
    struct header header = {.start_s = WINDOW,
                            .coverage = &coverage,
                            .coverage_count = 1,
                            .earlier = &earlier,
                            .earlier_count = 1};
    assert_false(freshness_is_short(&header, all, 1));
    earlier.to = 29;
    assert_true(freshness_is_short(&header, all, 1));
    header.earlier_count = 0;
    assert_true(freshness_is_short(&header, all, 1));
    coverage.orders_to = 0; // no orders of its own
    assert_false(freshness_is_short(&header, all, 1));
}

// It names the windows in which its refunds were looked up: one without orders by none, one that has left as
// gone.
static void a_window_whose_refunds_would_find_more_is_short__it_would_pass_for_sealed(void **state) {
    enum { SOLD = WINDOW - 30 * 86400 };
    struct line before[] = {{.start_s = SOLD - 900, .to = 90, .orders_to = 90},
                            {.start_s = SOLD, .to = 30, .orders_to = 30},
                            {.start_s = WINDOW, .to = 40}};
    struct progress of = progress_of(1, END + 9000);
    of.lines = before;
    of.line_count = 3;
    const struct progress *all[] = {NULL, &of};
    struct coverage coverage[] = {{.partition = 0}, {.partition = 1, .to = 40}};
    struct earlier_orders earlier[] = {{SOLD, 0, 99, false}, {SOLD, 1, 30, false}, {SOLD + 900, 0, 0, false}};
    struct header header = {
        .start_s = WINDOW, .coverage = coverage, .coverage_count = 2, .earlier = earlier, .earlier_count = 3};
    assert_false(freshness_is_short(&header, all, 2));
    before[1].orders_to = 31;
    assert_true(freshness_is_short(&header, all, 2));
    earlier[0].gone = earlier[1].gone = true;
    assert_false(freshness_is_short(&header, all, 2));
    earlier[0] = (struct earlier_orders){SOLD, 0, 0, false};
    header.earlier_count = 1;
    assert_true(freshness_is_short(&header, all, 2));
    header.earlier_count = 0; // no refund of it is of that window
    assert_false(freshness_is_short(&header, all, 2));
}

static void a_window_without_a_snapshot_is_empty_unsealed_or_missing(void **state) {
    struct progress of[] = {progress_of(0, END + 100), progress_of(1, END + 1000)};
    const struct progress *all[] = {&of[0], &of[1]};
    struct seal seal = seal_of(all, 2);
    assert_int_equal(absence_of(&seal, WINDOW, false), ABSENT_EMPTY);
    assert_int_equal(absence_of(&seal, WINDOW, true), ABSENT_MISSING);
    assert_int_equal(absence_of(&seal, END, true), ABSENT_UNSEALED);
    all[0] = NULL;
    seal = seal_of(all, 2);
    assert_int_equal(absence_of(&seal, WINDOW, false), ABSENT_MISSING);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_all_have_sealed_is_what_the_last_has),
        cmocka_unit_test(where_all_have_sealed_the_same_none_is_the_last),
        cmocka_unit_test(a_window_is_sealed_once_every_partition_is_past_its_lateness),
        cmocka_unit_test(a_stretch_is_as_fresh_as_the_worst_of_its_windows),
        cmocka_unit_test(a_file_that_lacks_what_a_line_has_is_short__it_would_pass_for_sealed),
        cmocka_unit_test(a_window_that_was_not_held_against_the_orders_before_it_is_short),
        cmocka_unit_test(a_window_whose_refunds_would_find_more_is_short__it_would_pass_for_sealed),
        cmocka_unit_test(a_window_without_a_snapshot_is_empty_unsealed_or_missing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
