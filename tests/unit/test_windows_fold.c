// Records into windows: what belongs to which, how far, when a window is finished, and that passes over the
// log change nothing.
#include "windows_fixture.h"

static int64_t value(const struct windows_window *w, const struct row_key *key, enum counter counter) {
    char name[WINDOW_ROW_MAX];
    const struct window_cell *cell =
        w->model == NULL ? NULL
                         : window_model_cell(w->model, window_row_write(name, key), field_counter(counter));
    return cell == NULL ? 0 : cell->value;
}

static struct row_key totals(void) {
    return (struct row_key){.table = TABLE_TOTALS, .platform = PLATFORM_TIKTOK, .account = slice_of("acme")};
}

static struct row_key late_row(void) {
    struct row_key key = totals();
    key.table = TABLE_LATE;
    return key;
}

static void it_counts(struct world *w, struct windows_window *window) {
    const int64_t *likes = w->more;
    struct row_key key = totals();
    assert_int_equal(value(window, &key, COUNTER_OF_LIKE), *likes);
}

static void an_event_belongs_to_the_quarter_of_an_hour_it_occurred_in(void **state) {
    static const int64_t likes = 1;
    struct world *w = world_create(1 << 30);
    w->more = &likes;
    w->finish = it_counts;
    Clameur__V1__Event last = event(1), next = event(2);
    last.occurred_at = W0_MS + 899999;
    next.occurred_at = W0_MS + 900000;
    publish(w, W0, ALL, ALL);
    publish(w, W0 + 900, ALL, ALL);
    assert_true(windows_fold_begin(&w->fold));
    give_now(w, 0, &last);
    give_now(w, 0, &next);
    windows_fold_end(&w->fold);
    assert_int_equal(w->finished, 2);
    assert_false(windows_fold_begin(&w->fold));
    world_destroy(w);
}

static void is_late_by_its_record(struct world *w, struct windows_window *window) {
    struct row_key in_time = totals(), late = late_row();
    assert_int_equal(value(window, &in_time, COUNTER_OF_LIKE), 2); // one in time, one without a time
    assert_int_equal(value(window, &late, COUNTER_OF_LIKE), 1);
    assert_int_equal(window->covered[0].counted, 2);
    assert_int_equal(window->covered[0].late, 1);
}

static void late_is_past_end_disorder_and_lateness_by_record_time(void **state) {
    struct world *w = world_create(1 << 30);
    w->finish = is_late_by_its_record;
    publish(w, W0, ALL, ALL);
    windows_fold_begin(&w->fold);
    Clameur__V1__Event on_time = event(1), late = event(2), timeless = event(3);
    give(w, 0, LATE_MS, &on_time);
    give(w, 0, LATE_MS + 1, &late);
    give(w, 0, 0, &timeless);
    windows_fold_end(&w->fold);
    assert_int_equal(w->finished, 1);
    assert_int_equal(w->fold.tally.counted, 2);
    assert_int_equal(w->fold.tally.late, 1);
    world_destroy(w);
}

static void a_window_gets_what_its_file_reaches_and_no_more(void **state) {
    static const int64_t likes = 2;
    struct world *w = world_create(1 << 30);
    w->more = &likes;
    w->finish = it_counts;
    w->limits[1] = 2;
    publish(w, W0, 1, 1);
    windows_fold_begin(&w->fold);
    for (uint8_t id = 1; id <= 2; id++) {
        Clameur__V1__Event e = event(id);
        give_now(w, 0, &e);
    }
    assert_int_equal(w->finished, 0); // of partition 1 nothing was read
    for (uint8_t id = 11; id <= 13; id++) {
        Clameur__V1__Event e = event(id);
        give_now(w, 1, &e);
    }
    assert_int_equal(w->finished, 1);
    const struct windows_window *window = windows_fold_find(&w->fold, W0);
    assert_null(window->model);
    assert_int_equal(window->beyond, 2); // one of each; the third of partition 1 is past the limit
    assert_int_equal(window->shares[1].counted, 2);
    assert_int_equal(w->fold.tally.lag, 1);
    windows_fold_end(&w->fold);
    assert_int_equal(w->finished, 1);
    world_destroy(w);
}

static void what_is_refused_or_was_there_is_in_the_balance_alone(void **state) {
    static const int64_t likes = 2;
    struct world *w = world_create(1 << 30);
    w->more = &likes;
    w->finish = it_counts;
    publish(w, W0, ALL, ALL);
    windows_fold_begin(&w->fold);
    Clameur__V1__Event e = event(1), nobody = event(2);
    nobody.account_id = bytes("");
    give_now(w, 0, &e);
    give_now(w, 0, &e);
    give_now(w, 0, &nobody);
    give_bytes(w, 0, 0, (struct slice){NULL, 0});
    w->next[0] += SPAN;
    give_now(w, 0, &e); // past the span: nobody knows it any more
    windows_fold_end(&w->fold);
    assert_int_equal(w->fold.fates[0].read, 5);
    assert_int_equal(w->fold.fates[0].duplicate, 1);
    assert_int_equal(w->fold.fates[0].rejected, 2);
    world_destroy(w);
}

static Clameur__V1__Commerce commerce(const char *order, int64_t micros) {
    Clameur__V1__Commerce c = CLAMEUR__V1__COMMERCE__INIT;
    c.order_id = bytes(order);
    c.currency = bytes("EUR");
    c.value_micros = micros;
    return c;
}

static Clameur__V1__Event purchase(uint8_t id, Clameur__V1__Commerce *c, int64_t second) {
    Clameur__V1__Event e = event(id);
    e.kind = (Clameur__V1__Kind)KIND_PURCHASE;
    e.occurred_at = W0_MS + second * 1000;
    e.body_case = CLAMEUR__V1__EVENT__BODY_COMMERCE;
    e.commerce = c;
    e.content_id = bytes("v1");
    return e;
}

static void the_least_copy_counts(struct world *w, struct windows_window *window) {
    char name[WINDOW_ROW_MAX];
    struct row_key key = totals();
    field_code gross = field_currency(field_counter(COUNTER_GROSS_MICROS), slice_of("EUR"));
    const struct window_cell *cell = window_model_cell(window->model, window_row_write(name, &key), gross);
    assert_int_equal(cell->value, 5);
    assert_int_equal(value(window, &key, COUNTER_OF_PURCHASE), 1);
    assert_int_equal(value(window, &key, COUNTER_ORDER_COPIES), 2);
    struct row_key content = {
        .table = TABLE_CONTENT, .platform = PLATFORM_TIKTOK, .account = key.account, .id = slice_of("v1")};
    assert_int_equal(value(window, &content, COUNTER_OF_PURCHASE), 1);
    assert_int_equal(value(window, &content, COUNTER_ORDER_COPIES), 0);
    assert_int_equal(window->model->ranks.count, 3);
}

static void of_an_orders_copies_the_least_by_time_and_id_counts_wherever_it_lies(void **state) {
    struct world *w = world_create(1 << 30);
    w->finish = the_least_copy_counts;
    Clameur__V1__Commerce c7 = commerce("o-1", 7), c5 = commerce("o-1", 5), c6 = commerce("o-1", 6);
    Clameur__V1__Event a = purchase(3, &c7, 2), b = purchase(1, &c5, 1), c = purchase(2, &c6, 1);
    publish(w, W0, ALL, ALL);
    windows_fold_begin(&w->fold);
    give_now(w, 0, &a);
    give_now(w, 0, &c);
    give_now(w, 1, &b);
    windows_fold_end(&w->fold);
    assert_int_equal(w->finished, 1);
    world_destroy(w);
}

// Sold in the window before, by a record past all that this window's own file covers; a file that was held
// against none of it counts the sale.
static void the_window_before_has_the_sale(struct world *w, struct windows_window *window) {
    const bool *is_held = w->more;
    struct row_key key = totals();
    if (window->start_s != W0 + 900)
        return;
    assert_int_equal(value(window, &key, COUNTER_OF_PURCHASE), *is_held ? 0 : 1);
    assert_int_equal(value(window, &key, COUNTER_ORDER_COPIES), *is_held ? 1 : 0);
}

static void an_order_counts_once_in_the_windows_that_it_was_held_against(void **state) {
    static const struct earlier_orders earlier[] = {{W0 - 900, 0, 9, false}, {W0, 1, 2, false}};
    for (int held = 0; held < 2; held++) {
        struct world *w = world_create(1 << 30);
        const bool is_held = held == 1;
        w->finish = the_window_before_has_the_sale;
        w->more = &is_held;
        Clameur__V1__Commerce c = commerce("o-1", 7);
        Clameur__V1__Event before = purchase(1, &c, 899), after = purchase(2, &c, 901), like = event(3);
        windows_fold_published(&w->fold, W0 + 900, (const int64_t[]){1, 0}, earlier, is_held ? 2 : 1);
        windows_fold_begin(&w->fold);
        give_now(w, 0, &after);
        give_now(w, 1, &like);
        give_now(w, 1, &before);
        windows_fold_end(&w->fold);
        assert_int_equal(w->finished, 1);
        world_destroy(w);
    }
}

static Clameur__V1__Event refund(uint8_t id, Clameur__V1__Commerce *c, int64_t second) {
    Clameur__V1__Event e = purchase(id, c, second);
    e.kind = (Clameur__V1__Kind)KIND_REFUND;
    e.platform = (Clameur__V1__Platform)PLATFORM_WEB;
    e.content_id = bytes("");
    return e;
}

// What stands of refunds where the sale was (found), and where they were told (not found).
struct refunded {
    int64_t at_sale, told, unattributed;
    uint64_t beyond;
};

static void look_at_refunds(struct world *w, struct windows_window *window) {
    struct refunded *found = (struct refunded *)(uintptr_t)w->more;
    struct row_key content = {.table = TABLE_CONTENT,
                              .platform = PLATFORM_TIKTOK,
                              .account = slice_of("acme"),
                              .id = slice_of("v1")};
    struct row_key own = totals();
    own.platform = PLATFORM_WEB;
    if (window->start_s != W0 + 9000)
        return;
    *found =
        (struct refunded){value(window, &content, COUNTER_OF_REFUND), value(window, &own, COUNTER_OF_REFUND),
                          value(window, &own, COUNTER_REFUNDS_UNATTRIBUTED), window->beyond};
}

// A refund told in the window W0 + 9000 s of an order that is sold at `sold_s`, by partition 1; `told` is
// where and how its file says that it was looked up.
static struct refunded refunded(int64_t sold_s, int64_t placed_s, const char *order,
                                struct earlier_orders told) {
    struct refunded found = {0};
    struct world *w = world_create(1 << 30);
    w->finish = look_at_refunds;
    w->more = &found;
    Clameur__V1__Commerce c = commerce("o-1", 7), back = commerce(order, 3);
    Clameur__V1__Event sale = purchase(1, &c, sold_s), like = event(3), give_back = refund(2, &back, 9002);
    back.order_occurred_at = placed_s == 0 ? 0 : W0_MS + placed_s * 1000;
    windows_fold_published(&w->fold, W0 + 9000, (const int64_t[]){1, 2}, &told, 1);
    windows_fold_begin(&w->fold);
    give_now(w, 0, &give_back);
    give_now(w, 1, &like);
    give_now(w, 1, &sale);
    windows_fold_end(&w->fold);
    assert_int_equal(w->finished, 1);
    world_destroy(w);
    return found;
}

static void assert_refunded(struct refunded found, int64_t at_sale, int64_t told, int64_t unattributed,
                            uint64_t beyond) {
    assert_int_equal(found.at_sale, at_sale);
    assert_int_equal(found.told, told);
    assert_int_equal(found.unattributed, unattributed);
    assert_int_equal(found.beyond, beyond);
}

static void a_refund_counts_where_its_order_was_sold_as_far_as_it_was_looked_up(void **state) {
    const struct earlier_orders reached = {W0, 1, 2, false}, nothing = {W0, 1, 1, false};
    const struct earlier_orders gone = {W0, 1, 2, true}, other = {W0 - 900, 1, 2, false};
    assert_refunded(refunded(5, 5, "o-1", reached), 1, 0, 0, 0);
    assert_refunded(refunded(5, 899, "o-1", reached), 1, 0, 0, 0);
    assert_refunded(refunded(5, 5, "o-2", reached), 0, 1, 1, 0);
    assert_refunded(refunded(5, 900, "o-1", reached), 0, 1, 1, 0);
    assert_refunded(refunded(5, 0, "o-1", reached), 0, 1, 1, 0);
    assert_refunded(refunded(5, 9003, "o-1", reached), 0, 1, 1, 0);
    // From the refund's own time, 9002, back to 180 days before.
    const int64_t first = 9002 - INT64_C(180) * 86400;
    const struct earlier_orders long_ago = {W0 - INT64_C(180) * 86400 + 9000, 1, 2, false};
    assert_refunded(refunded(first, first, "o-1", long_ago), 1, 0, 0, 0);
    assert_refunded(refunded(first - 1, first - 1, "o-1", long_ago), 0, 1, 1, 0);
    assert_refunded(refunded(9001, 9001, "o-1", nothing), 1, 0, 0, 0);
    // A revision is still to come: the sale stands in the log.
    assert_refunded(refunded(5, 5, "o-1", nothing), 0, 1, 1, 1);
    assert_refunded(refunded(5, 5, "o-1", other), 0, 1, 1, 1);
    assert_refunded(refunded(5, 5, "o-1", gone), 0, 1, 1, 0);
}

static void one_like_each(struct world *w, struct windows_window *window) {
    struct row_key key = totals();
    assert_int_equal(value(window, &key, COUNTER_OF_LIKE), 2);
    assert_int_equal(window->covered[0].counted, 1);
    assert_int_equal(window->covered[1].counted, 1);
}

static void with_little_memory_windows_wait_for_a_further_pass(void **state) {
    enum { WINDOWS = 5 };
    struct world *w = world_create(1);
    w->finish = one_like_each;
    for (int64_t i = 0; i < WINDOWS; i++)
        publish(w, W0 + i * 900, WINDOWS, WINDOWS);
    int passes = 0;
    for (; windows_fold_begin(&w->fold); passes++) {
        for (int32_t p = 0; p < PARTITIONS; p++) {
            w->next[p] = 0;
            for (int i = 0; i < WINDOWS; i++) {
                Clameur__V1__Event e = event((uint8_t)(10 * p + i + 1));
                e.occurred_at += (int64_t)i * 900000;
                give_now(w, p, &e);
            }
        }
        windows_fold_end(&w->fold);
        assert_in_range(passes, 0, WINDOWS);
    }
    assert_int_equal(w->finished, WINDOWS);
    assert_true(passes > 1);
    assert_int_equal(w->fold.tally.read, 2 * WINDOWS); // of the first pass alone
    assert_int_equal(w->fold.memory, 0);
    world_destroy(w);
}

static int64_t likes_of_tag(struct windows_window *window, const char *tag) {
    char name[WINDOW_ROW_MAX];
    const struct row_key key = {
        .table = TABLE_TAG, .platform = PLATFORM_TIKTOK, .account = slice_of("acme"), .id = slice_of(tag)};
    const struct window_cell *cell =
        window_model_cell(window->model, window_row_write(name, &key), field_counter(COUNTER_OF_LIKE));
    return cell != NULL ? cell->value : 0;
}

static void tags_are_told_apart(struct world *w, struct windows_window *window) {
    static const struct {
        const char *id;
        int64_t likes;
    } cases[] = {{"tag-0000", 1}, {"tag-0997", 1}, {"other", 2}, {"none", 0},
                 {"less", -1},    {"lost", 0},     {"", -1}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_int_equal(likes_of_tag(window, cases[i].id), cases[i].likes);
}

static void give_tag(struct world *w, int number, const char *text, int64_t delta) {
    uint8_t id[16] = {(uint8_t)(number >> 8), (uint8_t)number, 1};
    ProtobufCBinaryData tag = bytes(text);
    Clameur__V1__Event e = event(0);
    e.event_id.data = id;
    e.tags = &tag;
    e.n_tags = 1;
    e.delta = delta;
    give_now(w, 0, &e);
}

// 998 tags of one like and one of two; one that is taken back as often as it is used has no row, and is none
// of the thousand; of two that were taken back more often the lesser name is the last.
static void of_the_tags_beyond_a_thousand_the_least_used_are_one_row(void **state) {
    static const char *const rest[] = {"none", "none", "less", "lost", "other", "other"};
    static const int64_t deltas[] = {1, -1, -1, -1, 1, 1};
    struct world *w = world_create(1 << 30);
    char text[16];
    w->finish = tags_are_told_apart;
    publish(w, W0, 2000, 0);
    windows_fold_begin(&w->fold);
    for (int i = 0; i < 6; i++)
        give_tag(w, 1000 + i, rest[i], deltas[i]);
    for (int i = 998; i-- > 0;) {
        snprintf(text, sizeof(text), "tag-%04d", i);
        give_tag(w, i, text, 1);
    }
    windows_fold_end(&w->fold);
    assert_int_equal(w->finished, 1);
    world_destroy(w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_event_belongs_to_the_quarter_of_an_hour_it_occurred_in),
        cmocka_unit_test(late_is_past_end_disorder_and_lateness_by_record_time),
        cmocka_unit_test(a_window_gets_what_its_file_reaches_and_no_more),
        cmocka_unit_test(what_is_refused_or_was_there_is_in_the_balance_alone),
        cmocka_unit_test(of_an_orders_copies_the_least_by_time_and_id_counts_wherever_it_lies),
        cmocka_unit_test(a_refund_counts_where_its_order_was_sold_as_far_as_it_was_looked_up),
        cmocka_unit_test(an_order_counts_once_in_the_windows_that_it_was_held_against),
        cmocka_unit_test(of_the_tags_beyond_a_thousand_the_least_used_are_one_row),
        cmocka_unit_test(with_little_memory_windows_wait_for_a_further_pass),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
