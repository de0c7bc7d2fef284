// By which pseudonym keys a store counts: the first key file stands, a rotation extends it, no other is
// taken.
#include "aggregate/store/keyring.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "tests/unit/store_of_test.h"

enum { NOW = 1000000 };
static const struct key_version rotated[] = {{0, 0xa1}, {NOW + 5, 0xb2}, {NOW + 9, 0xc3}};
static const struct key_version other = {0, 0xee};

static unsigned number;    // the file that holds
static int64_t newest_ms;  // record of the log
static enum status asking; // what the log answers

static enum status log_reaches(void *context, int64_t since_ms, bool *reaches, struct problem *p) {
    *reaches = since_ms <= newest_ms;
    return asking;
}

static const struct keyring_ahead ahead = {.log_reaches = log_reaches, .clock_ms = NOW};

static int fresh(void **state) {
    newest_ms = 0;
    asking = STATUS_OK;
    store = store_fresh();
    return store == NULL;
}

static enum status settle(const struct key_version *keys, size_t count, struct problem *p) {
    return keyring_settle(store, keys, count, &ahead, &number, p);
}

static void holds(const char *name, const char *text) {
    char *bytes;
    size_t length;
    assert_int_equal(store_get(store, name, &bytes, &length, NULL),
                     text != NULL ? STATUS_OK : STATUS_NO_INPUT);
    if (text != NULL) {
        assert_int_equal(length, strlen(text));
        assert_memory_equal(bytes, text, length);
    }
    free(bytes);
}

static void refused(const struct key_version *keys, size_t count, const char *why) {
    struct problem p;
    assert_int_equal(settle(keys, count, &p), STATUS_CONFIG);
    assert_string_equal(p.code, "CLM-M5");
    assert_non_null(strstr(p.what, why));
}

static void another_key_is_refused__red_without_the_comparison(void **state) {
    struct problem p;
    assert_int_equal(settle(rotated, 1, &p), STATUS_OK);
    assert_int_equal(settle(rotated, 1, &p), STATUS_OK);
    holds("keys/0001", "0 00000000000000a1\n");
    refused(&other, 1, "key 1 is another");
    holds("keys/0002", NULL);
}

static void a_rotation_that_lies_ahead_is_kept_and_the_file_before_it_refused(void **state) {
    struct problem p;
    assert_int_equal(settle(rotated, 1, &p), STATUS_OK);
    assert_int_equal(number, 1);
    assert_int_equal(settle(rotated, 2, &p), STATUS_OK);
    assert_int_equal(number, 2);
    assert_int_equal(settle(rotated, 3, &p), STATUS_OK);
    assert_int_equal(settle(rotated, 3, &p), STATUS_OK);
    assert_int_equal(number, 3);
    assert_int_equal(keyring_stands(store, 3, &p), STATUS_OK);
    assert_int_equal(keyring_stands(store, 2, &p), STATUS_CONFIG);
    assert_string_equal(p.code, "CLM-M5");
    holds("keys/0003", "0 00000000000000a1\n1000005 00000000000000b2\n1000009 00000000000000c3\n");
    refused(rotated, 2, "key 3 of the store is missing");
    struct key_version moved[] = {rotated[0], {NOW + 6, 0xb2}, rotated[2]};
    refused(moved, 3, "key 2 has another time");
}

static void a_rotation_that_has_passed_is_refused__red_without_the_time(void **state) {
    const struct key_version late[] = {rotated[0], {NOW - 1, 0xb2}};
    struct problem p;
    assert_int_equal(settle(rotated, 1, &p), STATUS_OK);
    refused(late, 2, "key 2 is new to the store");
    holds("keys/0002", NULL);
}

// Whatever the clock says: a record of that time was counted by the key before, or may have been.
static void a_rotation_that_records_have_reached_is_refused__red_by_the_clock_alone(void **state) {
    struct problem p;
    newest_ms = NOW + 5;
    assert_int_equal(settle(rotated, 1, &p), STATUS_OK);
    refused(rotated, 2, "the log has records of its time");
    refused(rotated, 3, "the log has records of its time");
    holds("keys/0002", NULL);
    newest_ms = NOW + 4;
    assert_int_equal(settle(rotated, 2, &p), STATUS_OK);
    newest_ms = INT64_MAX; // once it is kept it is not judged again
    assert_int_equal(settle(rotated, 2, &p), STATUS_OK);
}

static void who_only_looks_keeps_nothing_and_need_not_ask_the_log(void **state) {
    const struct keyring_ahead unasked = {.clock_ms = NOW};
    struct problem p;
    size_t known = 9;
    newest_ms = NOW + 5;
    assert_int_equal(keyring_fit(store, rotated, 1, &ahead, &known, &p), STATUS_OK);
    assert_int_equal(known, 0);
    holds("keys/0001", NULL);
    assert_int_equal(settle(rotated, 1, &p), STATUS_OK);
    assert_int_equal(keyring_fit(store, &other, 1, &unasked, &known, &p), STATUS_CONFIG);
    assert_int_equal(keyring_fit(store, rotated, 2, &ahead, &known, &p), STATUS_CONFIG);
    assert_int_equal(keyring_fit(store, rotated, 2, &unasked, &known, &p), STATUS_OK);
    assert_int_equal(known, 1);
    holds("keys/0002", NULL);
}

static void a_rotation_that_the_log_says_nothing_of_is_not_kept(void **state) {
    struct problem p;
    asking = STATUS_UNAVAILABLE;
    assert_int_equal(settle(rotated, 1, &p), STATUS_OK);
    assert_int_equal(settle(rotated, 2, &p), STATUS_UNAVAILABLE);
    holds("keys/0002", NULL);
}

// A store from before there were fingerprints may have been counted through rotations.
static void a_store_without_any_takes_all_that_it_meets(void **state) {
    const struct key_version long_past[] = {rotated[0], {7, 0xb2}};
    struct problem p;
    assert_int_equal(store_put(store, "meta", "{}", 2, NULL), STATUS_OK);
    assert_int_equal(settle(long_past, 2, &p), STATUS_OK);
    holds("keys/0001", "0 00000000000000a1\n7 00000000000000b2\n");
    refused(rotated, 1, "missing");
}

static void what_is_no_such_file_is_refused(void **state) {
    struct problem p;
    assert_int_equal(store_put(store, "keys/0001", "keys", 4, NULL), STATUS_OK);
    assert_int_equal(settle(rotated, 2, &p), STATUS_BAD_DATA);
    assert_string_equal(p.code, "CLM-D3");
    assert_non_null(strstr(p.what, "keys/0001"));
}

enum { RIVALS = 8 };

// A child: by which key did it find itself accepted? Exits with the status.
static pid_t rival(uint64_t fingerprint) {
    pid_t child = fork();
    if (child != 0)
        return child;
    const struct key_version key = {0, fingerprint};
    struct store *own = store_again();
    _exit((int)keyring_settle(own, &key, 1, &ahead, &number, NULL));
}

static void of_several_that_begin_at_once_one_key_stands__red_if_the_second_goes_on(void **state) {
    pid_t children[RIVALS];
    int accepted = 0, ended;
    for (uint64_t i = 0; i < RIVALS; i++)
        children[i] = rival(i + 1);
    for (size_t i = 0; i < RIVALS; i++) {
        assert_int_equal(waitpid(children[i], &ended, 0), children[i]);
        assert_true(WIFEXITED(ended));
        assert_true(WEXITSTATUS(ended) == STATUS_OK || WEXITSTATUS(ended) == STATUS_CONFIG);
        accepted += WEXITSTATUS(ended) == STATUS_OK;
    }
    assert_int_equal(accepted, 1);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, fresh, done)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(another_key_is_refused__red_without_the_comparison),
        TEST(a_rotation_that_lies_ahead_is_kept_and_the_file_before_it_refused),
        TEST(a_rotation_that_has_passed_is_refused__red_without_the_time),
        TEST(a_rotation_that_records_have_reached_is_refused__red_by_the_clock_alone),
        TEST(who_only_looks_keeps_nothing_and_need_not_ask_the_log),
        TEST(a_rotation_that_the_log_says_nothing_of_is_not_kept),
        TEST(a_store_without_any_takes_all_that_it_meets),
        TEST(what_is_no_such_file_is_refused),
        TEST(of_several_that_begin_at_once_one_key_stands__red_if_the_second_goes_on),
    };
    return cmocka_run_group_tests(tests, store_fixture_begin, store_fixture_end);
}
