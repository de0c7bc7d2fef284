#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "runtime/clock.h"
#include "runtime/loop.h"

static int set_up(void **state) {
    static struct loop l;
    loop_init(&l);
    *state = &l;
    return 0;
}

static int tear_down(void **state) {
    loop_fini(*state);
    return 0;
}

static void turn_does_not_wait_when_told_so(void **state) {
    int64_t before = clock_monotonic_ms();
    for (int i = 0; i < 100; i++)
        loop_turn(*state, 0);
    assert_true(clock_monotonic_ms() - before < 500);
}

static void turn_waits_but_not_longer(void **state) {
    struct loop *l = *state;
    usleep(60000); // the cached time is now behind by more than the wait
    int64_t before = clock_monotonic_ms();
    loop_turn(l, 50);
    int64_t waited = clock_monotonic_ms() - before;
    assert_in_range(waited, 45, 2000);
    assert_in_range(l->turned_at_ms, before + 45, clock_monotonic_ms());
    assert_in_range(loop_now_ms(l), before, clock_monotonic_ms());
}

// Many short waits, each of which the scheduler may outlast between the start of the timer and the poll.
static void short_waits_all_end(void **state) {
    struct loop *l = *state;
    int64_t before = clock_monotonic_ms();
    for (int i = 0; i < 200; i++)
        loop_turn(l, 1);
    assert_in_range(l->turned_at_ms, before, clock_monotonic_ms());
}

static void count(uv_timer_t *timer) {
    ++*(int *)timer->data;
}

static void turn_ends_when_something_happened(void **state) {
    struct loop *l = *state;
    int fired = 0;
    uv_timer_t timer;
    uv_timer_init(&l->uv, &timer);
    timer.data = &fired;
    uv_timer_start(&timer, count, 10, 0);
    int64_t before = clock_monotonic_ms();
    loop_turn(l, 20000);
    assert_int_equal(fired, 1);
    assert_true(clock_monotonic_ms() - before < 5000);
    uv_close((uv_handle_t *)&timer, NULL);
    loop_turn(l, 0);
}

static void signals_are_counted(void **state) {
    struct loop *l = *state;
    assert_int_equal(l->stop_requests, 0);
    kill(getpid(), SIGTERM);
    loop_turn(l, 1000);
    assert_int_equal(l->stop_requests, 1);
    assert_false(l->reload_requested);
    kill(getpid(), SIGINT);
    loop_turn(l, 1000);
    assert_int_equal(l->stop_requests, 2);
    kill(getpid(), SIGHUP);
    loop_turn(l, 1000);
    assert_true(l->reload_requested);
    assert_int_equal(l->stop_requests, 2);
}

static void broken_pipe_is_an_error_not_a_death(void **state) {
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    close(ends[0]);
    assert_int_equal(write(ends[1], "x", 1), -1);
    close(ends[1]);
}

static void turn_again(uv_timer_t *timer) {
    loop_turn(timer->data, 0);
}

static void open_forever(struct loop *l) {
    static uv_timer_t timer;
    uv_timer_init(&l->uv, &timer);
    loop_fini(l);
}

static void turn_inside_a_callback(struct loop *l) {
    uv_timer_t timer;
    uv_timer_init(&l->uv, &timer);
    timer.data = l;
    uv_timer_start(&timer, turn_again, 0, 0);
    loop_turn(l, 100);
}

// How a child that does `misuse` ends: a signal number, 0 where it goes on.
static int end_of(void (*misuse)(struct loop *)) {
    pid_t child = fork();
    if (child == 0) {
        alarm(20);
        close(STDERR_FILENO);
        signal(SIGABRT, SIG_DFL);
        struct loop l;
        loop_init(&l);
        misuse(&l);
        _exit(0);
    }
    int status = 0;
    waitpid(child, &status, 0);
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static void bugs_stop_the_process(void **state) {
    assert_int_equal(end_of(turn_inside_a_callback), SIGABRT);
    assert_int_equal(end_of(open_forever), SIGABRT);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(turn_does_not_wait_when_told_so, set_up, tear_down),
        cmocka_unit_test_setup_teardown(turn_waits_but_not_longer, set_up, tear_down),
        cmocka_unit_test_setup_teardown(short_waits_all_end, set_up, tear_down),
        cmocka_unit_test_setup_teardown(turn_ends_when_something_happened, set_up, tear_down),
        cmocka_unit_test_setup_teardown(signals_are_counted, set_up, tear_down),
        cmocka_unit_test_setup_teardown(broken_pipe_is_an_error_not_a_death, set_up, tear_down),
        cmocka_unit_test(bugs_stop_the_process),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
