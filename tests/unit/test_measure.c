#include "decode_fixture.h"

#define MEASURES_MAX 7

struct expected {
    enum counter counter;
    int64_t value;
};

static void assert_measures(const char *what, Clameur__V1__Event *m, const struct expected *expected) {
    struct event *e = decode_message(m);
    size_t count = 0;
    for (; count < MEASURES_MAX && expected[count].counter != COUNTER_NONE; count++) {
        if (count >= e->measure_count || e->measures[count].counter != expected[count].counter ||
            e->measures[count].value != expected[count].value)
            fail_msg("%s: measure %zu is not %s %lld", what, count,
                     counter_row(expected[count].counter)->name, (long long)expected[count].value);
    }
    if (e->measure_count != count)
        fail_msg("%s: %u measures instead of %zu", what, e->measure_count, count);
}

static void test_commerce(void **state) {
    static const struct {
        enum kind kind;
        struct expected expected[MEASURES_MAX];
    } cases[] = {
        {KIND_PURCHASE,
         {{COUNTER_GROSS_MICROS, 70},
          {COUNTER_NET_MICROS, 70},
          {COUNTER_DISCOUNT_MICROS, 5},
          {COUNTER_COST_MICROS, 30},
          {COUNTER_UNITS, 5},
          {COUNTER_NEW_CUSTOMERS, 1}}},
        {KIND_REFUND, {{COUNTER_REFUNDED_MICROS, 70}, {COUNTER_NET_MICROS, -70}}},
        {KIND_OTHER, {{COUNTER_OTHER_MICROS, 70}}},
        {KIND_REDEMPTION, {{COUNTER_REDEEMED_MICROS, 70}}},
        {KIND_DELIVERED, {{COUNTER_UNITS_DELIVERED, 5}}},
        {KIND_RETURNED, {{COUNTER_UNITS_RETURNED, 5}}},
        {KIND_ADD_TO_CART, {{COUNTER_CARTS_TRIED_ON, -2}}},
        {KIND_BEGIN_CHECKOUT, {{COUNTER_NONE, 0}}},
        {KIND_LIKE, {{COUNTER_NONE, 0}}},
    };
    Clameur__V1__LineItem a = CLAMEUR__V1__LINE_ITEM__INIT, b = CLAMEUR__V1__LINE_ITEM__INIT;
    Clameur__V1__LineItem *items[] = {&a, &b};
    a.quantity = 2;
    b.quantity = 3;
    Clameur__V1__Commerce commerce = CLAMEUR__V1__COMMERCE__INIT;
    commerce.value_micros = 70;
    commerce.currency = text_of("EUR");
    commerce.discount_micros = 5;
    commerce.cost_micros = 30;
    commerce.tax_micros = 11;
    commerce.customer = CLAMEUR__V1__CUSTOMER__CUSTOMER_NEW;
    commerce.tried_on = true;
    commerce.items = items;
    commerce.n_items = 2;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        Clameur__V1__Event m = plain_event();
        m.kind = (Clameur__V1__Kind)cases[i].kind;
        m.delta = -2;
        m.body_case = CLAMEUR__V1__EVENT__BODY_COMMERCE;
        m.commerce = &commerce;
        assert_measures(kind_find(cases[i].kind)->name, &m, cases[i].expected);
    }
}

static void test_customers_and_absent_amounts(void **state) {
    static const struct expected returning[] = {{COUNTER_RETURNING_CUSTOMERS, 1}, {COUNTER_NONE, 0}}, none[1];
    Clameur__V1__Commerce commerce = CLAMEUR__V1__COMMERCE__INIT;
    Clameur__V1__Event m = plain_event();
    m.kind = CLAMEUR__V1__KIND__KIND_PURCHASE;
    m.body_case = CLAMEUR__V1__EVENT__BODY_COMMERCE;
    m.commerce = &commerce;
    assert_measures("unknown customer", &m, none);
    commerce.customer = CLAMEUR__V1__CUSTOMER__CUSTOMER_RETURNING;
    assert_measures("returning customer", &m, returning);
    commerce.customer = (Clameur__V1__Customer)99;
    assert_measures("unlisted customer", &m, none);
    commerce.customer = (Clameur__V1__Customer)-1;
    assert_measures("negative customer", &m, none);
}

static void test_reactions(void **state) {
    static const struct {
        int type;
        enum counter counter;
    } cases[] = {
        {1, COUNTER_REACTIONS_LIKE},        {2, COUNTER_REACTIONS_LOVE},      {3, COUNTER_REACTIONS_CARE},
        {4, COUNTER_REACTIONS_HAHA},        {5, COUNTER_REACTIONS_WOW},       {6, COUNTER_REACTIONS_SAD},
        {7, COUNTER_REACTIONS_ANGRY},       {8, COUNTER_REACTIONS_CELEBRATE}, {9, COUNTER_REACTIONS_SUPPORT},
        {10, COUNTER_REACTIONS_INSIGHTFUL}, {11, COUNTER_REACTIONS_OTHER},    {0, COUNTER_REACTIONS_OTHER},
        {4711, COUNTER_REACTIONS_OTHER},    {-5, COUNTER_REACTIONS_OTHER},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        Clameur__V1__Reaction reaction = CLAMEUR__V1__REACTION__INIT;
        reaction.type = (Clameur__V1__ReactionType)cases[i].type;
        Clameur__V1__Event m = plain_event();
        m.kind = CLAMEUR__V1__KIND__KIND_REACTION;
        m.delta = -1;
        m.body_case = CLAMEUR__V1__EVENT__BODY_REACTION;
        m.reaction = &reaction;
        const struct expected expected[] = {{cases[i].counter, -1}, {COUNTER_NONE, 0}};
        assert_measures("reaction", &m, expected);
        m.kind = CLAMEUR__V1__KIND__KIND_LIKE;
        assert_measures("a like with a reaction body", &m, expected + 1);
    }
}

static void test_listening(void **state) {
    static const struct {
        enum kind kind;
        int sentiment, intent;
        const char *brand;
        struct expected expected[MEASURES_MAX];
    } cases[] = {
        {KIND_MENTION, 1, 1, "", {{COUNTER_MENTIONS_POSITIVE, 3}, {COUNTER_INTENTS_QUESTION, 3}}},
        {KIND_MENTION, 2, 2, "", {{COUNTER_MENTIONS_NEUTRAL, 3}, {COUNTER_INTENTS_COMPLAINT, 3}}},
        {KIND_MENTION, 3, 3, "rival", {{COUNTER_MENTIONS_RIVAL, 3}, {COUNTER_INTENTS_INTEREST, 3}}},
        {KIND_MENTION, 3, 0, "", {{COUNTER_MENTIONS_NEGATIVE, 3}}},
        {KIND_MENTION, 0, 0, "", {{COUNTER_NONE, 0}}},
        {KIND_MENTION, 77, -7, "", {{COUNTER_NONE, 0}}},
        {KIND_COMMENT, 1, 1, "rival", {{COUNTER_INTENTS_QUESTION, 3}}},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        Clameur__V1__Listening listening = CLAMEUR__V1__LISTENING__INIT;
        listening.sentiment = (Clameur__V1__Sentiment)cases[i].sentiment;
        listening.intent = (Clameur__V1__Intent)cases[i].intent;
        listening.tracked_brand = text_of(cases[i].brand);
        Clameur__V1__Event m = plain_event();
        m.kind = (Clameur__V1__Kind)cases[i].kind;
        m.delta = 3;
        m.body_case = CLAMEUR__V1__EVENT__BODY_LISTENING;
        m.listening = &listening;
        assert_measures("listening", &m, cases[i].expected);
    }
}

static void test_times_of_any_kind_and_money_of_its_own(void **state) {
    Clameur__V1__View view = CLAMEUR__V1__VIEW__INIT;
    Clameur__V1__Live live = CLAMEUR__V1__LIVE__INIT;
    Clameur__V1__Web web = CLAMEUR__V1__WEB__INIT;
    Clameur__V1__Spend spend = CLAMEUR__V1__SPEND__INIT;
    Clameur__V1__Lead lead = CLAMEUR__V1__LEAD__INIT;
    view.watch_ms = 4000;
    view.duration_ms = 9000;
    view.from_impression = true;
    live.watch_ms = 60000;
    live.gift_micros = 8;
    web.dwell_ms = 700;
    spend.cost_micros = 12;
    lead.value_micros = 13;
    const struct {
        enum kind kind;
        Clameur__V1__Event__BodyCase body;
        void *message;
        struct expected expected[MEASURES_MAX];
    } cases[] = {
        {KIND_VIEW,
         CLAMEUR__V1__EVENT__BODY_VIEW,
         &view,
         {{COUNTER_WATCH_MS, 4000}, {COUNTER_VIEWS_FROM_IMPRESSIONS, 2}}},
        {KIND_REPLAY, CLAMEUR__V1__EVENT__BODY_VIEW, &view, {{COUNTER_WATCH_MS, 4000}}},
        {KIND_LIVE_LEAVE, CLAMEUR__V1__EVENT__BODY_LIVE, &live, {{COUNTER_LIVE_WATCH_MS, 60000}}},
        {KIND_GIFT,
         CLAMEUR__V1__EVENT__BODY_LIVE,
         &live,
         {{COUNTER_LIVE_WATCH_MS, 60000}, {COUNTER_GIFT_MICROS, 8}}},
        {KIND_PAGE_VIEW, CLAMEUR__V1__EVENT__BODY_WEB, &web, {{COUNTER_DWELL_MS, 700}}},
        {KIND_SPEND, CLAMEUR__V1__EVENT__BODY_SPEND, &spend, {{COUNTER_SPEND_MICROS, 12}}},
        {KIND_LIKE, CLAMEUR__V1__EVENT__BODY_SPEND, &spend, {{COUNTER_NONE, 0}}},
        {KIND_DEAL_WON, CLAMEUR__V1__EVENT__BODY_LEAD, &lead, {{COUNTER_DEAL_MICROS, 13}}},
        {KIND_LEAD, CLAMEUR__V1__EVENT__BODY_LEAD, &lead, {{COUNTER_NONE, 0}}},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        Clameur__V1__Event m = plain_event();
        m.kind = (Clameur__V1__Kind)cases[i].kind;
        m.delta = 2;
        m.body_case = cases[i].body;
        m.view = cases[i].message;
        assert_measures(kind_find(cases[i].kind)->name, &m, cases[i].expected);
    }
}

static void test_what_is_out_of_range_is_not_measured(void **state) {
    static const struct expected none[1];
    Clameur__V1__LineItem item = CLAMEUR__V1__LINE_ITEM__INIT;
    item.quantity = INT64_C(100000000000000000);
    Clameur__V1__LineItem *items[256];
    for (size_t i = 0; i < 256; i++)
        items[i] = &item;
    Clameur__V1__Commerce commerce = CLAMEUR__V1__COMMERCE__INIT;
    commerce.items = items;
    Clameur__V1__Event m = plain_event();
    m.kind = CLAMEUR__V1__KIND__KIND_REFUND;
    m.body_case = CLAMEUR__V1__EVENT__BODY_COMMERCE;
    m.commerce = &commerce;
    commerce.n_items = 92;
    assert_int_equal(decode_message(&m)->flaws, EVENT_FLAW_NONE);
    commerce.n_items = 93; // 9.3 * 10^18 leaves 64 bits
    assert_int_equal(decode_message(&m)->flaws, EVENT_FLAW_OUT_OF_RANGE);
    commerce.n_items = 0;
    commerce.value_micros = INT64_MIN;
    assert_int_equal(decode_message(&m)->flaws, EVENT_FLAW_NEGATIVE);
    assert_measures("the least number, whose negative does not exist", &m, none);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_commerce),
        cmocka_unit_test(test_customers_and_absent_amounts),
        cmocka_unit_test(test_reactions),
        cmocka_unit_test(test_listening),
        cmocka_unit_test(test_times_of_any_kind_and_money_of_its_own),
        cmocka_unit_test(test_what_is_out_of_range_is_not_measured),
    };
    return cmocka_run_group_tests(tests, fixture_set_up, fixture_tear_down);
}
