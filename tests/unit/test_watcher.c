// The chain of baselines in a store: who may extend it, by what, and what becomes of alerts when it is not
// one process that does, or not to the end.
#include "aggregate/listen/watcher.h"

#include "schemas/weighable.h"
#include "tests/unit/baseline_rules.h"
#include "tests/unit/keeper_fixture.h"

enum { PARTITIONS = 1, BEGIN_S = 1767225600, USUAL = 30, BURST = 400, LONG = 1000 };

// What the records say: every window up to `sealed` (by number) is sealed, and these had events.
static int sealed;
static bool expected[LONG];
static struct rules_book book; // the defaults, unless a test says more

static int fresh(void **state) {
    struct rules_kinds kinds;
    keeper_fresh(PARTITIONS);
    schemas_rules_kinds(&kinds);
    assert_int_equal(rules_load(&book, NULL, &kinds), STATUS_OK);
    sealed = 0;
    memset(expected, 0, sizeof(expected));
    return store == NULL;
}

static int64_t window(int number) {
    return BEGIN_S + (int64_t)number * WINDOW_S;
}

// So many mentions of shoes.
static struct rows *rows_of(int64_t mentions) {
    const struct slice topic = slice_of("shoes");
    const struct subject subject = {
        .account = slice_of("acme"), .platform = PLATFORM_X, .topics = &topic, .topic_count = 1};
    const struct increments increments = {1, true, {{field_counter(COUNTER_OF_MENTION), mentions}}};
    struct rows *rows = rows_create();
    rows_add_subject(rows, &subject, &increments);
    return rows;
}

// A revision of the window's, the greater `to` the later; without the partition, where it is `missing`.
static void revise_as(int number, int64_t to, int64_t mentions, bool missing) {
    char name[NAME_MAX_LENGTH];
    const struct coverage coverage = {.to = to, .counted = 1, .missing = missing};
    struct rows *rows = rows_of(mentions);
    struct header header = keeper_header(FILE_WINDOW, window(number));
    header.coverage = &coverage;
    header.coverage_count = 1;
    const struct snapshot_name revision = shelf_name_of(&header);
    snapshot_name_write(name, &revision);
    lay(name, &header, rows);
    rows_destroy(&rows);
}

static void revise(int number, int64_t to, int64_t mentions) {
    revise_as(number, to, mentions, false);
}

static void publish(int number, int64_t mentions) {
    expected[number] = true;
    revise(number, 1000 + number, mentions);
    sealed = number + 1;
}

static void publish_some(int count, int64_t mentions) {
    for (int i = 0; i < count; i++)
        publish(sealed, mentions);
}

// So many usual windows have been judged: the file of the last of them is there, and no other.
static void learn(int count) {
    char name[NAME_MAX_LENGTH];
    size_t length;
    struct watch watch, after;
    struct alerts alerts = {0};
    struct rows *rows = rows_of(USUAL);
    watch_init(&watch);
    for (; sealed < count; sealed++) {
        watch_init(&after);
        watch_step(&watch, &baseline_rules_default, window(sealed), rows, &after, &alerts);
        watch_fini(&watch);
        watch = after;
    }
    assert_int_equal(alerts.count, 0);
    char *text = watch_write(&watch, &length);
    baseline_name_write(name, watch.start_s);
    assert_int_equal(store_put(store, name, text, length, NULL), STATUS_OK);
    free(text);
    watch_fini(&watch);
    rows_destroy(&rows);
}

// ---- processes

struct process {
    struct watcher *watcher;
    struct watcher_answer answer;
};

static struct process process_begin(void) {
    return (struct process){.watcher = watcher_create(&book)};
}

static void process_end(struct process *process) {
    watcher_destroy(&process->watcher);
}

static void lay_through(void) {
    static struct line lines[LONG];
    static int64_t offset = 1000;
    struct progress progress = {.offset = ++offset, .sealed_s = window(sealed), .lines = lines};
    for (int i = 0; i < sealed; i++) {
        if (expected[i])
            lines[progress.line_count++] = (struct line){.start_s = window(i), .counted = 1, .to = 1000 + i};
    }
    lay_record(&progress);
}

static void run(struct process *process, bool told, size_t most) {
    static const bool owned[PARTITIONS] = {false};
    struct publisher *publisher = publisher_create(PARTITIONS, -1);
    struct problem p;
    bool more;
    lay_through();
    assert_int_equal(publisher_run(publisher, &keeper, owned, 1, 0, &more, &p), STATUS_OK);
    assert_int_equal(watcher_run(process->watcher, &keeper, publisher, told, most, &process->answer, &p),
                     STATUS_OK);
    publisher_destroy(&publisher);
}

static void run_on(struct process *process) {
    run(process, false, LONG);
    assert_int_equal(process->answer.count, 0);
    assert_false(process->answer.more);
}

static int64_t judged_s(const struct process *process) {
    return watcher_figures(process->watcher).judged_s;
}

static bool file_read(int number, char **bytes, size_t *length) {
    char name[NAME_MAX_LENGTH];
    struct problem p;
    baseline_name_write(name, window(number));
    return store_get(store, name, bytes, length, &p) == STATUS_OK;
}

static bool is_created(int number) {
    char *bytes;
    size_t length;
    bool created = file_read(number, &bytes, &length);
    free(bytes);
    return created;
}

static size_t files_count(void) {
    struct store_names names;
    struct problem p;
    assert_int_equal(store_list(store, "baselines", &names, &p), STATUS_OK);
    size_t count = names.count;
    store_names_fini(&names);
    return count;
}

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

static void assert_file(int number, const char *bytes, size_t length) {
    char *other;
    size_t other_length;
    assert_true(file_read(number, &other, &other_length));
    assert_int_equal(other_length, length);
    assert_memory_equal(other, bytes, length);
    free(other);
}

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

// ---- windows

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

static int forget(void **state) {
    rules_fini(&book);
    return done(state);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, fresh, forget)

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
        TEST(of_several_revisions_the_first_is_judged),
        TEST(what_lacks_a_partition_is_not_judged__goes_red_if_it_is),
        TEST(a_torn_revision_is_passed_over_for_the_next),
        TEST(a_window_without_events_counts_none),
        TEST(what_has_left_the_store_is_passed_over__goes_red_if_it_counts_as_none),
        TEST(a_window_that_is_to_be_published_is_waited_for__goes_red_if_it_counts_as_none),
        TEST(but_not_for_ever__goes_red_without_patience_ending),
        TEST(a_torn_file_is_skipped_and_the_one_before_it_taken),
        TEST(a_file_from_beyond_all_time_is_skipped__goes_red_if_the_chain_waits_for_it),
        TEST(a_window_whose_file_cannot_be_created_is_judged_again),
        TEST(a_file_that_was_renamed_is_skipped__goes_red_if_it_tells_a_burst_again),
        TEST(nor_is_another_windows_revision_judged),
        TEST(the_defaults_are_these),
        TEST(a_window_is_judged_by_the_version_at_its_end__goes_red_if_the_newest_judges_all),
        TEST(and_so_is_one_that_ends_with_its_since),
    };
    return cmocka_run_group_tests(tests, store_fixture_begin, store_fixture_end);
}
