#include "stream/pseudonym.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define KEY       "000102030405060708090a0b0c0d0e0f"
#define OTHER_KEY "0f0e0d0c0b0a09080706050403020100"

static char path[64];

static int set_up(void **state) {
    snprintf(path, sizeof(path), "/tmp/test_pseudonym.%d", (int)getpid());
    return 0;
}

static int tear_down(void **state) {
    unlink(path);
    return 0;
}

static void write_keys(const char *text, size_t length, mode_t mode) {
    unlink(path);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, length, file), length);
    fclose(file);
    assert_int_equal(chmod(path, mode), 0);
}

static struct pseudonymiser *load(const char *text) {
    struct pseudonymiser *p;
    struct problem problem;
    write_keys(text, strlen(text), 0400);
    if (pseudonymiser_load(&p, path, &problem) != STATUS_OK)
        fail_msg("%s", problem.what);
    return p;
}

static void write_hex(const unsigned char bytes[PSEUDONYM_SIZE], char hex[2 * PSEUDONYM_SIZE + 1]) {
    for (int i = 0; i < PSEUDONYM_SIZE; i++)
        snprintf(hex + 2 * i, 3, "%02x", bytes[i]);
}

// Computed by another implementation of SipHash-2-4-128.
static void test_vectors(void **state) {
    char long_id[513];
    memset(long_id, 'a', 512);
    long_id[512] = '\0';
    const struct {
        bool person;
        uint32_t platform;
        const char *id, *expected;
    } cases[] = {
        {false, 2, "user-1", "0f69292f90099b28c1754f1c244ecb8e"},
        {false, 1000, "x", "892cf8e809f1350c77608f38e85ae7b0"},
        {false, 1, long_id, "3a295989183305caf76bc9f55005ce26"},
        {true, 0, "c-42", "e767ba5cda688a52fe383ca566b4329f"},
        {true, 0, "7", "c2126591b7a930d70e69c65e6b9c92b1"},
    };
    struct pseudonymiser *p = load(KEY "\n");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        unsigned char out[PSEUDONYM_SIZE];
        char hex[2 * PSEUDONYM_SIZE + 1];
        if (cases[i].person)
            pseudonym_person(p, 1, slice_of(cases[i].id), out);
        else
            pseudonym_actor(p, 1, cases[i].platform, slice_of(cases[i].id), out);
        write_hex(out, hex);
        assert_string_equal(hex, cases[i].expected);
    }
    pseudonymiser_destroy(&p);
    assert_null(p);
}

static void test_the_readme_gives_the_same_vectors(void **state) {
    FILE *file = fopen(SOURCE_DIR "/schemas/README.md", "r");
    if (file == NULL)
        skip();
    struct pseudonymiser *p = load(KEY);
    char line[512], kind[16], id[64], expected[64];
    unsigned platform, rows = 0;
    while (fgets(line, sizeof(line), file) != NULL) {
        if (sscanf(line, "| %15s | %u | `%63[^`]` | %32[0-9a-f] |", kind, &platform, id, expected) != 4)
            continue;
        if (strcmp(kind, "actor") != 0 && strcmp(kind, "person") != 0)
            continue;
        unsigned char out[PSEUDONYM_SIZE];
        char hex[2 * PSEUDONYM_SIZE + 1];
        if (strcmp(kind, "actor") == 0)
            pseudonym_actor(p, 0, platform, slice_of(id), out);
        else
            pseudonym_person(p, 0, slice_of(id), out);
        write_hex(out, hex);
        assert_string_equal(hex, expected);
        rows++;
    }
    fclose(file);
    assert_true(rows >= 2);
    pseudonymiser_destroy(&p);
}

static void test_an_over_long_id_is_cut_not_overrun(void **state) {
    struct pseudonymiser *p = load(KEY);
    char id[5000];
    memset(id, 'a', sizeof(id));
    unsigned char cut[PSEUDONYM_SIZE], whole[PSEUDONYM_SIZE];
    pseudonym_actor(p, 0, 1, (struct slice){id, sizeof(id)}, cut);
    pseudonym_actor(p, 0, 1, (struct slice){id, 512}, whole);
    assert_memory_equal(cut, whole, PSEUDONYM_SIZE);
    pseudonymiser_destroy(&p);
}

static void test_keys_rotate_by_record_time(void **state) {
    struct pseudonymiser *p =
        load("# rotation\n\n" KEY "  # the first\n2026-01-01T00:00:00Z: " OTHER_KEY "\r\n"
             "1767225600500:" KEY "\n");
    static const struct {
        int64_t time_ms;
        const char *expected;
    } cases[] = {
        {0, "0f69292f90099b28c1754f1c244ecb8e"},
        {1767225599999, "0f69292f90099b28c1754f1c244ecb8e"},
        {1767225600000, "0854beb9a019de7f9a608cfb0f223d73"},
        {1767225600499, "0854beb9a019de7f9a608cfb0f223d73"},
        {1767225600500, "0f69292f90099b28c1754f1c244ecb8e"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        unsigned char out[PSEUDONYM_SIZE];
        char hex[2 * PSEUDONYM_SIZE + 1];
        pseudonym_actor(p, cases[i].time_ms, 2, slice_of("user-1"), out);
        write_hex(out, hex);
        assert_string_equal(hex, cases[i].expected);
    }
    pseudonymiser_destroy(&p);
}

// Computed by another implementation, as the vectors.
static void test_versions_tell_keys_apart_without_telling_them(void **state) {
    size_t count;
    struct pseudonymiser *p = load("5: " KEY "\n2026-01-01T00:00:00Z: " OTHER_KEY "\n");
    const struct key_version *versions = pseudonymiser_versions(p, &count);
    assert_int_equal(count, 2);
    assert_true(versions[0].fingerprint == 0xd0fbc3c44ca11df5);
    assert_int_equal(versions[0].since_ms, 0); // it holds before its time too
    assert_true(versions[1].fingerprint != versions[0].fingerprint);
    assert_int_equal(versions[1].since_ms, INT64_C(1767225600000));
    pseudonymiser_destroy(&p);
}

static void test_before_the_first_since_the_first_key_holds(void **state) {
    struct pseudonymiser *p = load("2026-01-01T00:00:00.250Z: " KEY);
    unsigned char out[PSEUDONYM_SIZE];
    char hex[2 * PSEUDONYM_SIZE + 1];
    pseudonym_actor(p, 5, 2, slice_of("user-1"), out);
    write_hex(out, hex);
    assert_string_equal(hex, "0f69292f90099b28c1754f1c244ecb8e");
    pseudonymiser_destroy(&p);
}

static void test_malformed_files_are_refused_with_the_line_and_without_the_key(void **state) {
    static const struct {
        const char *text, *says;
    } cases[] = {
        {"", "no key"},
        {"# nothing\n\n", "no key"},
        {"000102030405060708090a0b0c0d0e\n", ":1: a key is"},
        {"000102030405060708090a0b0c0d0e0f00\n", ":1: a key is"},
        {"000102030405060708090a0b0c0d0e0g\n", ":1: a key is"},
        {"\n00010203 0405060708090a0b0c0d0e0f\n", ":2: a key is"},
        {KEY "\n" OTHER_KEY "\n", ":2: a further key"},
        {"5: " KEY "\n5: " OTHER_KEY "\n", ":2: a further key"},
        {KEY "\nsoon: " OTHER_KEY "\n", ":2: what stands before"},
        {KEY "\n: " OTHER_KEY "\n", ":2: what stands before"},
        {KEY "\n-5: " OTHER_KEY "\n", ":2: what stands before"},
        {KEY "\n2026-02-30T00:00:00Z: " OTHER_KEY "\n", ":2: what stands before"},
        {KEY "\n2026-01-01T00:00:00+01:00: " OTHER_KEY "\n", ":2: what stands before"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct pseudonymiser *p;
        struct problem problem;
        write_keys(cases[i].text, strlen(cases[i].text), 0400);
        assert_int_equal(pseudonymiser_load(&p, path, &problem), STATUS_CONFIG);
        assert_null(p);
        assert_non_null(strstr(problem.what, cases[i].says));
        assert_null(strstr(problem.what, "00010203"));
        assert_null(strstr(problem.what, "0f0e0d0c"));
    }
}

static void test_files_that_are_no_text_are_refused(void **state) {
    struct pseudonymiser *p;
    struct problem problem;
    write_keys(KEY "\n\0x", sizeof(KEY "\n\0x") - 1, 0400);
    assert_int_equal(pseudonymiser_load(&p, path, &problem), STATUS_CONFIG);
    size_t size = 70000;
    char *comments = malloc(size);
    memset(comments, '#', size);
    write_keys(comments, size, 0400);
    free(comments);
    assert_int_equal(pseudonymiser_load(&p, path, &problem), STATUS_CONFIG);
    unlink(path);
    assert_int_equal(pseudonymiser_load(&p, path, &problem), STATUS_NO_INPUT);
    assert_int_equal(pseudonymiser_load(&p, "/tmp", &problem), STATUS_NO_INPUT);
}

// In a child: nobody's, where we may read everything. Is a right asked for, and no new key?
static bool asks_for_the_right(void) {
    struct pseudonymiser *p;
    struct problem problem;
    if (geteuid() == 0 && setuid(65534) != 0)
        return false;
    return pseudonymiser_load(&p, path, &problem) == STATUS_NOT_ALLOWED &&
           strstr(problem.remedy, "the right to read") != NULL && strstr(problem.remedy, "urandom") == NULL;
}

static void test_a_file_that_may_not_be_read_makes_nobody_take_a_new_key__red_without_EACCES(void **state) {
    struct pseudonymiser *p;
    struct problem problem;
    int ended;
    write_keys(KEY, strlen(KEY), 0);
    pid_t child = fork();
    if (child == 0)
        _exit(asks_for_the_right() ? 0 : 1);
    assert_int_equal(waitpid(child, &ended, 0), child);
    assert_int_equal(ended, 0);
    unlink(path);
    assert_int_equal(pseudonymiser_load(&p, path, &problem), STATUS_NO_INPUT);
    assert_non_null(strstr(problem.remedy, "only where nothing was counted yet"));
}

static void test_a_file_open_to_others_is_refused(void **state) {
    static const struct {
        mode_t mode;
        enum status expected;
    } cases[] = {{0400, STATUS_OK}, {0640, STATUS_OK}, {0644, STATUS_CONFIG}, {0642, STATUS_CONFIG}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct pseudonymiser *p;
        write_keys(KEY, strlen(KEY), cases[i].mode);
        assert_int_equal(pseudonymiser_load(&p, path, NULL), cases[i].expected);
        pseudonymiser_destroy(&p);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors),
        cmocka_unit_test(test_the_readme_gives_the_same_vectors),
        cmocka_unit_test(test_an_over_long_id_is_cut_not_overrun),
        cmocka_unit_test(test_keys_rotate_by_record_time),
        cmocka_unit_test(test_versions_tell_keys_apart_without_telling_them),
        cmocka_unit_test(test_before_the_first_since_the_first_key_holds),
        cmocka_unit_test(test_malformed_files_are_refused_with_the_line_and_without_the_key),
        cmocka_unit_test(test_files_that_are_no_text_are_refused),
        cmocka_unit_test(test_a_file_that_may_not_be_read_makes_nobody_take_a_new_key__red_without_EACCES),
        cmocka_unit_test(test_a_file_open_to_others_is_refused),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
