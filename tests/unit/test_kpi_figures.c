

#include "aggregate/figures/sheet.h"
#include "runtime/config/rules.h"
#include "schemas/registry.h"
#include "tests/unit/book_fixture.h"
#include "tests/unit/rows_fixture.h"

enum { STORY = 6, REEL = 5 };

static struct row_key totals(enum platform platform, uint32_t format) {
    return (struct row_key){.account = slice_of("acme"), .platform = platform, .format = format};
}

static void add(struct rows *rows, struct row_key key, enum counter counter, int64_t value) {
    rows_add(rows, rows_row(rows, &key), field_counter(counter), value);
}

static void add_money(struct rows *rows, struct row_key key, enum counter counter, const char *currency,
                      int64_t micros) {
    rows_add(rows, rows_row(rows, &key), field_currency(field_counter(counter), slice_of(currency)), micros);
}

// ---- what is told of one KPI, as a line

struct asked {
    const char *name;
    enum by by;
    struct row_key key;
    char text[512];
    char divisors[128]; // the denominators as tables show them
};

static const char *cell_text(char out[64], const struct output_cell *cell, bool shown) {
    struct slice text = shown && cell->shown.at != NULL ? cell->shown : cell->text;
    snprintf(out, 64, "%.*s", text.at != NULL ? (int)text.length : 1, text.at != NULL ? text.at : "-");
    return out;
}

static void tell(void *context, const struct kpi_figure *figure) {
    struct asked *a = context;
    struct output_cell cells[KPI_CELLS];
    struct sheet_room room;
    struct stretch stretch;
    char texts[6][64];
    if (strcmp(figure->kpi->name, a->name) != 0)
        return;
    stretch_init(&stretch, 0, 900, NULL, NULL);
    kpi_cells(cells, &room, a->by, &a->key, figure, &stretch);
    size_t length = strlen(a->text);
    snprintf(a->text + length, sizeof(a->text) - length, "%s%s %s/%s=%s shown %s", length > 0 ? ", " : "",
             cell_text(texts[0], &cells[KPI_CELL_CURRENCY], false),
             cell_text(texts[1], &cells[KPI_CELL_NUMERATOR], false),
             cell_text(texts[2], &cells[KPI_CELL_DENOMINATOR], false),
             cell_text(texts[3], &cells[KPI_CELL_RATIO], false),
             cell_text(texts[4], &cells[KPI_CELL_RATIO], true));
    length = strlen(a->divisors);
    snprintf(a->divisors + length, sizeof(a->divisors) - length, "%s%s", length > 0 ? ", " : "",
             cell_text(texts[5], &cells[KPI_CELL_DENOMINATOR], true));
}

static struct asked asked;

// Of the only row that there is.
static const char *told(const struct rows *rows, enum by by, enum kpi_choice choice, const char *name) {
    struct sums sums;
    sums_init(&sums, by);
    sums_take(&sums, rows, &(struct filter){0});
    assert_int_equal(rows_count(sums.rows), 1);
    asked = (struct asked){.name = name, .by = by, .key = rows_key(sums.rows, 0)};
    kpi_figures_each(&book, &sums, 0, choice, tell, &asked);
    sums_fini(&sums);
    return asked.text;
}

static void a_ratio_is_numerator_by_denominator_and_null_where_that_is_0(void **state) {
    struct rows *rows = rows_create();
    add(rows, totals(PLATFORM_TIKTOK, REEL), COUNTER_OF_VIEW_COMPLETE, 3);
    assert_string_equal(told(rows, BY_PLATFORM, KPIS_OWN, "completion"), "- 3/0=- shown -");
    add(rows, totals(PLATFORM_TIKTOK, REEL), COUNTER_OF_VIEW_START, -8);
    assert_string_equal(told(rows, BY_PLATFORM, KPIS_OWN, "completion"), "- 3/-8=-0.375 shown -0.375");
    assert_string_equal(told(rows, BY_PLATFORM, KPIS_OWN, "followers_gained"), "");
    assert_string_equal(told(rows, BY_PLATFORM, KPIS_ALL, "followers_gained"), "- 0/1=0 shown 0");
    add(rows, totals(PLATFORM_TIKTOK, REEL), COUNTER_OF_FOLLOW, 4);
    assert_string_equal(told(rows, BY_PLATFORM, KPIS_OWN, "followers_gained"), "- 4/1=4 shown 4");
    rows_destroy(&rows);
}

static void a_ratio_is_told_in_full_and_shown_as_people_read_it(void **state) {
    static const struct {
        int64_t likes, views;
        const char *told, *shown;
    } cases[] = {
        {1, 3, "0.3333333333333333", "0.3333"},
        {0, -3, "0", "0"},
        {1, 1000, "0.001", "0.001"},
        {1, 30000, "3.3333333333333335e-05", "3.333e-05"},
        {INT64_C(24408336903), 2, "12204168451.5", "12204168451.5"},
        {INT64_C(-36612505355), 3, "-12204168451.666666", "-12204168451.6667"},
        {1000, 1, "1000", "1000"},
        {INT64_MAX, 1, "9.223372036854776e+18", "9223372036854775808"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char expected[256];
        struct rows *rows = rows_create();
        add(rows, totals(PLATFORM_TIKTOK, REEL), COUNTER_OF_LIKE, cases[i].likes);
        add(rows, totals(PLATFORM_TIKTOK, REEL), COUNTER_OF_VIEW, cases[i].views);
        snprintf(expected, sizeof(expected), "- %lld/%lld=%s shown %s", (long long)cases[i].likes,
                 (long long)cases[i].views, cases[i].told, cases[i].shown);
        assert_string_equal(told(rows, BY_PLATFORM, KPIS_OWN, "engagement_by_view"), expected);
        rows_destroy(&rows);
    }
}

static void what_is_not_known_is_null_and_not_0(void **state) {
    struct rows *rows = rows_create();
    add(rows, totals(PLATFORM_TIKTOK, REEL), COUNTER_OF_LIKE, 3);
    assert_string_equal(told(rows, BY_PLATFORM, KPIS_OWN, "engagement_by_reach"), "- 3/-=- shown -");
    add(rows, totals(PLATFORM_TIKTOK, REEL), COUNTER_OF_LIKE, INT64_MAX - 3);
    add(rows, totals(PLATFORM_TIKTOK, REEL), COUNTER_OF_SHARE, 1);
    add(rows, totals(PLATFORM_TIKTOK, REEL), COUNTER_OF_VIEW, 1);
    assert_string_equal(told(rows, BY_PLATFORM, KPIS_OWN, "engagement_by_view"), "- -/-=- shown -");
    rows_destroy(&rows);
}

// Whom an account reached on a platform is told of no less than that, and of platforms together of nobody.
static void the_reach_is_of_account_and_platform(void **state) {
    static const unsigned char actors[3][PSEUDONYM_SIZE] = {{1}, {2}, {1}};
    struct rows *rows = rows_create();
    add(rows, totals(PLATFORM_TIKTOK, REEL), COUNTER_OF_LIKE, 3);
    for (int i = 0; i < 3; i++)
        add_member(rows, SKETCHED_ACTORS, slice_of("acme"), PLATFORM_TIKTOK, actors[i]);
    add_member(rows, SKETCHED_ACTORS, slice_of("acme"), PLATFORM_X, actors[0]);
    add_member(rows, SKETCHED_ACTORS, slice_of("zoo"), PLATFORM_TIKTOK, actors[0]);
    add_member(rows, SKETCHED_PERSONS, slice_of("acme"), PLATFORM_TIKTOK, actors[0]);
    assert_string_equal(told(rows, BY_PLATFORM, KPIS_OWN, "engagement_by_reach"), "- 3/2=1.5 shown 1.5");
    assert_string_equal(told(rows, BY_DAY, KPIS_OWN, "engagement_by_reach"), "- 3/2=1.5 shown 1.5");
    assert_string_equal(told(rows, BY_FORMAT, KPIS_OWN, "engagement_by_reach"), "- 3/-=- shown -");
    assert_string_equal(told(rows, BY_ACCOUNT, KPIS_ALL, "engagement_by_reach"), "- 3/-=- shown -");
    rows_destroy(&rows);
}

// Of classes as windows keep them: a person may be in several, and is counted once in each union.
static void the_reach_is_told_by_class_and_its_rows_have_their_own(void **state) {
    static const unsigned char actors[4][PSEUDONYM_SIZE] = {{1}, {2}, {3}, {4}};
    struct rows *rows = rows_create();
    struct slice acme = slice_of("acme");
    struct row_key key = totals(PLATFORM_TIKTOK, REEL);
    key.origin = 3;
    key.paid = true;
    add(rows, key, COUNTER_OF_LIKE, 6);
    add_acted(rows, true, 3, acme, PLATFORM_TIKTOK, actors[0]);
    add_acted(rows, false, 4, acme, PLATFORM_TIKTOK, actors[0]);
    add_acted(rows, false, 4, acme, PLATFORM_TIKTOK, actors[1]);
    add_acted(rows, false, 0, acme, PLATFORM_TIKTOK, actors[2]);
    add_acted(rows, true, 3, acme, PLATFORM_TIKTOK, actors[3]);
    rows_unite(rows);
    assert_string_equal(told(rows, BY_PLATFORM, KPIS_OWN, "reach"), "- 4/1=4 shown 4");
    assert_string_equal(told(rows, BY_PLATFORM, KPIS_OWN, "reach_paid"), "- 2/4=0.5 shown 0.5");
    assert_string_equal(told(rows, BY_PLATFORM, KPIS_OWN, "reach_organic"), "- 3/4=0.75 shown 0.75");
    assert_string_equal(told(rows, BY_PLATFORM, KPIS_OWN, "advocacy_share"), "- 3/4=0.75 shown 0.75");
    assert_string_equal(told(rows, BY_PLATFORM, KPIS_OWN, "reach_brand"), "- 0/4=0 shown 0");
    assert_string_equal(told(rows, BY_PAID, KPIS_OWN, "engagement_by_reach"), "- 6/2=3 shown 3");
    assert_string_equal(told(rows, BY_ORIGIN, KPIS_OWN, "engagement_by_reach"), "- 6/2=3 shown 3");
    assert_string_equal(told(rows, BY_ORIGIN, KPIS_OWN, "reach"), "- 2/1=2 shown 2");
    assert_string_equal(told(rows, BY_ORIGIN, KPIS_OWN, "advocacy_share"), "- -/2=- shown -");
    rows_destroy(&rows);
}

// A file of before there were classes says who was reached, and not how: with one that does, the rest would
// pass for all.
static void nobody_is_told_by_class_where_a_window_has_none(void **state) {
    static const unsigned char actors[2][PSEUDONYM_SIZE] = {{1}, {2}};
    struct rows *old = rows_create(), *rows = rows_create();
    add(rows, totals(PLATFORM_TIKTOK, REEL), COUNTER_OF_LIKE, 6);
    add_acted(rows, true, 0, slice_of("acme"), PLATFORM_TIKTOK, actors[0]);
    rows_unite(rows);
    assert_string_equal(told(rows, BY_PLATFORM, KPIS_OWN, "reach_paid"), "- 1/1=1 shown 1");
    add_member(old, SKETCHED_ACTORS, slice_of("acme"), PLATFORM_TIKTOK, actors[1]);
    rows_merge(rows, old);
    assert_string_equal(told(rows, BY_PLATFORM, KPIS_OWN, "reach"), "- 2/1=2 shown 2");
    assert_string_equal(told(rows, BY_PLATFORM, KPIS_OWN, "reach_paid"), "- -/2=- shown -");
    assert_string_equal(told(rows, BY_PAID, KPIS_OWN, "engagement_by_reach"), "- 6/-=- shown -");
    rows_destroy(&rows);
    rows_destroy(&old);
}

static void durations_are_told_by_their_quantiles(void **state) {
    struct rows *rows = rows_create();
    add(rows, totals(PLATFORM_TELEGRAM, 0), COUNTER_OF_MESSAGE_REPLY, 10);
    for (int ms = 1; ms <= 10; ms++)
        add_duration(rows, SKETCHED_RESPONSE_MS, slice_of("acme"), PLATFORM_TELEGRAM, ms);
    assert_string_equal(told(rows, BY_PLATFORM, KPIS_OWN, "response_time_p50"), "- 5/1=5 shown 5");
    assert_string_equal(told(rows, BY_PLATFORM, KPIS_OWN, "response_time_p90"), "- 9/1=9 shown 9");
    assert_string_equal(told(rows, BY_PLATFORM, KPIS_ALL, "cycle_length_p50"), "- -/1=- shown -");
    assert_string_equal(told(rows, BY_ORIGIN, KPIS_ALL, "response_time_p50"), "- -/1=- shown -");
    rows_destroy(&rows);
}

struct by_followers {
    enum kpi_basis basis;
    int64_t as_of_ms;
};

static void followers_tell(void *context, const struct kpi_figure *figure) {
    struct by_followers *found = context;
    if (strcmp(figure->kpi->name, "engagement_by_followers") == 0)
        *found = (struct by_followers){figure->basis, figure->as_of_ms};
}

// Of the account on the platform as a whole, whatever was read of its contents.
static void interactions_are_told_by_followers_as_they_were_read(void **state) {
    struct rows *rows = rows_create();
    struct sums sums;
    struct by_followers found = {0};
    struct latest_reading read = {.platform = PLATFORM_MASTODON,
                                  .account = slice_of("acme"),
                                  .content = slice_of("toot"),
                                  .counter = slice_of("followers"),
                                  .value = 7,
                                  .read_at_ms = 40};
    add(rows, totals(PLATFORM_MASTODON, 0), COUNTER_OF_LIKE, 3);
    rows_add_reading(rows, &read);
    assert_string_equal(told(rows, BY_PLATFORM, KPIS_OWN, "engagement_by_followers"), "- 3/-=- shown -");
    read.content = slice_of("");
    read.value = 12;
    read.read_at_ms = 30;
    rows_add_reading(rows, &read);
    assert_string_equal(told(rows, BY_PLATFORM, KPIS_OWN, "engagement_by_followers"),
                        "- 3/12=0.25 shown 0.25");
    sums_init(&sums, BY_DAY);
    sums_take(&sums, rows, &(struct filter){0});
    kpi_figures_each(&book, &sums, 0, KPIS_OWN, followers_tell, &found);
    assert_int_equal(found.basis, BASIS_BOTH);
    assert_string_equal(kpi_basis_name(found.basis), "events by readings");
    assert_int_equal(found.as_of_ms, 30);
    sums_fini(&sums);
    rows_destroy(&rows);
}

// The views of reels are none of a story's, however they are added up.
static void a_kpi_of_one_format_is_of_its_rows_alone(void **state) {
    struct rows *rows = rows_create();
    add(rows, totals(PLATFORM_INSTAGRAM, STORY), COUNTER_OF_VIEW, 10);
    add(rows, totals(PLATFORM_INSTAGRAM, STORY), COUNTER_OF_STORY_EXIT, 4);
    add(rows, totals(PLATFORM_INSTAGRAM, REEL), COUNTER_OF_VIEW, 1000);
    assert_string_equal(told(rows, BY_PLATFORM, KPIS_OWN, "story_exit"), "- 4/10=0.4 shown 0.4");
    assert_string_equal(told(rows, BY_DAY, KPIS_OWN, "story_exit"), "- 4/10=0.4 shown 0.4");
    assert_string_equal(told(rows, BY_PLATFORM, KPIS_OWN, "avg_watch"), "- 0/1010=0 shown 0");
    rows_destroy(&rows);
    rows = rows_create();
    add(rows, totals(PLATFORM_INSTAGRAM, REEL), COUNTER_OF_VIEW, 1000);
    assert_string_equal(told(rows, BY_FORMAT, KPIS_OWN, "story_exit"), "");
    assert_string_equal(told(rows, BY_PLATFORM, KPIS_OWN, "story_exit"), "- 0/0=- shown -");
    rows_destroy(&rows);
}

static void money_is_told_by_currency_and_shown_in_its_unit(void **state) {
    struct rows *rows = rows_create();
    struct row_key web = totals(PLATFORM_WEB, 0);
    add(rows, web, COUNTER_OF_PURCHASE, 3);
    assert_string_equal(told(rows, BY_PLATFORM, KPIS_OWN, "aov"), "");
    assert_string_equal(told(rows, BY_PLATFORM, KPIS_ALL, "aov"), "- 0/0=- shown -");
    add_money(rows, web, COUNTER_GROSS_MICROS, "JPY", 9000000);
    add_money(rows, web, COUNTER_GROSS_MICROS, "EUR", 10000000);
    add_money(rows, web, COUNTER_PRICED_ORDERS, "JPY", 1);
    add_money(rows, web, COUNTER_PRICED_ORDERS, "EUR", 3);
    assert_string_equal(told(rows, BY_PLATFORM, KPIS_OWN, "aov"),
                        "EUR 10000000/3=3333333.3333333335 shown 3.33, JPY 9000000/1=9000000 shown 9");
    add_money(rows, web, COUNTER_SPEND_MICROS, "EUR", 4000000);
    assert_string_equal(told(rows, BY_PLATFORM, KPIS_OWN, "roas"),
                        "EUR 10000000/4000000=2.5 shown 2.5, JPY 9000000/0=- shown -");
    assert_string_equal(asked.divisors, "4.00, 0");
    rows_destroy(&rows);
}

static void a_count_by_currency_is_shown_as_a_count_and_not_as_money(void **state) {
    struct rows *rows = rows_create();
    struct row_key web = totals(PLATFORM_WEB, 0);
    add_money(rows, web, COUNTER_GROSS_MICROS, "EUR", 1653710000);
    add_money(rows, web, COUNTER_PRICED_ORDERS, "EUR", 3);
    told(rows, BY_PLATFORM, KPIS_OWN, "aov");
    assert_string_equal(asked.divisors, "3");
    assert_string_equal(told(rows, BY_PLATFORM, KPIS_OWN, "roas"), "EUR 1653710000/0=- shown -");
    assert_string_equal(asked.divisors, "0.00");
    rows_destroy(&rows);
}

static void accounts_have_the_kpis_of_every_platform_alone(void **state) {
    struct rows *rows = rows_create();
    add(rows, totals(PLATFORM_TIKTOK, REEL), COUNTER_OF_FOLLOW, 4);
    add(rows, totals(PLATFORM_YOUTUBE, REEL), COUNTER_OF_SUBSCRIBE, 5);
    add(rows, totals(PLATFORM_YOUTUBE, REEL), COUNTER_OF_VIEW_START, 5);
    assert_string_equal(told(rows, BY_ACCOUNT, KPIS_OWN, "followers_net"), "- 9/1=9 shown 9");
    assert_string_equal(told(rows, BY_ACCOUNT, KPIS_ALL, "completion"), "");
    rows_destroy(&rows);
}

static void interactions_weigh_what_the_rules_say(void **state) {
    static int32_t weights[RULES_WEIGHTS_MAX];
    struct rows *rows = rows_create();
    add(rows, totals(PLATFORM_WEB, 0), COUNTER_OF_COMMENT, 10);
    add_money(rows, totals(PLATFORM_WEB, 0), COUNTER_GROSS_MICROS, "EUR", 10000000);
    assert_string_equal(told(rows, BY_PLATFORM, KPIS_OWN, "roe"), "EUR 10000000/20=500000 shown 0.50");
    weights[KIND_COMMENT] = 5;
    book.weights = weights;
    assert_string_equal(told(rows, BY_PLATFORM, KPIS_OWN, "roe"), "EUR 10000000/50=200000 shown 0.20");
    book.weights = NULL;
    rows_destroy(&rows);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_ratio_is_numerator_by_denominator_and_null_where_that_is_0),
        cmocka_unit_test(a_ratio_is_told_in_full_and_shown_as_people_read_it),
        cmocka_unit_test(what_is_not_known_is_null_and_not_0),
        cmocka_unit_test(the_reach_is_of_account_and_platform),
        cmocka_unit_test(the_reach_is_told_by_class_and_its_rows_have_their_own),
        cmocka_unit_test(nobody_is_told_by_class_where_a_window_has_none),
        cmocka_unit_test(durations_are_told_by_their_quantiles),
        cmocka_unit_test(interactions_are_told_by_followers_as_they_were_read),
        cmocka_unit_test(a_kpi_of_one_format_is_of_its_rows_alone),
        cmocka_unit_test(money_is_told_by_currency_and_shown_in_its_unit),
        cmocka_unit_test(a_count_by_currency_is_shown_as_a_count_and_not_as_money),
        cmocka_unit_test(accounts_have_the_kpis_of_every_platform_alone),
        cmocka_unit_test(interactions_weigh_what_the_rules_say),
    };
    return cmocka_run_group_tests(tests, book_open, book_close);
}
