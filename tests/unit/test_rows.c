// Rows: what an event adds to which of them, and that no order of things matters.
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
        cmocka_unit_test(what_was_handed_in_is_copied),
        cmocka_unit_test(rows_sort_by_their_keys),
        cmocka_unit_test(a_subject_may_be_fetched_ahead),
        cmocka_unit_test(the_tail_of_tags_is_one_row_without_an_id),
        cmocka_unit_test(what_folds_is_by_account_and_platform_and_contents_never_do),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
