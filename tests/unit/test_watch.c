// What is usual for accounts and topics, from window to window: which series there are, what is kept of them,
// and the file.
#include "aggregate/listen/watch.h"

#include "tests/unit/baseline_rules.h"
#include "tests/unit/snapshot_fixture.h"

enum { START_S = 1767225600 };

struct alerted {
    enum heard_of of;
    enum baseline_change change;
    char topic[64];
    uint64_t count;
    int64_t since_s;
};

static struct watch watch;
static struct baseline_rules rules;
static int64_t start_s;
static struct rows *rows; // of the window to come
static struct alerted alerted[64];
static size_t alerted_count;

static int fresh(void **state) {
    watch_init(&watch);
    rules = baseline_rules_default;
    start_s = START_S;
    rows = rows_create();
    return 0;
}

static int done(void **state) {
    watch_fini(&watch);
    rows_destroy(&rows);
    return 0;
}

// So many mentions of an account, all with the topic where there is one.
static void mention_as(const char *account, uint32_t platform, const char *topic, int64_t count,
                       enum counter counter) {
    const struct slice topics[] = {slice_of(topic)};
    const struct subject subject = {.account = slice_of(account),
                                    .platform = platform,
                                    .topics = topics,
                                    .topic_count = topic[0] != '\0'};
    struct increments increments = {1, true, {{field_counter(COUNTER_OF_MENTION), count}}};
    if (counter != COUNTER_NONE)
        increments.at[increments.count++] = (struct increment){field_counter(counter), count};
    rows_add_subject(rows, &subject, &increments);
}

static void mention(const char *topic, int64_t count) {
    mention_as("acme", PLATFORM_X, topic, count, COUNTER_NONE);
}

static void note(const struct alerts *alerts) {
    alerted_count = alerts->count;
    for (size_t i = 0; i < alerts->count; i++) {
        const struct alert *a = &alerts->at[i];
        alerted[i] = (struct alerted){a->of, a->change, "", a->verdict.count, a->since_s};
        memcpy(alerted[i].topic, a->topic.at, a->topic.length);
    }
}

static void next_window(void) {
    struct watch after;
    struct alerts alerts = {0};
    watch_init(&after);
    watch_step(&watch, &rules, start_s, rows, &after, &alerts);
    note(&alerts);
    alerts_fini(&alerts);
    watch_fini(&watch);
    watch = after;
    rows_destroy(&rows);
    rows = rows_create();
    start_s += WINDOW_S;
}

static void windows(int count, const char *topic, int64_t mentions) {
    for (int i = 0; i < count; i++) {
        mention(topic, mentions);
        next_window();
        assert_int_equal(alerted_count, 0);
    }
}

static const struct watched *series_find(enum heard_of of, const char *topic) {
    for (size_t i = 0; i < watch.count; i++) {
        if (watch.at[i].of == of && slice_equal(watch.at[i].topic, slice_of(topic)))
            return &watch.at[i];
    }
    return NULL;
}

static void a_burst_of_a_topic_alerts_for_it_and_for_its_account_and_is_over_again(void **state) {
    windows(60, "shoes", 30);
    mention("shoes", 300);
    next_window();
    assert_int_equal(alerted_count, 2);
    assert_int_equal(alerted[0].of, HEARD_MENTIONS);
    assert_int_equal(alerted[1].of, HEARD_TOPIC);
    assert_string_equal(alerted[1].topic, "shoes");
    assert_int_equal(alerted[1].change, BASELINE_RAISED);
    assert_int_equal(alerted[1].count, 300);
    int64_t since_s = start_s - WINDOW_S;
    windows(1, "shoes", 30);
    mention("shoes", 30);
    next_window();
    assert_int_equal(alerted_count, 2);
    assert_int_equal(alerted[1].change, BASELINE_RECOVERED);
    assert_int_equal(alerted[1].since_s, since_s);
}

// As a version of the rules says, from its time on.
static void how_much_alerts_is_a_rule(void **state) {
    windows(60, "shoes", 30);
    rules.alert_score = 60;
    windows(1, "shoes", 300);
    rules.alert_score = 5;
    rules.count_least = 1000;
    windows(1, "shoes", 900);
    assert_int_equal(series_find(HEARD_TOPIC, "shoes")->baseline.raised, 0);
    rules.count_least = 20;
    mention("shoes", 5000);
    next_window();
    assert_int_equal(alerted_count, 2);
}

static void what_rises_slowly_is_learned(void **state) {
    for (int64_t i = 0; i < 400; i++)
        windows(1, "shoes", 100 + i);
    assert_true(series_find(HEARD_TOPIC, "shoes")->baseline.mean > 450);
}

static void an_account_is_cold_when_it_is_new(void **state) {
    windows(60, "shoes", 30);
    mention_as("globex", PLATFORM_X, "poison", 5000, COUNTER_NONE);
    mention("shoes", 30);
    next_window();
    assert_int_equal(alerted_count, 0);
}

// The account is known, and never had that topic.
static void a_topic_out_of_nothing_alerts__goes_red_if_it_begins_cold(void **state) {
    windows(60, "shoes", 300);
    mention("shoes", 280);
    mention("poison", 20);
    next_window();
    assert_int_equal(alerted_count, 1);
    assert_string_equal(alerted[0].topic, "poison");
}

static void platforms_are_one(void **state) {
    for (int i = 0; i < 60; i++) {
        mention_as("acme", PLATFORM_X, "shoes", 20, COUNTER_NONE);
        mention_as("acme", PLATFORM_TIKTOK, "shoes", 10, COUNTER_NONE);
        next_window();
    }
    assert_int_equal(watch.count, 3);
    assert_true(series_find(HEARD_TOPIC, "shoes")->baseline.mean == 30);
    assert_true(series_find(HEARD_MENTIONS, "")->baseline.mean == 30);
}

// As everywhere, modulo 2^64: -2 and 32. The sanitizers see it if it is not.
static void sums_of_mentions_wrap_as_cells_do(void **state) {
    mention_as("acme", PLATFORM_X, "shoes", INT64_MAX, COUNTER_NONE);
    mention_as("acme", PLATFORM_TIKTOK, "shoes", INT64_MAX, COUNTER_NONE);
    mention_as("acme", PLATFORM_WEB, "shoes", 32, COUNTER_NONE);
    mention_as("globex", PLATFORM_X, "", INT64_MIN, COUNTER_MENTIONS_RIVAL);
    next_window();
    assert_true(series_find(HEARD_MENTIONS, "")->baseline.mean == 30);
    assert_true(series_find(HEARD_TOPIC, "shoes")->baseline.mean == 30);
}

static void negative_ones_have_a_series_of_their_own(void **state) {
    windows(60, "", 300);
    mention("", 250);
    mention_as("acme", PLATFORM_X, "", 50, COUNTER_MENTIONS_NEGATIVE);
    next_window();
    assert_int_equal(alerted_count, 1);
    assert_int_equal(alerted[0].of, HEARD_NEGATIVE);
}

static void a_rival_has_its_own_crisis(void **state) {
    windows(60, "shoes", 30);
    mention("shoes", 30);
    mention_as("acme", PLATFORM_X, "shoes", 3000, COUNTER_MENTIONS_RIVAL);
    next_window();
    assert_int_equal(alerted_count, 0);
}

// What is quiet goes: first its topics, and after 30 days the account itself.
static void what_is_quiet_is_forgotten__goes_red_if_it_is_kept(void **state) {
    windows(60, "shoes", 10);
    assert_int_equal(watch.count, 3);
    for (int i = 0; i < 60; i++)
        next_window();
    assert_int_equal(watch.count, 2);
    for (int i = 0; i < WATCH_QUIET_WINDOWS - 60; i++)
        next_window();
    assert_int_equal(watch.count, 2);
    next_window();
    assert_int_equal(watch.count, 0);
}

// Topics that nobody repeats, as many as may come: none of them is kept for long.
static void names_that_never_come_again_take_no_room(void **state) {
    char topic[32];
    for (int i = 0; i < 200; i++) {
        for (int t = 0; t < 50; t++) {
            snprintf(topic, sizeof(topic), "only-%d-%d", i, t);
            mention(topic, 1);
        }
        next_window();
    }
    assert_true(watch.count < 10);
}

static void mention_all(void) {
    char topic[32];
    for (int t = 0; t < WATCH_TOPICS_MAX; t++) {
        snprintf(topic, sizeof(topic), "topic-%d", t);
        mention(topic, 30);
    }
}

static void beyond_the_bound_a_topic_is_not_judged_and_counted__goes_red_without_it(void **state) {
    for (int i = 0; i < 60; i++) {
        mention_all();
        next_window();
    }
    assert_int_equal(watch.count, WATCH_TOPICS_MAX + 2);
    mention_all();
    mention("zebra", 500);
    mention("zoo", 3);
    next_window();
    assert_int_equal(watch.refused, 1);
    assert_int_equal(alerted_count, 0);
    assert_null(series_find(HEARD_TOPIC, "zebra"));
}

// ---- the file

static void assert_same_watch(const struct watch *a, const struct watch *b) {
    size_t lengths[2];
    char *texts[] = {watch_write(a, &lengths[0]), watch_write(b, &lengths[1])};
    assert_int_equal(lengths[0], lengths[1]);
    assert_memory_equal(texts[0], texts[1], lengths[0]);
    free(texts[0]);
    free(texts[1]);
}

static void mixed_windows(int count) {
    for (int i = 0; i < count; i++) {
        mention("caf\xc3\xa9 \"quoted\"\n", 7 + (int64_t)random_below(30));
        mention_as("b\xc3\xbcro", PLATFORM_X, "x", (int64_t)random_below(9), COUNTER_MENTIONS_NEGATIVE);
        if (i == count - 2)
            mention("sudden", 900);
        next_window();
    }
}

static void a_watch_that_was_written_and_read_goes_on_as_it_would_have(void **state) {
    struct watch read;
    size_t length;
    mixed_windows(70);
    char *text = watch_write(&watch, &length);
    watch_init(&read);
    assert_true(watch_read(&read, text, length));
    assert_same_watch(&watch, &read);
    assert_int_equal(read.start_s, watch.start_s);
    struct watch kept = watch;
    watch = read;
    struct rows *same = rows;
    mention("sudden", 40);
    struct alerts alerts = {0};
    struct watch after[2];
    for (int i = 0; i < 2; i++) {
        watch_init(&after[i]);
        watch_step(i == 0 ? &kept : &read, &rules, start_s, same, &after[i], &alerts);
    }
    assert_same_watch(&after[0], &after[1]);
    alerts_fini(&alerts);
    watch_fini(&after[0]);
    watch_fini(&after[1]);
    watch_fini(&kept);
    free(text);
}

static void a_file_that_was_changed_or_cut_anywhere_is_none__goes_red_without_the_sum(void **state) {
    size_t length;
    mixed_windows(70);
    char *text = watch_write(&watch, &length);
    for (size_t i = 0; i < length; i++) {
        struct watch read;
        watch_init(&read);
        assert_false(watch_read(&read, text, i));
        text[i] ^= 1;
        assert_false(watch_read(&read, text, length));
        text[i] ^= 1;
        watch_fini(&read);
    }
    free(text);
}

// ---- the message

static struct alert alert_of(enum heard_of of, const char *account, const char *topic) {
    return (struct alert){.of = of,
                          .account = slice_of(account),
                          .topic = slice_of(topic),
                          .change = BASELINE_RAISED,
                          .verdict = {.count = 312, .mean = 30.123456789, .deviation = 6.25, .score = 45.1},
                          .since_s = START_S};
}

static void an_alert_says_what_is_wrong(void **state) {
    struct alert alert = alert_of(HEARD_TOPIC, "acme", "refund");
    char *text = alert_write(&alert, START_S, "engagement");
    const char *rest = strchr(text, ',');
    assert_memory_equal(text, "{\"id\":\"", 7);
    assert_string_equal(
        rest, ",\"change\":\"raised\",\"of\":\"topic_mentions\",\"account\":\"acme\",\"topic\":\"refund\","
              "\"window_start_s\":1767225600,\"window_end_s\":1767226500,\"first_seen_s\":1767225600,"
              "\"count\":312,\"expected\":30.1235,\"deviation\":6.25,\"sigmas\":45.1}");
    free(text);
}

static void id_take(char out[33], const struct alert *alert, int64_t window_s, const char *topic) {
    char *text = alert_write(alert, window_s, topic);
    memcpy(out, text + 7, 32);
    out[32] = '\0';
    free(text);
}

// The count may differ: of a window that two judged by different first revisions.
static void an_id_is_that_of_a_series_a_window_and_a_change(void **state) {
    struct alert alerts[] = {alert_of(HEARD_TOPIC, "acme", "refund"), alert_of(HEARD_TOPIC, "acmer", "efund"),
                             alert_of(HEARD_MENTIONS, "acme", ""), alert_of(HEARD_NEGATIVE, "acme", ""),
                             alert_of(HEARD_TOPIC, "acme", "refund")};
    char ids[8][33], again[33];
    alerts[4].change = BASELINE_RECOVERED;
    for (size_t i = 0; i < 5; i++)
        id_take(ids[i], &alerts[i], START_S, "engagement");
    id_take(ids[5], &alerts[0], START_S + WINDOW_S, "engagement");
    id_take(ids[6], &alerts[0], START_S, "other");
    for (size_t i = 0; i < 7; i++) {
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(ids[i], ids[j]);
    }
    alerts[0].verdict.count++;
    id_take(again, &alerts[0], START_S, "engagement");
    assert_string_equal(again, ids[0]);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, fresh, done)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_burst_of_a_topic_alerts_for_it_and_for_its_account_and_is_over_again),
        TEST(how_much_alerts_is_a_rule),
        TEST(what_rises_slowly_is_learned),
        TEST(an_account_is_cold_when_it_is_new),
        TEST(a_topic_out_of_nothing_alerts__goes_red_if_it_begins_cold),
        TEST(platforms_are_one),
        TEST(sums_of_mentions_wrap_as_cells_do),
        TEST(negative_ones_have_a_series_of_their_own),
        TEST(a_rival_has_its_own_crisis),
        TEST(what_is_quiet_is_forgotten__goes_red_if_it_is_kept),
        TEST(names_that_never_come_again_take_no_room),
        TEST(beyond_the_bound_a_topic_is_not_judged_and_counted__goes_red_without_it),
        TEST(a_watch_that_was_written_and_read_goes_on_as_it_would_have),
        TEST(a_file_that_was_changed_or_cut_anywhere_is_none__goes_red_without_the_sum),
        TEST(an_alert_says_what_is_wrong),
        TEST(an_id_is_that_of_a_series_a_window_and_a_change),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
