#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "aggregate/figures/audit.h"

enum { WINDOW = 1767225600 };

static char said[AUDIT_TEXT_MAX];

static void a_header_that_its_name_does_not_say_is_found__red_without_the_check(void **state) {
    struct coverage coverage[] = {{.partition = 3, .start = 10, .to = 50, .counted = 7}, {.partition = 4}};
    struct progress progress = {.partition = 3, .offset = 50, .after = 40, .sealed_s = WINDOW + 900};
    struct header part = {.kind = FILE_PART,
                          .start_s = WINDOW,
                          .end_s = WINDOW + 900,
                          .coverage = coverage,
                          .coverage_count = 1};
    struct header window = part, checkpoint = {.kind = FILE_CHECKPOINT, .progress = &progress},
                  through = {.kind = FILE_THROUGH, .progress = &progress}, orders = part;
    char names[5][NAME_MAX_LENGTH];
    orders.kind = FILE_ORDERS;
    window.kind = FILE_WINDOW;
    window.coverage_count = 2;
    struct snapshot_name snapshot = shelf_name_of(&window);
    part_name_write(names[0], &(struct part_name){WINDOW, 3, 10, 50});
    snapshot_name_write(names[1], &snapshot);
    checkpoint_name_write(names[2], &(struct checkpoint_name){3, 50, 40});
    through_name_write(names[3], &(struct through_name){3, 50, WINDOW + 900});
    orders_name_write(names[4], &(struct part_name){WINDOW, 3, 10, 50});
    struct header *headers[] = {&part, &window, &checkpoint, &through, &orders};
    for (int n = 0; n < 5; n++) {
        char path[2 * NAME_MAX_LENGTH];
        snprintf(path, sizeof(path), "/srv/parts/store/%s", names[n]);
        assert_true(audit_is_name(names[n]));
        for (int h = 0; h < 5; h++) {
            assert_int_equal(audit_name(names[n], headers[h], said), n == h);
            assert_int_equal(audit_name(path, headers[h], said), n == h);
        }
    }
    coverage[0].to = 51;
    assert_false(audit_name(names[0], &part, said));
    assert_false(audit_name(names[1], &window, said));
    assert_false(audit_name(names[4], &orders, said));
    coverage[0].to = 50;
    const struct earlier_orders earlier = {WINDOW - 900, 3, 40, false};
    window.earlier = &earlier;
    window.earlier_count = 1;
    assert_false(audit_name(names[1], &window, said));
    window.earlier_count = 0;
    assert_true(audit_name(names[1], &window, said));
    part.start_s = window.start_s = WINDOW + 900;
    assert_false(audit_name(names[0], &part, said));
    assert_false(audit_name(names[1], &window, said));
    progress.offset = 51;
    assert_false(audit_name(names[2], &checkpoint, said));
    assert_false(audit_name(names[3], &through, said));
}

static void other_names_say_nothing(void **state) {
    static const char *const names[] = {"meta",
                                        "parts/x/y.zst",
                                        "kpi.zst",
                                        "/tmp/a.zst",
                                        "through/hello",
                                        "parts/1767225600",
                                        "xparts/1767225600/p0003-1-2.zst"};
    struct header header = {.kind = FILE_WINDOW};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        assert_false(audit_is_name(names[i]));
        assert_true(audit_name(names[i], &header, said));
    }
}

static void a_balance_that_does_not_add_up_is_found__red_without_the_check(void **state) {
    struct line lines[] = {{.start_s = WINDOW, .counted = 5, .late = 1},
                           {.start_s = WINDOW + 900, .counted = 3}};
    struct line apart = {.start_s = WINDOW, .counted = 4, .late = 2};
    struct progress even = {.read = 38,
                            .rejected = 2,
                            .duplicate = 1,
                            .settled_counted = 19,
                            .settled_late = 1,
                            .lines = lines,
                            .line_count = 2,
                            .apart = &apart,
                            .apart_count = 1};
    assert_true(audit_balance(&even, said));
    uint64_t *const shares[] = {&even.read,         &even.rejected,    &even.duplicate, &even.settled_counted,
                                &even.settled_late, &lines[0].counted, &lines[0].late,  &lines[1].counted,
                                &apart.counted,     &apart.late};
    for (size_t i = 0; i < sizeof(shares) / sizeof(shares[0]); i++) {
        (*shares[i])++;
        assert_false(audit_balance(&even, said));
        assert_non_null(strstr(said, "read "));
        (*shares[i])--;
    }
    lines[1].start_s = WINDOW;
    assert_false(audit_balance(&even, said));
    assert_non_null(strstr(said, "order"));
}

static void lines_and_coverage_have_what_their_parts_have__red_without_the_check(void **state) {
    struct line line = {.start_s = WINDOW, .counted = 5, .late = 1, .to = 50};
    struct coverage part = {.partition = 3, .start = 0, .to = 50, .counted = 5, .late = 1}, covered = part;
    assert_true(audit_line(3, &line, &part, said) && audit_coverage(&covered, &part, said));
    assert_false(audit_line(3, &line, NULL, said));
    assert_non_null(strstr(said, "gone"));
    assert_false(audit_coverage(&covered, NULL, said));
    line.open = true;
    assert_true(audit_line(3, &line, NULL, said));
    part.late = 2;
    assert_false(audit_line(3, &line, &part, said));
    assert_false(audit_coverage(&covered, &part, said));
    part.late = 1;
    part.counted = 4;
    assert_false(audit_line(3, &line, &part, said));
    assert_false(audit_coverage(&covered, &part, said));
    covered = (struct coverage){.partition = 3, .start = 7, .to = 7};
    assert_true(audit_coverage(&covered, NULL, said));
    assert_true(audit_orders(3, 0, false, said) && audit_orders(3, 9, true, said));
    assert_false(audit_orders(3, 9, false, said));
    covered.counted = 1;
    assert_false(audit_coverage(&covered, NULL, said));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_header_that_its_name_does_not_say_is_found__red_without_the_check),
        cmocka_unit_test(other_names_say_nothing),
        cmocka_unit_test(a_balance_that_does_not_add_up_is_found__red_without_the_check),
        cmocka_unit_test(lines_and_coverage_have_what_their_parts_have__red_without_the_check),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
