// The delta table: sums by key and field, through growth, collisions, overflow and reuse.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "ingest/delta.h"
#include "runtime/hash.h"

static struct delta d;

static int begin(void **state) {
    delta_init(&d);
    return 0;
}

static int end(void **state) {
    delta_fini(&d);
    return 0;
}

static struct delta_identity identity(enum key_family family, const char *account, const char *id) {
    struct delta_identity made = {
        .family = family, .platform = 1, .account = slice_of(account), .id = slice_of(id)};
    delta_identify(&made, hash_slice(made.account, 0), hash_slice(made.id, 0));
    return made;
}

static void add(const char *id, int64_t value) {
    struct delta_identity key = identity(KEY_CONTENT, "acme", id);
    delta_add(&d, &key, 0, field_counter(COUNTER_OF_LIKE), value);
}

static int64_t sum_of(const char *id, uint32_t *cells) {
    struct delta_identity key = identity(KEY_CONTENT, "acme", id);
    const struct delta_key *found = &d.keys.at[delta_key(&d, &key, 0)];
    int64_t sum = 0;
    *cells = 0;
    for (uint32_t c = found->first_cell; c != DELTA_NONE; c = d.cells.at[c].next, ++*cells)
        sum = (int64_t)((uint64_t)sum + (uint64_t)d.cells.at[c].delta);
    assert_int_equal(found->cell_count, *cells);
    return sum;
}

static void sums_survive_growth(void **state) {
    enum { KEYS = 20000 };
    char id[16];
    uint32_t cells;
    for (int round = 1; round <= 3; round++) {
        for (int i = 0; i < KEYS; i++) {
            snprintf(id, sizeof(id), "%d", i);
            add(id, round * i);
        }
    }
    assert_int_equal(d.keys.count, KEYS);
    assert_int_equal(delta_ops(&d), KEYS);
    for (int i = 0; i < KEYS; i++) {
        snprintf(id, sizeof(id), "%d", i);
        assert_int_equal(sum_of(id, &cells), 6 * i);
        assert_int_equal(cells, 1);
    }
}

// The hash decides nothing: every part of an identity tells keys apart.
static void keys_of_one_hash_are_told_apart_by_every_part(void **state) {
    struct delta_identity base = identity(KEY_CONTENT, "acme", "c");
    struct delta_identity others[] = {base, base, base, base, base};
    others[0].family = KEY_TAG;
    others[1].platform = 2;
    others[2].time_s = 3600;
    others[3].account = slice_of("other");
    others[4].id = slice_of("d");
    delta_add(&d, &base, 0, field_counter(COUNTER_OF_LIKE), 1);
    for (size_t i = 0; i < 5; i++)
        delta_add(&d, &others[i], 0, field_counter(COUNTER_OF_LIKE), 10);
    delta_add(&d, &base, 0, field_counter(COUNTER_OF_LIKE), 1);
    assert_int_equal(d.keys.count, 6);
    assert_int_equal(d.cells.count, 6);
    assert_int_equal(d.cells.at[0].delta, 2);
}

static void fields_of_a_key_are_cells_of_their_own(void **state) {
    struct delta_identity key = identity(KEY_SERIES, "acme", "");
    for (unsigned minute = 0; minute < 60; minute++)
        delta_add(&d, &key, 100, field_minute(field_counter(COUNTER_OF_LIKE), minute), 1);
    assert_int_equal(d.keys.count, 1);
    assert_int_equal(d.keys.at[0].cell_count, 60);
}

static void ids_are_copied(void **state) {
    char account[] = "acme", id[] = "c";
    struct delta_identity key = identity(KEY_CONTENT, account, id);
    delta_add(&d, &key, 0, field_counter(COUNTER_OF_LIKE), 1);
    account[0] = id[0] = '!';
    assert_memory_equal(d.keys.at[0].identity.account.at, "acme", 4);
    assert_memory_equal(d.keys.at[0].identity.id.at, "c", 1);
}

static void an_overflow_goes_on_in_further_cells_and_loses_nothing(void **state) {
    uint32_t cells;
    char id[16];
    add("c", INT64_MAX);
    add("c", 1);
    add("c", INT64_MAX);
    add("c", -1);                    // fits the first cell again
    for (int i = 0; i < 5000; i++) { // the table grows around them
        snprintf(id, sizeof(id), "%d", i);
        add(id, 1);
    }
    add("c", 1);
    add("n", INT64_MIN);
    add("n", -1);
    assert_int_equal(sum_of("c", &cells), (int64_t)((uint64_t)INT64_MAX * 2 + 1));
    assert_int_equal(cells, 3);
    assert_int_equal(sum_of("n", &cells), INT64_MAX); // modulo 2^64
    assert_int_equal(cells, 2);
    add("5", 1);
    assert_int_equal(sum_of("5", &cells), 2);
    assert_int_equal(cells, 1);
}

static void the_later_expiry_holds(void **state) {
    struct delta_identity key = identity(KEY_SERIES, "acme", "");
    delta_add(&d, &key, 100, field_counter(COUNTER_OF_LIKE), 1);
    delta_add(&d, &key, 300, field_counter(COUNTER_OF_LIKE), 1);
    delta_add(&d, &key, 200, field_counter(COUNTER_OF_VIEW), 1);
    assert_int_equal(d.keys.at[0].expire_s, 300);
    (void)delta_key(&d, &key, 400);
    assert_int_equal(d.keys.at[0].expire_s, 400);
}

static void a_cleared_table_is_empty_and_forgets_every_key(void **state) {
    uint32_t cells;
    struct delta_identity reach = identity(KEY_REACH, "acme", "");
    assert_true(delta_is_empty(&d));
    add("c", 5);
    delta_add_element(&d, &reach, 100, (const unsigned char *)"0123456789abcdef");
    d.events = 2;
    d.platforms[1] = 2;
    assert_int_equal(delta_ops(&d), 2);
    assert_false(delta_is_empty(&d));
    delta_clear(&d);
    assert_true(delta_is_empty(&d));
    assert_int_equal(delta_ops(&d), 0);
    assert_int_equal(d.events, 0);
    assert_int_equal(d.platforms[1], 0);
    add("c", 7);
    assert_int_equal(sum_of("c", &cells), 7);
    assert_int_equal(cells, 1);
    assert_in_range(delta_memory(&d), 1, 10 << 20);
}

static void a_key_looked_up_is_not_told_until_it_is_used(void **state) {
    struct delta_identity key = identity(KEY_CONTENT, "acme", "c");
    uint32_t index = delta_key(&d, &key, 0);
    assert_false(d.keys.at[index].used);
    delta_use(&d, index);
    assert_true(d.keys.at[index].used);
}

static void elements_and_orders_keep_to_their_keys(void **state) {
    struct delta_identity reach = identity(KEY_REACH, "acme", ""), orders = identity(KEY_ORDERS, "acme", "");
    unsigned char bytes[PSEUDONYM_SIZE] = {0};
    for (uint32_t i = 0; i < 1000; i++) {
        memcpy(bytes, &i, sizeof(i));
        reach.time_s = i % 2;
        delta_identify(&reach, 1, 2);
        delta_add_element(&d, &reach, 100, bytes);
    }
    assert_int_equal(d.keys.count, 2);
    assert_int_equal(d.keys.at[0].element_count, 500);
    uint32_t walked = 0;
    for (uint32_t e = d.keys.at[1].first_element; e != DELTA_NONE; e = d.elements.at[e].next, walked++)
        assert_int_equal(d.elements.at[e].bytes[0] % 2, 1);
    assert_int_equal(walked, 500);
    for (int i = 0; i < 3; i++) {
        uint32_t key = delta_key(&d, &orders, 0);
        struct delta_order *order = delta_order(&d, key, slice_of("o"));
        for (int j = 0; j <= i; j++)
            delta_order_increment(&d, order, key, field_counter(COUNTER_OF_PURCHASE), j);
    }
    assert_int_equal(d.orders.at[2].first_increment, 3);
    assert_int_equal(d.orders.at[2].increment_count, 3);
    assert_int_equal(delta_ops(&d), 1006);
}

int main(void) {
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, begin, end)
        T(sums_survive_growth),
        T(keys_of_one_hash_are_told_apart_by_every_part),
        T(fields_of_a_key_are_cells_of_their_own),
        T(ids_are_copied),
        T(an_overflow_goes_on_in_further_cells_and_loses_nothing),
        T(the_later_expiry_holds),
        T(a_cleared_table_is_empty_and_forgets_every_key),
        T(a_key_looked_up_is_not_told_until_it_is_used),
        T(elements_and_orders_keep_to_their_keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
