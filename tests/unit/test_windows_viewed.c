// The recount's reading of watched and looped time, by hand.
#include "windows_fixture.h"

#include "loadtest/windows/windows_viewed.h"

static int64_t delta_of(const struct recount_increments *all, enum counter counter) {
    int64_t sum = 0;
    for (size_t i = 0; i < all->count; i++)
        sum += all->at[i].field == field_counter(counter) ? all->at[i].delta : 0;
    return sum;
}

static void watched_and_looped_time_by_hand(void **state) {
    const int64_t most = INT64_C(100000000000000000);
    const struct {
        uint32_t kind;
        int64_t delta, watch_ms, duration_ms, timed, length, looped; // of views, or of the others
    } cases[] = {
        {KIND_VIEW, 0, 70, 100, 70, 100, 0},
        {KIND_VIEW, 0, 250, 100, 250, 100, 150},
        {KIND_VIEW, 2, 250, 100, 250, 200, 50},
        {KIND_VIEW, 3, 250, 100, 250, 300, 0},
        {KIND_VIEW, -2, 70, 100, 70, -200, 70},
        {KIND_VIEW, 0, 70, 0, 0, 0, 0},
        {KIND_VIEW, -2, 70, 0, 0, 0, 0},
        {KIND_VIEW, 1, 70, most, 70, most, 0},
        {KIND_VIEW, most, 70, most, 70, 0, 0},
        {KIND_VIEW, -most, 70, most, 70, 0, 70},
        {KIND_VIEW_START, 4, 0, 100, 0, 400, 0},
        {KIND_VIEW_START, -1, 70, 100, 70, -100, 70},
        {KIND_VIEW_COMPLETE, 0, 170, 100, 170, 0, 70},
        {KIND_REPLAY, 0, 70, 100, 70, 0, 70},
        {KIND_REPLAY, 0, 70, 0, 0, 0, 70},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        Clameur__V1__View view = CLAMEUR__V1__VIEW__INIT;
        Clameur__V1__Event e = event(1);
        struct recount_increments all = {0};
        bool is_view = cases[i].kind == KIND_VIEW;
        e.kind = (Clameur__V1__Kind)cases[i].kind;
        e.delta = cases[i].delta;
        view.watch_ms = cases[i].watch_ms;
        view.duration_ms = cases[i].duration_ms;
        e.body_case = CLAMEUR__V1__EVENT__BODY_VIEW;
        e.view = &view;
        windows_viewed_add(&all, &e);
        assert_int_equal(delta_of(&all, is_view ? COUNTER_VIEWS_TIMED_MS : COUNTER_OTHERS_TIMED_MS),
                         cases[i].timed);
        assert_int_equal(delta_of(&all, is_view ? COUNTER_VIEWS_LENGTH_MS : COUNTER_STARTS_LENGTH_MS),
                         cases[i].length);
        assert_int_equal(delta_of(&all, is_view ? COUNTER_VIEWS_LOOPED_MS : COUNTER_OTHERS_LOOPED_MS),
                         cases[i].looped);
        size_t expected =
            (size_t)(cases[i].timed != 0) + (cases[i].length != 0) + (size_t)(cases[i].looped != 0);
        assert_int_equal(all.count, expected); // and nothing else
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(watched_and_looped_time_by_hand)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
