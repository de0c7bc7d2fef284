// The chain of baselines in a store: who may extend it, by what, and what becomes of alerts when it is not
// one process that does, or not to the end.
#include "watcher_world.h"

// ---- what it does

static void it_goes_as_far_as_all_have_sealed_and_keeps_a_few_files(void **state) {
    struct process process = process_begin();
    publish_some(7, USUAL);
    run_on(&process);
    assert_int_equal(judged_s(&process), window(7));
    assert_int_equal(files_count(), WATCHER_FILES_KEPT);
    publish(7, USUAL);
    publish(8, USUAL);
    run(&process, false, 1);
    assert_true(process.answer.more);
    assert_int_equal(judged_s(&process), window(8));
    run_on(&process);
    assert_int_equal(files_count(), WATCHER_FILES_KEPT);
    process_end(&process);
}

static void a_new_chain_begins_a_day_before_what_is_sealed(void **state) {
    struct process process = process_begin();
    sealed = 300;
    run(&process, false, 1);
    assert_int_equal(judged_s(&process), window(300 - WATCHER_BEGIN_WINDOWS + 1));
    process_end(&process);
}

static void while_nobody_is_known_empty_windows_have_no_files(void **state) {
    struct process process = process_begin();
    sealed = 200;
    run_on(&process);
    assert_int_equal(judged_s(&process), window(200));
    assert_int_equal(files_count(), 0);
    publish_some(1, USUAL);
    sealed++;
    run_on(&process);
    assert_int_equal(files_count(), 2);
    process_end(&process);
}

static void without_records_there_is_nothing_to_do(void **state) {
    struct process process = process_begin();
    struct publisher *publisher = publisher_create(PARTITIONS, -1);
    struct problem p;
    assert_int_equal(watcher_run(process.watcher, &keeper, publisher, false, 9, &process.answer, &p),
                     STATUS_OK);
    assert_int_equal(judged_s(&process), 0);
    publisher_destroy(&publisher);
    publish_some(3, USUAL);
    run_on(&process);
    assert_int_equal(judged_s(&process), window(3));
    process_end(&process);
}

static void a_window_is_created_when_its_alerts_were_told__goes_red_if_it_is_before(void **state) {
    struct process process = process_begin();
    learn(60);
    publish(60, BURST);
    run(&process, false, LONG);
    assert_int_equal(process.answer.count, 2);
    assert_string_equal(process.answer.messages[1].account, "acme");
    assert_non_null(strstr(process.answer.messages[1].text, "\"topic\":\"shoes\""));
    assert_int_equal(judged_s(&process), window(60));
    publish(61, BURST);
    for (int i = 0; i < 3; i++) {
        run(&process, false, LONG);
        assert_int_equal(process.answer.count, 2);
        assert_false(is_created(60));
    }
    run(&process, true, LONG);
    assert_int_equal(process.answer.count, 0);
    assert_true(is_created(60));
    assert_int_equal(judged_s(&process), window(62));
    process_end(&process);
}

static void after_a_crash_before_the_file_the_same_is_told_again(void **state) {
    struct process process = process_begin(), next = process_begin();
    learn(60);
    publish(60, BURST);
    run(&process, false, LONG);
    run(&next, false, LONG);
    assert_int_equal(next.answer.count, process.answer.count);
    for (size_t i = 0; i < next.answer.count; i++)
        assert_string_equal(next.answer.messages[i].text, process.answer.messages[i].text);
    process_end(&process);
    run(&next, true, LONG);
    assert_int_equal(judged_s(&next), window(61));
    process_end(&next);
}

static void after_a_crash_behind_the_file_nothing_is_told_again(void **state) {
    struct process process = process_begin(), next = process_begin();
    learn(60);
    publish(60, BURST);
    run(&process, false, LONG);
    run(&process, true, LONG);
    process_end(&process);
    run_on(&next);
    assert_int_equal(judged_s(&next), window(61));
    process_end(&next);
}

// ---- two at once

// As one alone would have made them, however the two take turns.
static void two_that_race_make_the_same_files(void **state) {
    struct process left = process_begin(), right = process_begin();
    char *bytes;
    size_t length;
    publish_some(10, USUAL);
    publish_some(3, 0);
    run_on(&left);
    assert_true(file_read(12, &bytes, &length));
    process_end(&left);
    for (int i = 9; i < 13; i++) {
        char name[NAME_MAX_LENGTH];
        baseline_name_write(name, window(i));
        assert_int_equal(store_remove(store, name, NULL), STATUS_OK);
    }
    left = process_begin();
    for (int i = 0; i < 40; i++)
        run(random_below(2) == 0 ? &left : &right, false, 1 + random_below(3));
    run_on(&left);
    run_on(&right);
    assert_int_equal(judged_s(&left), window(13));
    assert_int_equal(judged_s(&right), window(13));
    assert_file(12, bytes, length);
    free(bytes);
    process_end(&left);
    process_end(&right);
}

// One saw the window before another revision was there, which had less: both go on from the first file.
static void the_first_file_stands__goes_red_if_the_other_goes_on_from_its_own(void **state) {
    struct process left = process_begin(), right = process_begin();
    char *bytes, raised_since[32];
    size_t length;
    learn(60);
    publish(60, BURST);
    run(&left, false, LONG);
    revise(60, 900, USUAL); // by one who had read less
    run_on(&right);
    assert_true(file_read(60, &bytes, &length));
    run(&left, true, LONG);
    assert_file(60, bytes, length);
    free(bytes);
    publish(61, USUAL);
    run_on(&left);
    snprintf(raised_since, sizeof(raised_since), "%lld", (long long)window(60));
    assert_true(file_read(61, &bytes, &length));
    assert_null(memmem(bytes, length, raised_since, strlen(raised_since)));
    free(bytes);
    process_end(&left);
    process_end(&right);
}

static void a_process_that_was_away_goes_on_from_where_others_are(void **state) {
    struct process left = process_begin(), right = process_begin();
    publish_some(5, USUAL);
    run_on(&left);
    publish_some(20, USUAL);
    run_on(&right);
    watcher_forget(left.watcher);
    publish(25, USUAL);
    run_on(&left);
    assert_int_equal(judged_s(&left), window(26));
    assert_true(is_created(25) && !is_created(5));
    process_end(&left);
    process_end(&right);
}

// ---- by which rules

static void the_defaults_are_these(void **state) {
    const struct baseline_rules rules = watch_rules(&rules_at(&book, 0)->alerts),
                                *known = &baseline_rules_default;
    assert_true(rules.weight == known->weight);
    assert_int_equal(rules.cold_windows, known->cold_windows);
    assert_true(rules.alert_score == known->alert_score);
    assert_true(rules.calm_score == known->calm_score);
    assert_int_equal(rules.calm_windows, known->calm_windows);
    assert_int_equal(rules.adopt_windows, known->adopt_windows);
    assert_true(rules.deviation_least == known->deviation_least);
    assert_true(rules.deviation_share == known->deviation_share);
    assert_int_equal(rules.count_least, known->count_least);
}

static void appended(int64_t since_ms, int64_t sigmas) {
    book.versions = realloc(book.versions, 2 * sizeof(*book.versions));
    book.versions[1] = book.versions[0];
    book.versions[1].since_ms = since_ms;
    book.versions[1].alerts.sigmas = sigmas;
    book.count = 2;
}

// So many messages are told of a burst in window 60, where a version asks for 1,000 deviations since then.
static size_t told_of_a_burst(int64_t since_ms) {
    struct process process = process_begin();
    appended(since_ms, 1000000);
    learn(60);
    publish(60, BURST);
    run(&process, false, LONG);
    size_t count = process.answer.count;
    process_end(&process);
    return count;
}

static void a_window_is_judged_by_the_version_at_its_end__goes_red_if_the_newest_judges_all(void **state) {
    assert_int_equal(told_of_a_burst(window(61) * 1000 + 1), 2);
}

static void and_so_is_one_that_ends_with_its_since(void **state) {
    assert_int_equal(told_of_a_burst(window(61) * 1000), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(it_goes_as_far_as_all_have_sealed_and_keeps_a_few_files),
        TEST(a_new_chain_begins_a_day_before_what_is_sealed),
        TEST(while_nobody_is_known_empty_windows_have_no_files),
        TEST(without_records_there_is_nothing_to_do),
        TEST(a_window_is_created_when_its_alerts_were_told__goes_red_if_it_is_before),
        TEST(after_a_crash_before_the_file_the_same_is_told_again),
        TEST(after_a_crash_behind_the_file_nothing_is_told_again),
        TEST(two_that_race_make_the_same_files),
        TEST(the_first_file_stands__goes_red_if_the_other_goes_on_from_its_own),
        TEST(a_process_that_was_away_goes_on_from_where_others_are),
        TEST(the_defaults_are_these),
        TEST(a_window_is_judged_by_the_version_at_its_end__goes_red_if_the_newest_judges_all),
        TEST(and_so_is_one_that_ends_with_its_since),
    };
    return cmocka_run_group_tests(tests, store_fixture_begin, store_fixture_end);
}
