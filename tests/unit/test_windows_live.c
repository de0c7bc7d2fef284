// The live sessions of a window's file against the log.
#include "windows_fixture.h"

struct file {
    struct rows *rows;
    struct windows_report report;
};

static void live_add(struct rows *rows, const char *session, uint32_t second, int64_t joins, int64_t leaves,
                     int64_t watch_ms) {
    const struct live_change change = {second, joins - leaves};
    const struct live_session live = {.platform = PLATFORM_TIKTOK,
                                      .account = slice_of("acme"),
                                      .session = slice_of(session),
                                      .start_s = W0,
                                      .joins = joins,
                                      .leaves = leaves,
                                      .watch_ms = watch_ms,
                                      .changes = &change,
                                      .change_count = 1};
    rows_add_live(rows, &live);
}

// What the aggregator would write of the log below.
static struct rows *file_make(void) {
    struct rows *rows = rows_create();
    live_add(rows, "show", 4, 3, 2, 70);
    live_add(rows, "show", 9, 1, 1, 0);
    live_add(rows, "show", 899, 0, -1, 0);
    live_add(rows, "space", 0, 0, 0, 5);
    return rows;
}

static void compare(struct world *w, struct windows_window *window) {
    struct file *f = (struct file *)(uintptr_t)w->more;
    const struct header header = {.topic = "", .topic_id = "", .rules_hash = ""};
    windows_compare(&f->report, &w->origin, window, &header, f->rows);
}

static void live_give(struct world *w, uint8_t id, uint32_t kind, const char *session, int64_t offset_ms,
                      int64_t delta, int64_t watch_ms, bool late) {
    Clameur__V1__Live live = CLAMEUR__V1__LIVE__INIT;
    Clameur__V1__Event e = event(id);
    e.kind = (Clameur__V1__Kind)kind;
    e.occurred_at = W0_MS + offset_ms;
    e.live_session_id = bytes(session);
    e.delta = delta;
    live.watch_ms = watch_ms;
    if (watch_ms > 0) {
        e.body_case = CLAMEUR__V1__EVENT__BODY_LIVE;
        e.live = &live;
    }
    give(w, id % PARTITIONS, late ? LATE_MS + 1 : e.occurred_at + 1, &e);
}

static void log_give(struct world *w) {
    live_give(w, 1, KIND_LIVE_LEAVE, "show", 4500, 2, 70, false);
    live_give(w, 2, KIND_LIVE_JOIN, "show", 4999, 3, 0, false);
    live_give(w, 3, KIND_LIVE_JOIN, "show", 9000, 0, 0, false); // 1: none is said
    live_give(w, 4, KIND_LIVE_LEAVE, "show", 9000, 1, 0, false);
    live_give(w, 5, KIND_LIVE_LEAVE, "show", 899999, -1, 0, false);
    live_give(w, 6, KIND_LIVE_HEARTBEAT, "space", 0, 1, 5, false);
    live_give(w, 7, KIND_LIVE_JOIN, "show", 4999, 9, 9, true);
    live_give(w, 8, KIND_LIKE, "show", 0, 1, 0, false);
    live_give(w, 9, KIND_VIEW, "", 0, 1, 9, false);
}

// What is found of live sessions, a line each.
static const char *found(struct rows *rows) {
    static char text[1024];
    struct file f = {.rows = rows};
    struct world *w = world_create(1 << 30);
    size_t length = 0;
    windows_report_init(&f.report, 100);
    w->more = &f;
    w->finish = compare;
    publish(w, W0, 4, 5);
    windows_fold_begin(&w->fold);
    log_give(w);
    windows_fold_end(&w->fold);
    assert_int_equal(w->finished, 1);
    text[0] = '\0';
    for (size_t i = 0; i < f.report.kept_count; i++) {
        const struct windows_finding *finding = &f.report.kept[i];
        if (strncmp(finding->where, "live ", 5) == 0)
            length += (size_t)snprintf(text + length, sizeof(text) - length, "%s %s %s/%s\n", finding->where,
                                       finding->counter, finding->stored, finding->recount);
    }
    assert_int_equal(f.report.sessions, rows_live_count(rows));
    windows_report_fini(&f.report);
    rows_destroy(&rows);
    world_destroy(w);
    return text;
}

static void the_sessions_that_the_log_gives_are_equal(void **state) {
    assert_string_equal(found(file_make()), "");
}

static void one_wrong_second_or_sum_is_red(void **state) {
    struct rows *rows = file_make();
    live_add(rows, "show", 5, 1, 1, 0);
    live_add(rows, "show", 4, 0, -1, 0);
    live_add(rows, "show", 5, 0, 1, 1);
    assert_string_equal(found(rows), "live acme/tiktok show joins 5/4\n"
                                     "live acme/tiktok show leaves 3/2\n"
                                     "live acme/tiktok show watch_ms 71/70\n"
                                     "live acme/tiktok show second 4 2/1\n"
                                     "live acme/tiktok show second 5 -1/0\n");
}

static void a_session_that_is_missing_or_one_too_many_is_red(void **state) {
    struct rows *rows = rows_create();
    live_add(rows, "show", 4, 3, 2, 70);
    live_add(rows, "show", 9, 1, 1, 0);
    live_add(rows, "show", 899, 0, -1, 0);
    live_add(rows, "other", 3, 1, 1, 0);
    assert_string_equal(found(rows), "live acme/tiktok other joins 1/0\n"
                                     "live acme/tiktok other leaves 1/0\n"
                                     "live acme/tiktok space watch_ms 0/5\n");
}

static void a_session_of_another_window_is_red(void **state) {
    struct rows *rows = file_make();
    rows_add_live(rows, &(struct live_session){.platform = PLATFORM_TIKTOK,
                                               .account = slice_of("acme"),
                                               .session = slice_of("show"),
                                               .start_s = W0 + 900,
                                               .joins = 1});
    assert_string_equal(found(rows), "live acme/tiktok show start_s 1767226500/1767225600\n");
}

// ---- who falls silent

static void give_of(struct world *w, uint8_t id, const char *actor, uint32_t kind, int64_t second) {
    Clameur__V1__Event e = event(id);
    e.kind = (Clameur__V1__Kind)kind;
    e.occurred_at = W0_MS + second * 1000;
    e.live_session_id = bytes("show");
    e.actor_id = bytes(actor);
    give(w, 0, id == 9 ? LATE_MS + 900001 : e.occurred_at + 1, &e);
}

// Of two windows; the first ends with the last event, so that both are held at once.
static void silent_give(struct world *w) {
    w->next[0] = 0;
    give_of(w, 1, "a", KIND_LIVE_JOIN, 800);
    give_of(w, 2, "a", KIND_LIVE_HEARTBEAT, 850);
    give_of(w, 3, "b", KIND_LIVE_HEARTBEAT, 850);
    give_of(w, 4, "a", KIND_LIVE_HEARTBEAT, 901);
    give_of(w, 9, "b", KIND_LIVE_HEARTBEAT, 902); // late: nobody hears it
    give_of(w, 5, "b", KIND_LIVE_HEARTBEAT, 903);
    give_of(w, 6, "a", KIND_LIVE_HEARTBEAT, 991);
    give_of(w, 7, "a", KIND_LIKE, 10);
}

static const int64_t (*expected_sums(int64_t start_s))[2] {
    static const int64_t first[][2] = {{800, 1},
                                       {850, 1},
                                       {940, -2},
                                       {WINDOWS_LIVE_JOINS, 1},
                                       {WINDOWS_LIVE_EXPIRED, 2},
                                       {WINDOWS_LIVE_RETURNED, 1},
                                       {-1, 0}};
    static const int64_t second[][2] = {{40, 2}, {91, 0}, {93, -1}, {181, -1}, {WINDOWS_LIVE_EXPIRED, 0},
                                        {-1, 0}};
    return start_s == W0 ? first : second;
}

static void sums_are_as_expected(struct world *w, struct windows_window *window) {
    const int64_t(*sums)[2] = expected_sums(window->start_s);
    const struct live_session show = {
        .platform = PLATFORM_TIKTOK, .account = slice_of("acme"), .session = slice_of("show")};
    uint32_t met = 0;
    for (size_t i = 0; sums[i][0] >= 0; i++) {
        const struct windows_live_sum *sum =
            windows_live_find(&window->model->live, &show, (uint32_t)sums[i][0]);
        assert_int_equal(sum != NULL ? sum->value : 0, sums[i][1]);
        met += sum != NULL;
    }
    assert_int_equal(met, window->model->live.count);
}

// Each pass begins with nobody: else whoever was heard in the one before would be there already.
static void who_falls_silent_leaves_in_every_pass(void **state) {
    for (int few = 0; few < 2; few++) {
        struct world *w = world_create(few ? 1 : 1 << 30);
        w->finish = sums_are_as_expected;
        publish(w, W0, 8, 0);
        publish(w, W0 + 900, 7, 0);
        while (windows_fold_begin(&w->fold)) {
            silent_give(w);
            windows_fold_end(&w->fold);
        }
        assert_int_equal(w->finished, 2);
        assert_int_equal(w->fold.passes, few ? 2 : 1);
        world_destroy(w);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_sessions_that_the_log_gives_are_equal),
        cmocka_unit_test(one_wrong_second_or_sum_is_red),
        cmocka_unit_test(a_session_that_is_missing_or_one_too_many_is_red),
        cmocka_unit_test(a_session_of_another_window_is_red),
        cmocka_unit_test(who_falls_silent_leaves_in_every_pass),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
