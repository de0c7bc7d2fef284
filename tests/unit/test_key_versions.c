// The files that say by which pseudonym keys a store counts.
#include "schemas/key_versions.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void what_is_written_is_read(void **state) {
    const struct key_version keys[] = {{0, 0xa1}, {1000005, UINT64_MAX}, {INT64_MAX, 0}};
    struct key_versions read;
    char *text = key_versions_write(keys, 3);
    assert_string_equal(
        text, "0 00000000000000a1\n1000005 ffffffffffffffff\n9223372036854775807 0000000000000000\n");
    assert_true(key_versions_read(&read, text, strlen(text)));
    assert_int_equal(read.count, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(read.at[i].since_ms, keys[i].since_ms);
        assert_int_equal(read.at[i].fingerprint, keys[i].fingerprint);
    }
    key_versions_fini(&read);
    free(text);
}

static void what_is_no_such_file_is_refused(void **state) {
    static const char *const files[] = {"",
                                        "keys",
                                        "0",
                                        "0 a1\n",
                                        "0 00000000000000a1",
                                        "0 00000000000000a1 \n",
                                        " 0 00000000000000a1\n",
                                        "0 00000000000000A1\n",
                                        "0 000000000000000a1\n",
                                        "00 00000000000000a1\n",
                                        "\n0 00000000000000a1\n",
                                        "0 00000000000000a1\nx"};
    struct key_versions read;
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
        assert_false(key_versions_read(&read, files[i], strlen(files[i])));
    assert_false(key_versions_read(&read, "0 00000000000000a1\n\0", 20));
}

static void files_are_named_by_number(void **state) {
    char name[KEY_VERSIONS_NAME_MAX];
    key_versions_name(name, 1);
    assert_string_equal(name, "keys/0001");
    key_versions_name(name, UINT32_MAX);
    assert_string_equal(name, "keys/4294967295");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(what_is_no_such_file_is_refused),
        cmocka_unit_test(files_are_named_by_number),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
