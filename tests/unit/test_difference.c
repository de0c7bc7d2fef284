#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "aggregate/figures/difference/difference.h"
#include "aggregate/figures/labels.h"
#include "schemas/registry.h"
#include "tests/unit/rows_fixture.h"

static char text[2048], last_id[64];
static size_t length;

static void tell(void *context, const struct difference *d) {
    snprintf(last_id, sizeof(last_id), "%.*s", (int)d->key.id.length, d->key.id.at);
    length +=
        (size_t)snprintf(text + length, sizeof(text) - length, "%s/%.*s/%u/%.*s %.*s %lld>%lld\n",
                         label_table(d->key.table), (int)d->key.account.length, d->key.account.at,
                         d->key.platform, d->key.id.length > 6 ? 6 : (int)d->key.id.length, d->key.id.at,
                         (int)d->counter_length, d->counter, (long long)d->left, (long long)d->right);
}

static size_t told(const struct rows *left, const struct rows *right) {
    length = 0;
    text[0] = '\0';
    return difference_each(left, right, tell, NULL);
}

static void add(struct rows *rows, enum table table, const char *account, const char *id,
                enum counter counter, int64_t value) {
    const struct row_key key = {
        .table = table, .account = slice_of(account), .platform = 2, .id = slice_of(id)};
    rows_add(rows, rows_row(rows, &key), field_counter(counter), value);
}

static void order_add(struct rows *rows, unsigned char number, int64_t micros) {
    struct order order = {.occurred_at_ms = 1000,
                          .subject = {.account = slice_of("acme"), .platform = 2},
                          .increments = {.count = 2, .has_kind = true}};
    order.order[0] = number;
    order.increments.at[0] = (struct increment){field_counter(COUNTER_OF_PURCHASE), 1};
    order.increments.at[1] =
        (struct increment){field_currency(field_counter(COUNTER_GROSS_MICROS), slice_of("EUR")), micros};
    rows_add_order(rows, &order);
}

static void refund_add(struct rows *rows, unsigned char number, int64_t order_ms, int64_t times,
                       int64_t micros) {
    struct refund refund = {.order_occurred_at_ms = order_ms,
                            .subject = {.account = slice_of("acme"), .platform = 2},
                            .increments = {.count = 2, .has_kind = true}};
    refund.order[0] = number;
    refund.increments.at[0] = (struct increment){field_counter(COUNTER_OF_REFUND), times};
    refund.increments.at[1] =
        (struct increment){field_currency(field_counter(COUNTER_REFUNDED_MICROS), slice_of("EUR")), micros};
    rows_add_refund(rows, &refund);
}

static void reading_add(struct rows *rows, const char *content, int64_t value, int64_t read_at_ms,
                        unsigned char event) {
    const struct latest_reading reading = {.platform = 2,
                                           .account = slice_of("acme"),
                                           .content = slice_of(content),
                                           .counter = slice_of("views"),
                                           .value = value,
                                           .read_at_ms = read_at_ms,
                                           .event_id = {event}};
    rows_add_reading(rows, &reading);
}

static void live_add(struct rows *rows, const char *session, uint32_t second, int64_t joins, int64_t leaves) {
    const struct live_change change = {second, joins - leaves};
    const struct live_session live = {.platform = 2,
                                      .account = slice_of("acme"),
                                      .session = slice_of(session),
                                      .start_s = 900,
                                      .joins = joins,
                                      .leaves = leaves,
                                      .watch_ms = 5 * leaves,
                                      .changes = &change,
                                      .change_count = 1};
    rows_add_live(rows, &live);
}

static void equal_rows_differ_in_nothing_however_they_were_made(void **state) {
    struct rows *left = rows_create(), *right = rows_create();
    add(left, TABLE_TOTALS, "acme", "", COUNTER_OF_LIKE, 5);
    add(left, TABLE_CONTENT, "acme", "7310", COUNTER_OF_LIKE, 5);
    add(left, TABLE_TOTALS, "bolt", "", COUNTER_OF_VIEW, 0);
    order_add(left, 1, 5);
    order_add(right, 1, 5);
    refund_add(left, 1, 1000, 2, 7);
    refund_add(right, 2, 1000, 1, 3);
    refund_add(right, 1, 1000, 1, 2);
    refund_add(right, 1, 1000, 1, 5);
    refund_add(right, 2, 1000, -1, -3);
    reading_add(left, "", 7, 90, 1);
    reading_add(right, "", 9, 80, 1);
    reading_add(right, "", 7, 90, 1);
    live_add(left, "show", 7, 2, 0);
    live_add(left, "show", 9, 1, 1);
    live_add(right, "show", 9, 0, 1);
    live_add(right, "show", 7, 2, 0);
    live_add(right, "show", 9, 1, 0);
    live_add(right, "none", 9, 0, 0);
    add(right, TABLE_CONTENT, "acme", "7310", COUNTER_OF_LIKE, 7);
    add(right, TABLE_CONTENT, "acme", "7310", COUNTER_OF_LIKE, -2);
    add(right, TABLE_TOTALS, "acme", "", COUNTER_OF_LIKE, 5);
    assert_int_equal(told(left, right), 0);
    assert_string_equal(text, "");
    rows_destroy(&left);
    rows_destroy(&right);
}

static void each_counter_that_differs_is_told_in_the_order_of_files(void **state) {
    struct rows *left = rows_create(), *right = rows_create();
    add(left, TABLE_TOTALS, "acme", "", COUNTER_OF_VIEW, 1);
    add(left, TABLE_TOTALS, "acme", "", COUNTER_OF_LIKE, 5);
    add(left, TABLE_CONTENT, "acme", "a", COUNTER_OF_LIKE, 5);
    add(left, TABLE_CONTENT, "acme", "c", COUNTER_OF_LIKE, 5);
    add(right, TABLE_CONTENT, "acme", "c", COUNTER_OF_LIKE, 6);
    add(right, TABLE_CONTENT, "acme", "b", COUNTER_OF_LIKE, INT64_MIN);
    add(right, TABLE_TOTALS, "acme", "", COUNTER_OF_LIKE, 4);
    add(right, TABLE_TOTALS, "acme", "", COUNTER_OF_SHARE, 2);
    order_add(left, 1, 5);
    order_add(left, 2, 5);
    order_add(right, 2, 6);
    order_add(right, 3, 5);
    reading_add(left, "a", 0, 90, 1);
    reading_add(left, "b", 7, 90, 1);
    reading_add(right, "b", 7, 90, 2);
    reading_add(left, "c", 7, 90, 1);
    reading_add(right, "c", -8, 91, 1);
    live_add(left, "a", 7, 2, 0);
    live_add(left, "b", 7, 1, 0);
    live_add(left, "b", 8, 1, 0);
    live_add(right, "b", 8, 2, 0);
    live_add(right, "b", 9, 0, 2);
    live_add(right, "c", 9, 3, 3);
    assert_int_equal(told(left, right), 23);
    assert_string_equal(text, "totals/acme/2/ likes 5>4\n"
                              "totals/acme/2/ shares 0>2\n"
                              "totals/acme/2/ views 1>0\n"
                              "content/acme/2/a likes 5>0\n"
                              "content/acme/2/b likes 0>-9223372036854775808\n"
                              "content/acme/2/c likes 5>6\n"
                              "orders/acme/2/010000 copies 1>0\n"
                              "orders/acme/2/020000 gross_micros:EUR 5>6\n"
                              "orders/acme/2/030000 copies 0>1\n"
                              "readings/acme/2/a views.read_at 90>0\n"
                              "readings/acme/2/b views.read_id 0>1\n"
                              "readings/acme/2/c views.read 7>-8\n"
                              "readings/acme/2/c views.read_at 90>91\n"
                              "live/acme/2/a live_joins 2>0\n"
                              "live/acme/2/a viewers@1970-01-01T00:15:07Z 2>0\n"
                              "live/acme/2/b live_leaves 0>2\n"
                              "live/acme/2/b live_watch_ms 0>10\n"
                              "live/acme/2/b viewers@1970-01-01T00:15:07Z 1>0\n"
                              "live/acme/2/b viewers@1970-01-01T00:15:08Z 1>2\n"
                              "live/acme/2/b viewers@1970-01-01T00:15:09Z 0>-2\n"
                              "live/acme/2/c live_joins 0>3\n"
                              "live/acme/2/c live_leaves 0>3\n"
                              "live/acme/2/c live_watch_ms 0>15\n");
    rows_destroy(&left);
    rows_destroy(&right);
}

static void refunds_alone_that_differ_are_told_by_their_sums(void **state) {
    struct rows *left = rows_create(), *right = rows_create();
    refund_add(left, 1, 1000, 1, 5);
    refund_add(left, 2, 1000, 1, 5);
    refund_add(left, 3, 1000, 1, 5);
    refund_add(right, 2, 1000, 1, 5);
    refund_add(right, 3, 1000, 1, 6);
    refund_add(right, 3, 1001, 1, 5);
    assert_int_equal(told(left, right), 5);
    assert_string_equal(text, "refunds/acme/2/010000 refunds 1>0\n"
                              "refunds/acme/2/010000 refunded_micros:EUR 5>0\n"
                              "refunds/acme/2/030000 refunded_micros:EUR 5>6\n"
                              "refunds/acme/2/030000 refunds 0>1\n"
                              "refunds/acme/2/030000 refunded_micros:EUR 0>5\n");
    assert_string_equal(last_id, "03000000000000000000000000000000/1001");
    rows_destroy(&left);
    rows_destroy(&right);
}

static void reached(struct rows *rows, uint32_t platform, unsigned char first, unsigned char end) {
    for (unsigned char who = first; who < end; who++)
        add_member(rows, SKETCHED_ACTORS, slice_of("acme"), platform, (unsigned char[16]){who});
}

static void took(struct rows *rows, const char *account, int64_t ms) {
    add_duration(rows, SKETCHED_WATCH_MS, slice_of(account), 2, ms);
}

static void sketches_that_differ_are_told_even_where_they_hold_as_many(void **state) {
    struct rows *left = rows_create(), *right = rows_create();
    reached(left, 1, 0, 5);
    reached(left, 2, 0, 5);
    reached(left, 3, 0, 5);
    reached(right, 1, 0, 5);
    reached(right, 2, 1, 6);
    reached(right, 4, 0, 7);
    assert_int_equal(told(left, right), 3);
    took(left, "acme", 10);
    took(left, "bolt", 10);
    took(right, "acme", 10);
    took(right, "bolt", 20);
    took(right, "zoo", 5);
    assert_int_equal(told(left, right), 8);
    assert_string_equal(text, "reach/acme/2/actors reached 5>5\n"
                              "reach/acme/3/actors reached 5>0\n"
                              "reach/acme/4/actors reached 0>7\n"
                              "quantiles/bolt/2/watch_ durations 1>1\n"
                              "quantiles/bolt/2/watch_ p50_ms 10>20\n"
                              "quantiles/bolt/2/watch_ p90_ms 10>20\n"
                              "quantiles/bolt/2/watch_ p99_ms 10>20\n"
                              "quantiles/zoo/2/watch_ durations 0>1\n");
    assert_int_equal(told(left, left), 0);
    rows_destroy(&left);
    rows_destroy(&right);
}

// A file may say another number beside the same registers.
static void another_number_beside_the_same_reach_is_told(void **state) {
    struct rows *left = rows_create(), *right = rows_create();
    struct sketch s = {.of = SKETCHED_PERSONS, .platform = 2, .account = slice_of("acme"), .reached = 1};
    reach_add(&s.reach, (unsigned char[16]){7});
    reach_forget_members(&s.reach);
    rows_keep_sketch(left, &s);
    s.reached = 2;
    rows_keep_sketch(right, &s);
    assert_int_equal(told(left, right), 1);
    assert_string_equal(text, "reach/acme/2/person reached 1>2\n");
    reach_fini(&s.reach);
    rows_destroy(&left);
    rows_destroy(&right);
}

// ---- viewers

static size_t viewers_told(const struct viewer *left, size_t left_count, const struct viewer *right,
                           size_t right_count) {
    const struct viewers_kept a = {(struct viewer *)left, left_count, 0},
                              b = {(struct viewer *)right, right_count, 0};
    length = 0;
    text[0] = '\0';
    return difference_each_viewer(&a, &b, tell, NULL);
}

static void viewers_differ_by_what_is_known_of_them__goes_red_if_they_are_passed_over(void **state) {
    const struct viewer left[] = {{.key = {1}, .joined = 1}, {.key = {2}, .joined = 1}, {.key = {4}}};
    const struct viewer right[] = {
        {.key = {1}, .joined = 1, .changed = true}, // what is not in files
        {.key = {2}, .heard_ms = 5, .joined = -1, .heard_event = 7, .timeout_ms = 9, .armed = true},
        {.key = {3}, .joined = 2, .assumed = true},
    };
    assert_int_equal(viewers_told(left, 3, left, 3), 0);
    assert_int_equal(viewers_told(left, 3, right, 3), 9);
    assert_string_equal(text, "viewers//0/020000 armed 0>1\n"
                              "viewers//0/020000 heard_event 0>7\n"
                              "viewers//0/020000 heard_ms 0>5\n"
                              "viewers//0/020000 joined 1>-1\n"
                              "viewers//0/020000 timeout_ms 0>9\n"
                              "viewers//0/030000 assumed 0>1\n"
                              "viewers//0/030000 joined 0>2\n"
                              "viewers//0/030000 there 0>1\n"
                              "viewers//0/040000 there 1>0\n");
}

static void increments_that_do_not_fit_are_compared_all_the_same(void **state) {
    struct rows *left = rows_create(), *right = rows_create();
    for (int i = 0; i < 2; i++) {
        struct order order = {.occurred_at_ms = 1000,
                              .subject = {.account = slice_of("acme"), .platform = 2}};
        order.increments.count = 2;
        order.increments.has_kind = true;
        order.increments.at[0] = (struct increment){field_counter(COUNTER_OF_PURCHASE), INT64_MAX};
        order.increments.at[1] = (struct increment){field_counter(COUNTER_OF_PURCHASE), 1 + i};
        rows_add_order(i == 0 ? left : right, &order);
    }
    assert_int_not_equal(told(left, right), 0);
    rows_destroy(&left);
    rows_destroy(&right);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_rows_differ_in_nothing_however_they_were_made),
        cmocka_unit_test(each_counter_that_differs_is_told_in_the_order_of_files),
        cmocka_unit_test(increments_that_do_not_fit_are_compared_all_the_same),
        cmocka_unit_test(refunds_alone_that_differ_are_told_by_their_sums),
        cmocka_unit_test(sketches_that_differ_are_told_even_where_they_hold_as_many),
        cmocka_unit_test(another_number_beside_the_same_reach_is_told),
        cmocka_unit_test(viewers_differ_by_what_is_known_of_them__goes_red_if_they_are_passed_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
