// A store, the windows that are published in it, and processes that watch them.
#pragma once

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

static void assert_file(int number, const char *bytes, size_t length) {
    char *other;
    size_t other_length;
    assert_true(file_read(number, &other, &other_length));
    assert_int_equal(other_length, length);
    assert_memory_equal(other, bytes, length);
    free(other);
}

static inline size_t files_count(void) {
    struct store_names names;
    struct problem p;
    assert_int_equal(store_list(store, "baselines", &names, &p), STATUS_OK);
    size_t count = names.count;
    store_names_fini(&names);
    return count;
}

static int forget(void **state) {
    rules_fini(&book);
    return done(state);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, fresh, forget)
