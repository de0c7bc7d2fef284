// What a table keeps beside its rows, by account and platform: sketches, and readings.
#include "snapshot_fixture.h"
#include "tests/unit/rows_fixture.h"

// ---- sketches

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

// ---- readings

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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sketches_are_apart_by_what_account_and_platform),
        cmocka_unit_test(a_merge_unites_whom_both_reached),
        cmocka_unit_test(the_last_reading_stands_in_whatever_order_they_come),
        cmocka_unit_test(readings_are_apart_by_all_that_names_them_and_in_no_row),
        cmocka_unit_test(memory_follows_the_sketches),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
