// What any store owes: held on a directory here, and on a bucket by tests/integration/test_store_s3.py.

#include "stream/store/store.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/store_fixture.h"

static void put(struct store *store, const char *name, const char *text) {
    struct problem p = {0};
    if (store_put(store, name, text, strlen(text), &p) != STATUS_OK)
        fail_msg("%s: %s", name, p.what);
}

static void assert_holds(struct store *store, const char *name, const char *bytes, size_t length) {
    struct problem p = {0};
    char *found;
    size_t found_length;
    if (store_get(store, name, &found, &found_length, &p) != STATUS_OK)
        fail_msg("%s: %s", name, p.what);
    assert_int_equal(found_length, length);
    assert_memory_equal(found, bytes, length);
    free(found);
}

static void assert_lists(struct store *store, const char *folder, const char *expected) {
    struct problem p = {0};
    struct store_names names;
    char text[4096] = "";
    if (store_list(store, folder, &names, &p) != STATUS_OK)
        fail_msg("%s: %s", folder, p.what);
    for (size_t i = 0; i < names.count; i++)
        strcat(strcat(text, i > 0 ? " " : ""), names.at[i]);
    assert_string_equal(text, expected);
    store_names_fini(&names);
}

static void a_file_is_read_as_it_was_put(void **state) {
    struct store *store = store_fresh();
    static const size_t lengths[] = {0, 1, 4096, 300000};
    char *bytes = malloc(300000);
    for (size_t i = 0; i < 300000; i++)
        bytes[i] = (char)(i * 2654435761u >> 13);
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        assert_int_equal(store_put(store, "parts/1767225600/a.zst", bytes, lengths[i], NULL), STATUS_OK);
        assert_holds(store, "parts/1767225600/a.zst", bytes, lengths[i]);
    }
    free(bytes);
    store_close(&store);
    assert_null(store);
}

static void what_is_not_there_is_no_input(void **state) {
    struct store *store = store_fresh();
    static const char *const names[] = {"meta", "parts/1/a", "parts", "meta/a"};
    struct problem p;
    char *bytes = (char *)"";
    size_t length = 1;
    put(store, "parts/1/b", "b");
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        assert_int_equal(store_get(store, names[i], &bytes, &length, &p), STATUS_NO_INPUT);
        assert_non_null(strstr(p.what, names[i]));
        assert_null(bytes);
        assert_int_equal(length, 0);
    }
    store_close(&store);
}

static void create_leaves_what_is_there(void **state) {
    struct store *store = store_fresh();
    bool created = false;
    assert_int_equal(store_create(store, "snapshots/1/a", "first", 5, &created, NULL), STATUS_OK);
    assert_true(created);
    assert_int_equal(store_create(store, "snapshots/1/a", "second", 6, &created, NULL), STATUS_OK);
    assert_false(created);
    assert_holds(store, "snapshots/1/a", "first", 5);
    assert_int_equal(store_remove(store, "snapshots/1/a", NULL), STATUS_OK);
    assert_int_equal(store_create(store, "snapshots/1/a", "third", 5, &created, NULL), STATUS_OK);
    assert_true(created);
    store_close(&store);
}

static void a_list_is_sorted_and_of_one_folder(void **state) {
    struct store *store = store_fresh();
    assert_lists(store, "", "");
    assert_lists(store, "parts", "");
    put(store, "parts/20/b", "1");
    put(store, "parts/20/a.x", "2");
    put(store, "parts/20/a", "3");
    put(store, "parts/20/a-1", "4");
    put(store, "parts/3/a", "5");
    put(store, "parts/20-1", "6");
    put(store, "partsx", "7");
    put(store, "meta", "8");
    assert_lists(store, "", "meta parts/ partsx");
    assert_lists(store, "parts", "20-1 20/ 3/");
    assert_lists(store, "parts/20", "a a-1 a.x b");
    assert_lists(store, "parts/2", "");
    assert_lists(store, "meta", "");
    store_close(&store);
}

static void a_folder_goes_with_its_last_file(void **state) {
    struct store *store = store_fresh();
    put(store, "parts/1/a", "1");
    put(store, "parts/1/b", "2");
    put(store, "parts/2/a", "3");
    assert_int_equal(store_remove(store, "parts/1/a", NULL), STATUS_OK);
    assert_lists(store, "parts", "1/ 2/");
    assert_int_equal(store_remove(store, "parts/1/b", NULL), STATUS_OK);
    assert_lists(store, "parts", "2/");
    assert_int_equal(store_remove(store, "parts/2/a", NULL), STATUS_OK);
    assert_lists(store, "", "");
    assert_int_equal(store_remove(store, "parts/2/a", NULL), STATUS_OK);
    assert_int_equal(store_remove(store, "never/was", NULL), STATUS_OK);
    store_close(&store);
}

static void names_that_could_lead_out_of_the_store_are_refused(void **state) {
    struct store *store = store_fresh();
    char endless[300];
    memset(endless, 'a', sizeof(endless));
    endless[256] = '\0';
    const char *const names[] = {"",     "/",    "/a",      "a/",    "a//b", "..",  ".",    "../a",  "a/../b",
                                 "a/..", ".tmp", ".tmp/a",  "a/.b",  "A",    "a b", "a\\b", "a%2fb", "a:b",
                                 "ä",    "a\nb", "a\tb/..", "a/./b", "a_b",  "~a",  endless};
    struct problem p;
    struct store_names list;
    bool created;
    char *bytes;
    size_t length;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        assert_int_equal(store_put(store, names[i], "", 0, &p), STATUS_USAGE);
        assert_int_equal(store_create(store, names[i], "", 0, &created, &p), STATUS_USAGE);
        assert_int_equal(store_get(store, names[i], &bytes, &length, &p), STATUS_USAGE);
        assert_int_equal(store_remove(store, names[i], &p), STATUS_USAGE);
        if (names[i][0] != '\0')
            assert_int_equal(store_list(store, names[i], &list, &p), STATUS_USAGE);
    }
    assert_lists(store, "", "");
    endless[255] = '\0';
    assert_int_equal(store_list(store, endless, &list, &p), STATUS_OK);
    store_close(&store);
}

enum { RACERS = 3, ROUNDS = 40, RACE_BYTES = 50000 };

// Each writes bytes of its own, all alike, into the same new names.
struct racer {
    pthread_t thread;
    pthread_barrier_t *barrier;
    char letter;
    unsigned won;
    char winners[ROUNDS];
};

static void *race(void *context) {
    struct racer *r = context;
    struct store *store = store_again();
    char *bytes = malloc(RACE_BYTES);
    memset(bytes, r->letter, RACE_BYTES);
    for (int round = 0; round < ROUNDS; round++) {
        char name[64];
        bool created;
        snprintf(name, sizeof(name), "race/%d/file", round);
        pthread_barrier_wait(r->barrier);
        if (store_create(store, name, bytes, RACE_BYTES, &created, NULL) == STATUS_OK && created)
            r->winners[round] = r->letter;
    }
    free(bytes);
    store_close(&store);
    return NULL;
}

// Whatever is listed while others write is whole.
struct watcher {
    pthread_t thread;
    atomic_bool stop;
    unsigned torn;
};

static bool is_whole(struct store *store, const char *name) {
    char *bytes;
    size_t length;
    if (store_get(store, name, &bytes, &length, NULL) != STATUS_OK)
        return false;
    bool whole = length == RACE_BYTES && memcmp(bytes, bytes + 1, length - 1) == 0;
    free(bytes);
    return whole;
}

// The bucket's server lists the files that it writes to first, as S3 itself does not.
static bool shows_temporaries(void) {
    return store_place.s3.endpoint != NULL;
}

static void *watch(void *context) {
    struct watcher *w = context;
    struct store *store = store_again();
    while (!atomic_load(&w->stop)) {
        struct store_names rounds, files;
        if (store_list(store, "race", &rounds, NULL) != STATUS_OK)
            break;
        for (size_t i = 0; i < rounds.count; i++) {
            char folder[64], name[128];
            snprintf(folder, sizeof(folder), "race/%.*s", (int)strlen(rounds.at[i]) - 1, rounds.at[i]);
            snprintf(name, sizeof(name), "%s/file", folder);
            w->torn += store_list(store, folder, &files, NULL) != STATUS_OK;
            for (size_t file = 0; file < files.count; file++) {
                bool ours = strcmp(files.at[file], "file") == 0;
                w->torn += ours ? !is_whole(store, name) : !shows_temporaries();
            }
            store_names_fini(&files);
        }
        store_names_fini(&rounds);
    }
    store_close(&store);
    return NULL;
}

static void of_several_who_create_one_does_and_nobody_sees_half_a_file(void **state) {
    struct store *store = store_fresh();
    pthread_barrier_t barrier;
    struct racer racers[RACERS] = {0};
    struct watcher watcher = {0};
    pthread_barrier_init(&barrier, NULL, RACERS);
    assert_int_equal(pthread_create(&watcher.thread, NULL, watch, &watcher), 0);
    for (int i = 0; i < RACERS; i++) {
        racers[i] = (struct racer){.barrier = &barrier, .letter = (char)('a' + i)};
        assert_int_equal(pthread_create(&racers[i].thread, NULL, race, &racers[i]), 0);
    }
    for (int i = 0; i < RACERS; i++)
        pthread_join(racers[i].thread, NULL);
    atomic_store(&watcher.stop, true);
    pthread_join(watcher.thread, NULL);
    pthread_barrier_destroy(&barrier);
    assert_int_equal(watcher.torn, 0);
    char *bytes = malloc(RACE_BYTES);
    for (int round = 0; round < ROUNDS; round++) {
        char name[64], winner = '\0';
        int winners = 0;
        for (int i = 0; i < RACERS; i++) {
            winners += racers[i].winners[round] != '\0';
            winner = (char)(winner + racers[i].winners[round]);
        }
        assert_int_equal(winners, 1);
        memset(bytes, winner, RACE_BYTES);
        snprintf(name, sizeof(name), "race/%d/file", round);
        assert_holds(store, name, bytes, RACE_BYTES);
    }
    free(bytes);
    store_close(&store);
}

// Files come and go in one folder, which comes and goes with them.
static void *come_and_go(void *context) {
    unsigned *failed = context;
    struct store *store = store_again();
    for (int i = 0; i < 200; i++) {
        char name[64];
        snprintf(name, sizeof(name), "gone/1/%zx", (size_t)(uintptr_t)context);
        *failed += store_put(store, name, "x", 1, NULL) != STATUS_OK;
        *failed += store_remove(store, name, NULL) != STATUS_OK;
    }
    store_close(&store);
    return NULL;
}

static void a_folder_that_is_emptied_does_not_fail_who_writes_into_it(void **state) {
    struct store *store = store_fresh();
    pthread_t threads[2];
    unsigned failed[2] = {0, 0};
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, come_and_go, &failed[i]), 0);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(failed[0] + failed[1], 0);
    assert_lists(store, "", "");
    store_close(&store);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_is_read_as_it_was_put),
        cmocka_unit_test(what_is_not_there_is_no_input),
        cmocka_unit_test(create_leaves_what_is_there),
        cmocka_unit_test(a_list_is_sorted_and_of_one_folder),
        cmocka_unit_test(a_folder_goes_with_its_last_file),
        cmocka_unit_test(names_that_could_lead_out_of_the_store_are_refused),
        cmocka_unit_test(of_several_who_create_one_does_and_nobody_sees_half_a_file),
        cmocka_unit_test(a_folder_that_is_emptied_does_not_fail_who_writes_into_it),
    };
    return cmocka_run_group_tests(tests, store_fixture_begin, store_fixture_end);
}
