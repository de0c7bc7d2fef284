// The recount's reading of watched and looped time, by hand.
#include "windows_fixture.h"

#include "loadtest/windows/windows_beside.h"

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
        int64_t delta, watch_ms, duration_ms, told[5];
    } cases[] = {
        // on tiktok: of unknown length, starts; on youtube: looped, apart, length
        {KIND_VIEW, 1, 70, 100, {0, 0, 0, 0, 100}},
        {KIND_VIEW, 1, 250, 100, {0, 0, 150, 0, 100}},
        {KIND_VIEW, 3, 250, 100, {0, 0, 0, 0, 300}},
        {KIND_VIEW, 2, 250, 100, {0, 0, 50, 0, 200}},
        {KIND_VIEW, -2, 70, 100, {0, 0, 70, 0, -200}},
        {KIND_VIEW, 1, 70, 0, {70, 0, 0, 70, 0}}, // nobody knows how long it is
        {KIND_VIEW, -2, 70, 0, {70, 0, 0, 70, 0}},
        {KIND_VIEW, 1, 0, 100, {0, 0, 0, 0, 100}},
        {KIND_VIEW, 1, 70, most, {0, 0, 0, 0, most}},
        {KIND_VIEW, 2, 70, most, {0, 0, 0, 0, 0}}, // longer than anything may be
        {KIND_VIEW, most, 70, most, {0, 0, 0, 0, 0}},
        {KIND_VIEW, -most, 70, most, {0, 0, 70, 0, 0}},
        {KIND_VIEW_START, 4, 0, 100, {0, 400, 0, 0, 0}},
        {KIND_VIEW_START, -1, 70, 100, {0, -100, 70, 0, 0}},
        {KIND_VIEW_START, 2, 70, most, {0, 0, 0, 70, 0}},
        {KIND_VIEW_COMPLETE, 1, 170, 100, {0, 0, 70, 100, 0}},
        {KIND_REPLAY, 1, 70, 100, {0, 0, 70, 0, 0}},
        {KIND_REPLAY, 1, 70, 0, {70, 0, 70, 0, 0}},
        {KIND_VIEW, 0, 250, 100, {0, 0, 150, 0, 100}}, // none is one
    };
    static const enum counter counters[] = {COUNTER_WATCH_UNTIMED_MS, COUNTER_STARTS_LENGTH_MS,
                                            COUNTER_LOOPED_MS, COUNTER_WATCH_APART_MS,
                                            COUNTER_VIEWS_LENGTH_MS};
    static const uint32_t platforms[] = {PLATFORM_TIKTOK, PLATFORM_TIKTOK, PLATFORM_YOUTUBE, PLATFORM_YOUTUBE,
                                         PLATFORM_YOUTUBE};
    for (size_t i = 0; i < 5 * sizeof(cases) / sizeof(cases[0]); i++) {
        Clameur__V1__View view = CLAMEUR__V1__VIEW__INIT;
        Clameur__V1__Event e = event(1);
        struct recount_increments all = {0};
        size_t expected = 0;
        e.kind = (Clameur__V1__Kind)cases[i / 5].kind;
        e.platform = (Clameur__V1__Platform)platforms[i % 5];
        e.delta = cases[i / 5].delta;
        view.watch_ms = cases[i / 5].watch_ms;
        view.duration_ms = cases[i / 5].duration_ms;
        e.body_case = CLAMEUR__V1__EVENT__BODY_VIEW;
        e.view = &view;
        windows_beside_add(&all, &e);
        for (size_t c = 0; c < 5; c++) {
            int64_t told = platforms[c] == platforms[i % 5] ? cases[i / 5].told[c] : 0;
            assert_int_equal(delta_of(&all, counters[c]), told);
            expected += told != 0;
        }
        assert_int_equal(all.count, expected); // and nothing else
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(watched_and_looped_time_by_hand)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
