// Recounted: of the copies of an order the least counts, of readings the last.
#include "recount_world.h"

static void give_order(struct world *w, uint8_t id, int64_t occurred_at, int64_t time_ms, int64_t micros,
                       uint32_t platform) {
    Clameur__V1__LineItem item = CLAMEUR__V1__LINE_ITEM__INIT, *items[] = {&item};
    Clameur__V1__Commerce c = CLAMEUR__V1__COMMERCE__INIT;
    Clameur__V1__Event e = event(id);
    item.quantity = 3;
    c.order_id = bytes("o1");
    c.currency = bytes("EUR");
    c.value_micros = micros;
    c.items = items;
    c.n_items = 1;
    e.kind = (Clameur__V1__Kind)KIND_PURCHASE;
    e.platform = (Clameur__V1__Platform)platform;
    e.occurred_at = occurred_at;
    e.content_id = bytes("v1");
    e.body_case = CLAMEUR__V1__EVENT__BODY_COMMERCE;
    e.commerce = &c;
    give(w, id % PARTITIONS, time_ms, &e);
}

static void a_later_copy_of_an_order_is_only_a_copy(void **state) {
    struct world *w = world_plain();
    give_order(w, 1, T0, T0, 500, PLATFORM_WEB);
    give_order(w, 2, T0 + 1, T0, 700, PLATFORM_FACEBOOK);
    assert_int_equal(sum(w, "acct:acme", "orders"), 1);
    assert_int_equal(sum(w, "acct:acme", "gross_micros:EUR"), 500);
    assert_int_equal(sum(w, "acct:acme", "net_micros:EUR"), 500);
    assert_int_equal(sum(w, "acct:acme", "units"), 3);
    assert_int_equal(sum(w, "acct:acme", "order_copies"), 1);
    assert_int_equal(sum(w, "acct:acme:facebook", "order_copies"), 1);
    assert_int_equal(sum(w, "acct:acme:web", "order_copies"), 0);
    assert_int_equal(sum(w, "acct:acme:facebook", "orders"), 0);
    world_destroy(w);
}

static void an_earlier_copy_displaces_the_one_that_counted(void **state) {
    struct world *w = world_plain();
    give_order(w, 5, T0 + HOUR_MS, T0 + HOUR_MS, 500, PLATFORM_WEB);
    give_order(w, 4, T0 + HOUR_MS, T0 + HOUR_MS, 600, PLATFORM_FACEBOOK); // the same time, a lesser id
    assert_int_equal(sum(w, "acct:acme:web", "order_copies"), 1);
    assert_int_equal(sum(w, "acct:acme:facebook", "order_copies"), 0);
    give_order(w, 6, T0, T0 + HOUR_MS, 700, PLATFORM_WEB);
    assert_int_equal(sum(w, "acct:acme", "orders"), 1);
    assert_int_equal(sum(w, "acct:acme", "gross_micros:EUR"), 700);
    assert_int_equal(sum(w, "acct:acme:facebook", "gross_micros:EUR"), 0);
    assert_int_equal(sum(w, "acct:acme", "order_copies"), 2);
    assert_int_equal(sum(w, "acct:acme:web", "order_copies"), 1);
    assert_int_equal(sum(w, "acct:acme:facebook", "order_copies"), 1);
    assert_int_equal(sum(w, "series:acme:web:1767225600", "00:orders"), 1);
    assert_int_equal(sum(w, "series:acme:web:1767229200", "00:orders"), 0);
    assert_int_equal(sum(w, "top:acme:web:1767225600", "v1"), 5);
    assert_int_equal(sum(w, "top:acme:facebook:1767229200", "v1"), 0);
    assert_int_equal(w->model.order_count, 1);
    assert_memory_equal(w->model.orders[0].rank,
                        "0001767225600000"
                        "00000000000000000000000000000006",
                        ORDER_RANK_SIZE);
    world_destroy(w);
}

static void a_late_order_stands_apart(void **state) {
    struct world *w = world_plain();
    give_order(w, 1, T0, T0 + 48 * HOUR_MS, 500, PLATFORM_WEB); // exactly: in time
    give_order(w, 2, T0 - 1, T0 + 48 * HOUR_MS, 700, PLATFORM_WEB);
    assert_int_equal(sum(w, "acct:acme", "orders"), 1);
    assert_int_equal(sum(w, "acct:acme", "gross_micros:EUR"), 500);
    assert_int_equal(sum(w, "acct:acme", "orders_late"), 1);
    assert_int_equal(sum(w, "platform:web", "orders_late"), 1);
    assert_int_equal(sum(w, "acct:acme", "order_copies"), 0);
    assert_int_equal(sum(w, "content:acme:web:v1", "orders_late"), 0);
    world_destroy(w);
}

static void the_latest_reading_counts_and_totals_move_by_the_difference(void **state) {
    struct world *w = world_plain();
    give_reading(w, 1, T0, "v1", "views", 100);
    give_reading(w, 2, T0, "v2", "views", 50);
    give_reading(w, 4, T0 + 1, "v1", "views", 80);
    give_reading(w, 3, T0 + 1, "v1", "views", 70); // the same time, a lesser id
    give_reading(w, 5, T0 - 1, "v2", "views", 10); // older
    assert_int_equal(sum(w, "content:acme:tiktok:v1", "views.read"), 80);
    assert_int_equal(sum(w, "content:acme:tiktok:v2", "views.read"), 50);
    assert_int_equal(sum(w, "acct:acme:tiktok", "views.read"), 130);
    assert_int_equal(sum(w, "acct:acme", "views.read"), 130);
    assert_int_equal(sum(w, "platform:tiktok", "views.read"), 130);
    assert_int_equal(w->model.reading_count, 2);
    assert_int_equal(w->model.readings[0].read_at_ms, T0 + 1);
    assert_int_equal(w->model.readings[0].id[15], 4);
    assert_int_equal(w->reach_count, 0);
    assert_null(key(w, "series:acme:tiktok:1767225600"));
    world_destroy(w);
}

static void unique_figures_are_not_totalled(void **state) {
    struct world *w = world_plain();
    give_reading(w, 1, T0, "v1", "reach", 100);
    give_reading(w, 2, T0, "", "followers", 7);
    assert_int_equal(sum(w, "content:acme:tiktok:v1", "reach.read"), 100);
    assert_int_equal(sum(w, "acct:acme", "reach.read"), 0);
    assert_int_equal(sum(w, "acct:acme:tiktok", "followers.read"), 7);
    assert_int_equal(sum(w, "acct:acme", "followers.read"), 7);
    world_destroy(w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_later_copy_of_an_order_is_only_a_copy),
        cmocka_unit_test(an_earlier_copy_displaces_the_one_that_counted),
        cmocka_unit_test(a_late_order_stands_apart),
        cmocka_unit_test(the_latest_reading_counts_and_totals_move_by_the_difference),
        cmocka_unit_test(unique_figures_are_not_totalled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
