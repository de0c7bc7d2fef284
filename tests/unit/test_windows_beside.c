// The recount's reading of watched and looped time, by hand.
#include "windows_fixture.h"

#include "loadtest/windows/windows_beside.h"
#include "tests/unit/watched_cases.h"

static int64_t delta_of(const struct recount_increments *all, enum counter counter) {
    int64_t sum = 0;
    for (size_t i = 0; i < all->count; i++)
        sum += all->at[i].field == field_counter(counter) ? all->at[i].delta : 0;
    return sum;
}

static void assert_told(const struct watched_case *watched, uint32_t platform) {
    Clameur__V1__View view = CLAMEUR__V1__VIEW__INIT;
    Clameur__V1__Event e = event(1);
    struct recount_increments all = {0};
    size_t expected = 0;
    e.kind = (Clameur__V1__Kind)watched->kind;
    e.platform = (Clameur__V1__Platform)platform;
    e.delta = watched->delta;
    view.watch_ms = watched->watch_ms;
    view.duration_ms = watched->duration_ms;
    e.body_case = CLAMEUR__V1__EVENT__BODY_VIEW;
    e.view = &view;
    windows_beside_add(&all, &e);
    for (size_t i = 0; i < WATCHED_TOLD; i++) {
        int64_t told = watched_told[i].platform == platform ? watched->told[i] : 0;
        assert_int_equal(delta_of(&all, watched_told[i].counter), told);
        expected += told != 0;
    }
    assert_int_equal(all.count, expected); // and nothing else
}

static void watched_and_looped_time_by_hand(void **state) {
    for (size_t i = 0; i < WATCHED_CASES; i++) {
        assert_told(&watched_cases[i], PLATFORM_TIKTOK);
        assert_told(&watched_cases[i], PLATFORM_YOUTUBE);
    }
}

static void a_delta_of_none_is_one(void **state) {
    assert_told(&(struct watched_case){KIND_VIEW, 0, 250, 100, {0, 0, 150, 0, 100}}, PLATFORM_YOUTUBE);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(watched_and_looped_time_by_hand),
                                       cmocka_unit_test(a_delta_of_none_is_one)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
