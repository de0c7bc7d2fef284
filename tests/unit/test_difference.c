#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "aggregate/figures/difference.h"
#include "aggregate/figures/labels.h"
#include "schemas/registry.h"

static char text[2048];
static size_t length;

static void tell(void *context, const struct difference *d) {
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

static void equal_rows_differ_in_nothing_however_they_were_made(void **state) {
    struct rows *left = rows_create(), *right = rows_create();
    add(left, TABLE_TOTALS, "acme", "", COUNTER_OF_LIKE, 5);
    add(left, TABLE_CONTENT, "acme", "7310", COUNTER_OF_LIKE, 5);
    add(left, TABLE_TOTALS, "bolt", "", COUNTER_OF_VIEW, 0);
    order_add(left, 1, 5);
    order_add(right, 1, 5);
    reading_add(left, "", 7, 90, 1);
    reading_add(right, "", 9, 80, 1);
    reading_add(right, "", 7, 90, 1);
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
    assert_int_equal(told(left, right), 13);
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
                              "readings/acme/2/c views.read_at 90>91\n");
    rows_destroy(&left);
    rows_destroy(&right);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_rows_differ_in_nothing_however_they_were_made),
        cmocka_unit_test(each_counter_that_differs_is_told_in_the_order_of_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
