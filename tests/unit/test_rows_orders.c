// Orders and refunds in a table of rows: which copy of an order counts, and where a refund does.
#include "snapshot_fixture.h"
#include "tests/unit/rows_fixture.h"

static const struct row_key acme_web = {
    .table = TABLE_TOTALS, .platform = PLATFORM_WEB, .account = {"acme", 4}};

static void assert_orders(struct rows *r, int64_t orders, int64_t euros, int64_t copies) {
    field_code gross = field_currency(field_counter(COUNTER_GROSS_MICROS), slice_of("EUR"));
    assert_int_equal(value_of(r, &acme_web, field_counter(COUNTER_OF_PURCHASE)), orders);
    assert_int_equal(value_of(r, &acme_web, gross), euros);
    assert_int_equal(value_of(r, &acme_web, field_counter(COUNTER_ORDER_COPIES)), copies);
}

// All orders in which copies can come; each time the least by (time, event id) counts.
static void the_least_copy_counts_in_whatever_order_they_come(void **state) {
    const struct order copies[] = {order_of("acme", 1, 9, 100, 1), order_of("acme", 1, 3, 100, 20),
                                   order_of("acme", 1, 1, 101, 300), order_of("acme", 2, 1, 50, 4000)};
    int order[4];
    for (int i = 0; i < 4 * 4 * 4 * 4; i++) {
        unsigned seen = 0;
        for (int k = 0, rest = i; k < 4; k++, rest /= 4)
            seen |= 1u << (order[k] = rest % 4);
        if (seen != 15)
            continue;
        struct rows *r = rows_create();
        for (int k = 0; k < 4; k++)
            rows_add_order(r, &copies[order[k]]);
        rows_add_order(r, &copies[order[0]]); // is there already
        assert_int_equal(rows_order_count(r), 4);
        assert_int_equal(rows_count(r), 0);
        rows_settle(r, NULL);
        assert_orders(r, 2, 4020, 3);
        rows_settle(r, NULL);
        assert_orders(r, 2, 4020, 3);
        rows_destroy(&r);
    }
}

static void an_earlier_lesser_copy_makes_all_of_them_copies(void **state) {
    struct rows *earlier = rows_create(), *none = rows_create();
    const struct order before = order_of("acme", 1, 2, 99, 7);
    const struct order a = order_of("acme", 1, 9, 100, 1), b = order_of("acme", 1, 3, 100, 20);
    const struct order elsewhere = order_of("zoo", 1, 1, 1, 1); // of another account
    rows_add_order(earlier, &elsewhere);
    for (int round = 0; round < 4; round++) {
        struct rows *r = rows_create();
        if (round == 2)
            rows_add_order(earlier, &before);
        rows_add_order(r, round % 2 != 0 ? &a : &b);
        rows_add_order(r, round % 2 != 0 ? &b : &a);
        rows_settle(r, round == 0 ? none : earlier);
        if (round < 2)
            assert_orders(r, 1, 20, 1);
        else
            assert_orders(r, 0, 0, 2);
        rows_destroy(&r);
    }
    // One that is later, or the same event, takes nothing away.
    struct rows *r = rows_create(), *later = rows_create();
    rows_add_order(later, &a);
    rows_add_order(later, &b);
    rows_add_order(r, &b);
    rows_settle(r, later);
    assert_orders(r, 1, 20, 0);
    rows_destroy(&r);
    rows_destroy(&later);
    rows_destroy(&none);
    rows_destroy(&earlier);
}

static void a_settled_order_adds_to_every_row_of_its_subject(void **state) {
    struct rows *r = rows_create();
    const struct slice tag = slice_of("run");
    struct order o = order_of("acme", 1, 1, 100, 5);
    o.subject.content = slice_of("7310");
    o.subject.campaign = slice_of("spring");
    o.subject.tags = &tag;
    o.subject.tag_count = 1;
    rows_add_order(r, &o);
    rows_settle(r, NULL);
    assert_int_equal(rows_count(r), 4);
    const struct row_key tagged = {TABLE_TAG, PLATFORM_WEB, 0, 0, false, slice_of("acme"), tag};
    assert_int_equal(value_of(r, &tagged, field_counter(COUNTER_OF_PURCHASE)), 1);
    rows_destroy(&r);
}

static void of_two_that_bear_one_event_id_the_same_one_stays(void **state) {
    const struct order a = order_of("acme", 1, 1, 100, 5), b = order_of("acme", 1, 1, 100, 6);
    struct order c = a, d = a;
    const struct slice tags[] = {slice_of("run"), slice_of("fun")};
    c.subject.tags = tags;
    c.subject.tag_count = 1;
    d.subject.content = slice_of("7310");
    const struct order *twins[] = {&a, &b, &c, &d};
    for (int i = 0; i < 4; i++) {
        struct rows *x = rows_create(), *y = rows_create();
        for (int k = 0; k < 4; k++) {
            rows_add_order(x, twins[(i + k) % 4]);
            rows_add_order(y, twins[(i + 7 - k) % 4]);
        }
        assert_int_equal(rows_order_count(x), 1);
        assert_same_rows(x, y);
        rows_destroy(&x);
        rows_destroy(&y);
    }
}

// The same purchase under two keys lies in two partitions: one order and one copy, as in Redis, in whatever
// order and nesting the parts are merged.
static void one_that_came_again_is_a_copy__goes_red_if_it_is_there_once(void **state) {
    const struct order o = order_of("acme", 1, 3, 100, 20), other = order_of("acme", 1, 9, 100, 1);
    struct rows *part[3], *x = rows_create(), *y = rows_create(), *both = rows_create();
    for (int i = 0; i < 3; i++)
        part[i] = rows_create();
    rows_add_order(part[0], &o);
    rows_add_order(part[1], &o);
    rows_add_order(part[1], &other);
    rows_add_order(part[2], &other);
    for (int i = 0; i < 3; i++)
        rows_merge(x, part[i]);
    rows_merge(both, part[2]);
    rows_merge(both, part[1]);
    rows_merge(y, part[0]);
    rows_merge(y, both);
    assert_same_rows(x, y);
    rows_settle(x, NULL);
    assert_orders(x, 1, 20, 3);
    rows_settle(y, part[0]); // the same event before takes nothing away
    assert_orders(y, 1, 20, 3);
    struct rows *before = rows_create();
    const struct order lesser = order_of("acme", 1, 1, 99, 7);
    rows_add_order(before, &lesser);
    rows_settle(both, before);
    assert_orders(both, 0, 0, 3);
    for (int i = 0; i < 3; i++)
        rows_destroy(&part[i]);
    rows_destroy(&before);
    rows_destroy(&both);
    rows_destroy(&y);
    rows_destroy(&x);
}

// ---- refunds

static struct refund refund_of(unsigned char order, int64_t placed_ms, int64_t micros) {
    const field_code euros = field_counter(COUNTER_REFUNDED_MICROS);
    struct refund refund = {
        .order_occurred_at_ms = placed_ms,
        .subject = {.account = slice_of("acme"), .platform = PLATFORM_TIKTOK, .campaign = slice_of("autumn")},
        .increments = {3,
                       true,
                       {{field_counter(COUNTER_OF_REFUND), 1},
                        {field_currency(euros, slice_of("EUR")), micros},
                        {field_currency(field_counter(COUNTER_NET_MICROS), slice_of("EUR")), -micros}}}};
    memset(refund.order, order, sizeof(refund.order));
    return refund;
}

static int64_t euros_of(struct rows *r, const char *campaign, uint32_t platform, enum counter counter) {
    const struct row_key key = {
        .table = TABLE_CAMPAIGN, .platform = platform, .account = slice_of("acme"), .id = slice_of(campaign)};
    return value_of(r, &key, field_currency(field_counter(counter), slice_of("EUR")));
}

static int64_t refunds_of(struct rows *r, const char *campaign, uint32_t platform, enum counter counter) {
    const struct row_key key = {
        .table = TABLE_CAMPAIGN, .platform = platform, .account = slice_of("acme"), .id = slice_of(campaign)};
    return value_of(r, &key, field_counter(counter));
}

static void add_sale(struct rows *r, unsigned char order, unsigned char event_id, int64_t at_ms,
                     const char *campaign) {
    struct order o = order_of("acme", order, event_id, at_ms, 100);
    o.subject.campaign = slice_of(campaign);
    rows_add_order(r, &o);
}

static void a_refund_counts_where_the_least_copy_of_its_order_does(void **state) {
    struct rows *r = rows_create(), *sold = rows_create();
    add_sale(sold, 1, 2, 900001, "spring");
    add_sale(sold, 1, 1, 900001, "summer");
    add_sale(sold, 1, 0, 900002, "winter");
    struct refund known = refund_of(1, 1000000, 7), unknown = refund_of(2, 1000000, 5);
    rows_add_refund(r, &known);
    rows_add_refund(r, &unknown);
    assert_int_equal(rows_count(r), 0);
    rows_settle_refunds(r, 900, sold);
    assert_int_equal(refunds_of(r, "summer", PLATFORM_WEB, COUNTER_OF_REFUND), 1);
    assert_int_equal(refunds_of(r, "summer", PLATFORM_WEB, COUNTER_REFUNDS_UNATTRIBUTED), 0);
    assert_int_equal(euros_of(r, "summer", PLATFORM_WEB, COUNTER_NET_MICROS), -7);
    assert_int_equal(refunds_of(r, "autumn", PLATFORM_TIKTOK, COUNTER_OF_REFUND), 1);
    assert_int_equal(refunds_of(r, "autumn", PLATFORM_TIKTOK, COUNTER_REFUNDS_UNATTRIBUTED), 1);
    assert_int_equal(euros_of(r, "autumn", PLATFORM_TIKTOK, COUNTER_UNATTRIBUTED_MICROS), 5);
    assert_int_equal(euros_of(r, "autumn", PLATFORM_TIKTOK, COUNTER_REFUNDED_MICROS), 5);
    // Once and no more.
    rows_settle_refunds(r, 900, sold);
    assert_int_equal(euros_of(r, "summer", PLATFORM_WEB, COUNTER_NET_MICROS), -7);
    assert_null(rows_refund(r, 0));
    rows_destroy(&r);
    rows_destroy(&sold);
}

// The window's own orders, and those of another account.
static void a_refund_of_the_same_window_finds_its_order_there(void **state) {
    struct rows *r = rows_create();
    add_sale(r, 1, 1, 1000000, "spring");
    struct refund refund = refund_of(1, 1000000, 7), other = refund_of(1, 1000000, 5);
    other.subject.account = slice_of("zoo");
    rows_add_refund(r, &refund);
    rows_add_refund(r, &other);
    rows_settle_refunds(r, 900, r);
    assert_int_equal(euros_of(r, "spring", PLATFORM_WEB, COUNTER_NET_MICROS), -7);
    assert_int_equal(euros_of(r, "autumn", PLATFORM_TIKTOK, COUNTER_UNATTRIBUTED_MICROS), 0);
    const struct row_key zoo = {
        .table = TABLE_TOTALS, .platform = PLATFORM_TIKTOK, .account = slice_of("zoo")};
    assert_int_equal(value_of(r, &zoo, field_counter(COUNTER_REFUNDS_UNATTRIBUTED)), 1);
    rows_destroy(&r);
}

// The same event under two keys; two events of one id that say different things; one that is taken back.
static void every_refund_counts__goes_red_if_one_of_a_kind_stays(void **state) {
    struct rows *r = rows_create(), *other = rows_create();
    struct refund same = refund_of(1, 1000000, 7), more = refund_of(1, 1000000, 9);
    struct refund dollars = refund_of(1, 1000000, 3), back = refund_of(2, 1000000, 4);
    dollars.increments.at[1].field = field_currency(field_counter(COUNTER_REFUNDED_MICROS), slice_of("USD"));
    rows_add_refund(r, &same);
    rows_add_refund(other, &same);
    rows_add_refund(other, &more);
    rows_add_refund(other, &dollars);
    rows_add_refund(r, &back);
    for (uint32_t i = 0; i < 3; i++)
        back.increments.at[i].value *= -1;
    rows_add_refund(other, &back);
    rows_merge(r, other);
    assert_int_equal(rows_refund_count(r), 3);
    uint32_t sorted[3];
    assert_int_equal(rows_sort_refunds(r, sorted),
                     3); // one adds up to nothing, and is looked up all the same
    rows_settle_refunds(r, 900, NULL);
    assert_int_equal(refunds_of(r, "autumn", PLATFORM_TIKTOK, COUNTER_OF_REFUND), 4);
    assert_int_equal(euros_of(r, "autumn", PLATFORM_TIKTOK, COUNTER_REFUNDED_MICROS), 7 + 7 + 9);
    rows_destroy(&r);
    rows_destroy(&other);
}

static void the_windows_of_refunds_are_told_once_each(void **state) {
    struct rows *r = rows_create();
    static const int64_t placed_ms[] = {1800000, 0, 899999, 900000, 2699999, 900001};
    for (unsigned char i = 0; i < 6; i++) {
        struct refund refund = refund_of(i, placed_ms[i], 1);
        rows_add_refund(r, &refund);
    }
    int64_t *starts;
    assert_int_equal(rows_refund_windows(r, &starts), 3);
    assert_int_equal(starts[0], 0);
    assert_int_equal(starts[1], 900);
    assert_int_equal(starts[2], 1800);
    free(starts);
    rows_settle_refunds(r, 900, NULL);
    assert_int_equal(rows_refund_windows(r, &starts), 2);
    assert_int_equal(starts[1], 1800);
    free(starts);
    rows_destroy(&r);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_least_copy_counts_in_whatever_order_they_come),
        cmocka_unit_test(an_earlier_lesser_copy_makes_all_of_them_copies),
        cmocka_unit_test(a_settled_order_adds_to_every_row_of_its_subject),
        cmocka_unit_test(of_two_that_bear_one_event_id_the_same_one_stays),
        cmocka_unit_test(one_that_came_again_is_a_copy__goes_red_if_it_is_there_once),
        cmocka_unit_test(a_refund_counts_where_the_least_copy_of_its_order_does),
        cmocka_unit_test(a_refund_of_the_same_window_finds_its_order_there),
        cmocka_unit_test(every_refund_counts__goes_red_if_one_of_a_kind_stays),
        cmocka_unit_test(the_windows_of_refunds_are_told_once_each),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
