// KPIs: every definition of kpis.def is readable, and those of the platforms give what their definitions say.
#include "schemas/kpi.h"

#include <ctype.h>

#include "snapshot_fixture.h"

static struct kpis *kpis;

static const struct kpi *kpi_of(uint32_t platform, const char *name) {
    size_t at = 0;
    const struct kpi *found = NULL;
    for (const struct kpi *kpi = kpi_next(kpis, platform, &at); kpi != NULL;
         kpi = kpi_next(kpis, platform, &at)) {
        if (strcmp(kpi->name, name) != 0)
            continue;
        assert_null(found); // one of each name
        found = kpi;
    }
    return found;
}

// "likes 3, gross_micros:EUR 5", as a row.
static struct rows *row_of(const char *cells) {
    struct rows *r = rows_create();
    uint32_t row = rows_row(r, &(struct row_key){.table = TABLE_TOTALS, .account = slice_of("acme")});
    for (const char *at = cells; *at != '\0';) {
        size_t length = strcspn(at, " ");
        char *end;
        field_code field;
        assert_true(field_parse(&field, sized(at, length)));
        rows_add(r, row, field, strtoll(at + length, &end, 10));
        at = end + strspn(end, ", ");
    }
    return r;
}

static struct kpi_value computed(uint32_t platform, const char *name, const char *cells, const char *currency,
                                 int64_t reach) {
    const struct kpi *kpi = kpi_of(platform, name);
    if (kpi == NULL)
        fail_msg("%s has no %s", platform_name(platform), name);
    struct rows *r = row_of(cells);
    struct kpi_input input;
    kpi_input_init(&input, slice_of(currency));
    kpi_input_add(&input, r, 0);
    input.is_told[TOLD_REACH] = reach >= 0;
    input.told[TOLD_REACH] = reach;
    struct kpi_value value;
    kpi_compute(&value, kpi, &input);
    rows_destroy(&r);
    return value;
}

#define ALL                                                                                                  \
    "likes 1, comments 10, saves 100, shares 1000, reactions 10000, replies 100000, reposts 1000000, "       \
    "quotes 10000000"

static void the_platforms_kpis_are_what_they_are_said_to_be(void **state) {
    static const struct {
        uint32_t platform;
        const char *name, *cells;
        int64_t reach, numerator, denominator;
    } cases[] = {
        {PLATFORM_INSTAGRAM, "engagement_by_reach", ALL, 5000, 1111, 5000},
        {PLATFORM_INSTAGRAM, "save_rate", ALL, 5000, 100, 5000},
        {PLATFORM_INSTAGRAM, "share_rate", ALL, 5000, 1000, 5000},
        {PLATFORM_INSTAGRAM, "story_exit", "views 50, story_exits 20, story_forwards 7", -1, 20, 50},
        {PLATFORM_INSTAGRAM, "story_completion", "views 50, story_exits 20, story_backs 7", -1, 30, 50},
        {PLATFORM_INSTAGRAM, "avg_watch", "views 4, watch_ms 9000, replays 2", -1, 9000, 4},
        {PLATFORM_INSTAGRAM, "retention_3s", "view_starts 10, views_3s 7, views 9", -1, 7, 10},
        {PLATFORM_TIKTOK, "completion", "view_starts 10, views_complete 4, replays 3", -1, 4, 10},
        {PLATFORM_TIKTOK, "replay_rate", "view_starts 10, replays 3, views 12", -1, 3, 10},
        {PLATFORM_TIKTOK, "engagement_by_view", ALL ", views 77", -1, 1111, 77},
        {PLATFORM_TIKTOK, "engagement_by_reach", ALL, 70, 1111, 70},
        {PLATFORM_TIKTOK, "interactions_per_minute", "likes 3, shares 1, watch_ms 120000", -1, 240000,
         120000},
        {PLATFORM_YOUTUBE, "avg_view_duration", "views 3, watch_ms 9001", -1, 9001, 3},
        {PLATFORM_TIKTOK, "completion_by_watch", "watch_ms 999, watch_untimed_ms 869, starts_length_ms 100",
         -1, 130, 100},
        {PLATFORM_YOUTUBE, "avg_view_duration", "views 3, watch_ms 9001, looped_ms 1001", -1, 8000, 3},
        {PLATFORM_YOUTUBE, "avg_view_percentage",
         "watch_ms 99, looped_ms 9, watch_apart_ms 60, views_length_ms 40", -1, 30, 40},
        {PLATFORM_X, "listening_time", "live_joins 4, live_watch_ms 240000", -1, 240000, 1},
        {PLATFORM_BLUESKY, "reach", "likes 3", 9, 9, 1},
        {PLATFORM_YOUTUBE, "ctr", "impressions 100, views 30, views_from_impressions 7", -1, 7, 100},
        {PLATFORM_FACEBOOK, "engagement_by_reach", ALL ", clicks 5", 90, 11011, 90},
        {PLATFORM_FACEBOOK, "completion", "views 20, views_complete 5, view_starts 60", -1, 5, 20},
        {PLATFORM_FACEBOOK, "ctr", "impressions 200, clicks 9, link_clicks 2", -1, 9, 200},
        {PLATFORM_X, "engagement_rate", "impressions 99, " ALL ", expands 2, follows 3, link_clicks 4", -1,
         11101120, 99},
        {PLATFORM_X, "ctr", "impressions 99, link_clicks 4, clicks 5", -1, 4, 99},
        {PLATFORM_X, "avg_listening", "live_joins 4, live_watch_ms 240000", -1, 240000, 4},
        {PLATFORM_LINKEDIN, "engagement_rate", "impressions 99, " ALL ", clicks 7", -1, 11018, 99},
        {PLATFORM_LINKEDIN, "ctr", "impressions 99, clicks 7", -1, 7, 99},
        {PLATFORM_LINKEDIN, "attendance", "rsvps 40, attendances 13", -1, 13, 40},
        {PLATFORM_PINTEREST, "engagement_rate",
         "impressions 50, saves 1, pin_clicks 2, outbound_clicks 4, clicks 8", -1, 7, 50},
        {PLATFORM_PINTEREST, "save_rate", "impressions 50, saves 1", -1, 1, 50},
        {PLATFORM_PINTEREST, "pin_click_rate", "impressions 50, pin_clicks 2", -1, 2, 50},
        {PLATFORM_PINTEREST, "outbound_click_rate", "impressions 50, outbound_clicks 4", -1, 4, 50},
        {PLATFORM_BLUESKY, "interactions_per_post", ALL ", posts 3", -1, 11111111, 3},
        {1000, "engagement_by_view", ALL ", views 9", -1, 11111111, 9},
        {PLATFORM_MASTODON, "engagement_by_reach", ALL, 9, 11111111, 9},
        {PLATFORM_X, "amplification", ALL ", posts 3", -1, 11001000, 3},
        {PLATFORM_X, "applause", ALL ", posts 3", -1, 10001, 3},
        {PLATFORM_X, "conversation", ALL ", posts 3", -1, 100010, 3},
        {PLATFORM_X, "virality", ALL, 3, 11001000, 3},
        {PLATFORM_YOUTUBE, "followers_gained", "follows 5, subscribes 20, unfollows 2, unsubscribes 1", -1,
         25, 1},
        {PLATFORM_YOUTUBE, "followers_lost", "follows 5, subscribes 20, unfollows 2, unsubscribes 1", -1, 3,
         1},
        {PLATFORM_YOUTUBE, "followers_net", "follows 5, unfollows 12, unsubscribes 1", -1, -8, 1},
        {PLATFORM_X, "share_of_voice", "mentions 10, mentions_rival 4", -1, 6, 10},
        {PLATFORM_X, "share_of_voice", "mentions 13, mentions_rival 4, mentions_untracked 3", -1, 6, 10},
        {PLATFORM_X, "net_sentiment",
         "mentions 99, mentions_positive 2, mentions_neutral 3, mentions_negative 5", -1, -3, 10},
        {PLATFORM_X, "complaints", "intents_complaint 4, intents_question 5", -1, 4, 1},
        {PLATFORM_WHATSAPP, "resolution", "cases_opened 8, cases_resolved 6, first_responses 7", -1, 6, 8},
        {PLATFORM_WHATSAPP, "bot_containment", "bot_contained 3, bot_handoffs 1", -1, 3, 4},
        {PLATFORM_WHATSAPP, "bot_handoff", "bot_contained 3, bot_handoffs 1", -1, 1, 4},
        {PLATFORM_LINKEDIN, "lead_to_opportunity", "leads 10, opportunities 4, deals_won 1", -1, 4, 10},
        {PLATFORM_LINKEDIN, "opportunity_to_deal", "leads 10, opportunities 4, deals_won 1", -1, 1, 4},
        {PLATFORM_WEB, "funnel_cart", "content_views 100, carts 20", -1, 20, 100},
        {PLATFORM_WEB, "funnel_checkout", "carts 20, checkouts 10", -1, 10, 20},
        {PLATFORM_WEB, "funnel_payment", "checkouts 10, payments 8", -1, 8, 10},
        {PLATFORM_WEB, "funnel_purchase", "payments 8, orders 7", -1, 7, 8},
        {PLATFORM_WEB, "funnel", "content_views 100, orders 7", -1, 7, 100},
        {PLATFORM_SNAPCHAT, "try_on_to_cart", "try_ons 9, carts 5, carts_tried_on 2", -1, 2, 9},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct kpi_value value =
            computed(cases[i].platform, cases[i].name, cases[i].cells, "", cases[i].reach);
        if (value.is_null || value.numerator != cases[i].numerator ||
            value.denominator != cases[i].denominator)
            fail_msg("%s: %lld / %lld%s", cases[i].name, (long long)value.numerator,
                     (long long)value.denominator, value.is_null ? ", null" : "");
    }
    static const uint32_t messaging[] = {PLATFORM_MESSENGER, PLATFORM_WHATSAPP, PLATFORM_INSTAGRAM_DIRECT,
                                         PLATFORM_TELEGRAM, PLATFORM_DISCORD};
    for (int i = 0; i < 5; i++) {
        const char *cells = "messages_sent 12, messages_delivered 10, messages_read 6, message_replies 2";
        assert_int_equal(computed(messaging[i], "open_rate", cells, "", -1).numerator, 6);
        assert_int_equal(computed(messaging[i], "reply_rate", cells, "", -1).numerator, 2);
        assert_int_equal(computed(messaging[i], "reply_rate", cells, "", -1).denominator, 10);
    }
}

static void money_is_by_currency(void **state) {
    const char *cells =
        "gross_micros:EUR 90, gross_micros:USD 7, refunded_micros:EUR 10, net_micros:EUR 80, "
        "spend_micros:EUR 30, cost_micros:EUR 20, new_customers 3, orders 4, visits 8, likes 4, "
        "priced_orders:EUR 2, priced_orders:USD 1, refunds_unattributed 6, "
        "shares 2, follows 1";
    const struct {
        const char *name, *currency;
        int64_t numerator, denominator;
        bool is_null;
    } cases[] = {
        {"cac", "EUR", 30, 3, false},  {"roas", "EUR", 90, 30, false},
        {"roi", "EUR", 30, 50, false}, {"aov", "EUR", 90, 2, false},
        {"aov", "USD", 7, 1, false},   {"revenue_per_visit", "USD", 7, 8, false},
        {"roe", "EUR", 90, 33, false}, // 4 x 1 + 2 x 3 + 1 x 3 + 4 orders x 5
        {"roas", "USD", 7, 0, true},   {"roas", "JPY", 0, 0, true},
        {"aov", "JPY", 0, 0, true},    {"refunds_unattributed", "", 6, 1, false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct kpi_value value = computed(PLATFORM_WEB, cases[i].name, cells, cases[i].currency, -1);
        assert_int_equal(value.numerator, cases[i].numerator);
        assert_int_equal(value.denominator, cases[i].denominator);
        assert_int_equal(value.is_null, cases[i].is_null);
    }
}

static void the_weights_of_rules_take_the_place_of_the_tables(void **state) {
    static int32_t weights[256];
    weights[KIND_LIKE] = 7;
    struct rows *r = row_of("likes 4, shares 2, gross_micros:EUR 90");
    struct kpi_input input;
    struct kpi_value value;
    kpi_input_init(&input, slice_of("EUR"));
    kpi_input_add(&input, r, 0);
    kpi_compute(&value, kpi_of(PLATFORM_WEB, "roe"), &input);
    assert_int_equal(value.denominator, 4 * 1 + 2 * 3);
    input.weights = weights;
    kpi_compute(&value, kpi_of(PLATFORM_WEB, "roe"), &input);
    assert_int_equal(value.denominator, 4 * 7);
    rows_destroy(&r);
}

static void what_cannot_be_told_is_null(void **state) {
    assert_true(computed(PLATFORM_X, "amplification", "shares 3", "", -1).is_null);
    assert_true(computed(PLATFORM_X, "amplification", "shares 3, posts 0", "", -1).is_null);
    assert_false(computed(PLATFORM_X, "amplification", "posts 3", "", -1).is_null);
    assert_true(computed(PLATFORM_X, "virality", "shares 3", "", -1).is_null);
    assert_true(computed(PLATFORM_X, "virality", "shares 3", "", 0).is_null);
    assert_false(computed(PLATFORM_X, "virality", "shares 3", "", 1).is_null);
    assert_false(computed(PLATFORM_X, "followers_net", "", "", -1).is_null);
    // A sum beyond 64 bits.
    assert_true(
        computed(PLATFORM_X, "amplification", "shares 9223372036854775807, reposts 1, posts 1", "", -1)
            .is_null);
    assert_true(
        computed(PLATFORM_TIKTOK, "interactions_per_minute", "likes 922337203685477580, watch_ms 1", "", -1)
            .is_null);
    assert_true(computed(PLATFORM_LINKEDIN, "net_sentiment",
                         "mentions_positive 9223372036854775807, mentions_neutral 1", "", -1)
                    .is_null);
}

// What is told of an account beside its counters, and of which platform it is asked.
static void what_is_told_beside_counters_is_a_term_as_any(void **state) {
    static const struct {
        uint32_t platform;
        const char *name;
        enum kpi_told numerator, denominator; // TOLD_COUNT: there is none
    } cases[] = {
        {PLATFORM_X, "reach", TOLD_REACH, TOLD_COUNT},
        {PLATFORM_X, "reach_paid", TOLD_REACH_PAID, TOLD_REACH},
        {PLATFORM_X, "reach_organic", TOLD_REACH_ORGANIC, TOLD_REACH},
        {PLATFORM_X, "organic_to_paid_reach", TOLD_REACH_ORGANIC, TOLD_REACH_PAID},
        {PLATFORM_X, "reach_brand", TOLD_REACH_BRAND, TOLD_REACH},
        {PLATFORM_X, "reach_ugc", TOLD_REACH_UGC, TOLD_REACH},
        {PLATFORM_X, "reach_ambassador", TOLD_REACH_AMBASSADOR, TOLD_REACH},
        {PLATFORM_X, "reach_employee", TOLD_REACH_EMPLOYEE, TOLD_REACH},
        {PLATFORM_X, "advocacy_share", TOLD_REACH_ADVOCACY, TOLD_REACH},
        {PLATFORM_X, "live_unique_listeners", TOLD_UNIQUE_LISTENERS, TOLD_COUNT},
        {PLATFORM_TWITCH, "live_unique_viewers", TOLD_UNIQUE_VIEWERS, TOLD_COUNT},
        {PLATFORM_TELEGRAM, "active_members", TOLD_ACTIVE_MEMBERS, TOLD_COUNT},
        {PLATFORM_WHATSAPP, "response_time_p50", TOLD_RESPONSE_P50, TOLD_COUNT},
        {PLATFORM_WHATSAPP, "response_time_p90", TOLD_RESPONSE_P90, TOLD_COUNT},
        {PLATFORM_WHATSAPP, "first_response_p50", TOLD_FIRST_RESPONSE_P50, TOLD_COUNT},
        {PLATFORM_WHATSAPP, "first_response_p90", TOLD_FIRST_RESPONSE_P90, TOLD_COUNT},
        {PLATFORM_WHATSAPP, "resolution_time_p50", TOLD_RESOLUTION_P50, TOLD_COUNT},
        {PLATFORM_WHATSAPP, "resolution_time_p90", TOLD_RESOLUTION_P90, TOLD_COUNT},
        {PLATFORM_LINKEDIN, "cycle_length_p50", TOLD_CYCLE_P50, TOLD_COUNT},
        {PLATFORM_LINKEDIN, "cycle_length_p90", TOLD_CYCLE_P90, TOLD_COUNT},
        {PLATFORM_TIKTOK, "watch_time_p50", TOLD_WATCH_P50, TOLD_COUNT},
        {PLATFORM_TIKTOK, "watch_time_p90", TOLD_WATCH_P90, TOLD_COUNT},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct kpi *kpi = kpi_of(cases[i].platform, cases[i].name);
        struct kpi_input input;
        struct kpi_value value;
        assert_non_null(kpi);
        kpi_input_init(&input, slice_of(""));
        kpi_compute(&value, kpi, &input);
        assert_true(value.is_null && !value.has_numerator);
        for (unsigned told = 0; told < TOLD_COUNT; told++) {
            input.is_told[told] = told == cases[i].numerator || told == cases[i].denominator;
            input.told[told] = 100 + told;
        }
        kpi_compute(&value, kpi, &input);
        assert_false(value.is_null);
        assert_int_equal(value.numerator, 100 + cases[i].numerator);
        assert_int_equal(value.denominator,
                         cases[i].denominator < TOLD_COUNT ? 100 + cases[i].denominator : 1);
    }
    assert_null(kpi_of(PLATFORM_X, "live_unique_viewers"));
    assert_non_null(kpi_of(0, "live_unique_viewers"));
    struct kpi_value value = computed(PLATFORM_BLUESKY, "engagement_by_followers", "likes 3", "", 9);
    assert_true(value.is_null && value.has_numerator && !value.has_denominator && value.numerator == 3);
}

static void rows_add_up(void **state) {
    struct rows *r = rows_create();
    struct increments like = increments_like(2);
    for (uint32_t origin = 0; origin < 3; origin++)
        rows_add_subject(
            r, &(struct subject){.account = slice_of("acme"), .platform = PLATFORM_X, .origin = origin},
            &like);
    rows_add(r, 0, field_kind(777), 5); // counts in no KPI
    struct kpi_input input;
    kpi_input_init(&input, slice_of(""));
    for (uint32_t row = 0; row < 3; row++)
        kpi_input_add(&input, r, row);
    assert_int_equal(input.counters[COUNTER_OF_LIKE], 6);
    rows_destroy(&r);
}

static void a_platforms_own_definition_takes_the_place_of_the_general_one(void **state) {
    assert_string_equal(kpi_of(PLATFORM_INSTAGRAM, "engagement_by_reach")->id,
                        "INSTAGRAM_ENGAGEMENT_BY_REACH");
    assert_string_equal(kpi_of(PLATFORM_X, "engagement_by_reach")->id, "ENGAGEMENT_BY_REACH");
    assert_string_equal(kpi_of(0, "engagement_by_reach")->id, "ENGAGEMENT_BY_REACH");
    assert_null(kpi_of(PLATFORM_X, "save_rate"));
    assert_null(kpi_of(0, "save_rate"));
    assert_non_null(kpi_of(12345, "roas"));
}

static void a_kpi_of_a_format_is_of_its_rows_alone(void **state) {
    const struct kpi *story = kpi_of(PLATFORM_INSTAGRAM, "story_exit"),
                     *watch = kpi_of(PLATFORM_INSTAGRAM, "avg_watch");
    struct row_key key = {.table = TABLE_TOTALS, .platform = PLATFORM_INSTAGRAM, .format = 6};
    assert_true(kpi_is_of(story, &key));
    key.format = 5;
    assert_false(kpi_is_of(story, &key));
    assert_true(kpi_is_of(watch, &key));
    key.format = 0;
    assert_false(kpi_is_of(story, &key));
    key.table = TABLE_CONTENT;
    assert_true(kpi_is_of(story, &key));
    key.table = TABLE_CAMPAIGN;
    assert_false(kpi_is_of(story, &key));
    key.platform = PLATFORM_X;
    assert_false(kpi_is_of(watch, &key));
}

static void every_row_is_whole(void **state) {
    unsigned count = 0;
    for (uint32_t platform = 0; platform < 64; platform++) {
        size_t at = 0;
        for (const struct kpi *kpi = kpi_next(kpis, platform, &at); kpi != NULL;
             kpi = kpi_next(kpis, platform, &at)) {
            assert_ptr_equal(kpi_of(platform, kpi->name), kpi);
            for (const char *c = kpi->name; *c != '\0'; c++)
                assert_true(islower(*c) || isdigit(*c) || *c == '_');
            assert_true(kpi->version > 0 && kpi->doc[0] != '\0');
            assert_true(kpi->unit != KPI_MONEY || kpi->by_currency);
            assert_true(kpi->denominator.count > 0 ? kpi->unit != KPI_COUNT
                                                   : kpi->unit == KPI_COUNT || kpi->unit == KPI_MS);
            count++;
        }
    }
    assert_true(count > 64 * 30);
}

static void the_hash_is_of_the_definitions(void **state) {
    char a[KPI_HASH_SIZE], b[KPI_HASH_SIZE];
    kpi_hash(a);
    kpi_hash(b);
    assert_string_equal(a, b);
    assert_int_equal(strspn(a, "0123456789abcdef"), KPI_HASH_SIZE - 1);
}

static int kpis_make(void **state) {
    kpis = kpis_create();
    return 0;
}

static int kpis_end(void **state) {
    kpis_destroy(&kpis);
    return kpis == NULL ? 0 : -1;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_platforms_kpis_are_what_they_are_said_to_be),
        cmocka_unit_test(money_is_by_currency),
        cmocka_unit_test(the_weights_of_rules_take_the_place_of_the_tables),
        cmocka_unit_test(what_cannot_be_told_is_null),
        cmocka_unit_test(what_is_told_beside_counters_is_a_term_as_any),
        cmocka_unit_test(rows_add_up),
        cmocka_unit_test(a_platforms_own_definition_takes_the_place_of_the_general_one),
        cmocka_unit_test(a_kpi_of_a_format_is_of_its_rows_alone),
        cmocka_unit_test(every_row_is_whole),
        cmocka_unit_test(the_hash_is_of_the_definitions),
    };
    return cmocka_run_group_tests(tests, kpis_make, kpis_end);
}
