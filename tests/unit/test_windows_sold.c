// Which sale of an order the recount takes, by hand.
#include "windows_fixture.h"

#include "loadtest/windows/windows_sold.h"

enum { AT_MS = 5 };

static Clameur__V1__Event sale_of(uint32_t platform, const char *content) {
    static Clameur__V1__Commerce commerce = CLAMEUR__V1__COMMERCE__INIT;
    Clameur__V1__Event e = event(1);
    e.kind = (Clameur__V1__Kind)KIND_PURCHASE;
    e.platform = (Clameur__V1__Platform)platform;
    e.occurred_at = W0_MS + AT_MS;
    e.content_id = (ProtobufCBinaryData){strlen(content), (uint8_t *)(uintptr_t)content};
    e.body_case = CLAMEUR__V1__EVENT__BODY_COMMERCE;
    e.commerce = &commerce;
    return e;
}

// One id under two keys, which say different things: the log's order decides nothing.
static void of_two_of_one_time_and_id_the_lesser_sells__goes_red_if_the_first_does(void **state) {
    static const struct {
        uint32_t platform;
        const char *content;
    } lesser = {PLATFORM_TIKTOK, "b"}, greater[] = {{PLATFORM_YOUTUBE, "a"}, {PLATFORM_TIKTOK, "c"}};
    const struct earlier_orders reached = {W0, 0, ALL, false};
    const int64_t limits[] = {ALL};
    const struct slice order = slice_of("o-1");
    for (int i = 0; i < 4; i++) {
        struct windows_sold sold = {0};
        bool elsewhere, turned = i % 2 == 1;
        Clameur__V1__Event a = sale_of(lesser.platform, lesser.content),
                           b = sale_of(greater[i / 2].platform, greater[i / 2].content);
        windows_sold_add(&sold, order, W0, 0, 0, turned ? &b : &a);
        windows_sold_add(&sold, order, W0, 0, 1, turned ? &a : &b);
        const struct windows_sale *sale = windows_sold_in(&sold, order, W0, &reached, 1, limits, &elsewhere);
        assert_non_null(sale);
        assert_int_equal(sale->whose.platform, PLATFORM_TIKTOK);
        assert_true(slice_equal(sale->whose.content, slice_of("b")));
        windows_sold_fini(&sold);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(of_two_of_one_time_and_id_the_lesser_sells__goes_red_if_the_first_does),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
