// What the chain judges of windows and files that are revised, incomplete, torn, gone or another's.
#include "watcher_world.h"

static void of_several_revisions_the_first_is_judged(void **state) {
    struct process process = process_begin();
    learn(60);
    publish(60, USUAL);
    revise(60, 5000, BURST);
    run_on(&process);
    process_end(&process);
}

static void what_lacks_a_partition_is_not_judged__goes_red_if_it_is(void **state) {
    struct process process = process_begin();
    learn(60);
    expected[60] = true;
    sealed = 61;
    revise_as(60, 500, 0, true);
    run_on(&process);
    assert_int_equal(judged_s(&process), window(60));
    revise(60, 1060, USUAL);
    run_on(&process);
    assert_int_equal(judged_s(&process), window(61));
    process_end(&process);
}

static void a_torn_revision_is_passed_over_for_the_next(void **state) {
    struct process process = process_begin();
    char name[NAME_MAX_LENGTH];
    struct snapshot_name first;
    learn(60);
    publish(60, USUAL);
    assert_int_equal(shelf_newest(store, window(60), &first, NULL), STATUS_OK);
    snapshot_name_write(name, &first);
    assert_int_equal(store_put(store, name, "torn", 4, NULL), STATUS_OK);
    revise(60, 5000, BURST);
    run(&process, false, LONG);
    assert_int_equal(process.answer.count, 2);
    process_end(&process);
}

// It was sealed, and nobody had an event of it: there will be no snapshot of it.
static void a_window_without_events_counts_none(void **state) {
    struct process process = process_begin();
    learn(60);
    sealed = 62;
    run(&process, false, LONG);
    assert_int_equal(process.answer.count, 2);
    assert_non_null(strstr(process.answer.messages[0].text, "\"count\":0"));
    process_end(&process);
}

// Mentions had not ceased then.
static void what_has_left_the_store_is_passed_over__goes_red_if_it_counts_as_none(void **state) {
    struct process process = process_begin();
    char start_s[48];
    learn(60);
    sealed = 62 + 8 * 96; // of a week, and a day's margin
    keeper.retain_s = 7 * INT64_C(86400);
    keeper.now_s = window(sealed);
    run(&process, false, LONG);
    assert_int_equal(watcher_figures(process.watcher).passed, 2);
    assert_int_equal(process.answer.count, 2);
    snprintf(start_s, sizeof(start_s), "\"window_start_s\":%lld", (long long)window(62));
    assert_non_null(strstr(process.answer.messages[0].text, start_s));
    process_end(&process);
}

static void a_window_that_is_to_be_published_is_waited_for__goes_red_if_it_counts_as_none(void **state) {
    struct process process = process_begin();
    learn(60);
    expected[60] = true;
    sealed = 61;
    publish(61, USUAL);
    run_on(&process);
    assert_int_equal(judged_s(&process), window(60));
    publish(60, USUAL);
    sealed = 62;
    run_on(&process);
    assert_int_equal(judged_s(&process), window(62));
    process_end(&process);
}

static void but_not_for_ever__goes_red_without_patience_ending(void **state) {
    struct process process = process_begin();
    learn(60);
    expected[60] = true;
    sealed = 61;
    publish_some(WATCHER_PATIENCE_WINDOWS - 1, USUAL);
    run_on(&process);
    assert_int_equal(judged_s(&process), window(60));
    publish_some(1, USUAL);
    run_on(&process);
    assert_int_equal(judged_s(&process), window(60 + WATCHER_PATIENCE_WINDOWS + 1));
    assert_int_equal(watcher_figures(process.watcher).passed, 1);
    process_end(&process);
}

static void a_torn_file_is_skipped_and_the_one_before_it_taken(void **state) {
    struct process process = process_begin(), next = process_begin();
    char name[NAME_MAX_LENGTH];
    learn(60);
    run_on(&process);
    baseline_name_write(name, window(59));
    assert_int_equal(store_put(store, name, "{}", 2, NULL), STATUS_OK);
    publish(60, USUAL);
    run_on(&next);
    assert_int_equal(judged_s(&next), window(61));
    assert_true(is_created(60));
    assert_file(59, "{}", 2);
    process_end(&process);
    process_end(&next);
}

static void what_is_not_of_it_is_left__red_if_it_is_counted_among_what_is_kept(void **state) {
    struct process process = process_begin(), next = process_begin();
    static const char *const others[] = {"old.json", "old2.json", "readme", "x", "y"};
    char name[NAME_MAX_LENGTH];
    learn(60);
    run_on(&process);
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        snprintf(name, sizeof(name), "baselines/%s", others[i]);
        assert_int_equal(store_put(store, name, "x", 1, NULL), STATUS_OK);
    }
    run_on(&next);
    assert_true(is_created(59));
    assert_int_equal(judged_s(&next), window(60));
    process_end(&process);
    process_end(&next);
}

// Nothing follows it, and nothing is before it.
static void a_file_from_beyond_all_time_is_skipped__goes_red_if_the_chain_waits_for_it(void **state) {
    struct process process = process_begin();
    struct watch beyond;
    char name[NAME_MAX_LENGTH];
    size_t length;
    learn(60);
    watch_init(&beyond);
    beyond.start_s = (EVENT_TIME_END_MS / 1000 / WINDOW_S + 1) * WINDOW_S;
    char *text = watch_write(&beyond, &length);
    baseline_name_write(name, beyond.start_s);
    assert_int_equal(store_put(store, name, text, length, NULL), STATUS_OK);
    publish(60, USUAL);
    run_on(&process);
    assert_int_equal(judged_s(&process), window(61));
    assert_true(is_created(60));
    free(text);
    watch_fini(&beyond);
    process_end(&process);
}

// Where the files' folder should be there is a file. That nothing is lost of what was judged, and not
// created, the sanitizers see.
static void a_window_whose_file_cannot_be_created_is_judged_again(void **state) {
    static const bool owned[PARTITIONS] = {false};
    struct process process = process_begin();
    struct publisher *publisher = publisher_create(PARTITIONS, -1);
    struct problem p;
    bool more;
    publish(0, USUAL);
    lay_through();
    assert_int_equal(publisher_run(publisher, &keeper, owned, 1, 0, &more, &p), STATUS_OK);
    assert_int_equal(store_put(store, "baselines", "x", 1, NULL), STATUS_OK);
    for (int i = 0; i < 3; i++)
        assert_int_not_equal(
            watcher_run(process.watcher, &keeper, publisher, false, LONG, &process.answer, &p), STATUS_OK);
    assert_int_equal(store_remove(store, "baselines", NULL), STATUS_OK);
    run_on(&process);
    assert_int_equal(judged_s(&process), window(1));
    publisher_destroy(&publisher);
    process_end(&process);
}

// Of a burst that was told, the file of the window before it comes to lie after all others.
static void a_file_that_was_renamed_is_skipped__goes_red_if_it_tells_a_burst_again(void **state) {
    struct process process = process_begin(), next = process_begin();
    char name[NAME_MAX_LENGTH], *bytes;
    size_t length;
    learn(60);
    publish(60, USUAL);
    publish(61, BURST);
    run(&process, false, LONG);
    assert_int_equal(process.answer.count, 2);
    run(&process, true, LONG);
    assert_true(file_read(60, &bytes, &length));
    baseline_name_write(name, window(100));
    assert_int_equal(store_put(store, name, bytes, length, NULL), STATUS_OK);
    free(bytes);
    run_on(&next);
    assert_int_equal(judged_s(&next), window(62));
    process_end(&process);
    process_end(&next);
}

static void nor_is_another_windows_revision_judged(void **state) {
    struct process process = process_begin();
    char from[NAME_MAX_LENGTH], to[NAME_MAX_LENGTH], *bytes;
    size_t length;
    struct snapshot_name name;
    learn(60);
    publish(60, BURST);
    assert_int_equal(shelf_newest(store, window(60), &name, NULL), STATUS_OK);
    snapshot_name_write(from, &name);
    name.start_s = window(61);
    snapshot_name_write(to, &name);
    assert_int_equal(store_get(store, from, &bytes, &length, NULL), STATUS_OK);
    assert_int_equal(store_put(store, to, bytes, length, NULL), STATUS_OK);
    assert_int_equal(store_remove(store, from, NULL), STATUS_OK);
    free(bytes);
    revise(60, 1, USUAL);
    expected[61] = true;
    sealed = 62;
    run_on(&process);
    assert_int_equal(judged_s(&process), window(61)); // and waits for the other
    process_end(&process);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(of_several_revisions_the_first_is_judged),
        TEST(what_lacks_a_partition_is_not_judged__goes_red_if_it_is),
        TEST(a_torn_revision_is_passed_over_for_the_next),
        TEST(a_window_without_events_counts_none),
        TEST(what_has_left_the_store_is_passed_over__goes_red_if_it_counts_as_none),
        TEST(a_window_that_is_to_be_published_is_waited_for__goes_red_if_it_counts_as_none),
        TEST(but_not_for_ever__goes_red_without_patience_ending),
        TEST(a_torn_file_is_skipped_and_the_one_before_it_taken),
        TEST(what_is_not_of_it_is_left__red_if_it_is_counted_among_what_is_kept),
        TEST(a_file_from_beyond_all_time_is_skipped__goes_red_if_the_chain_waits_for_it),
        TEST(a_window_whose_file_cannot_be_created_is_judged_again),
        TEST(a_file_that_was_renamed_is_skipped__goes_red_if_it_tells_a_burst_again),
        TEST(nor_is_another_windows_revision_judged),
    };
    return cmocka_run_group_tests(tests, store_fixture_begin, store_fixture_end);
}
