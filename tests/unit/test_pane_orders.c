// Purchases and refunds, which wait for what is said of the same order.
#include "tests/unit/pane_fixture.h"

static void a_purchase_waits_for_its_copies(void **state) {
    struct panes panes = {0};
    struct event e = event_at(5);
    e.kind = KIND_PURCHASE;
    e.order = AT("o-1");
    panes_take(&panes, &nobody, &e, 1, &rules, 0);
    e.id[0] = 2;
    e.occurred_at_ms--;
    panes_take(&panes, &nobody, &e, 2, &rules, 0);
    struct rows *rows = panes.at[0].rows;
    struct row_key totals = key_of(TABLE_TOTALS, AT(""));
    assert_int_equal(rows_count(rows), 0);
    assert_int_equal(rows_order_count(rows), 2);
    rows_settle(rows, NULL);
    assert_int_equal(value(&panes.at[0], &totals, COUNTER_OF_PURCHASE), 1);
    assert_int_equal(value(&panes.at[0], &totals, COUNTER_ORDER_COPIES), 1);
    panes_fini(&panes);
}

static void a_purchase_with_a_value_is_one_of_its_currency(void **state) {
    const field_code euros = field_currency(field_counter(COUNTER_PRICED_ORDERS), AT("EUR"));
    struct panes panes = {0};
    struct event e = event_at(5);
    e.kind = KIND_PURCHASE;
    e.order = AT("o-1");
    panes_take(&panes, &nobody, &e, 1, &rules, 0);
    e.order = AT("o-2");
    e.currency = AT("EUR");
    e.measures[e.measure_count++] = (struct measure){COUNTER_GROSS_MICROS, 70};
    panes_take(&panes, &nobody, &e, 2, &rules, 0);
    panes_take(&panes, &nobody, &e, 3, &rules, 0);
    panes_take(&panes, &nobody, &e, 3, &rules, e.occurred_at_ms + 60 * MINUTE);
    struct rows *rows = panes.at[0].rows;
    struct row_key totals = key_of(TABLE_TOTALS, AT("")), late = key_of(TABLE_LATE, AT(""));
    rows_settle(rows, NULL);
    assert_int_equal(value(&panes.at[0], &totals, COUNTER_OF_PURCHASE), 2);
    assert_int_equal(rows_value(rows, rows_row(rows, &totals), euros), 1);
    assert_int_equal(rows_value(rows, rows_row(rows, &late), euros), 1);
    panes_fini(&panes);
}

static struct event refund_at(int64_t offset_ms, struct slice order, int64_t placed_ms) {
    struct event e = event_at(offset_ms);
    e.kind = KIND_REFUND;
    e.order = order;
    e.order_occurred_at_ms = placed_ms;
    e.currency = AT("EUR");
    e.measures[e.measure_count++] = (struct measure){COUNTER_REFUNDED_MICROS, 7};
    e.measures[e.measure_count++] = (struct measure){COUNTER_NET_MICROS, -7};
    return e;
}

// Exactly as far back as the rules say, and no further.
static void
a_refund_waits_where_it_names_an_order_that_is_looked_up__goes_red_without_the_bound(void **state) {
    const int64_t now = START_S * 1000 + 5;
    const struct {
        struct slice order;
        int64_t placed_ms;
        bool waits;
    } cases[] = {
        {AT("o-1"), now, true},
        {AT("o-1"), now - 60 * MINUTE, true},
        {AT("o-1"), now - 60 * MINUTE - 1, false},
        {AT("o-1"), now + 1, false},
        {AT("o-1"), 0, false},
        {AT("o-1"), -1, false},
        {AT("o-1"), INT64_MIN, false},
        {AT("o-1"), INT64_MAX, false},
        {AT(""), now, false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct panes panes = {0};
        struct event e = refund_at(5, cases[i].order, cases[i].placed_ms);
        panes_take(&panes, &nobody, &e, 1, &rules, 0);
        struct rows *rows = panes.at[0].rows;
        struct row_key totals = key_of(TABLE_TOTALS, AT(""));
        assert_int_equal(rows_refund_count(rows), cases[i].waits);
        assert_int_equal(value(&panes.at[0], &totals, COUNTER_OF_REFUND), cases[i].waits ? -1 : 1);
        panes_fini(&panes);
    }
}

static void a_refund_of_no_order_is_counted_as_such(void **state) {
    struct panes panes = {0};
    struct event e = refund_at(5, AT(""), 0);
    e.delta = 2;
    e.campaign = AT("spring");
    e.tags[0] = AT("a");
    e.tag_count = 1;
    panes_take(&panes, &nobody, &e, 1, &rules, 0);
    struct rows *rows = panes.at[0].rows;
    struct row_key keys[] = {key_of(TABLE_TOTALS, AT("")), key_of(TABLE_CAMPAIGN, AT("spring"))};
    struct row_key tag = key_of(TABLE_TAG, AT("a"));
    for (int i = 0; i < 2; i++) {
        uint32_t row = rows_row(rows, &keys[i]);
        assert_int_equal(rows_value(rows, row, field_counter(COUNTER_OF_REFUND)), 2);
        assert_int_equal(rows_value(rows, row, field_counter(COUNTER_REFUNDS_UNATTRIBUTED)), 2);
        assert_int_equal(
            rows_value(rows, row, field_currency(field_counter(COUNTER_UNATTRIBUTED_MICROS), AT("EUR"))), 7);
        assert_int_equal(rows_value(rows, row, field_currency(field_counter(COUNTER_NET_MICROS), AT("EUR"))),
                         -7);
    }
    assert_int_equal(value(&panes.at[0], &tag, COUNTER_OF_REFUND), 2);
    assert_int_equal(value(&panes.at[0], &tag, COUNTER_REFUNDS_UNATTRIBUTED), 0);
    panes_fini(&panes);
}

static void a_late_refund_is_late_alone(void **state) {
    struct panes panes = {0};
    struct event e = refund_at(5, AT("o-1"), START_S * 1000);
    panes_take(&panes, &nobody, &e, 1, &rules, e.occurred_at_ms + 60 * MINUTE);
    struct row_key late = key_of(TABLE_LATE, AT(""));
    assert_int_equal(rows_refund_count(panes.at[0].rows), 0);
    assert_int_equal(value(&panes.at[0], &late, COUNTER_OF_REFUND), 1);
    assert_int_equal(value(&panes.at[0], &late, COUNTER_REFUNDS_UNATTRIBUTED), 0);
    panes_fini(&panes);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_purchase_waits_for_its_copies),
        cmocka_unit_test(a_purchase_with_a_value_is_one_of_its_currency),
        cmocka_unit_test(
            a_refund_waits_where_it_names_an_order_that_is_looked_up__goes_red_without_the_bound),
        cmocka_unit_test(a_refund_of_no_order_is_counted_as_such),
        cmocka_unit_test(a_late_refund_is_late_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
