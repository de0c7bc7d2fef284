// SHA-256: what FIPS 180-4 and libsodium say, whole and in pieces.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>

#include "runtime/sha256.h"

enum { LONG = 5000 };

static void the_sum_of_abc_is_the_standards(void **state) {
    unsigned char sum[SHA256_SIZE];
    char hex[2 * SHA256_SIZE + 1];
    sha256_of((struct slice){"abc", 3}, sum);
    assert_string_equal(sodium_bin2hex(hex, sizeof(hex), sum, sizeof(sum)),
                        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

static void pieces_have_the_sum_of_the_whole(void **state) {
    char bytes[LONG];
    unsigned char sum[SHA256_SIZE], expected[SHA256_SIZE];
    for (size_t i = 0; i < LONG; i++)
        bytes[i] = (char)(i * 7 + i / 256);
    crypto_hash_sha256(expected, (const unsigned char *)bytes, LONG);
    for (size_t piece = 1; piece < LONG; piece = 3 * piece + 1) {
        struct sha256 s;
        sha256_init(&s);
        for (size_t at = 0; at < LONG; at += piece)
            sha256_add(&s, (struct slice){bytes + at, at + piece < LONG ? piece : LONG - at});
        sha256_end(&s, sum);
        sha256_fini(&s);
        assert_memory_equal(sum, expected, SHA256_SIZE);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_sum_of_abc_is_the_standards),
        cmocka_unit_test(pieces_have_the_sum_of_the_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
