// KPIs of what platforms told of themselves.

#include "aggregate/figures/read_figures.h"
#include "schemas/registry.h"
#include "tests/unit/book_fixture.h"

static void read_at(struct rows *rows, const char *content, const char *counter, int64_t value,
                    int64_t read_at_ms) {
    const struct latest_reading reading = {.platform = PLATFORM_TIKTOK,
                                           .account = slice_of("acme"),
                                           .content = slice_of(content),
                                           .counter = slice_of(counter),
                                           .value = value,
                                           .read_at_ms = read_at_ms};
    rows_add_reading(rows, &reading);
}

// ---- what is told of one KPI, as a line

struct asked {
    const char *name;
    char text[512];
};

static void tell(void *context, const struct row_key *key, const struct kpi_figure *f) {
    struct asked *a = context;
    size_t length = strlen(a->text);
    if (strcmp(f->kpi->name, a->name) != 0)
        return;
    assert_string_equal(f->currency, "");
    assert_true(f->has_numerator == f->has_denominator && (f->has_numerator || f->is_null));
    snprintf(a->text + length, sizeof(a->text) - length, "%s%.*s%s%lld/%lld%s at %lld",
             length > 0 ? ", " : "", (int)key->id.length, key->id.at != NULL ? key->id.at : "",
             key->id.length > 0 ? " " : "", f->has_numerator ? (long long)f->numerator : -1,
             f->has_denominator ? (long long)f->denominator : -1, f->is_null ? " null" : "",
             (long long)f->as_of_ms);
}

static const char *told(const struct rows *rows, enum by by, const char *name) {
    static struct asked asked;
    struct sums sums;
    asked = (struct asked){.name = name};
    sums_init(&sums, by);
    sums_take(&sums, rows, &(struct filter){0});
    read_figures_each(&book, &sums, tell, &asked);
    sums_fini(&sums);
    return asked.text;
}

static void a_kpi_is_told_of_contents_of_which_both_sides_were_read_and_of_no_others(void **state) {
    struct rows *rows = rows_create();
    read_at(rows, "a", "views_complete", 3, 90);
    read_at(rows, "a", "view_starts", 10, 80);
    read_at(rows, "b", "views_complete", 5, 70); // of how many is not known
    read_at(rows, "c", "views_complete", -1, 95);
    read_at(rows, "c", "view_starts", 0, 95);
    read_at(rows, "c", "no_counter_of_ours", 7, 1);
    assert_string_equal(told(rows, BY_CONTENT, "completion"), "a 3/10 at 80, c -1/0 null at 95");
    assert_string_equal(told(rows, BY_PLATFORM, "completion"), "2/10 at 80");
    assert_string_equal(told(rows, BY_DAY, "completion"), "2/10 at 80");
    assert_string_equal(told(rows, BY_ACCOUNT, "completion"), "");
    assert_string_equal(told(rows, BY_TAG, "completion"), "");
    assert_string_equal(told(rows, BY_CONTENT, "replay_rate"), "");
    rows_destroy(&rows);
}

static void what_was_read_of_the_account_is_not_added_to_its_contents(void **state) {
    struct rows *rows = rows_create();
    read_at(rows, "a", "views_complete", 3, 90);
    read_at(rows, "a", "view_starts", 10, 90);
    read_at(rows, "", "views_complete", 7, 60);
    assert_string_equal(told(rows, BY_PLATFORM, "completion"), "3/10 at 90"); // not all of it was read
    read_at(rows, "", "view_starts", 20, 61);
    assert_string_equal(told(rows, BY_PLATFORM, "completion"), "7/20 at 60");
    assert_string_equal(told(rows, BY_CONTENT, "completion"), "a 3/10 at 90");
    rows_destroy(&rows);
}

// Interactions of contents are a sum; whom they are held against is the account.
static void followers_are_the_accounts_and_are_in_no_sum(void **state) {
    static const char *const counters[] = {"likes",  "reactions", "comments", "replies",
                                           "shares", "reposts",   "quotes",   "saves"};
    struct rows *rows = rows_create();
    for (size_t i = 0; i < sizeof(counters) / sizeof(counters[0]); i++) {
        read_at(rows, "a", counters[i], 1, 90);
        read_at(rows, "b", counters[i], 2, 95);
    }
    assert_string_equal(told(rows, BY_PLATFORM, "engagement_by_followers"), "");
    read_at(rows, "", "followers", 100, 80);
    assert_string_equal(told(rows, BY_CONTENT, "engagement_by_followers"), "a 8/100 at 80, b 16/100 at 80");
    assert_string_equal(told(rows, BY_PLATFORM, "engagement_by_followers"), "24/100 at 80");
    rows_destroy(&rows);
}

static void unique_counts_are_no_sums(void **state) {
    static const char *const counters[] = {"likes", "comments", "shares", "saves", "reach"};
    struct rows *rows = rows_create();
    for (size_t i = 0; i < 5; i++)
        read_at(rows, "a", counters[i], 10, 90);
    assert_string_equal(told(rows, BY_CONTENT, "engagement_by_reach"), "a 40/10 at 90");
    assert_string_equal(told(rows, BY_PLATFORM, "engagement_by_reach"), "");
    for (size_t i = 0; i < 5; i++)
        read_at(rows, "", counters[i], 1, 80);
    assert_string_equal(told(rows, BY_PLATFORM, "engagement_by_reach"), "4/1 at 80");
    rows_destroy(&rows);
}

static void a_sum_without_a_denominator_is_one_whole(void **state) {
    static const char *const counters[] = {"follows", "subscribes", "unfollows", "unsubscribes"};
    struct rows *rows = rows_create();
    for (size_t i = 0; i < 4; i++) {
        read_at(rows, "a", counters[i], 10 - 3 * (int64_t)i, 90);
        read_at(rows, "b", counters[i], 1, 90);
    }
    assert_string_equal(told(rows, BY_PLATFORM, "followers_net"), "12/1 at 90");
    rows_destroy(&rows);
}

static void what_leaves_64_bits_is_not_told(void **state) {
    static const char *const counters[] = {"likes", "comments", "shares", "saves", "watch_ms"};
    struct rows *rows = rows_create();
    for (size_t i = 0; i < 5; i++)
        read_at(rows, "a", counters[i], INT64_C(100000000000000000), 90);
    assert_string_equal(told(rows, BY_CONTENT, "interactions_per_minute"), "a -1/-1 null at 90");
    assert_string_equal(told(rows, BY_PLATFORM, "interactions_per_minute"), "-1/-1 null at 90");
    for (size_t i = 0; i < 5; i++)
        read_at(rows, "b", counters[i], 1, 91);
    assert_string_equal(told(rows, BY_PLATFORM, "interactions_per_minute"), "-1/-1 null at 90");
    rows_destroy(&rows);
}

// Two windows, and events of the same content: the later reading stands, and nothing is added to it.
static void readings_and_events_are_never_added(void **state) {
    struct rows *windows[] = {rows_create(), rows_create()};
    struct sums sums;
    struct asked asked = {.name = "completion"};
    sums_init(&sums, BY_CONTENT);
    for (int i = 0; i < 2; i++) {
        const struct row_key key = {.table = TABLE_CONTENT,
                                    .platform = PLATFORM_TIKTOK,
                                    .account = slice_of("acme"),
                                    .id = slice_of("a")};
        rows_add(windows[i], rows_row(windows[i], &key), field_counter(COUNTER_OF_VIEW_COMPLETE), 100);
        read_at(windows[i], "a", "views_complete", 3 + i, 90 + i);
        read_at(windows[i], "a", "view_starts", 10 - i, 90 + i);
        sums_take(&sums, windows[i], &(struct filter){0});
        rows_destroy(&windows[i]);
    }
    read_figures_each(&book, &sums, tell, &asked);
    assert_string_equal(asked.text, "a 4/9 at 91");
    assert_int_equal(rows_value(sums.rows, 0, field_counter(COUNTER_OF_VIEW_COMPLETE)), 200);
    assert_int_equal(rows_count(sums.rows), 1);
    sums_fini(&sums);
}

static void readings_of_others_are_filtered(void **state) {
    struct rows *rows = rows_create(), *all = rows_create();
    read_at(rows, "a", "views", 3, 90);
    sums_take_all(all, rows, &(struct filter){.account = slice_of("zoo")});
    sums_take_all(all, rows, &(struct filter){.platform = PLATFORM_X});
    assert_int_equal(rows_reading_count(all), 0);
    sums_take_all(all, rows, &(struct filter){.account = slice_of("acme"), .platform = PLATFORM_TIKTOK});
    assert_int_equal(rows_reading_count(all), 1);
    rows_destroy(&all);
    rows_destroy(&rows);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_kpi_is_told_of_contents_of_which_both_sides_were_read_and_of_no_others),
        cmocka_unit_test(what_was_read_of_the_account_is_not_added_to_its_contents),
        cmocka_unit_test(followers_are_the_accounts_and_are_in_no_sum),
        cmocka_unit_test(unique_counts_are_no_sums),
        cmocka_unit_test(a_sum_without_a_denominator_is_one_whole),
        cmocka_unit_test(what_leaves_64_bits_is_not_told),
        cmocka_unit_test(readings_and_events_are_never_added),
        cmocka_unit_test(readings_of_others_are_filtered),
    };
    return cmocka_run_group_tests(tests, book_open, book_close);
}
