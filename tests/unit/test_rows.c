// Rows: what an event adds to which of them, which copy of an order counts, and that no order of things
// matters.
#include "snapshot_fixture.h"
#include "tests/unit/rows_fixture.h"

static void a_row_is_what_its_key_says(void **state) {
    struct rows *r = rows_create();
    const struct row_key keys[] = {
        {.table = TABLE_TOTALS, .platform = 2, .account = slice_of("acme")},
        {.table = TABLE_TOTALS, .platform = 2, .origin = 1, .account = slice_of("acme")},
        {.table = TABLE_TOTALS, .platform = 2, .format = 1, .account = slice_of("acme")},
        {.table = TABLE_TOTALS, .platform = 2, .paid = true, .account = slice_of("acme")},
        {.table = TABLE_TOTALS, .platform = 3, .account = slice_of("acme")},
        {.table = TABLE_TOTALS, .platform = 2, .account = slice_of("acm")},
        {.table = TABLE_LATE, .platform = 2, .account = slice_of("acme")},
        {.table = TABLE_CONTENT, .platform = 2, .account = slice_of("acme"), .id = slice_of("7")},
        {.table = TABLE_CAMPAIGN, .platform = 2, .account = slice_of("acme"), .id = slice_of("7")},
        {.table = TABLE_CONTENT, .platform = 2, .account = slice_of("acme"), .id = slice_of("")},
        {.table = TABLE_CONTENT, .platform = 2, .account = slice_of("acme"), .id = sized("7\0", 2)},
        {.table = TABLE_CONTENT, .platform = 2, .account = slice_of("acme7"), .id = slice_of("7")},
        {.table = TABLE_TAG, .platform = UINT32_MAX, .account = slice_of(""), .id = slice_of("7")},
    };
    enum { KEYS = sizeof(keys) / sizeof(keys[0]) };
    for (uint32_t i = 0; i < KEYS; i++)
        assert_int_equal(rows_row(r, &keys[i]), i);
    for (uint32_t i = 0; i < KEYS; i++) {
        assert_int_equal(rows_row(r, &keys[i]), i);
        struct row_key key = rows_key(r, i);
        assert_int_equal(key.table, keys[i].table);
        assert_int_equal(key.platform, keys[i].platform);
        assert_int_equal(key.origin, keys[i].origin);
        assert_int_equal(key.format, keys[i].format);
        assert_int_equal(key.paid, keys[i].paid);
        assert_true(slice_equal(key.account, keys[i].account));
        assert_true(slice_equal(key.id, keys[i].id));
    }
    assert_int_equal(rows_count(r), KEYS);
    rows_destroy(&r);
    assert_null(r);
}

static void a_million_rows_are_found_again(void **state) {
    enum { ROWS = 1000000 };
    struct rows *r = rows_create();
    char id[32];
    for (uint32_t round = 0; round < 2; round++) {
        for (uint32_t i = 0; i < ROWS; i++) {
            struct row_key key = {TABLE_CONTENT,
                                  i % 3,
                                  0,
                                  0,
                                  false,
                                  slice_of(i % 2 != 0 ? "acme" : "zoo"),
                                  sized(id, (size_t)snprintf(id, sizeof(id), "post-%u", i / 7))};
            uint32_t row = rows_row(r, &key);
            rows_add(r, row, field_counter(COUNTER_OF_VIEW), 1);
        }
    }
    int64_t sum = 0;
    for (uint32_t i = 0; i < rows_count(r); i++)
        sum += rows_value(r, i, field_counter(COUNTER_OF_VIEW));
    assert_int_equal(sum, 2 * ROWS);
    assert_int_equal(rows_count(r), 857143);
    rows_destroy(&r);
}

static void a_row_and_a_cell_are_small(void **state) {
    enum { ROWS = 200000, CELLS = 5 };
    struct rows *r = rows_create();
    char id[32];
    for (uint32_t i = 0; i < ROWS; i++) {
        struct row_key key = {TABLE_CONTENT,
                              2,
                              0,
                              0,
                              false,
                              slice_of("acme"),
                              sized(id, (size_t)snprintf(id, sizeof(id), "%012u", i))};
        uint32_t row = rows_row(r, &key);
        for (unsigned c = 0; c < CELLS; c++)
            rows_add(r, row, field_counter((enum counter)(COUNTER_OF_IMPRESSION + c)), 1);
    }
    size_t ids = ROWS * 12;
    assert_in_range(rows_memory(r), ids + ROWS * (24 + 8 + CELLS * 16), ids + ROWS * (48 + CELLS * 24));
    rows_destroy(&r);
}

// Those of thousands of windows are remembered at once.
static void rows_of_a_few_orders_are_small__goes_red_if_the_first_block_is_for_many(void **state) {
    struct rows *r = rows_create();
    for (unsigned char i = 0; i < 3; i++) {
        const struct order order = order_of("acme", i, i, 1000, 5);
        rows_add_order(r, &order);
    }
    assert_true(rows_memory(r) < 16384);
    rows_destroy(&r);
}

static void sums_are_modulo_two_to_the_64(void **state) {
    struct rows *r = rows_create();
    uint32_t row = rows_row(r, &(struct row_key){.table = TABLE_TOTALS, .account = slice_of("acme")});
    field_code field = field_counter(COUNTER_WATCH_MS);
    rows_add(r, row, field, INT64_MAX);
    rows_add(r, row, field, INT64_MAX);
    assert_int_equal(rows_value(r, row, field), -2);
    rows_add(r, row, field, INT64_MIN);
    rows_add(r, row, field, INT64_MIN);
    rows_add(r, row, field, 2);
    assert_int_equal(rows_value(r, row, field), 0);
    assert_int_equal(rows_value(r, row, field_counter(COUNTER_DWELL_MS)), 0);
    rows_destroy(&r);
}

static void a_row_of_many_fields_keeps_them_apart(void **state) {
    enum { FIELDS = 20000 };
    struct rows *r = rows_create();
    const struct row_key keys[] = {{.table = TABLE_TOTALS, .account = slice_of("acme")},
                                   {.table = TABLE_TOTALS, .account = slice_of("zoo")}};
    for (uint32_t round = 1; round <= 3; round++) {
        for (uint32_t i = 0; i < FIELDS; i++)
            rows_add(r, rows_row(r, &keys[i % 2]), field_kind(1000 + i / 2), round);
    }
    for (uint32_t row = 0; row < 2; row++) {
        struct cell cell;
        unsigned cells = 0;
        for (uint32_t at = rows_next_cell(r, row, ROWS_FIRST, &cell); at != ROWS_END;
             at = rows_next_cell(r, row, at, &cell)) {
            assert_int_equal(cell.value, 6);
            assert_int_equal(rows_value(r, row, cell.field), 6);
            cells++;
        }
        assert_int_equal(cells, FIELDS / 2);
    }
    rows_destroy(&r);
}

static void a_subject_touches_its_rows(void **state) {
    struct rows *r = rows_create();
    const struct slice tags[] = {slice_of("run"), slice_of("fun"), slice_of("run")};
    const struct slice topics[] = {slice_of("price"), slice_of("price")};
    const struct subject s = {.account = slice_of("acme"),
                              .platform = 2,
                              .origin = 1,
                              .format = 5,
                              .paid = true,
                              .content = slice_of("7310"),
                              .campaign = slice_of("spring"),
                              .tags = tags,
                              .tag_count = 3,
                              .topics = topics,
                              .topic_count = 2};
    const field_code views = field_counter(COUNTER_OF_VIEW), watched = field_counter(COUNTER_WATCH_MS);
    const struct increments increments = {2, true, {{views, 2}, {watched, 700}}};
    rows_add_subject(r, &s, &increments);
    const struct {
        struct row_key key;
        int64_t views, watched;
    } expected[] = {
        {{TABLE_TOTALS, 2, 1, 5, true, s.account, {"", 0}}, 2, 700},
        {{TABLE_CONTENT, 2, 0, 0, false, s.account, s.content}, 2, 700},
        {{TABLE_CAMPAIGN, 2, 0, 0, false, s.account, s.campaign}, 2, 700},
        {{TABLE_TAG, 2, 0, 0, false, s.account, tags[0]}, 2, 0},
        {{TABLE_TAG, 2, 0, 0, false, s.account, tags[1]}, 2, 0},
        {{TABLE_TOPIC, 2, 0, 0, false, s.account, topics[0]}, 2, 700},
    };
    enum { EXPECTED = sizeof(expected) / sizeof(expected[0]) };
    assert_int_equal(rows_count(r), EXPECTED);
    for (int i = 0; i < EXPECTED; i++) {
        assert_int_equal(value_of(r, &expected[i].key, views), expected[i].views);
        assert_int_equal(value_of(r, &expected[i].key, watched), expected[i].watched);
    }
    assert_int_equal(rows_count(r), EXPECTED);
    rows_destroy(&r);
}

static void what_is_late_touches_one_row_and_what_is_not_named_none(void **state) {
    struct rows *r = rows_create();
    struct subject s = {.account = slice_of("acme"), .platform = 2, .content = slice_of("7310")};
    struct increments like = increments_like(1);
    rows_add_late(r, &s, &like);
    assert_int_equal(rows_count(r), 1);
    assert_int_equal(rows_key(r, 0).table, TABLE_LATE);
    s.content.length = 0;
    rows_add_subject(r, &s, &like);
    assert_int_equal(rows_count(r), 2);
    assert_int_equal(rows_key(r, 1).table, TABLE_TOTALS);
    // An event without a kind's counter has no tags to count; one that adds nothing has no rows.
    const struct slice tag = slice_of("run");
    s.tags = &tag;
    s.tag_count = 1;
    like.has_kind = false;
    rows_add_subject(r, &s, &like);
    assert_int_equal(rows_count(r), 2);
    like.count = 0;
    s.platform = 3;
    rows_add_subject(r, &s, &like);
    rows_add_late(r, &s, &like);
    assert_int_equal(rows_count(r), 2);
    rows_destroy(&r);
}

static const struct row_key acme_web = {
    .table = TABLE_TOTALS, .platform = PLATFORM_WEB, .account = {"acme", 4}};

static void assert_orders(struct rows *r, int64_t orders, int64_t euros, int64_t copies) {
    field_code gross = field_currency(field_counter(COUNTER_GROSS_MICROS), slice_of("EUR"));
    assert_int_equal(value_of(r, &acme_web, field_counter(COUNTER_OF_PURCHASE)), orders);
    assert_int_equal(value_of(r, &acme_web, gross), euros);
    assert_int_equal(value_of(r, &acme_web, field_counter(COUNTER_ORDER_COPIES)), copies);
}

// All orders in which copies can come; each time the least by (time, event id) counts.
static void the_least_copy_counts_in_whatever_order_they_come(void **state) {
    const struct order copies[] = {order_of("acme", 1, 9, 100, 1), order_of("acme", 1, 3, 100, 20),
                                   order_of("acme", 1, 1, 101, 300), order_of("acme", 2, 1, 50, 4000)};
    int order[4];
    for (int i = 0; i < 4 * 4 * 4 * 4; i++) {
        unsigned seen = 0;
        for (int k = 0, rest = i; k < 4; k++, rest /= 4)
            seen |= 1u << (order[k] = rest % 4);
        if (seen != 15)
            continue;
        struct rows *r = rows_create();
        for (int k = 0; k < 4; k++)
            rows_add_order(r, &copies[order[k]]);
        rows_add_order(r, &copies[order[0]]); // is there already
        assert_int_equal(rows_order_count(r), 4);
        assert_int_equal(rows_count(r), 0);
        rows_settle(r, NULL);
        assert_orders(r, 2, 4020, 3);
        rows_settle(r, NULL);
        assert_orders(r, 2, 4020, 3);
        rows_destroy(&r);
    }
}

static void an_earlier_lesser_copy_makes_all_of_them_copies(void **state) {
    struct rows *earlier = rows_create(), *none = rows_create();
    const struct order before = order_of("acme", 1, 2, 99, 7);
    const struct order a = order_of("acme", 1, 9, 100, 1), b = order_of("acme", 1, 3, 100, 20);
    const struct order elsewhere = order_of("zoo", 1, 1, 1, 1); // of another account
    rows_add_order(earlier, &elsewhere);
    for (int round = 0; round < 4; round++) {
        struct rows *r = rows_create();
        if (round == 2)
            rows_add_order(earlier, &before);
        rows_add_order(r, round % 2 != 0 ? &a : &b);
        rows_add_order(r, round % 2 != 0 ? &b : &a);
        rows_settle(r, round == 0 ? none : earlier);
        if (round < 2)
            assert_orders(r, 1, 20, 1);
        else
            assert_orders(r, 0, 0, 2);
        rows_destroy(&r);
    }
    // One that is later, or the same event, takes nothing away.
    struct rows *r = rows_create(), *later = rows_create();
    rows_add_order(later, &a);
    rows_add_order(later, &b);
    rows_add_order(r, &b);
    rows_settle(r, later);
    assert_orders(r, 1, 20, 0);
    rows_destroy(&r);
    rows_destroy(&later);
    rows_destroy(&none);
    rows_destroy(&earlier);
}

static void a_settled_order_adds_to_every_row_of_its_subject(void **state) {
    struct rows *r = rows_create();
    const struct slice tag = slice_of("run");
    struct order o = order_of("acme", 1, 1, 100, 5);
    o.subject.content = slice_of("7310");
    o.subject.campaign = slice_of("spring");
    o.subject.tags = &tag;
    o.subject.tag_count = 1;
    rows_add_order(r, &o);
    rows_settle(r, NULL);
    assert_int_equal(rows_count(r), 4);
    const struct row_key tagged = {TABLE_TAG, PLATFORM_WEB, 0, 0, false, slice_of("acme"), tag};
    assert_int_equal(value_of(r, &tagged, field_counter(COUNTER_OF_PURCHASE)), 1);
    rows_destroy(&r);
}

static void of_two_that_bear_one_event_id_the_same_one_stays(void **state) {
    const struct order a = order_of("acme", 1, 1, 100, 5), b = order_of("acme", 1, 1, 100, 6);
    struct order c = a, d = a;
    const struct slice tags[] = {slice_of("run"), slice_of("fun")};
    c.subject.tags = tags;
    c.subject.tag_count = 1;
    d.subject.content = slice_of("7310");
    const struct order *twins[] = {&a, &b, &c, &d};
    for (int i = 0; i < 4; i++) {
        struct rows *x = rows_create(), *y = rows_create();
        for (int k = 0; k < 4; k++) {
            rows_add_order(x, twins[(i + k) % 4]);
            rows_add_order(y, twins[(i + 7 - k) % 4]);
        }
        assert_int_equal(rows_order_count(x), 1);
        assert_same_rows(x, y);
        rows_destroy(&x);
        rows_destroy(&y);
    }
}

// The same purchase under two keys lies in two partitions: one order and one copy, as in Redis, in whatever
// order and nesting the parts are merged.
static void one_that_came_again_is_a_copy__goes_red_if_it_is_there_once(void **state) {
    const struct order o = order_of("acme", 1, 3, 100, 20), other = order_of("acme", 1, 9, 100, 1);
    struct rows *part[3], *x = rows_create(), *y = rows_create(), *both = rows_create();
    for (int i = 0; i < 3; i++)
        part[i] = rows_create();
    rows_add_order(part[0], &o);
    rows_add_order(part[1], &o);
    rows_add_order(part[1], &other);
    rows_add_order(part[2], &other);
    for (int i = 0; i < 3; i++)
        rows_merge(x, part[i]);
    rows_merge(both, part[2]);
    rows_merge(both, part[1]);
    rows_merge(y, part[0]);
    rows_merge(y, both);
    assert_same_rows(x, y);
    rows_settle(x, NULL);
    assert_orders(x, 1, 20, 3);
    rows_settle(y, part[0]); // the same event before takes nothing away
    assert_orders(y, 1, 20, 3);
    struct rows *before = rows_create();
    const struct order lesser = order_of("acme", 1, 1, 99, 7);
    rows_add_order(before, &lesser);
    rows_settle(both, before);
    assert_orders(both, 0, 0, 3);
    for (int i = 0; i < 3; i++)
        rows_destroy(&part[i]);
    rows_destroy(&before);
    rows_destroy(&both);
    rows_destroy(&y);
    rows_destroy(&x);
}

static void what_was_handed_in_is_copied(void **state) {
    struct rows *r = rows_create();
    char account[] = "acme", content[] = "7310", tag[] = "run";
    struct slice tags[] = {slice_of(tag)};
    struct order o = order_of(account, 1, 1, 100, 5);
    o.subject.content = slice_of(content);
    o.subject.tags = tags;
    o.subject.tag_count = 1;
    struct increments like = increments_like(1);
    rows_add_order(r, &o);
    rows_add_subject(r, &o.subject, &like);
    memset(account, 'x', 4);
    memset(content, 'x', 4);
    memset(tag, 'x', 3);
    tags[0] = (struct slice){NULL, 1000};
    const struct order *kept = rows_order(r, 0);
    assert_true(slice_equal(kept->subject.account, slice_of("acme")));
    assert_true(slice_equal(kept->subject.content, slice_of("7310")));
    assert_true(slice_equal(kept->subject.tags[0], slice_of("run")));
    assert_true(slice_equal(rows_key(r, 1).id, slice_of("7310")));
    rows_destroy(&r);
}

static int key_order(const struct row_key *a, const struct row_key *b) {
    const uint64_t x[] = {a->platform, a->origin, a->format, a->paid};
    const uint64_t y[] = {b->platform, b->origin, b->format, b->paid};
    if (a->table != b->table)
        return a->table < b->table ? -1 : 1;
    size_t common = a->account.length < b->account.length ? a->account.length : b->account.length;
    int differs = memcmp(a->account.at, b->account.at, common);
    if (differs == 0)
        differs = (int)a->account.length - (int)b->account.length;
    for (int i = 0; differs == 0 && i < 4; i++)
        differs = (x[i] > y[i]) - (x[i] < y[i]);
    common = a->id.length < b->id.length ? a->id.length : b->id.length;
    if (differs == 0)
        differs = memcmp(a->id.at, b->id.at, common);
    return differs != 0 ? differs : (int)a->id.length - (int)b->id.length;
}

// Ids of all lengths around a word's, with zero bytes and long beginnings in common.
static struct slice nasty_id(char *room) {
    size_t length = random_below(24);
    for (size_t i = 0; i < length; i++)
        room[i] = i < 6 ? 'p' : (char)(random_below(3) * 127);
    return sized(room, length);
}

static void rows_sort_by_their_keys(void **state) {
    struct rows *r = rows_create();
    char id[ROWS_ID_MAX], account[8];
    for (int i = 0; i < 20000; i++) {
        struct row_key key = {.table = (enum table)random_below(TABLE_ORDERS),
                              .platform = random_below(2) != 0 ? UINT32_MAX : 1,
                              .account = sized(account, 1 + random_below(3))};
        memset(account, 'a' + (int)random_below(2), sizeof(account));
        bool has_id = key.table != TABLE_TOTALS && key.table != TABLE_LATE;
        if (has_id) {
            key.id = nasty_id(id);
        } else {
            key.origin = (uint32_t)random_below(3);
            key.format = random_below(2) != 0 ? UINT32_MAX : 0;
            key.paid = random_below(2) != 0;
        }
        rows_row(r, &key);
    }
    memset(id, 'p', sizeof(id));
    for (size_t length = 500; length <= ROWS_ID_MAX; length++)
        rows_row(r, &(struct row_key){TABLE_TAG, 1, 0, 0, false, slice_of("a"), sized(id, length)});
    uint32_t *sorted = calloc(rows_count(r), sizeof(*sorted));
    rows_sort(r, sorted);
    for (size_t i = 1; i < rows_count(r); i++) {
        struct row_key before = rows_key(r, sorted[i - 1]), after = rows_key(r, sorted[i]);
        assert_true(key_order(&before, &after) < 0);
    }
    free(sorted);
    rows_destroy(&r);
}

static void a_subject_may_be_fetched_ahead(void **state) {
    struct rows *r = rows_create();
    const struct subject subject = {.account = slice_of("acme"), .content = slice_of("7310")};
    rows_prefetch_subject(r, &subject);
    struct increments like = increments_like(1);
    rows_add_subject(r, &subject, &like);
    rows_prefetch_subject(r, &subject);
    assert_int_equal(rows_count(r), 2);
    rows_destroy(&r);
}

static uint64_t reached(const struct rows *r, enum sketched of, const char *account, uint32_t platform) {
    const struct sketch *s = rows_sketch_find(r, of, slice_of(account), platform);
    return s == NULL ? 0 : rows_sketch_reached(s);
}

static void sketches_are_apart_by_what_account_and_platform(void **state) {
    struct rows *r = rows_create();
    int64_t median;
    for (uint64_t i = 0; i < 400; i++) {
        add_reached(r, SKETCHED_ACTORS, "acme", 1, i % 300);
        add_reached(r, SKETCHED_PERSONS, "acme", 1, i % 100);
        add_reached(r, SKETCHED_ACTORS, "acme", 2, 7);
        add_duration(r, SKETCHED_WATCH_MS, slice_of("zoo"), 1, 50);
    }
    assert_int_equal(rows_count(r), 0);
    assert_int_equal(rows_sketch_count(r), 4);
    assert_int_equal(reached(r, SKETCHED_ACTORS, "acme", 1), 300);
    assert_int_equal(reached(r, SKETCHED_PERSONS, "acme", 1), 100);
    assert_int_equal(reached(r, SKETCHED_ACTORS, "acme", 2), 1);
    assert_int_equal(reached(r, SKETCHED_ACTORS, "zoo", 1), 0);
    const struct sketch *watched = rows_sketch_find(r, SKETCHED_WATCH_MS, slice_of("zoo"), 1);
    assert_int_equal(quantiles_count(&watched->quantiles), 400);
    assert_true(quantiles_at(&watched->quantiles, 500, &median));
    assert_int_equal(median, 50);
    rows_destroy(&r);
}

static void a_merge_unites_whom_both_reached(void **state) {
    struct rows *a = rows_create(), *b = rows_create();
    for (uint64_t i = 0; i < 300; i++) {
        add_reached(a, SKETCHED_ACTORS, "acme", 1, i);
        add_reached(b, SKETCHED_ACTORS, "acme", 1, i + 100);
        add_duration(a, SKETCHED_WATCH_MS, slice_of("acme"), 1, 50);
        add_duration(b, SKETCHED_WATCH_MS, slice_of("acme"), 1, 60);
    }
    add_reached(b, SKETCHED_ACTORS, "aardvark", 1, 1); // numbers of accounts are each table's own
    add_reached(b, SKETCHED_ACTORS, "zoo", 1, 1);
    rows_merge(a, b);
    assert_int_equal(reached(a, SKETCHED_ACTORS, "acme", 1), 400);
    assert_int_equal(reached(a, SKETCHED_ACTORS, "zoo", 1), 1);
    assert_int_equal(quantiles_count(&rows_sketch_find(a, SKETCHED_WATCH_MS, slice_of("acme"), 1)->quantiles),
                     600);
    rows_destroy(&a);
    rows_destroy(&b);
}

static struct row_key tag_of(enum table table, const char *id) {
    return (struct row_key){.table = table, .platform = 2, .account = slice_of("acme"), .id = slice_of(id)};
}

// Whether a row stands by itself: with cells.
static int64_t likes_of(struct rows *r, enum table table, const char *id) {
    struct row_key key = tag_of(table, id);
    return value_of(r, &key, field_counter(COUNTER_OF_LIKE));
}

// So many tags of one use, of which the lesser ids stay, and some of other uses; in any order.
static struct rows *many_tags(enum table table, size_t ones, bool backwards) {
    struct rows *r = rows_create();
    char id[16];
    for (size_t i = 0; i < ones; i++) {
        snprintf(id, sizeof(id), "tag-%05zu", backwards ? ones - 1 - i : i);
        struct row_key key = tag_of(table, id);
        rows_add(r, rows_row(r, &key), field_counter(COUNTER_OF_LIKE), 1);
    }
    return r;
}

static void the_tail_of_tags_is_one_row_without_an_id(void **state) {
    for (enum table table = TABLE_TAG; table <= TABLE_TOPIC; table++) {
        struct rows *r = many_tags(table, ROWS_NAMED_MAX, false),
                    *turned = many_tags(table, ROWS_NAMED_MAX, true);
        assert_int_equal(rows_fold(r), 0);
        assert_int_equal(likes_of(r, table, "tag-00999"), 1);
        struct rows *both[] = {r, turned};
        for (int i = 0; i < 2; i++) {
            struct row_key other = tag_of(table, "other"), zoo = tag_of(table, "zoo");
            struct row_key gone = tag_of(table, "zero"), less = tag_of(table, "less");
            rows_add(both[i], rows_row(both[i], &other), field_counter(COUNTER_OF_LIKE), 7);
            rows_add(both[i], rows_row(both[i], &zoo), field_counter(COUNTER_OF_LIKE), 1);
            rows_add(both[i], rows_row(both[i], &zoo), field_counter(COUNTER_WATCH_MS), 900); // no use
            rows_add(both[i], rows_row(both[i], &less), field_counter(COUNTER_OF_LIKE), -5);
            rows_add(both[i], rows_row(both[i], &gone), field_kind(777), 3);
            rows_add(both[i], rows_row(both[i], &gone), field_kind(777), -3); // no row of a file
            assert_int_equal(rows_fold(both[i]), 3);
            assert_int_equal(likes_of(both[i], table, "other"), 7);
            assert_int_equal(likes_of(both[i], table, "tag-00998"), 1);
            assert_int_equal(likes_of(both[i], table, "tag-00999"), 0);
            assert_int_equal(likes_of(both[i], table, "zoo"), 0);
            assert_int_equal(likes_of(both[i], table, ""), 1 + 1 - 5);
            struct row_key rest = tag_of(table, "");
            assert_int_equal(value_of(both[i], &rest, field_counter(COUNTER_WATCH_MS)), 900);
            assert_int_equal(rows_fold(both[i]), 0); // again: nothing more
        }
        assert_same_rows(r, turned);
        rows_destroy(&turned);
        rows_destroy(&r);
    }
}

// Each account on a platform, tags and topics have their own; contents and campaigns are told apart, all of
// them.
static void what_folds_is_by_account_and_platform_and_contents_never_do(void **state) {
    for (enum table table = TABLE_CONTENT; table <= TABLE_TOPIC; table++) {
        struct rows *r = many_tags(table, ROWS_NAMED_MAX + 1, true);
        struct row_key key = tag_of(TABLE_TAG, "zoo");
        key.platform = 3;
        rows_add(r, rows_row(r, &key), field_counter(COUNTER_OF_LIKE), 1);
        key.account = slice_of("bolt");
        rows_add(r, rows_row(r, &key), field_counter(COUNTER_OF_LIKE), 1);
        bool folds = table >= TABLE_TAG;
        assert_int_equal(rows_fold(r), folds);
        assert_int_equal(likes_of(r, table, "tag-01000"), !folds);
        assert_int_equal(value_of(r, &key, field_counter(COUNTER_OF_LIKE)), 1);
        rows_destroy(&r);
    }
}

static void assert_read(const struct rows *r, int64_t value, int64_t read_at_ms, unsigned char event_id) {
    assert_int_equal(rows_reading_count(r), 1);
    const struct latest_reading *kept = rows_reading(r, 0);
    assert_int_equal(kept->value, value);
    assert_int_equal(kept->read_at_ms, read_at_ms);
    assert_int_equal(kept->event_id[EVENT_ID_SIZE - 1], event_id);
}

// Of the same id and time two values: a producer's mistake, and no reason for two answers.
static void the_last_reading_stands_in_whatever_order_they_come(void **state) {
    static const struct {
        int64_t value, read_at_ms;
        unsigned char event_id;
    } all[] = {{-9, 200, 8}, {7, 200, 7}, {5000, 199, 9}, {-10, 200, 8}, {0, 1, 1}};
    enum { COUNT = sizeof(all) / sizeof(all[0]) };
    for (size_t first = 0; first < COUNT; first++) {
        for (size_t step = 1; step < COUNT; step++) { // COUNT is a prime: each order is one of all
            struct rows *r = rows_create(), *merged = rows_create(), *other = rows_create();
            for (size_t i = 0; i < COUNT; i++) {
                size_t k = (first + i * step) % COUNT;
                const struct latest_reading reading =
                    reading_of("acme", "7310", "likes", all[k].value, all[k].read_at_ms, all[k].event_id);
                rows_add_reading(r, &reading);
                rows_add_reading(i % 2 != 0 ? merged : other, &reading);
            }
            assert_read(r, -9, 200, 8);
            rows_merge(merged, other);
            rows_merge(merged, other); // again: it is there
            assert_read(merged, -9, 200, 8);
            rows_destroy(&other);
            rows_destroy(&merged);
            rows_destroy(&r);
        }
    }
}

static void readings_are_apart_by_all_that_names_them_and_in_no_row(void **state) {
    struct rows *r = rows_create();
    char account[] = "acme", content[] = "7310", counter[] = "likes";
    struct latest_reading reading = reading_of(account, content, counter, 1, 1, 1);
    rows_add_reading(r, &reading);
    reading.platform++;
    rows_add_reading(r, &reading);
    reading = reading_of(account, "", counter, 3, 1, 1);
    rows_add_reading(r, &reading);
    reading = reading_of(account, content, "followers", 4, 1, 1);
    rows_add_reading(r, &reading);
    reading = reading_of("acm", "e7310", counter, 5, 1, 1);
    rows_add_reading(r, &reading);
    account[0] = content[0] = counter[0] = '?';
    static const int64_t sorted[] = {5, 3, 4, 1, 1};
    uint32_t numbers[5];
    assert_int_equal(rows_reading_count(r), 5);
    assert_int_equal(rows_count(r), 0);
    rows_sort_readings(r, numbers);
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(rows_reading(r, numbers[i])->value, sorted[i]);
    assert_true(slice_equal(rows_reading(r, numbers[4])->content, slice_of("7310")));
    rows_destroy(&r);
}

static void memory_follows_the_sketches(void **state) {
    struct rows *r = rows_create();
    size_t before = rows_memory(r);
    for (uint64_t i = 0; i < REACH_EXACT_MAX; i++)
        add_reached(r, SKETCHED_ACTORS, "acme", 1, i);
    size_t exact = rows_memory(r);
    assert_true(exact >= before + REACH_EXACT_MAX * PSEUDONYM_SIZE);
    add_reached(r, SKETCHED_ACTORS, "acme", 1, REACH_EXACT_MAX);
    assert_int_equal(rows_memory(r), exact - REACH_EXACT_MAX * PSEUDONYM_SIZE + REACH_SKETCH_BYTES);
    rows_destroy(&r);
}

// ---- refunds

static struct refund refund_of(unsigned char order, int64_t placed_ms, int64_t micros) {
    const field_code euros = field_counter(COUNTER_REFUNDED_MICROS);
    struct refund refund = {
        .order_occurred_at_ms = placed_ms,
        .subject = {.account = slice_of("acme"), .platform = PLATFORM_TIKTOK, .campaign = slice_of("autumn")},
        .increments = {3,
                       true,
                       {{field_counter(COUNTER_OF_REFUND), 1},
                        {field_currency(euros, slice_of("EUR")), micros},
                        {field_currency(field_counter(COUNTER_NET_MICROS), slice_of("EUR")), -micros}}}};
    memset(refund.order, order, sizeof(refund.order));
    return refund;
}

static int64_t euros_of(struct rows *r, const char *campaign, uint32_t platform, enum counter counter) {
    const struct row_key key = {
        .table = TABLE_CAMPAIGN, .platform = platform, .account = slice_of("acme"), .id = slice_of(campaign)};
    return value_of(r, &key, field_currency(field_counter(counter), slice_of("EUR")));
}

static int64_t refunds_of(struct rows *r, const char *campaign, uint32_t platform, enum counter counter) {
    const struct row_key key = {
        .table = TABLE_CAMPAIGN, .platform = platform, .account = slice_of("acme"), .id = slice_of(campaign)};
    return value_of(r, &key, field_counter(counter));
}

static void add_sale(struct rows *r, unsigned char order, unsigned char event_id, int64_t at_ms,
                     const char *campaign) {
    struct order o = order_of("acme", order, event_id, at_ms, 100);
    o.subject.campaign = slice_of(campaign);
    rows_add_order(r, &o);
}

static void a_refund_counts_where_the_least_copy_of_its_order_does(void **state) {
    struct rows *r = rows_create(), *sold = rows_create();
    add_sale(sold, 1, 2, 900001, "spring");
    add_sale(sold, 1, 1, 900001, "summer");
    add_sale(sold, 1, 0, 900002, "winter");
    struct refund known = refund_of(1, 1000000, 7), unknown = refund_of(2, 1000000, 5);
    rows_add_refund(r, &known);
    rows_add_refund(r, &unknown);
    assert_int_equal(rows_count(r), 0);
    rows_settle_refunds(r, 900, sold);
    assert_int_equal(refunds_of(r, "summer", PLATFORM_WEB, COUNTER_OF_REFUND), 1);
    assert_int_equal(refunds_of(r, "summer", PLATFORM_WEB, COUNTER_REFUNDS_UNATTRIBUTED), 0);
    assert_int_equal(euros_of(r, "summer", PLATFORM_WEB, COUNTER_NET_MICROS), -7);
    assert_int_equal(refunds_of(r, "autumn", PLATFORM_TIKTOK, COUNTER_OF_REFUND), 1);
    assert_int_equal(refunds_of(r, "autumn", PLATFORM_TIKTOK, COUNTER_REFUNDS_UNATTRIBUTED), 1);
    assert_int_equal(euros_of(r, "autumn", PLATFORM_TIKTOK, COUNTER_UNATTRIBUTED_MICROS), 5);
    assert_int_equal(euros_of(r, "autumn", PLATFORM_TIKTOK, COUNTER_REFUNDED_MICROS), 5);
    // Once and no more.
    rows_settle_refunds(r, 900, sold);
    assert_int_equal(euros_of(r, "summer", PLATFORM_WEB, COUNTER_NET_MICROS), -7);
    assert_null(rows_refund(r, 0));
    rows_destroy(&r);
    rows_destroy(&sold);
}

// The window's own orders, and those of another account.
static void a_refund_of_the_same_window_finds_its_order_there(void **state) {
    struct rows *r = rows_create();
    add_sale(r, 1, 1, 1000000, "spring");
    struct refund refund = refund_of(1, 1000000, 7), other = refund_of(1, 1000000, 5);
    other.subject.account = slice_of("zoo");
    rows_add_refund(r, &refund);
    rows_add_refund(r, &other);
    rows_settle_refunds(r, 900, r);
    assert_int_equal(euros_of(r, "spring", PLATFORM_WEB, COUNTER_NET_MICROS), -7);
    assert_int_equal(euros_of(r, "autumn", PLATFORM_TIKTOK, COUNTER_UNATTRIBUTED_MICROS), 0);
    const struct row_key zoo = {
        .table = TABLE_TOTALS, .platform = PLATFORM_TIKTOK, .account = slice_of("zoo")};
    assert_int_equal(value_of(r, &zoo, field_counter(COUNTER_REFUNDS_UNATTRIBUTED)), 1);
    rows_destroy(&r);
}

// The same event under two keys; two events of one id that say different things; one that is taken back.
static void every_refund_counts__goes_red_if_one_of_a_kind_stays(void **state) {
    struct rows *r = rows_create(), *other = rows_create();
    struct refund same = refund_of(1, 1000000, 7), more = refund_of(1, 1000000, 9);
    struct refund dollars = refund_of(1, 1000000, 3), back = refund_of(2, 1000000, 4);
    dollars.increments.at[1].field = field_currency(field_counter(COUNTER_REFUNDED_MICROS), slice_of("USD"));
    rows_add_refund(r, &same);
    rows_add_refund(other, &same);
    rows_add_refund(other, &more);
    rows_add_refund(other, &dollars);
    rows_add_refund(r, &back);
    for (uint32_t i = 0; i < 3; i++)
        back.increments.at[i].value *= -1;
    rows_add_refund(other, &back);
    rows_merge(r, other);
    assert_int_equal(rows_refund_count(r), 3);
    uint32_t sorted[3];
    assert_int_equal(rows_sort_refunds(r, sorted),
                     3); // one adds up to nothing, and is looked up all the same
    rows_settle_refunds(r, 900, NULL);
    assert_int_equal(refunds_of(r, "autumn", PLATFORM_TIKTOK, COUNTER_OF_REFUND), 4);
    assert_int_equal(euros_of(r, "autumn", PLATFORM_TIKTOK, COUNTER_REFUNDED_MICROS), 7 + 7 + 9);
    rows_destroy(&r);
    rows_destroy(&other);
}

static void the_windows_of_refunds_are_told_once_each(void **state) {
    struct rows *r = rows_create();
    static const int64_t placed_ms[] = {1800000, 0, 899999, 900000, 2699999, 900001};
    for (unsigned char i = 0; i < 6; i++) {
        struct refund refund = refund_of(i, placed_ms[i], 1);
        rows_add_refund(r, &refund);
    }
    int64_t *starts;
    assert_int_equal(rows_refund_windows(r, &starts), 3);
    assert_int_equal(starts[0], 0);
    assert_int_equal(starts[1], 900);
    assert_int_equal(starts[2], 1800);
    free(starts);
    rows_settle_refunds(r, 900, NULL);
    assert_int_equal(rows_refund_windows(r, &starts), 2);
    assert_int_equal(starts[1], 1800);
    free(starts);
    rows_destroy(&r);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_row_is_what_its_key_says),
        cmocka_unit_test(a_million_rows_are_found_again),
        cmocka_unit_test(a_row_and_a_cell_are_small),
        cmocka_unit_test(rows_of_a_few_orders_are_small__goes_red_if_the_first_block_is_for_many),
        cmocka_unit_test(sums_are_modulo_two_to_the_64),
        cmocka_unit_test(a_row_of_many_fields_keeps_them_apart),
        cmocka_unit_test(a_subject_touches_its_rows),
        cmocka_unit_test(what_is_late_touches_one_row_and_what_is_not_named_none),
        cmocka_unit_test(the_least_copy_counts_in_whatever_order_they_come),
        cmocka_unit_test(an_earlier_lesser_copy_makes_all_of_them_copies),
        cmocka_unit_test(a_settled_order_adds_to_every_row_of_its_subject),
        cmocka_unit_test(of_two_that_bear_one_event_id_the_same_one_stays),
        cmocka_unit_test(one_that_came_again_is_a_copy__goes_red_if_it_is_there_once),
        cmocka_unit_test(what_was_handed_in_is_copied),
        cmocka_unit_test(rows_sort_by_their_keys),
        cmocka_unit_test(a_subject_may_be_fetched_ahead),
        cmocka_unit_test(sketches_are_apart_by_what_account_and_platform),
        cmocka_unit_test(a_merge_unites_whom_both_reached),
        cmocka_unit_test(the_tail_of_tags_is_one_row_without_an_id),
        cmocka_unit_test(what_folds_is_by_account_and_platform_and_contents_never_do),
        cmocka_unit_test(the_last_reading_stands_in_whatever_order_they_come),
        cmocka_unit_test(readings_are_apart_by_all_that_names_them_and_in_no_row),
        cmocka_unit_test(memory_follows_the_sketches),
        cmocka_unit_test(a_refund_counts_where_the_least_copy_of_its_order_does),
        cmocka_unit_test(a_refund_of_the_same_window_finds_its_order_there),
        cmocka_unit_test(every_refund_counts__goes_red_if_one_of_a_kind_stays),
        cmocka_unit_test(the_windows_of_refunds_are_told_once_each),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
