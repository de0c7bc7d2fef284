#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "schemas/sketch/quantiles.h"
#include "sketch_bytes.h"

static int64_t at(const struct quantiles *q, unsigned permille) {
    int64_t value = -1;
    assert_true(quantiles_at(q, permille, &value));
    return value;
}

static void assert_within(int64_t said, int64_t exact) {
    int64_t off = said > exact ? said - exact : exact - said;
    if (off * 100 > exact)
        fail_msg("%lld is more than 1 %% off of %lld", (long long)said, (long long)exact);
}

static void assert_same_bytes(const struct quantiles *a, const struct quantiles *b) {
    unsigned char left[QUANTILES_BYTES_MAX], right[QUANTILES_BYTES_MAX];
    size_t length = quantiles_write(a, left);
    assert_int_equal(quantiles_write(b, right), length);
    assert_memory_equal(left, right, length);
    assert_true(quantiles_equal(a, b));
}

static void test_every_value_is_within_one_percent(void **state) {
    uint64_t seed = 1;
    for (int64_t value = 1, before = 0; value <= QUANTILES_LONGEST_MS; value += 1 + value / 3000) {
        struct quantiles q = {0};
        int64_t exact = value + (int64_t)number_below(&seed, 1 + (uint64_t)value / 3000);
        quantiles_add(&q, exact < QUANTILES_LONGEST_MS ? exact : QUANTILES_LONGEST_MS, 1);
        assert_within(at(&q, 500), exact < QUANTILES_LONGEST_MS ? exact : QUANTILES_LONGEST_MS);
        assert_true(at(&q, 500) >= before);
        before = at(&q, 500);
        quantiles_fini(&q);
    }
}

static void test_what_has_no_length_and_what_is_too_long(void **state) {
    static const struct {
        int64_t value, said;
    } cases[] = {
        {0, 0},
        {-1, 0},
        {INT64_MIN, 0},
        {1, 1},
        {98, 98},
        {INT64_MAX, QUANTILES_LONGEST_MS},
        {QUANTILES_LONGEST_MS + 1, QUANTILES_LONGEST_MS},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct quantiles q = {0}, same = {0};
        quantiles_add(&q, cases[i].value, 3);
        assert_within(at(&q, 500), cases[i].said);
        quantiles_add(&same, cases[i].said, 3);
        assert_same_bytes(&q, &same);
        quantiles_fini(&q);
        quantiles_fini(&same);
    }
}

static void test_of_nothing_there_is_no_quantile(void **state) {
    struct quantiles q = {0};
    int64_t value;
    assert_false(quantiles_at(&q, 500, &value));
    quantiles_add(&q, 7, 0);
    assert_false(quantiles_at(&q, 500, &value));
    assert_int_equal(quantiles_count(&q), 0);
    assert_int_equal(quantiles_memory(&q), 0);
}

// --- Against exact quantiles

static double uniform(uint64_t *seed) {
    return ((double)(next_number(seed) >> 11) + 0.5) * 0x1p-53;
}

static double constant(uint64_t *seed) {
    return 1234567;
}
static double flat(uint64_t *seed) {
    return 1e6 * uniform(seed);
}
static double exponential(uint64_t *seed) {
    return -30000 * log(uniform(seed));
}
static double pareto(uint64_t *seed) {
    return 500 / pow(uniform(seed), 1.2);
}
static double log_uniform(uint64_t *seed) {
    return pow(3.4e10, uniform(seed));
}
static double short_or_days(uint64_t *seed) {
    return uniform(seed) < 0.9 ? 200 * uniform(seed) : 86400000 * (1 + uniform(seed));
}
static double mostly_zero(uint64_t *seed) {
    return uniform(seed) < 0.6 ? 0 : exponential(seed);
}

static int ascending(const void *a, const void *b) {
    int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;
    return (left > right) - (left < right);
}

static void test_quantiles_are_within_one_percent_of_the_exact_ones(void **state) {
    double (*const distributions[])(uint64_t *) = {constant,    flat,          exponential, pareto,
                                                   log_uniform, short_or_days, mostly_zero};
    static const size_t sizes[] = {1, 2, 3, 10, 101, 1000, 5000};
    static const unsigned permilles[] = {0, 1, 100, 250, 500, 900, 990, 999, 1000};
    int64_t *values = memory_take(5000 * sizeof(*values));
    for (uint64_t run = 0, seed = 2; run < 8 * 7 * 7; run++) {
        size_t size = sizes[run / 8 % 7];
        struct quantiles q = {0};
        for (size_t i = 0; i < size; i++) {
            double value = distributions[run / 56](&seed);
            values[i] = value < (double)QUANTILES_LONGEST_MS ? (int64_t)value : QUANTILES_LONGEST_MS;
            quantiles_add(&q, values[i], 1);
        }
        qsort(values, size, sizeof(*values), ascending);
        for (size_t i = 0; i < sizeof(permilles) / sizeof(permilles[0]); i++)
            assert_within(at(&q, permilles[i]), values[permilles[i] * (size - 1) / 1000]);
        assert_int_equal(quantiles_count(&q), size);
        quantiles_fini(&q);
    }
    free(values);
}

// --- Merge

static void test_the_order_of_adds_and_merges_is_no_matter(void **state) {
    uint64_t seed = 3;
    for (int round = 0; round < 200; round++) {
        struct quantiles whole = {0}, parts[6] = {0};
        size_t left = 1 + (size_t)number_below(&seed, 6);
        for (uint64_t i = number_below(&seed, 400); i > 0; i--) {
            int64_t value = (int64_t)log_uniform(&seed);
            uint64_t count = 1 + number_below(&seed, 1000), first = number_below(&seed, count + 1);
            quantiles_add(&whole, value, count);
            quantiles_add(&parts[number_below(&seed, left)], value, first);
            quantiles_add(&parts[number_below(&seed, left)], value, count - first);
        }
        for (; left > 1; left--) {
            size_t other = (size_t)number_below(&seed, left);
            struct quantiles last = parts[other];
            parts[other] = parts[left - 1];
            quantiles_merge(&parts[number_below(&seed, left - 1)], &last);
            parts[left - 1] = (struct quantiles){0};
            quantiles_fini(&last);
        }
        assert_same_bytes(&parts[0], &whole);
        assert_int_equal(quantiles_count(&parts[0]), quantiles_count(&whole));
        quantiles_fini(&parts[0]);
        quantiles_fini(&whole);
    }
}

static void test_a_full_bucket_stays_full(void **state) {
    struct quantiles a = {0}, b = {0}, all = {0};
    quantiles_add(&a, 5, QUANTILES_COUNT_MAX - 1);
    quantiles_add(&b, 5, 2);
    quantiles_add(&b, 6, UINT64_MAX);
    quantiles_add(&b, 6, UINT64_MAX);
    quantiles_merge(&a, &b);
    quantiles_add(&all, 6, QUANTILES_COUNT_MAX);
    quantiles_add(&all, 5, QUANTILES_COUNT_MAX);
    assert_same_bytes(&a, &all);
    assert_true(quantiles_count(&a) == 2 * QUANTILES_COUNT_MAX);
    assert_int_equal(at(&a, 499), 5);
    assert_int_equal(at(&a, 500), 5);
    assert_int_equal(at(&a, 501), 6);
    quantiles_fini(&a);
    quantiles_fini(&b);
    quantiles_fini(&all);
}

static void test_memory_follows_the_buckets_that_hold_something(void **state) {
    struct quantiles q = {0};
    quantiles_add(&q, 86400000, 1000000);
    assert_int_equal(quantiles_memory(&q), 2 * sizeof(uint64_t));
    for (int64_t value = 0; value <= QUANTILES_LONGEST_MS; value += 1 + value / 1000)
        quantiles_add(&q, value, 1);
    assert_int_equal(q.count, QUANTILES_BUCKETS_MAX);
    assert_int_equal(quantiles_memory(&q), QUANTILES_BUCKETS_MAX * sizeof(uint64_t));
    quantiles_fini(&q);
    assert_int_equal(quantiles_memory(&q), 0);
}

// Beyond 128 buckets there is room for all of them, and nothing else may show it.
static void test_with_room_for_all_buckets_it_is_the_same(void **state) {
    unsigned char bytes[QUANTILES_BYTES_MAX];
    struct quantiles roomy = {0}, read, merged = {0};
    for (int64_t value = 1; value <= 200; value++)
        quantiles_add(&roomy, value, 1);
    assert_int_equal(roomy.count, QUANTILES_BUCKETS_MAX);
    assert_true(quantiles_read(&read, (struct slice){(const char *)bytes, quantiles_write(&roomy, bytes)}));
    assert_in_range(read.count, 129, 200);
    assert_true(quantiles_equal(&roomy, &read) && quantiles_equal(&read, &roomy));
    quantiles_merge(&merged, &read);
    assert_true(quantiles_equal(&merged, &roomy));
    quantiles_add(&read, 1, 1);
    assert_false(quantiles_equal(&roomy, &read) || quantiles_equal(&read, &roomy));
    quantiles_add(&roomy, 86400000, 1);
    assert_false(quantiles_equal(&roomy, &merged) || quantiles_equal(&merged, &roomy));
    quantiles_fini(&roomy);
    quantiles_fini(&read);
    quantiles_fini(&merged);
}

// --- The written form

// For ever: whoever reads this finds the same values. The numbers were found by another program.
static void test_the_written_form_is_this(void **state) {
    static const struct {
        int64_t value;
        struct slice bytes;
    } cases[] = {
        {-3, {"\1\0\1", 3}},
        {1, {"\1\1\1", 3}},
        {98, {"\1\x62\1", 3}},
        {99, {"\1\x63\1", 3}},
        {100, {"\1\x63\1", 3}},
        {101, {"\1\x64\1", 3}},
        {1000, {"\1\xd4\1\1", 4}},
        {60000, {"\1\xa1\3\1", 4}},
        {3600000, {"\1\xed\4\1", 4}},
        {86400000, {"\1\x8c\6\1", 4}},
        {604800000, {"\1\xee\6\1", 4}},
        {31536000000, {"\1\xb3\x08\1", 4}},
        {QUANTILES_LONGEST_MS, {"\1\xb8\x08\1", 4}},
    };
    unsigned char bytes[QUANTILES_BYTES_MAX];
    struct quantiles all = {0};
    assert_int_equal(quantiles_write(&all, bytes), 1);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct quantiles q = {0};
        quantiles_add(&q, cases[i].value, 1);
        assert_int_equal(quantiles_write(&q, bytes), cases[i].bytes.length);
        assert_memory_equal(bytes, cases[i].bytes.at, cases[i].bytes.length);
        quantiles_fini(&q);
    }
    quantiles_add(&all, 1000, 300);
    quantiles_add(&all, 1, 2);
    quantiles_add(&all, 101, 1);
    assert_int_equal(quantiles_write(&all, bytes), 8);
    assert_memory_equal(bytes, "\1\1\2\x63\1\x70\xac\2", 8);
    quantiles_fini(&all);
}

static bool reads(struct slice bytes) {
    struct quantiles q;
    struct slice exact = copy_exactly(bytes);
    bool read = quantiles_read(&q, exact);
    if (!read)
        assert_int_equal(quantiles_memory(&q), 0);
    quantiles_fini(&q);
    free((char *)exact.at);
    return read;
}

static void test_what_is_never_written_is_refused(void **state) {
    static const struct byte_case cases[] = {
        {"nothing at all", {"", 0}, false},
        {"an unknown form", {"\0", 1}, false},
        {"an unknown form", {"\2\1\1", 3}, false},
        {"", {"\1", 1}, true},
        {"a bucket without a count", {"\1\1", 2}, false},
        {"a count of 0", {"\1\1\0", 3}, false},
        {"", {"\1\0\1\1\1", 5}, true},
        {"a bucket twice", {"\1\1\1\0\1", 5}, false},
        {"the bucket of 0 twice", {"\1\0\1\0\1", 5}, false},
        {"", {"\1\xb8\x08\1", 4}, true},
        {"a bucket past the last", {"\1\xb9\x08\1", 4}, false},
        {"a bucket past the last", {"\1\1\1\xb8\x08\1", 6}, false},
        {"a bucket far past", {"\1\1\1\xff\xff\xff\xff\xff\xff\xff\xff\xff\1\1", 14}, false},
        {"a varint that is too long", {"\1\x81\0\1", 4}, false},
        {"a varint that breaks off", {"\1\1\x81", 3}, false},
        {"", {"\1\1\xff\xff\xff\xff\xff\xff\x3f", 9}, true},
        {"a count past the greatest", {"\1\1\x80\x80\x80\x80\x80\x80\x40", 9}, false},
        {"a count of more than 64 bits", {"\1\1\xff\xff\xff\xff\xff\xff\xff\xff\xff\3", 12}, false},
    };
    assert_byte_cases(cases, sizeof(cases) / sizeof(cases[0]), reads);
}

// Whatever is read of them is written back as it stood: the bytes of a sketch are its identity.
static void test_mutated_bytes_are_refused_or_another_sketch(void **state) {
    unsigned char bytes[QUANTILES_BYTES_MAX], again[QUANTILES_BYTES_MAX];
    uint64_t seed = 4, accepted = 0, refused = 0;
    for (uint64_t run = 0; run < 12; run++) {
        struct quantiles q = {0};
        for (uint64_t i = 0; i < 1u << run; i++)
            quantiles_add(&q, (int64_t)log_uniform(&seed), 1 + number_below(&seed, 1u << run));
        size_t length = quantiles_write(&q, bytes);
        for (int round = 0; round < 2000; round++) {
            struct slice mutated = mutate((struct slice){(char *)bytes, length}, &seed);
            struct quantiles read;
            if (quantiles_read(&read, mutated)) {
                accepted++;
                assert_int_equal(quantiles_write(&read, again), mutated.length);
                assert_memory_equal(again, mutated.at, mutated.length);
                quantiles_merge(&read, &q);
                assert_in_range(at(&read, 500), 0, QUANTILES_LONGEST_MS / 99 * 100);
            } else {
                refused++;
            }
            quantiles_fini(&read);
            free((char *)mutated.at);
        }
        quantiles_fini(&q);
    }
    assert_true(accepted > 2000 && refused > 2000);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_value_is_within_one_percent),
        cmocka_unit_test(test_what_has_no_length_and_what_is_too_long),
        cmocka_unit_test(test_of_nothing_there_is_no_quantile),
        cmocka_unit_test(test_quantiles_are_within_one_percent_of_the_exact_ones),
        cmocka_unit_test(test_the_order_of_adds_and_merges_is_no_matter),
        cmocka_unit_test(test_a_full_bucket_stays_full),
        cmocka_unit_test(test_with_room_for_all_buckets_it_is_the_same),
        cmocka_unit_test(test_memory_follows_the_buckets_that_hold_something),
        cmocka_unit_test(test_the_written_form_is_this),
        cmocka_unit_test(test_what_is_never_written_is_refused),
        cmocka_unit_test(test_mutated_bytes_are_refused_or_another_sketch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
