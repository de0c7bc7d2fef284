#include "stream/murmur2.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

// The vectors of Kafka's own UtilsTest.
static void test_kafka_vectors(void **state) {
    static const struct {
        const char *key;
        int32_t hash;
    } cases[] = {
        {"21", -973932308},
        {"foobar", -790332482},
        {"a-little-bit-long-string", -985981536},
        {"a-little-bit-longer-string", -1486304829},
        {"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971},
        {"abc", 479470107},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_int_equal((int32_t)murmur2(slice_of(cases[i].key)), cases[i].hash);
}

static void test_bytes_above_127_are_unsigned(void **state) {
    // "é" hashes its two bytes as 0xc3 and 0xa9, as Java masks them; a sign extension would give another
    // value.
    assert_int_equal((int32_t)murmur2(slice_of("\xc3\xa9")), 186971271);
    assert_int_equal((int32_t)murmur2((struct slice){NULL, 0}), 275646681);
}

static void test_partition_takes_the_positive_part(void **state) {
    // 0x7fffffff & -973932308 = 1173551340
    assert_int_equal(murmur2_partition(slice_of("21"), 8), 1173551340 % 8);
    assert_int_equal(murmur2_partition(slice_of("21"), 7), 1173551340 % 7);
    assert_int_equal(murmur2_partition(slice_of("abc"), 1), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kafka_vectors),
        cmocka_unit_test(test_bytes_above_127_are_unsigned),
        cmocka_unit_test(test_partition_takes_the_positive_part),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
