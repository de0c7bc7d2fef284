#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "schemas/sketch/reach.h"
#include "sketch_bytes.h"

enum { FORM_SET = 1, FORM_SPARSE = 2, FORM_DENSE = 3 };

static const double standard_error = 1.04 / 128; // 128: the root of the number of registers

// The nth actor of a population, as a keyed hash would have it.
static void add(struct reach *r, uint64_t population, uint64_t nth) {
    uint64_t halves[2] = {hash_integer(hash_integer(population) + nth), hash_integer(population ^ ~nth)};
    reach_add(r, (const unsigned char *)halves);
}

static struct reach reach_of(uint64_t population, uint64_t first, uint64_t end) {
    struct reach r = {0};
    for (uint64_t nth = first; nth < end; nth++)
        add(&r, population, nth);
    return r;
}

static void assert_same_bytes(const struct reach *a, const struct reach *b) {
    unsigned char *left = memory_take(REACH_BYTES_MAX), *right = memory_take(REACH_BYTES_MAX);
    size_t length = reach_write(a, left);
    assert_int_equal(reach_write(b, right), length);
    assert_memory_equal(left, right, length);
    assert_true(reach_equal(a, b));
    free(left);
    free(right);
}

static void test_a_few_are_counted_exactly(void **state) {
    struct reach r = {0};
    assert_int_equal(reach_count(&r), 0);
    assert_int_equal(reach_memory(&r), 0);
    for (uint64_t nth = 0; nth < REACH_EXACT_MAX; nth++) {
        add(&r, 1, nth);
        add(&r, 1, nth / 2); // was there
        assert_int_equal(reach_count(&r), nth + 1);
    }
    assert_true(reach_is_exact(&r));
    assert_int_equal(reach_memory(&r), REACH_EXACT_MAX * PSEUDONYM_SIZE);
    add(&r, 1, 7);
    assert_true(reach_is_exact(&r));
    add(&r, 1, REACH_EXACT_MAX);
    assert_false(reach_is_exact(&r));
    assert_int_equal(reach_memory(&r), REACH_SKETCH_BYTES);
    assert_in_range(reach_count(&r), 500, 526);
    reach_fini(&r);
    assert_int_equal(reach_memory(&r), 0);
}

// Whole pseudonyms tell members of a set apart, were it by their last bit.
static void test_a_set_looks_at_all_sixteen_bytes(void **state) {
    struct reach r = {0};
    unsigned char pseudonym[PSEUDONYM_SIZE] = {0};
    reach_add(&r, pseudonym);
    for (size_t i = 0; i < PSEUDONYM_SIZE; i++) {
        memset(pseudonym, 0, sizeof(pseudonym));
        pseudonym[i] = 1;
        reach_add(&r, pseudonym);
        reach_add(&r, pseudonym);
    }
    assert_int_equal(reach_count(&r), 1 + PSEUDONYM_SIZE);
    reach_fini(&r);
}

// Over many populations: no single error is far out, their root mean square is the stated one, and their mean
// is no bias.
static void test_the_error_is_the_stated_one(void **state) {
    static const uint64_t sizes[] = {513, 1000, 3000, 10000, 30000, 50000, 80000, 150000};
    enum { SEEDS = 64, SIZES = sizeof(sizes) / sizeof(sizes[0]) };
    double sum[SIZES] = {0}, squares[SIZES] = {0};
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct reach r = {0};
        for (uint64_t nth = 0, at = 0; at < SIZES; at++) {
            for (; nth < sizes[at]; nth++)
                add(&r, seed, nth);
            double error = (double)reach_count(&r) / (double)sizes[at] - 1;
            assert_true(fabs(error) < 4.5 * standard_error);
            sum[at] += error;
            squares[at] += error * error;
        }
        reach_fini(&r);
    }
    for (size_t at = 0; at < SIZES; at++) {
        assert_true(sqrt(squares[at] / SEEDS) < 1.2 * standard_error);
        assert_true(fabs(sum[at] / SEEDS) < 3.5 * standard_error / sqrt(SEEDS));
    }
}

static void test_a_sketch_of_few_is_close_too(void **state) {
    struct reach r = {0};
    reach_forget_members(&r);
    assert_int_equal(reach_count(&r), 0);
    for (uint64_t nth = 0; nth < 100; nth++) {
        add(&r, 3, nth);
        assert_in_range(reach_count(&r), nth, nth + 2);
    }
    reach_fini(&r);
}

static void add_head(struct reach *r, uint64_t head) {
    unsigned char pseudonym[PSEUDONYM_SIZE] = {0};
    for (int i = 0; i < 8; i++)
        pseudonym[i] = (unsigned char)(head >> (56 - 8 * i));
    reach_add(r, pseudonym);
}

// Two pairs that have the first 14 bits alike, by a real key: no fault of merging or of the written form.
static void test_who_shares_a_register_is_one_where_no_set_is_kept(void **state) {
    static const uint64_t alike[] = {0xb91c25abdb5e5082, 0xb91cd7632045be7f, 0x5721dc81f8f25871,
                                     0x57232c7b86989ea4};
    struct reach few = {0}, more = {0};
    for (uint64_t nth = 0; nth < 14; nth++)
        add_head(nth % 2 == 0 ? &few : &more, (nth + 1) << 50 | nth);
    for (size_t i = 0; i < 4; i++)
        add_head(i % 2 == 0 ? &few : &more, alike[i]);
    assert_int_equal(few.count + more.count, 18);
    reach_forget_members(&few);
    assert_int_equal(reach_count(&few), 9);
    reach_merge(&few, &more);
    assert_int_equal(reach_count(&few), 16);
    assert_int_equal(reach_count(&more), 9);
    reach_fini(&few);
    reach_fini(&more);
}

static void test_a_merge_is_the_union(void **state) {
    static const struct {
        uint64_t first_end, second, second_end; // members 0.. and second..
    } cases[] = {
        {0, 0, 0},
        {0, 0, 5},
        {5, 0, 5},
        {5, 3, 9},
        {300, 300, 512},
        {300, 300, 513},
        {512, 0, 512},
        {512, 511, 513},
        {512, 512, 1024},
        {600, 590, 800},
        {600, 0, 0},
        {600, 100, 200},
        {600, 580, 620},
        {5000, 2000, 9000},
        {1, 0, 40000},
        {400, 200, 512},
        {40000, 39000, 60000},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct reach a = reach_of(i, 0, cases[i].first_end),
                     b = reach_of(i, cases[i].second, cases[i].second_end);
        struct reach other = reach_of(i, cases[i].second, cases[i].second_end);
        struct reach both = reach_of(i, cases[i].second, cases[i].second_end);
        for (uint64_t nth = 0; nth < cases[i].first_end; nth++)
            add(&both, i, nth);
        reach_merge(&other, &a);
        reach_merge(&a, &b);
        assert_same_bytes(&a, &both);
        assert_same_bytes(&other, &both);
        reach_fini(&a);
        reach_fini(&b);
        reach_fini(&other);
        reach_fini(&both);
    }
}

static void swap(struct reach *a, struct reach *b) {
    struct reach was = *a;
    *a = *b;
    *b = was;
}

// Members dealt to some reaches, some twice, in any order; then any two merged until one is left.
static struct reach dealt_and_merged(uint64_t population, uint64_t count, bool forgetful, uint64_t *seed) {
    struct reach parts[8] = {0};
    size_t left = 1 + (size_t)number_below(seed, 8);
    for (uint64_t i = 0; i < 2 * count; i++)
        add(&parts[number_below(seed, left)], population, i < count ? i : number_below(seed, count));
    if (forgetful)
        reach_forget_members(&parts[number_below(seed, left)]);
    for (; left > 1; left--) {
        swap(&parts[left - 1], &parts[number_below(seed, left)]);
        reach_merge(&parts[number_below(seed, left - 1)], &parts[left - 1]);
        reach_fini(&parts[left - 1]);
    }
    return parts[0];
}

static void test_equal_members_are_equal_bytes_whatever_the_order(void **state) {
    static const uint64_t counts[] = {0, 1, 2, 17, 511, 512, 513, 700, 3000};
    uint64_t seed = 5;
    for (size_t i = 0; i < 2 * sizeof(counts) / sizeof(counts[0]); i++) {
        uint64_t count = counts[i / 2];
        struct reach expected = reach_of(i, 0, count);
        bool forgetful = i % 2 == 1;
        if (forgetful)
            reach_forget_members(&expected);
        assert_int_equal(reach_is_exact(&expected), !forgetful && count <= REACH_EXACT_MAX);
        for (int round = 0; round < 30; round++) {
            struct reach merged = dealt_and_merged(i, count, forgetful, &seed);
            assert_same_bytes(&merged, &expected);
            reach_fini(&merged);
        }
        reach_fini(&expected);
    }
}

static void test_what_is_written_is_read_and_goes_on(void **state) {
    static const struct {
        uint64_t count;
        bool forgetful;
        unsigned char form;
        size_t at_most;
    } cases[] = {
        {0, false, FORM_SET, 1},
        {1, false, FORM_SET, 17},
        {512, false, FORM_SET, 1 + 512 * 16},
        {0, true, FORM_SPARSE, 1},
        {20, true, FORM_SPARSE, 61},
        {512, true, FORM_SPARSE, 1100},
        {513, false, FORM_SPARSE, 1100},
        {5000, false, FORM_SPARSE, REACH_BYTES_MAX - 1},
        {100000, false, FORM_DENSE, REACH_BYTES_MAX},
    };
    unsigned char *bytes = memory_take(REACH_BYTES_MAX);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct reach r = reach_of(i, 0, cases[i].count), again;
        if (cases[i].forgetful)
            reach_forget_members(&r);
        size_t length = reach_write(&r, bytes);
        assert_int_equal(bytes[0], cases[i].form);
        assert_true(length <= cases[i].at_most);
        assert_true(reach_read(&again, (struct slice){(char *)bytes, length}));
        assert_same_bytes(&again, &r);
        assert_int_equal(reach_count(&again), reach_count(&r));
        for (uint64_t nth = 0; nth < 600; nth++) {
            add(&r, i, cases[i].count / 2 + nth);
            add(&again, i, cases[i].count / 2 + nth);
        }
        assert_same_bytes(&again, &r);
        reach_fini(&r);
        reach_fini(&again);
    }
    free(bytes);
}

// For ever: whoever reads this finds the same members.
static void test_the_written_form_is_this(void **state) {
    static const unsigned char set[] = "\1"
                                       "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
                                       "\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\2"
                                       "\x80\4\x20\0\0\0\0\0\0\0\0\0\0\0\0\xff";
    // Registers 0, twice, and 0x2001: the first 14 bits. Values 51 and 5: the zeros behind them, and one.
    static const unsigned char sparse[] = "\2\x33\xc5\x80\x20";
    struct reach r = {0};
    unsigned char *bytes = memory_take(REACH_BYTES_MAX);
    reach_add(&r, set + 1 + 32);
    reach_add(&r, set + 1);
    reach_add(&r, set + 1 + 16);
    assert_int_equal(reach_write(&r, bytes), sizeof(set) - 1);
    assert_memory_equal(bytes, set, sizeof(set) - 1);
    reach_forget_members(&r);
    size_t length = reach_write(&r, bytes);
    assert_int_equal(length, sizeof(sparse) - 1);
    assert_memory_equal(bytes, sparse, length);
    free(bytes);
    reach_fini(&r);
}

static bool reads(struct slice bytes) {
    struct reach r;
    struct slice exact = copy_exactly(bytes);
    bool read = reach_read(&r, exact);
    if (!read)
        assert_int_equal(reach_memory(&r), 0);
    reach_fini(&r);
    free((char *)exact.at);
    return read;
}

static void test_what_is_never_written_is_refused(void **state) {
    static const struct byte_case cases[] = {
        {"nothing at all", {"", 0}, false},
        {"an unknown form", {"\0", 1}, false},
        {"an unknown form", {"\4", 1}, false},
        {"a member cut off", {"\1aaaaaaaaaaaaaaa", 16}, false},
        {"", {"\1aaaaaaaaaaaaaaaa", 17}, true},
        {"one member twice", {"\1aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 33}, false},
        {"members descending", {"\1baaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 33}, false},
        {"", {"\1aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab", 33}, true},
        {"", {"\2\1\x41", 3}, true},
        {"a value of 0", {"\2\x40", 2}, false},
        {"", {"\2\x33", 2}, true},
        {"a value that 64 bits cannot have", {"\2\x34", 2}, false},
        {"a register twice", {"\2\1\2", 3}, false},
        {"a varint that breaks off", {"\2\x81", 2}, false},
        {"a varint that is too long", {"\2\x81\0", 3}, false},
        {"", {"\2\xc1\xff\x3f", 4}, true},
        {"a register past the last", {"\2\x81\x80\x40", 4}, false},
        {"a register past the last", {"\2\x41\xc1\xff\x3f", 5}, false},
        {"a register far past", {"\2\x41\xc1\xff\xff\xff\xff\xff\xff\xff\xff\1", 12}, false},
        {"a number of more than 64 bits", {"\2\xc1\xff\xff\xff\xff\xff\xff\xff\xff\2", 11}, false},
        {"a dense one cut off", {"\3aaa", 4}, false},
    };
    assert_byte_cases(cases, sizeof(cases) / sizeof(cases[0]), reads);
}

static bool reads_first(const unsigned char *bytes, size_t length) {
    return reads((struct slice){(const char *)bytes, length});
}

static void test_a_form_that_another_is_shorter_than_is_refused(void **state) {
    unsigned char *bytes = memory_take(REACH_BYTES_MAX + 8 + 16);
    bytes[0] = FORM_DENSE;
    assert_false(reads_first(bytes, REACH_BYTES_MAX)); // all zero
    memset(bytes + 1, 0x41, REACH_SKETCH_BYTES);       // values 1, 5, 20, 16 of every four
    assert_true(reads_first(bytes, REACH_BYTES_MAX));
    assert_false(reads_first(bytes, REACH_BYTES_MAX + 1));
    assert_false(reads_first(bytes, REACH_BYTES_MAX - 1));
    bytes[1] = 0x7f; // 63
    assert_false(reads_first(bytes, REACH_BYTES_MAX));
    memset(bytes + 1, 0, 3 * 1024);
    assert_true(reads_first(bytes, REACH_BYTES_MAX)); // three quarters of them
    memset(bytes + 1, 0, REACH_SKETCH_BYTES / 2 + 4 * 1024);
    assert_false(reads_first(bytes, REACH_BYTES_MAX));

    bytes[0] = FORM_SPARSE; // index 0, then each next: 12,287 bytes are shorter than dense, 12,288 are not
    bytes[1] = 1;
    for (size_t i = 2; i < REACH_BYTES_MAX; i++)
        bytes[i] = 0x41;
    assert_true(reads_first(bytes, REACH_BYTES_MAX - 1));
    assert_false(reads_first(bytes, REACH_BYTES_MAX));

    bytes[0] = FORM_SET;
    for (unsigned i = 0; i <= REACH_EXACT_MAX; i++) {
        memset(bytes + 1 + 16 * i, 0, 16);
        bytes[1 + 16 * i] = (unsigned char)(i >> 8);
        bytes[2 + 16 * i] = (unsigned char)i;
    }
    assert_true(reads_first(bytes, 1 + 16 * REACH_EXACT_MAX));
    assert_false(reads_first(bytes, 1 + 16 * (REACH_EXACT_MAX + 1)));
    free(bytes);
}

// Whatever is read of them is written back as it stood: the bytes of a reach are its identity.
static void test_mutated_bytes_are_refused_or_another_reach(void **state) {
    static const uint64_t counts[] = {0, 1, 5, 300, 512, 600, 4000, 60000};
    unsigned char *bytes = memory_take(REACH_BYTES_MAX), *again = memory_take(REACH_BYTES_MAX);
    uint64_t seed = 11, accepted = 0, refused = 0;
    for (size_t i = 0; i < 2 * sizeof(counts) / sizeof(counts[0]); i++) {
        struct reach r = reach_of(i, 0, counts[i / 2]);
        if (i % 2 == 1)
            reach_forget_members(&r);
        size_t length = reach_write(&r, bytes);
        for (int round = 0; round < 1000; round++) {
            struct slice mutated = mutate((struct slice){(char *)bytes, length}, &seed);
            struct reach read;
            if (reach_read(&read, mutated)) {
                accepted++;
                assert_int_equal(reach_write(&read, again), mutated.length);
                assert_memory_equal(again, mutated.at, mutated.length);
                reach_merge(&read, &r);
                reach_count(&read);
            } else {
                refused++;
            }
            reach_fini(&read);
            free((char *)mutated.at);
        }
        reach_fini(&r);
    }
    assert_true(accepted > 500 && refused > 500);
    free(bytes);
    free(again);
}

// Registers in groups of four values, counted by the paper's sums in decimal numbers of 60 digits; and what
// no log brings about, but bytes may: no division by zero, no endless loop.
static void test_the_estimate_is_the_one_of_the_paper(void **state) {
    static const struct {
        const char *group;
        double count;
    } cases[] = {
        {"\x00\x00\x04", 4630.09392787959},
        {"\x00\x00\xcc", 4868.50761568342}, // 0 0 0 1, 0 0 0 51
        {"\x40\x20\x0c", 21921.7989262972},
        {"\x8a\xa2\x28", 12102203.1615615}, // 0 1 2 3, 10 10 10 10
        {"\xb3\x1c\xc3", 7.27179173055505e18},
        {"\xf3\xfb\xbe", 2.18861409064016e18}, // 51 50 49 48, 51 47 47 47
        {"\xb2\x3c\xc7", 0x1p63},              // 50 50 51 49: 1.2e19
        {"\xf3\x3c\xcf", 0x1p63},              // 51 alone: no end
    };
    unsigned char *bytes = memory_take(REACH_BYTES_MAX);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct reach r = {.registers = memory_take(REACH_SKETCH_BYTES)}, again;
        for (size_t at = 0; at < REACH_SKETCH_BYTES; at += 3)
            memcpy(r.registers + at, cases[i].group, 3);
        double error = (double)reach_count(&r) - cases[i].count;
        assert_true(fabs(error) <= 0.5 || fabs(error) < 1e-12 * cases[i].count);
        assert_true(reach_read(&again, (struct slice){(char *)bytes, reach_write(&r, bytes)}));
        assert_true(reach_equal(&r, &again));
        reach_fini(&r);
        reach_fini(&again);
    }
    free(bytes);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_few_are_counted_exactly),
        cmocka_unit_test(test_a_set_looks_at_all_sixteen_bytes),
        cmocka_unit_test(test_the_error_is_the_stated_one),
        cmocka_unit_test(test_a_sketch_of_few_is_close_too),
        cmocka_unit_test(test_who_shares_a_register_is_one_where_no_set_is_kept),
        cmocka_unit_test(test_a_merge_is_the_union),
        cmocka_unit_test(test_equal_members_are_equal_bytes_whatever_the_order),
        cmocka_unit_test(test_what_is_written_is_read_and_goes_on),
        cmocka_unit_test(test_the_written_form_is_this),
        cmocka_unit_test(test_what_is_never_written_is_refused),
        cmocka_unit_test(test_a_form_that_another_is_shorter_than_is_refused),
        cmocka_unit_test(test_mutated_bytes_are_refused_or_another_reach),
        cmocka_unit_test(test_the_estimate_is_the_one_of_the_paper),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
