// How many watched at once.
#include <inttypes.h>

#include "snapshot_fixture.h"

#include "aggregate/figures/live_figures.h"

enum { START_S = 1767225600, NEXT_S = START_S + ROWS_WINDOW_S };

static char text[4096];
static int64_t known_s = INT64_MAX;

static void tell(void *context, const struct row_key *key, const struct live_figure *f) {
    size_t length = strlen(text);
    const struct session_row *row = &session_rows[f->of];
    char freshness[FRESHNESS_TEXT_MAX];
    assert_int_equal(key->table, TABLE_LIVE);
    int more = snprintf(text + length, sizeof(text) - length, "%.*s %s %" PRId64, (int)key->id.length,
                        key->id.at, row->name, f->numerator);
    if (row->denominator[0] != '\0')
        more +=
            snprintf(text + length + more, sizeof(text) - length - (size_t)more, "/%" PRId64, f->denominator);
    if (f->at_s != 0)
        more += snprintf(text + length + more, sizeof(text) - length - (size_t)more, " at %" PRId64,
                         f->at_s - START_S);
    snprintf(text + length + more, sizeof(text) - length - (size_t)more, " %s\n",
             f->freshness != NULL ? freshness_write(freshness, f->freshness) : "?");
}

// Each row's own window is taken by itself, the last first: the order is no matter.
static const char *told(const struct rows *rows, int64_t start_s, const struct filter *filter) {
    static const struct freshness_sum sealed = {FRESH_SEALED, 1};
    struct live_windows w;
    live_windows_init(&w);
    for (size_t i = rows_live_count(rows); i-- > 0;) {
        struct rows *one = rows_create();
        rows_add_live(one, rows_live(rows, i));
        live_windows_take(&w, rows_live(rows, i)->start_s, one, filter, &sealed);
        rows_destroy(&one);
    }
    text[0] = '\0';
    live_figures_each(&w, start_s, known_s, tell, NULL);
    live_windows_fini(&w);
    return text;
}

static const struct filter all;

static void a_seconds_viewers_are_counted_after_all_its_joins_and_leaves(void **state) {
    struct rows *rows = rows_create();
    add_live(rows, "s", START_S, 10, 3, 0);
    add_live(rows, "s", START_S, 20, 9, 8); // 12 for a moment, which nobody knows
    add_live(rows, "s", START_S, 30, 2, 2); // and here nothing changes
    add_live(rows, "s", START_S, 40, 0, 4);
    assert_string_equal(told(rows, START_S, &all), "s live_joins 14 sealed\n"
                                                   "s live_leaves 14 sealed\n"
                                                   "s peak_viewers 4 at 20 sealed\n"
                                                   "s avg_viewers 110/30 sealed\n"
                                                   "s viewers_at_end 0 sealed\n");
    rows_destroy(&rows);
}

static void a_session_runs_across_windows_and_its_peak_is_the_first_of_equal_ones(void **state) {
    struct rows *rows = rows_create();
    add_live(rows, "s", NEXT_S, 0, 5, 0);
    add_live(rows, "s", NEXT_S, 1, 0, 5);
    add_live(rows, "s", NEXT_S, 100, 5, 0);
    add_live(rows, "s", NEXT_S + ROWS_WINDOW_S, 0, 0, 15);
    add_live(rows, "s", START_S, 899, 10, 0);
    assert_string_equal(told(rows, START_S, &all), "s live_joins 20 sealed\n"
                                                   "s live_leaves 20 sealed\n"
                                                   "s peak_viewers 15 at 900 sealed\n"
                                                   "s avg_viewers 13015/901 sealed\n"
                                                   "s viewers_at_end 0 sealed\n");
    rows_destroy(&rows);
}

static void who_watched_before_the_time_asked_for_watches_when_it_begins(void **state) {
    struct rows *rows = rows_create();
    add_live(rows, "gone", START_S, 3, 7, 0); // nothing of it in the time asked for
    add_live(rows, "s", START_S, 3, 7, 0);
    add_live(rows, "s", START_S, 4, 0, 1);
    add_live(rows, "s", NEXT_S, 50, 0, 2);
    add_live(rows, "s", NEXT_S, 100, 0, 4);
    assert_string_equal(told(rows, NEXT_S, &all), "s live_joins 0 sealed\n"
                                                  "s live_leaves 6 sealed\n"
                                                  "s viewers_at_start 6 sealed\n"
                                                  "s peak_viewers 6 at 900 sealed\n"
                                                  "s avg_viewers 500/100 sealed\n"
                                                  "s viewers_at_end 0 sealed\n");
    rows_destroy(&rows);
}

static void who_does_not_leave_watches_on_and_all_is_provisional(void **state) {
    struct rows *rows = rows_create();
    add_live(rows, "s", START_S, 600, 3, 0);
    assert_string_equal(told(rows, START_S, &all), "s live_joins 3 provisional\n"
                                                   "s live_leaves 0 provisional\n"
                                                   "s peak_viewers 3 at 600 provisional\n"
                                                   "s avg_viewers 900/300 provisional\n"
                                                   "s viewers_at_end 3 provisional\n");
    rows_destroy(&rows);
}

static void who_left_without_having_come_is_fewer_than_nobody(void **state) {
    struct rows *rows = rows_create();
    add_live(rows, "s", START_S, 800, 0, 2);
    add_live(rows, "s", START_S, 850, 1, 0);
    assert_string_equal(told(rows, START_S, &all), "s live_joins 1 provisional\n"
                                                   "s live_leaves 2 provisional\n"
                                                   "s peak_viewers 0 provisional\n"
                                                   "s avg_viewers -150/100 provisional\n"
                                                   "s viewers_at_end -1 provisional\n");
    rows_destroy(&rows);
}

static void of_nobodys_coming_and_going_there_is_no_average(void **state) {
    struct rows *rows = rows_create();
    struct live_session live = {.platform = 2,
                                .account = slice_of("acme"),
                                .session = slice_of("s"),
                                .start_s = START_S,
                                .joins = 2,
                                .leaves = 2,
                                .watch_ms = 900};
    rows_add_live(rows, &live);
    assert_string_equal(told(rows, START_S, &all), "s live_joins 2 sealed\n"
                                                   "s live_leaves 2 sealed\n"
                                                   "s peak_viewers 0 sealed\n"
                                                   "s avg_viewers 0/0 sealed\n"
                                                   "s viewers_at_end 0 sealed\n"
                                                   "s avg_stay 900/2 sealed\n");
    rows_destroy(&rows);
}

static void sessions_are_apart_by_platform_and_filtered_by_it(void **state) {
    struct rows *rows = rows_create();
    add_live(rows, "s", START_S, 5, 1, 1);
    add_live(rows, "r", START_S, 5, 1, 1);
    struct live_session live = *rows_live(rows, 0);
    live.platform = 3;
    live.joins = live.leaves = 9;
    rows_add_live(rows, &live);
    assert_string_equal(told(rows, START_S, &(struct filter){.platform = 3}), "s live_joins 9 sealed\n"
                                                                              "s live_leaves 9 sealed\n"
                                                                              "s peak_viewers 0 sealed\n"
                                                                              "s avg_viewers 0/0 sealed\n"
                                                                              "s viewers_at_end 0 sealed\n");
    assert_string_equal(told(rows, START_S, &(struct filter){.account = slice_of("zoo")}), "");
    told(rows, START_S, &all);
    assert_non_null(strstr(text, "s live_joins 1 "));
    assert_non_null(strstr(text, "s live_joins 9 "));
    assert_true(strstr(text, "r live_joins 1 ") < strstr(text, "s live_joins 1 "));
    rows_destroy(&rows);
}

static void sealed_is_what_all_windows_of_the_session_are(void **state) {
    static const struct freshness_sum states[] = {
        {FRESH_SEALED, 1}, {FRESH_REVISED, 3}, {FRESH_PROVISIONAL, 1}};
    static const char *const expected[] = {"a live_joins 1 sealed\n", "b live_joins 1 revision 3\n",
                                           "c live_joins 1 provisional\n"};
    static const char *const names[] = {"a", "b", "c"};
    struct live_windows w;
    live_windows_init(&w);
    for (int i = 3; i-- > 0;) {
        struct rows *rows = rows_create();
        for (int name = i; name < 3; name++)
            add_live(rows, names[name], START_S + i * ROWS_WINDOW_S, 5, i == name, i == name);
        live_windows_take(&w, START_S + i * ROWS_WINDOW_S, rows, &all, &states[i]);
        rows_destroy(&rows);
    }
    text[0] = '\0';
    live_figures_each(&w, START_S, known_s, tell, NULL);
    for (int i = 0; i < 3; i++)
        assert_non_null(strstr(text, expected[i]));
    live_windows_fini(&w);
}

// Of a file by itself.
static void what_nobody_knows_is_not_said(void **state) {
    struct rows *rows = rows_create();
    struct live_windows w;
    add_live(rows, "s", START_S, 5, 1, 0);
    add_live(rows, "s", START_S, 6, 0, 1);
    live_windows_init(&w);
    live_windows_take(&w, START_S, rows, &all, NULL);
    text[0] = '\0';
    live_figures_each(&w, START_S, known_s, tell, NULL);
    assert_non_null(strstr(text, "s peak_viewers 1 at 5 ?\n"));
    live_windows_fini(&w);
    rows_destroy(&rows);
}

// Who is silent leaves 90 seconds after the last that was heard, be that past the window.
static void add_silent(struct rows *r, int64_t start_s, uint32_t heard, int64_t joins) {
    const struct live_change changes[] = {{heard, joins}, {heard + 90, -joins}};
    const struct live_session live = {.platform = 2,
                                      .account = slice_of("acme"),
                                      .session = slice_of("s"),
                                      .start_s = start_s,
                                      .joins = joins,
                                      .expired = joins,
                                      .changes = changes,
                                      .change_count = 2};
    rows_add_live(r, &live);
}

static void who_falls_silent_past_the_window_leaves_in_the_order_of_time(void **state) {
    struct rows *rows = rows_create();
    add_silent(rows, START_S, 890, 4);
    add_live(rows, "s", NEXT_S, 10, 2, 0); // before those four leave, in their next window
    add_live(rows, "s", NEXT_S, 100, 0, 2);
    assert_string_equal(told(rows, START_S, &all), "s live_joins 6 sealed\n"
                                                   "s live_leaves 2 sealed\n"
                                                   "s live_expired 4 sealed\n"
                                                   "s peak_viewers 6 at 910 sealed\n"
                                                   "s avg_viewers 540/110 sealed\n"
                                                   "s viewers_at_end 0 sealed\n");
    assert_string_equal(told(rows, NEXT_S, &all), "s live_joins 2 sealed\n"
                                                  "s live_leaves 2 sealed\n"
                                                  "s live_expired 4 sealed\n"
                                                  "s viewers_at_start 4 sealed\n"
                                                  "s peak_viewers 6 at 910 sealed\n"
                                                  "s avg_viewers 500/100 sealed\n"
                                                  "s viewers_at_end 0 sealed\n");
    rows_destroy(&rows);
}

static void who_is_to_leave_past_what_is_known_watches_still(void **state) {
    struct rows *rows = rows_create();
    add_silent(rows, START_S, 890, 4);
    add_live(rows, "s", START_S, 100, 0, 1);
    known_s = NEXT_S;
    assert_string_equal(told(rows, START_S, &all), "s live_joins 4 provisional\n"
                                                   "s live_leaves 1 provisional\n"
                                                   "s peak_viewers 3 at 890 provisional\n"
                                                   "s avg_viewers -760/800 provisional\n"
                                                   "s viewers_at_end 3 provisional\n");
    known_s = NEXT_S + 81; // and the second in which they leave is known
    assert_non_null(strstr(told(rows, START_S, &all), "s live_expired 4 provisional\n"));
    assert_non_null(strstr(text, "s viewers_at_end -1 provisional\n"));
    known_s = INT64_MAX;
    rows_destroy(&rows);
}

static void who_was_heard_without_a_join_is_told_of_as_returned(void **state) {
    struct rows *rows = rows_create();
    static const struct live_change changes[] = {{5, 1}, {95, -1}};
    rows_add_live(rows, &(struct live_session){.platform = 2,
                                               .account = slice_of("acme"),
                                               .session = slice_of("s"),
                                               .start_s = START_S,
                                               .expired = 1,
                                               .returned = 1,
                                               .changes = changes,
                                               .change_count = 2});
    assert_string_equal(told(rows, START_S, &all), "s live_joins 0 sealed\n"
                                                   "s live_leaves 0 sealed\n"
                                                   "s live_expired 1 sealed\n"
                                                   "s live_returned 1 sealed\n"
                                                   "s peak_viewers 1 at 5 sealed\n"
                                                   "s avg_viewers 90/90 sealed\n"
                                                   "s viewers_at_end 0 sealed\n");
    rows_destroy(&rows);
}

static void numbers_are_modulo_two_to_the_64(void **state) {
    struct rows *rows = rows_create();
    add_live(rows, "s", START_S, 5, INT64_MAX, 0);
    add_live(rows, "s", START_S, 7, 2, 0);
    add_live(rows, "s", START_S, 8, 0, 1);
    add_live(rows, "s", START_S, 9, 0, 1);
    add_live(rows, "s", START_S, 10, 0, INT64_MAX);
    told(rows, START_S, &all);
    assert_non_null(strstr(text, "s peak_viewers 9223372036854775807 at 5 sealed\n"));
    assert_non_null(strstr(text, "s viewers_at_end 0 sealed\n"));
    rows_destroy(&rows);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_seconds_viewers_are_counted_after_all_its_joins_and_leaves),
        cmocka_unit_test(a_session_runs_across_windows_and_its_peak_is_the_first_of_equal_ones),
        cmocka_unit_test(who_watched_before_the_time_asked_for_watches_when_it_begins),
        cmocka_unit_test(who_does_not_leave_watches_on_and_all_is_provisional),
        cmocka_unit_test(who_left_without_having_come_is_fewer_than_nobody),
        cmocka_unit_test(of_nobodys_coming_and_going_there_is_no_average),
        cmocka_unit_test(sessions_are_apart_by_platform_and_filtered_by_it),
        cmocka_unit_test(who_falls_silent_past_the_window_leaves_in_the_order_of_time),
        cmocka_unit_test(who_is_to_leave_past_what_is_known_watches_still),
        cmocka_unit_test(who_was_heard_without_a_join_is_told_of_as_returned),
        cmocka_unit_test(sealed_is_what_all_windows_of_the_session_are),
        cmocka_unit_test(what_nobody_knows_is_not_said),
        cmocka_unit_test(numbers_are_modulo_two_to_the_64),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
