// The recount's pseudonym keys against those that a store counts by.
#include "loadtest/windows/windows_keys.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "schemas/key_versions.h"
#include "tests/unit/store_of_test.h"

#define FIRST  "000102030405060708090a0b0c0d0e0f\n"
#define SECOND "5000: 0f0e0d0c0b0a09080706050403020100\n"

static struct recount_keys keys;
static size_t known;

static int fresh(void **state) {
    store = store_fresh();
    return store == NULL;
}

static void load(const char *text) {
    char path[] = "/tmp/test_windows_keys.XXXXXX";
    struct problem p;
    int fd = mkstemp(path);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
    assert_int_equal(recount_keys_load(&keys, path, &p), STATUS_OK);
    unlink(path);
}

// As the aggregators do, file by file.
static void store_has(const char *const *files) {
    for (unsigned number = 1; files[number - 1] != NULL; number++) {
        struct key_version versions[8];
        char name[KEY_VERSIONS_NAME_MAX];
        load(files[number - 1]);
        for (size_t i = 0; i < keys.count; i++)
            versions[i] = recount_key_version(&keys, i);
        char *text = key_versions_write(versions, keys.count);
        key_versions_name(name, number);
        assert_int_equal(store_put(store, name, text, strlen(text), NULL), STATUS_OK);
        recount_keys_fini(&keys);
        free(text);
    }
}

static enum status check(const char *ours, struct problem *p) {
    struct windows_place place = {.root = store_path};
    load(ours);
    enum status status = windows_keys_check(&place, &keys, &known, p);
    recount_keys_fini(&keys);
    return status;
}

static void refused(const char *ours, const char *why) {
    struct problem p;
    assert_int_equal(check(ours, &p), STATUS_CONFIG);
    assert_string_equal(p.code, "CLM-M5");
    assert_non_null(strstr(p.what, why));
    assert_non_null(strstr(p.remedy, "privacy.key_file"));
}

static void another_key_is_refused__red_without_the_comparison(void **state) {
    struct problem p;
    store_has((const char *[]){FIRST, FIRST SECOND, NULL});
    assert_int_equal(check(FIRST SECOND, &p), STATUS_OK);
    assert_int_equal(known, 2);
    refused("ff0102030405060708090a0b0c0d0e0f\n" SECOND, "key 1 is another");
    refused(FIRST "5000: ff0e0d0c0b0a09080706050403020100\n", "key 2 is another");
    refused(FIRST "5001: 0f0e0d0c0b0a09080706050403020100\n", "key 2 has another time");
    refused(FIRST, "key 2 of the store is missing");
}

static void a_rotation_that_no_aggregator_has_begun_with_is_told_apart(void **state) {
    struct problem p;
    store_has((const char *[]){FIRST, NULL});
    assert_int_equal(check(FIRST SECOND, &p), STATUS_OK);
    assert_int_equal(known, 1);
}

static void a_store_that_keeps_none_is_counted_by_all(void **state) {
    struct problem p;
    assert_int_equal(store_put(store, "meta", "{}", 2, NULL), STATUS_OK);
    assert_int_equal(check(FIRST SECOND, &p), STATUS_OK);
    assert_int_equal(known, 2);
}

static void what_is_no_such_file_is_refused(void **state) {
    struct problem p;
    assert_int_equal(store_put(store, "keys/0001", "0 a1\n", 5, NULL), STATUS_OK);
    assert_int_equal(check(FIRST, &p), STATUS_BAD_DATA);
    assert_string_equal(p.code, "CLM-D3");
    assert_non_null(strstr(p.what, "keys/0001"));
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, fresh, done)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(another_key_is_refused__red_without_the_comparison),
        TEST(a_rotation_that_no_aggregator_has_begun_with_is_told_apart),
        TEST(a_store_that_keeps_none_is_counted_by_all),
        TEST(what_is_no_such_file_is_refused),
    };
    return cmocka_run_group_tests(tests, store_fixture_begin, store_fixture_end);
}
