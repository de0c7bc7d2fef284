// Arrays that grow from a few bytes to many pages: what is in them moves along.
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include <cmocka.h>

#include "runtime/memory.h"

enum { KIB = 1024, MIB = 1024 * 1024 };

static unsigned char byte_of(size_t at) {
    return (unsigned char)(at * 31 + at / 4096);
}

static void write_bytes(unsigned char *bytes, size_t from, size_t to) {
    for (size_t i = from; i < to; i++)
        bytes[i] = byte_of(i);
}

static size_t wrong_bytes(const unsigned char *bytes, size_t size) {
    size_t wrong = 0;
    for (size_t i = 0; i < size; i++)
        wrong += bytes[i] != byte_of(i);
    return wrong;
}

static void what_an_array_holds_is_there_after_each_growth(void **state) {
    unsigned char *bytes = NULL;
    size_t size = 0;
    for (size_t more = 100; more < 40 * (size_t)MIB; more += more / 3 + 1) { // odd sizes, through all of them
        bytes = memory_extend(bytes, size, more);
        write_bytes(bytes, size, more);
        size = more;
        assert_int_equal(wrong_bytes(bytes, size), 0);
    }
    memory_release(bytes, size);
}

static void an_array_may_be_large_at_once_and_need_not_grow(void **state) {
    unsigned char *bytes = memory_extend(NULL, 0, 3 * MIB + 1);
    write_bytes(bytes, 0, 3 * MIB + 1);
    bytes = memory_extend(bytes, 3 * MIB + 1, 3 * MIB + 1);
    assert_int_equal(wrong_bytes(bytes, 3 * MIB + 1), 0);
    memory_release(bytes, 3 * MIB + 1);
    memory_release(NULL, 0);
}

// No sanitizer sees it: these are no blocks of the heap.
static void what_is_released_is_given_back__goes_red_if_its_pages_stay(void **state) {
    unsigned char resident, *bytes = memory_extend(NULL, 0, 3 * MIB + 1);
    assert_int_equal(mincore(bytes + 3 * (size_t)MIB, 1, &resident), 0);
    memory_release(bytes, 3 * MIB + 1);
    for (size_t at = 0; at <= 3 * MIB; at += MIB) {
        assert_int_equal(mincore(bytes + at, 1, &resident), -1);
        assert_int_equal(errno, ENOMEM);
    }
}

static long pages_touched(void) {
    struct rusage usage;
    assert_int_equal(getrusage(RUSAGE_SELF, &usage), 0);
    return usage.ru_minflt;
}

static void growing_touches_no_page_twice(void **state) {
    enum { FROM = 512 * KIB, TO = 64 * MIB, STEP = 64 * KIB };
    unsigned char *bytes = memory_extend(NULL, 0, FROM);
    write_bytes(bytes, 0, FROM);
    long before = pages_touched();
    for (size_t size = FROM; size < TO; size += STEP)
        bytes = memory_extend(bytes, size, size + STEP);
    assert_in_range(pages_touched() - before, 0, (TO - FROM) / 4096 / 16);
    assert_int_equal(wrong_bytes(bytes, FROM), 0);
    memory_release(bytes, TO);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_an_array_holds_is_there_after_each_growth),
        cmocka_unit_test(an_array_may_be_large_at_once_and_need_not_grow),
        cmocka_unit_test(what_is_released_is_given_back__goes_red_if_its_pages_stay),
        cmocka_unit_test(growing_touches_no_page_twice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
