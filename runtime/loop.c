#include "runtime/loop.h"

#include <signal.h>

#include "runtime/check.h"
#include "runtime/clock.h"

static void on_stop(uv_signal_t *handle, int number) {
    struct loop *l = handle->data;
    l->stop_requests++;
}

static void on_reload(uv_signal_t *handle, int number) {
    struct loop *l = handle->data;
    l->reload_requested = true;
}

static void on_wake(uv_timer_t *timer) {}

void loop_init(struct loop *l) {
    static const struct {
        int number;
        uv_signal_cb callback;
    } watched[] = {{SIGTERM, on_stop}, {SIGINT, on_stop}, {SIGHUP, on_reload}};

    *l = (struct loop){.turned_at_ms = clock_monotonic_ms()};
    CHECK(signal(SIGPIPE, SIG_IGN) != SIG_ERR);
    CHECK(uv_loop_init(&l->uv) == 0);
    CHECK(uv_timer_init(&l->uv, &l->wake) == 0);
    for (size_t i = 0; i < sizeof(watched) / sizeof(watched[0]); i++) {
        CHECK(uv_signal_init(&l->uv, &l->signals[i]) == 0);
        l->signals[i].data = l;
        CHECK(uv_signal_start(&l->signals[i], watched[i].callback, watched[i].number) == 0);
    }
}

// A handle that its owner forgot would keep the last run from ending.
static void check_closing(uv_handle_t *handle, void *context) {
    CHECK(uv_is_closing(handle));
}

void loop_fini(struct loop *l) {
    CHECK(!l->turning);
    uv_close((uv_handle_t *)&l->wake, NULL);
    for (size_t i = 0; i < sizeof(l->signals) / sizeof(l->signals[0]); i++)
        uv_close((uv_handle_t *)&l->signals[i], NULL);
    uv_walk(&l->uv, check_closing, NULL);
    l->turning = true;
    uv_run(&l->uv, UV_RUN_DEFAULT);
    l->turning = false;
    CHECK(uv_loop_close(&l->uv) == 0);
}

static void turn_waiting(struct loop *l, uint64_t wait_ms) {
    // The timer counts from the loop's cached time. It repeats because UV_RUN_ONCE serves timers before it
    // polls: where the process lost the CPU for `wait_ms` just here, a single shot would be spent before the
    // poll, which nothing would bound.
    uv_update_time(&l->uv);
    uv_timer_start(&l->wake, on_wake, wait_ms, wait_ms);
    uv_run(&l->uv, UV_RUN_ONCE);
    uv_timer_stop(&l->wake);
}

void loop_turn(struct loop *l, int wait_ms) {
    CHECK(!l->turning);
    l->turning = true;
    if (wait_ms > 0)
        turn_waiting(l, (uint64_t)wait_ms);
    else
        uv_run(&l->uv, UV_RUN_NOWAIT);
    l->turning = false;
    l->turned_at_ms = clock_monotonic_ms();
}

int64_t loop_now_ms(const struct loop *l) {
    return (int64_t)uv_now(&l->uv);
}
