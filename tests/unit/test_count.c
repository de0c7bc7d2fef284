// Each rule of what an event counts, one table of rows: an event in, the lines that its shard would tell
// Redis out.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "ingest/count.h"
#include "runtime/hash.h"
#include "schemas/layout.h"

#define DAY_MS          (INT64_C(86400) * 1000)
#define T0              (INT64_C(20000) * DAY_MS + 5 * INT64_C(3600000) + 7 * 60000) // 1728000000 + 05:07
#define ALL             UINT32_MAX
#define WITHOUT(family) (ALL & ~(1u << KEY_##family))

enum { LINE_COUNT = 64, LINE_BYTES = 400 };

static struct key_space space;
static struct seen *seen;
static struct rules rules;
static struct delta d;

static int begin(void **state) {
    key_space_init(&space, "clm", 1);
    seen = seen_create(16);
    delta_init(&d);
    rules = (struct rules){
        .version = 1, .series_retain_ms = 48 * INT64_C(3600000), .reach_retain_ms = 35 * DAY_MS};
    for (uint32_t kind = 0; kind < RULES_WEIGHTS_MAX; kind++)
        rules.weights[kind] = kind_find(kind) != NULL ? kind_find(kind)->weight : 0;
    return 0;
}

static int end(void **state) {
    seen_destroy(&seen);
    delta_fini(&d);
    return 0;
}

static struct event event_of(uint32_t kind) {
    struct event e = {.id = {1},
                      .id_length = 16,
                      .occurred_at_ms = T0,
                      .platform = PLATFORM_TIKTOK,
                      .kind = kind,
                      .delta = 1};
    e.account = slice_of("acme");
    return e;
}

static struct event full_event(uint32_t kind) {
    struct event e = event_of(kind);
    e.content = slice_of("c1");
    e.campaign = slice_of("spring");
    e.session = slice_of("s1");
    e.tag_count = 3;
    e.tags[0] = e.tags[2] = slice_of("fun");
    e.tags[1] = slice_of("new");
    return e;
}

static void count_at(const struct event *e, int64_t record_time_ms, uint32_t families) {
    struct count c = {.rules = &rules, .record_time_ms = record_time_ms, .families = families, .seen = seen};
    count_prepare(&c, &d, e);
    count_event(&d, &c, e);
}

// ---- a table as text

static char lines[LINE_COUNT][LINE_BYTES];
static int line_count;

static const char *key_name(uint32_t index) {
    static char name[2][KEY_MAX + 1];
    static int turn;
    const struct delta_identity *i = &d.keys.at[index].identity;
    struct key_parts parts = {i->account, i->platform, i->id, i->time_s};
    turn = !turn;
    name[turn][key_write(name[turn], &space, i->family, 0, &parts)] = '\0';
    return name[turn] + strlen("clm:{3560}:");
}

static const char *field_name(field_code field) {
    static char name[FIELD_MAX + 1];
    if ((field & DELTA_MEMBER) != 0) {
        struct slice id = d.keys.at[(uint32_t)field].identity.id;
        snprintf(name, sizeof(name), "<%.*s>", (int)id.length, id.at);
        return name;
    }
    name[field_write(name, field)] = '\0';
    return name;
}

static __attribute__((format(printf, 1, 2))) void line(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    assert_true(line_count < LINE_COUNT);
    vsnprintf(lines[line_count++], LINE_BYTES, format, arguments);
    va_end(arguments);
}

static void render_key(uint32_t index) {
    const struct delta_key *key = &d.keys.at[index];
    char expiry[32] = "";
    if (key->expire_s != 0)
        snprintf(expiry, sizeof(expiry), " until %lld", (long long)key->expire_s);
    for (uint32_t c = key->first_cell; c != DELTA_NONE; c = d.cells.at[c].next)
        line("%s %s %lld%s", key_name(index), field_name(d.cells.at[c].field), (long long)d.cells.at[c].delta,
             expiry);
    if (key->element_count > 0)
        line("%s +%u%s", key_name(index), key->element_count, expiry);
}

static void render_order(const struct delta_order *o) {
    line("%s %.*s at %lld, %u copy keys", key_name(o->key), (int)o->order.length, o->order.at,
         (long long)o->occurred_at_ms, o->copy_key_count);
    for (uint32_t i = 0; i < o->copy_key_count; i++)
        line("copy %s", key_name(o->copy_keys[i]));
    for (uint32_t i = 0; i < o->increment_count; i++) {
        const struct delta_increment *step = &d.increments.at[o->first_increment + i];
        line("order %s %s %lld", key_name(step->key), field_name(step->field), (long long)step->delta);
    }
}

static void render_reading(const struct delta_reading *r) {
    line("%s %.*s.read %lld at %lld", key_name(r->key), (int)r->counter.length, r->counter.at,
         (long long)r->value, (long long)r->read_at_ms);
    for (uint32_t i = 0; i < r->total_key_count; i++)
        line("%.*s of %s", (int)r->counter.length, r->counter.at, key_name(r->total_keys[i]));
}

static int compare(const void *a, const void *b) {
    return strcmp(a, b);
}

// The table, spread as before a seal, must be these lines in any order; then it is emptied.
static void expect_lines(uint32_t families, const char *const *expected, size_t count) {
    static char wanted[LINE_COUNT][LINE_BYTES];
    count_spread(&d, families);
    line_count = 0;
    for (uint32_t i = 0; i < d.keys.count; i++) {
        if (d.keys.at[i].identity.family < KEY_FAMILY_COUNT)
            render_key(i);
    }
    for (uint32_t i = 0; i < d.orders.count; i++)
        render_order(&d.orders.at[i]);
    for (uint32_t i = 0; i < d.readings.count; i++)
        render_reading(&d.readings.at[i]);
    for (size_t i = 0; i < count; i++)
        snprintf(wanted[i], LINE_BYTES, "%s", expected[i]);
    qsort(wanted, count, LINE_BYTES, compare);
    qsort(lines, (size_t)line_count, LINE_BYTES, compare);
    for (int i = 0; i < line_count || i < (int)count; i++)
        assert_string_equal(i < line_count ? lines[i] : "(no more)",
                            i < (int)count ? wanted[i] : "(no more)");
    delta_clear(&d);
}
#define EXPECT(families, ...)                                                                                \
    do {                                                                                                     \
        static const char *const these[] = {__VA_ARGS__};                                                    \
        expect_lines(families, these, sizeof(these) / sizeof(these[0]));                                     \
    } while (0)

// ---- the rules

static void a_like_counts_on_every_key_it_touches(void **state) {
    struct event e = full_event(KIND_LIKE);
    count_at(&e, T0, ALL);
    assert_int_equal(d.events, 1);
    assert_int_equal(d.platforms[PLATFORM_TIKTOK], 1);
    EXPECT(ALL, "acct:acme likes 1", "acct:acme:tiktok likes 1", "platform:tiktok likes 1",
           "content:acme:tiktok:c1 likes 1", "campaign:acme:spring likes 1", "live:acme:s1 likes 1",
           "series:acme:tiktok:1728018000 07:likes 1 until 1728194400",
           "top:acme:tiktok:1728018000 <c1> 1 until 1728194400", "tag:acme:tiktok:fun likes 1",
           "tag:acme:tiktok:new likes 1");
}

static void what_an_event_does_not_name_is_not_counted(void **state) {
    struct event e = event_of(KIND_VIEW);
    count_at(&e, 0, ALL);
    EXPECT(ALL, "acct:acme views 1", "acct:acme:tiktok views 1", "platform:tiktok views 1",
           "series:acme:tiktok:1728018000 07:views 1 until 1728194400");
}

static void events_fold_into_one_cell_and_what_cancels_out_may_stay(void **state) {
    struct event e = event_of(KIND_LIKE);
    e.delta = 5;
    count_at(&e, T0, WITHOUT(SERIES));
    e.delta = -3;
    count_at(&e, T0, WITHOUT(SERIES));
    assert_int_equal(d.events, 2);
    EXPECT(WITHOUT(SERIES), "acct:acme likes 2", "acct:acme:tiktok likes 2", "platform:tiktok likes 2");
}

static void minutes_and_hours_are_those_of_the_event_not_of_the_record(void **state) {
    struct event e = event_of(KIND_LIKE);
    const uint32_t families = ALL & ~(1u << KEY_ACCOUNT | 1u << KEY_ACCOUNT_PLATFORM | 1u << KEY_PLATFORM);
    for (int i = 0; i < 3; i++) {
        static const int64_t at[] = {T0 - 7 * 60000, T0 + 53 * 60000 - 1, T0 + 53 * 60000};
        e.occurred_at_ms = at[i];
        count_at(&e, T0 + DAY_MS, families);
    }
    EXPECT(families, "series:acme:tiktok:1728018000 00:likes 1 until 1728194400",
           "series:acme:tiktok:1728018000 59:likes 1 until 1728194400",
           "series:acme:tiktok:1728021600 00:likes 1 until 1728198000");
}

static void a_bucket_whose_time_is_over_at_the_record_is_left_out(void **state) {
    struct event e = full_event(KIND_LIKE);
    const uint32_t families = 1u << KEY_SERIES | 1u << KEY_TOP | 1u << KEY_REACH | 1u << KEY_TAG_REACH;
    e.has_actor = true;
    e.consent = CONSENT_MEASUREMENT;
    count_at(&e, INT64_C(1728194400000) - 1, families);
    EXPECT(families, "series:acme:tiktok:1728018000 07:likes 1 until 1728194400",
           "top:acme:tiktok:1728018000 <c1> 1 until 1728194400",
           "reach:acme:tiktok:1728000000 +1 until 1731110400",
           "reach:acme:tiktok:tag:fun:1728000000 +1 until 1731110400",
           "reach:acme:tiktok:tag:new:1728000000 +1 until 1731110400");
    seen_clear(seen);
    count_at(&e, INT64_C(1728194400000), families);
    EXPECT(families, "reach:acme:tiktok:1728000000 +1 until 1731110400",
           "reach:acme:tiktok:tag:fun:1728000000 +1 until 1731110400",
           "reach:acme:tiktok:tag:new:1728000000 +1 until 1731110400");
    seen_clear(seen);
    count_at(&e, INT64_C(1731110400000), families);
    expect_lines(families, NULL, 0);
}

static void longer_rules_reach_a_key_whose_registers_no_longer_rise(void **state) {
    struct event e = event_of(KIND_LIKE);
    const uint32_t families = 1u << KEY_REACH;
    e.has_actor = true;
    e.consent = CONSENT_MEASUREMENT;
    count_at(&e, T0, families);
    EXPECT(families, "reach:acme:tiktok:1728000000 +1 until 1731110400");
    delta_clear(&d);
    count_at(&e, T0, families);
    expect_lines(families, NULL, 0);
    delta_clear(&d);
    rules.reach_retain_ms += DAY_MS;
    count_at(&e, T0, families);
    EXPECT(families, "reach:acme:tiktok:1728000000 +1 until 1731196800");
}

static void an_expiry_rounds_up_to_seconds(void **state) {
    struct event e = event_of(KIND_LIKE);
    rules.series_retain_ms = 1;
    count_at(&e, 0, 1u << KEY_SERIES);
    EXPECT(1u << KEY_SERIES, "series:acme:tiktok:1728018000 07:likes 1 until 1728021601");
}

static void measures_count_beside_the_kind_and_not_on_tags(void **state) {
    struct event e = full_event(KIND_VIEW);
    const uint32_t families = 1u << KEY_CONTENT | 1u << KEY_TAG | 1u << KEY_SERIES | 1u << KEY_TOP;
    e.delta = 2;
    e.measure_count = 2;
    e.measures[0] = (struct measure){COUNTER_WATCH_MS, 1500};
    e.measures[1] = (struct measure){COUNTER_GIFT_MICROS, -7};
    e.currency = slice_of("EUR");
    count_at(&e, T0, families);
    EXPECT(families, "content:acme:tiktok:c1 views 2", "content:acme:tiktok:c1 watch_ms 1500",
           "content:acme:tiktok:c1 gift_micros:EUR -7",
           "series:acme:tiktok:1728018000 07:views 2 until 1728194400",
           "series:acme:tiktok:1728018000 07:watch_ms 1500 until 1728194400",
           "series:acme:tiktok:1728018000 07:gift_micros:EUR -7 until 1728194400",
           "tag:acme:tiktok:fun views 2", "tag:acme:tiktok:new views 2");
}

static void a_kind_without_a_counter_counts_its_measures_alone(void **state) {
    struct event e = full_event(KIND_SPEND);
    e.measure_count = 1;
    e.measures[0] = (struct measure){COUNTER_SPEND_MICROS, 12};
    e.currency = slice_of("USD");
    count_at(&e, T0, 1u << KEY_CAMPAIGN | 1u << KEY_TAG);
    EXPECT(1u << KEY_CAMPAIGN | 1u << KEY_TAG, "campaign:acme:spring spend_micros:USD 12");
}

static void an_unlisted_kind_counts_under_its_number(void **state) {
    struct event e = event_of(4711);
    e.platform = 99;
    count_at(&e, T0, 1u << KEY_PLATFORM | 1u << KEY_TOP);
    assert_int_equal(d.platforms[0], 1);
    EXPECT(1u << KEY_PLATFORM | 1u << KEY_TOP, "platform:platform_99 kind_4711 1");
}

static void the_top_goes_by_delta_times_the_rules_weight(void **state) {
    static const struct {
        uint32_t kind;
        int64_t delta;
        int32_t weight;
        const char *line;
    } rows[] = {
        {KIND_SHARE, 2, 3, "top:acme:tiktok:1728018000 <c1> 6 until 1728194400"},
        {KIND_LIKE, -1, 1, "top:acme:tiktok:1728018000 <c1> -1 until 1728194400"},
        {KIND_VIEW, 5, 7, "top:acme:tiktok:1728018000 <c1> 35 until 1728194400"},
        {KIND_VIEW, 5, 0, NULL},
        {300, 5, 0, NULL}, // beyond the weights
        {KIND_LIKE, INT64_MAX, 2, "top:acme:tiktok:1728018000 <c1> 9223372036854775807 until 1728194400"},
        {KIND_LIKE, INT64_MAX, -2, "top:acme:tiktok:1728018000 <c1> -9223372036854775807 until 1728194400"},
        {KIND_LIKE, -INT64_MAX, -2, "top:acme:tiktok:1728018000 <c1> 9223372036854775807 until 1728194400"},
        {KIND_LIKE, -(INT64_C(1) << 62), 2,
         "top:acme:tiktok:1728018000 <c1> -9223372036854775807 until 1728194400"},
        {KIND_LIKE, INT64_MIN, 2, "top:acme:tiktok:1728018000 <c1> -9223372036854775807 until 1728194400"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct event e = full_event(rows[i].kind);
        e.delta = rows[i].delta;
        if (rows[i].kind < RULES_WEIGHTS_MAX)
            rules.weights[rows[i].kind] = rows[i].weight;
        count_at(&e, T0, 1u << KEY_TOP);
        expect_lines(1u << KEY_TOP, &rows[i].line, rows[i].line != NULL);
    }
}

static void reach_needs_an_actor_and_consent(void **state) {
    const uint32_t families = 1u << KEY_REACH;
    struct event e = event_of(KIND_VIEW);
    e.consent = CONSENT_MEASUREMENT;
    count_at(&e, T0, families);
    e.has_actor = true;
    e.consent = CONSENT_ADS;
    count_at(&e, T0, families);
    expect_lines(families, NULL, 0);
    e.consent = CONSENT_ADS | CONSENT_MEASUREMENT;
    count_at(&e, T0, families);
    count_at(&e, T0, families); // known by now
    EXPECT(families, "reach:acme:tiktok:1728000000 +1 until 1731110400");
}

static void an_erasure_counts_on_its_platform_alone(void **state) {
    struct event e = full_event(KIND_ERASURE);
    e.has_actor = true;
    e.consent = CONSENT_MEASUREMENT;
    count_at(&e, T0, ALL);
    EXPECT(ALL, "platform:tiktok erasures 1");
}

// ---- orders

static struct event purchase(void) {
    struct event e = event_of(KIND_PURCHASE);
    e.order = slice_of("o1");
    e.currency = slice_of("EUR");
    e.measure_count = 1;
    e.measures[0] = (struct measure){COUNTER_GROSS_MICROS, 500};
    return e;
}

static void a_purchase_is_an_order_with_what_it_would_count(void **state) {
    struct event e = purchase();
    e.content = slice_of("c1");
    count_at(&e, T0 + 48 * INT64_C(3600000), ALL);
    assert_int_equal(d.cells.count, 0);
    assert_int_equal(d.orders.at[0].event_id[0], 1);
    EXPECT(ALL, "orders:acme o1 at 1728018420000, 3 copy keys", "copy acct:acme", "copy acct:acme:tiktok",
           "copy platform:tiktok", "order acct:acme orders 1", "order acct:acme gross_micros:EUR 500",
           "order acct:acme:tiktok orders 1", "order acct:acme:tiktok gross_micros:EUR 500",
           "order platform:tiktok orders 1", "order platform:tiktok gross_micros:EUR 500",
           "order content:acme:tiktok:c1 orders 1", "order content:acme:tiktok:c1 gross_micros:EUR 500",
           "order series:acme:tiktok:1728018000 07:orders 1",
           "order series:acme:tiktok:1728018000 07:gross_micros:EUR 500",
           "order top:acme:tiktok:1728018000 <c1> 5");
}

static void two_copies_in_one_table_are_two_orders(void **state) {
    struct event e = purchase();
    const uint32_t families = 1u << KEY_ACCOUNT;
    count_at(&e, T0, families);
    e.order = slice_of("o2");
    count_at(&e, T0, families);
    assert_int_equal(d.orders.count, 2);
    assert_int_equal(d.orders.at[1].first_increment, d.orders.at[0].increment_count);
    assert_int_equal(d.orders.at[0].copy_key_count, 2);
}

static void a_purchase_beyond_48_hours_is_late_and_nothing_else_but_reach(void **state) {
    struct event e = purchase();
    e.content = slice_of("c1");
    e.has_actor = true;
    e.consent = CONSENT_MEASUREMENT;
    count_at(&e, T0 + 48 * INT64_C(3600000) + 1, ALL);
    EXPECT(ALL, "acct:acme orders_late 1", "acct:acme:tiktok orders_late 1", "platform:tiktok orders_late 1",
           "reach:acme:tiktok:1728000000 +1 until 1731110400");
    count_at(&e, INT64_MIN, ALL); // the least that a record may carry is not late either
    assert_int_equal(d.orders.count, 1);
    delta_clear(&d);
    count_at(&e, 0, 1u << KEY_ORDERS); // no record time: never late
    EXPECT(1u << KEY_ORDERS, "orders:acme o1 at 1728018420000, 0 copy keys");
}

// Rules may keep series for less than the 48 hours in which an order is in time.
static void an_order_begins_no_bucket_that_has_expired(void **state) {
    struct event e = event_of(KIND_PURCHASE);
    e.order = slice_of("o1");
    e.content = slice_of("c1");
    rules.series_retain_ms = 3600000;
    count_at(&e, T0 + 4 * INT64_C(3600000), ALL);
    assert_int_equal(d.orders.count, 1);
    for (uint32_t i = 0; i < d.keys.count; i++)
        assert_true(d.keys.at[i].identity.family != KEY_SERIES && d.keys.at[i].identity.family != KEY_TOP);
}

// ---- readings

static const struct reading two_values[] = {
    {{"views", 5}, 100}, {{"views", 5}, 200}, {{"unique_viewers", 14}, 60}};

static struct event reading(void) {
    struct event e = event_of(KIND_READING);
    e.read_at_ms = 77;
    e.readings = two_values;
    e.reading_count = 3;
    e.tag_count = 1;
    e.tags[0] = slice_of("fun");
    e.has_actor = true;
    e.consent = CONSENT_MEASUREMENT;
    return e;
}

static void a_reading_of_a_content_sets_it_and_is_totalled_unless_unique(void **state) {
    struct event e = reading();
    e.content = slice_of("c1");
    count_at(&e, T0, ALL);
    EXPECT(ALL, "content:acme:tiktok:c1 views.read 100 at 77",
           "content:acme:tiktok:c1 unique_viewers.read 60 at 77", "views of acct:acme",
           "views of acct:acme:tiktok", "views of platform:tiktok");
}

static void a_reading_of_an_account_sets_it_on_its_platform(void **state) {
    struct event e = reading();
    count_at(&e, T0, ALL);
    EXPECT(ALL, "acct:acme:tiktok views.read 100 at 77", "acct:acme:tiktok unique_viewers.read 60 at 77",
           "views of acct:acme", "views of platform:tiktok");
}

// ---- edges

static void a_sum_beyond_64_bits_goes_on_in_a_further_cell_everywhere(void **state) {
    struct event e = event_of(KIND_LIKE);
    e.delta = INT64_MAX;
    count_at(&e, T0, 1u << KEY_PLATFORM);
    e.delta = 5;
    count_at(&e, T0, 1u << KEY_PLATFORM);
    EXPECT(1u << KEY_PLATFORM, "platform:tiktok likes 9223372036854775807", "platform:tiktok likes 5");
}

static void a_family_switched_off_is_not_counted(void **state) {
    static const struct {
        enum key_family family;
        const char *prefix;
    } rows[] = {{KEY_ACCOUNT, "acct:acme "},
                {KEY_ACCOUNT_PLATFORM, "acct:acme:"},
                {KEY_PLATFORM, "platform:"},
                {KEY_CONTENT, "content:"},
                {KEY_CAMPAIGN, "campaign:"},
                {KEY_LIVE, "live:"},
                {KEY_SERIES, "series:"},
                {KEY_TOP, "top:"},
                {KEY_TAG, "tag:"},
                {KEY_REACH, "reach:"},
                {KEY_TAG_REACH, "reach:acme:tiktok:tag:"}};
    struct event e = full_event(KIND_LIKE);
    e.has_actor = true;
    e.consent = CONSENT_MEASUREMENT;
    for (size_t row = 0; row < sizeof(rows) / sizeof(rows[0]); row++) {
        uint32_t families = ALL & ~(1u << rows[row].family);
        seen_clear(seen);
        count_at(&e, T0, families);
        count_spread(&d, families);
        line_count = 0;
        for (uint32_t i = 0; i < d.keys.count; i++) {
            if (d.keys.at[i].identity.family < KEY_FAMILY_COUNT)
                render_key(i);
        }
        assert_in_range(line_count, 9, 13);
        for (int i = 0; i < line_count; i++)
            assert_int_not_equal(strncmp(lines[i], rows[row].prefix, strlen(rows[row].prefix)), 0);
        delta_clear(&d);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, begin, end)
        T(a_like_counts_on_every_key_it_touches),
        T(what_an_event_does_not_name_is_not_counted),
        T(events_fold_into_one_cell_and_what_cancels_out_may_stay),
        T(minutes_and_hours_are_those_of_the_event_not_of_the_record),
        T(a_bucket_whose_time_is_over_at_the_record_is_left_out),
        T(longer_rules_reach_a_key_whose_registers_no_longer_rise),
        T(an_expiry_rounds_up_to_seconds),
        T(measures_count_beside_the_kind_and_not_on_tags),
        T(a_kind_without_a_counter_counts_its_measures_alone),
        T(an_unlisted_kind_counts_under_its_number),
        T(the_top_goes_by_delta_times_the_rules_weight),
        T(reach_needs_an_actor_and_consent),
        T(an_erasure_counts_on_its_platform_alone),
        T(a_purchase_is_an_order_with_what_it_would_count),
        T(two_copies_in_one_table_are_two_orders),
        T(a_purchase_beyond_48_hours_is_late_and_nothing_else_but_reach),
        T(an_order_begins_no_bucket_that_has_expired),
        T(a_reading_of_a_content_sets_it_and_is_totalled_unless_unique),
        T(a_reading_of_an_account_sets_it_on_its_platform),
        T(a_sum_beyond_64_bits_goes_on_in_a_further_cell_everywhere),
        T(a_family_switched_off_is_not_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
