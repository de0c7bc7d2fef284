// The directory's bad days: each call to the system fails or is the last, the disk is full, others left
// things behind.

#include "stream/store/store.h"

#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

#include <cmocka.h>

#include "tests/unit/file_faults.h"
#include "tests/unit/store_fixture.h"

enum { OLD_BYTES = 3000, NEW_BYTES = 5000, CALLS_MAX = 64 };

// What a call does to a store that holds "kept/1/a" and the file itself or not.
struct change {
    const char *name;
    bool there;   // beforehand
    bool creates; // store_create, else store_put
    bool removes;
};
static const struct change changes[] = {
    {"kept/1/b", false, false, false}, // into a folder that is there
    {"new/2/b", false, false, false},  // into new ones
    {"kept/1/b", true, false, false},  // in another's place
    {"kept/1/b", false, true, false},  {"new/2/b", false, true, false}, {"kept/1/b", true, true, false},
    {"kept/1/b", true, false, true},   {"gone/3/b", true, false, true},
};
enum { CHANGES = sizeof(changes) / sizeof(changes[0]) };

static const char *bytes_of(char letter) {
    static char bytes[2][NEW_BYTES];
    char *own = bytes[letter == 'n'];
    memset(own, letter, NEW_BYTES);
    return own;
}

static struct store *store_before(const struct change *c) {
    struct store *store = store_fresh();
    assert_int_equal(store_put(store, "kept/1/a", bytes_of('o'), OLD_BYTES, NULL), STATUS_OK);
    if (c->there)
        assert_int_equal(store_put(store, c->name, bytes_of('o'), OLD_BYTES, NULL), STATUS_OK);
    return store;
}

static enum status change_make(struct store *store, const struct change *c, struct problem *p) {
    bool created;
    if (c->removes)
        return store_remove(store, c->name, p);
    if (c->creates)
        return store_create(store, c->name, bytes_of('n'), NEW_BYTES, &created, p);
    return store_put(store, c->name, bytes_of('n'), NEW_BYTES, p);
}

static void assert_whole(struct store *store, const char *name) {
    char *bytes;
    size_t length;
    assert_int_equal(store_get(store, name, &bytes, &length, NULL), STATUS_OK);
    bool old = length == OLD_BYTES && memcmp(bytes, bytes_of('o'), length) == 0;
    bool new = length == NEW_BYTES &&memcmp(bytes, bytes_of('n'), length) == 0;
    free(bytes);
    if (!old && !new)
        fail_msg("%s has %zu bytes", name, length);
}

// All that is listed is whole; the number of files.
static unsigned assert_all_whole(struct store *store, const char *folder) {
    struct store_names names;
    unsigned count = 0;
    assert_int_equal(store_list(store, folder, &names, NULL), STATUS_OK);
    for (size_t i = 0; i < names.count; i++) {
        char name[512];
        int length =
            snprintf(name, sizeof(name), "%s%s%s", folder, folder[0] != '\0' ? "/" : "", names.at[i]);
        if (name[length - 1] == '/') {
            name[length - 1] = '\0';
            count += assert_all_whole(store, name);
        } else {
            assert_whole(store, name);
            count++;
        }
    }
    store_names_fini(&names);
    return count;
}

// The change can be made by whoever comes next, and is whole then.
static void assert_can_be_made(const struct change *c) {
    struct store *store = store_again();
    unsigned before = assert_all_whole(store, "");
    assert_true(before == 1 || before == 2);
    assert_int_equal(change_make(store, c, NULL), STATUS_OK);
    assert_int_equal(assert_all_whole(store, ""), c->removes ? 1 : 2);
    if (!c->removes)
        assert_whole(store, c->name);
    store_close(&store);
}

static void whichever_call_fails_nothing_is_half_written(void **state) {
    static const int errors[] = {ENOSPC, EDQUOT, EIO};
    for (size_t i = 0; i < CHANGES * 3; i++) {
        const struct change *c = &changes[i / 3];
        unsigned at = 0;
        do {
            struct store *store = store_before(c);
            struct problem p = {0};
            faults_begin(FAULT_FAIL, ++at, errors[i % 3]);
            enum status status = change_make(store, c, &p);
            faults_end();
            if (status == STATUS_TRY_AGAIN) {
                assert_string_equal(p.code, "CLM-D1");
                assert_non_null(strstr(p.what, strerror(errors[i % 3])));
                assert_non_null(strstr(p.what, " bytes are free"));
            } else {
                assert_int_equal(status, STATUS_OK); // tidying up failed
            }
            store_close(&store);
            assert_can_be_made(c);
        } while (faults.calls >= at && at < CALLS_MAX);
        assert_in_range(at, c->removes ? 3 : 7, CALLS_MAX - 1);
    }
}

static void whichever_call_is_the_last_nothing_is_half_written(void **state) {
    for (size_t i = 0; i < CHANGES; i++) {
        int died = FAULT_DIED;
        unsigned at = 0;
        while (died == FAULT_DIED && at < CALLS_MAX) {
            struct store *store = store_before(&changes[i]);
            at++;
            fflush(NULL);
            pid_t child = fork();
            if (child == 0) {
                faults_begin(FAULT_DIE, at, 0);
                _exit(change_make(store, &changes[i], NULL) == STATUS_OK ? 0 : 1);
            }
            int result;
            assert_int_equal(waitpid(child, &result, 0), child);
            died = WEXITSTATUS(result);
            store_close(&store);
            assert_can_be_made(&changes[i]);
        }
        assert_int_equal(died, 0);
        assert_in_range(at, changes[i].removes ? 3 : 7, CALLS_MAX - 1);
    }
}

// Without the fsync of the file, of its folder, or of a folder above, this goes red.
static void bytes_are_durable_before_their_name_and_the_name_before_the_answer(void **state) {
    for (size_t i = 0; i < CHANGES; i++) {
        if (changes[i].removes)
            continue;
        struct store *store = store_before(&changes[i]);
        faults_begin(FAULT_NONE, 0, 0);
        assert_int_equal(change_make(store, &changes[i], NULL), STATUS_OK);
        faults_end();
        assert_int_equal(faults.named_unsafe, 0);
        assert_true(faults.unsafe_count > 0);
        char path[512];
        snprintf(path, sizeof(path), "%s/%s", store_path, changes[i].name);
        for (size_t length = strlen(path); length >= strlen(store_path); path[length] = '\0') {
            if (faults_unsafe(faults_file(AT_FDCWD, path)))
                fail_msg("%s is not durable", path);
            while (path[--length] != '/')
                ;
        }
        store_close(&store);
    }
}

// Another process may have made the folder and not have come to its fsync.
static void a_folder_that_another_made_is_made_durable_too(void **state) {
    struct store *store = store_fresh();
    faults_begin(FAULT_NONE, 0, 0);
    assert_int_equal(mkdirat(AT_FDCWD, store_path, 0777), -1);
    char path[128];
    snprintf(path, sizeof(path), "%s/parts", store_path);
    assert_int_equal(mkdirat(AT_FDCWD, path, 0777), 0);
    assert_true(faults_unsafe(faults_file(AT_FDCWD, store_path)));
    assert_int_equal(store_put(store, "parts/a", "x", 1, NULL), STATUS_OK);
    faults_end();
    assert_false(faults_unsafe(faults_file(AT_FDCWD, store_path)));
    store_close(&store);
}

static void a_file_system_without_links_creates_too(void **state) {
    struct store *store = store_fresh();
    bool created = false;
    // The calls of a create into a folder that is there: openat, write, fsync, linkat.
    assert_int_equal(store_put(store, "a", "old", 3, NULL), STATUS_OK);
    faults_begin(FAULT_FAIL, 4, EPERM);
    assert_int_equal(store_create(store, "a", "new", 3, &created, NULL), STATUS_OK);
    faults_end();
    assert_true(faults.calls > 4);
    assert_false(created);
    faults_begin(FAULT_FAIL, 4, EPERM);
    assert_int_equal(store_create(store, "b", "new", 3, &created, NULL), STATUS_OK);
    faults_end();
    assert_true(created);
    char *bytes;
    size_t length;
    assert_int_equal(store_get(store, "a", &bytes, &length, NULL), STATUS_OK);
    assert_memory_equal(bytes, "old", 3);
    free(bytes);
    store_close(&store);
}

static void a_file_that_cannot_be_read_now_may_be_later(void **state) {
    struct store *store = store_fresh();
    struct problem p;
    char *bytes;
    size_t length;
    assert_int_equal(store_put(store, "a", "text", 4, NULL), STATUS_OK);
    for (unsigned at = 1; at <= 2; at++) {
        faults_begin(FAULT_FAIL, at, EIO);
        assert_int_equal(store_get(store, "a", &bytes, &length, &p), STATUS_TRY_AGAIN);
        faults_end();
        assert_string_equal(p.code, "CLM-D1");
        assert_null(bytes);
    }
    struct store_names names;
    faults_begin(FAULT_FAIL, 1, EIO);
    assert_int_equal(store_list(store, "", &names, &p), STATUS_TRY_AGAIN);
    faults_end();
    assert_int_equal(names.count, 0);
    store_close(&store);
}

static void a_trial_says_what_a_person_must_mend__red_without_the_write(void **state) {
    static const struct {
        int error;
        enum status status;
    } cases[] = {{EACCES, STATUS_NOT_ALLOWED}, {EROFS, STATUS_CANT_CREATE}, {ENOSPC, STATUS_OK}};
    struct store *store = store_fresh();
    struct store_names names;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct problem p;
        faults_begin(FAULT_FAIL, 1, cases[i].error);
        assert_int_equal(store_try(store, &p), cases[i].status);
        faults_end();
        assert_true(cases[i].status == STATUS_OK || strstr(p.what, "write") != NULL);
    }
    assert_int_equal(store_try(store, NULL), STATUS_OK);
    assert_int_equal(store_list(store, "", &names, NULL), STATUS_OK);
    assert_int_equal(names.count, 0);
    store_close(&store);
}

static void what_a_person_must_mend_is_no_matter_of_trying_again(void **state) {
    static const struct {
        int error;
        enum status status;
        const char *code;
    } cases[] = {{EACCES, STATUS_NOT_ALLOWED, "CLM-A1"},
                 {EPERM, STATUS_NOT_ALLOWED, "CLM-A1"},
                 {EMFILE, STATUS_OS, "CLM-L1"},
                 {EROFS, STATUS_CANT_CREATE, ""}};
    struct store *store = store_fresh();
    assert_int_equal(store_put(store, "first", "x", 1, NULL), STATUS_OK);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct problem p;
        faults_begin(FAULT_FAIL, 1, cases[i].error);
        assert_int_equal(store_put(store, "a", "x", 1, &p), cases[i].status);
        faults_end();
        assert_string_equal(p.code, cases[i].code);
        assert_non_null(strstr(p.what, store_path));
    }
    // A file where a folder must be.
    assert_int_equal(store_put(store, "first/a", "x", 1, NULL), STATUS_CANT_CREATE);
    store_close(&store);
}

static void lay(const char *name, time_t age_s) {
    char path[256];
    snprintf(path, sizeof(path), "%s/%s", store_path, name);
    int fd = open(path, O_WRONLY | O_CREAT, 0666);
    assert_true(fd >= 0);
    struct timespec at = {.tv_sec = time(NULL) - age_s};
    assert_int_equal(futimens(fd, (struct timespec[]){at, at}), 0);
    close(fd);
}

static bool lies(const char *name) {
    char path[256];
    snprintf(path, sizeof(path), "%s/%s", store_path, name);
    return access(path, F_OK) == 0;
}

static void only_old_temporaries_are_cleared_when_a_store_is_opened(void **state) {
    struct store *store = store_fresh();
    assert_int_equal(store_put(store, "a", "x", 1, NULL), STATUS_OK);
    lay(".tmp/old", 3700);
    lay(".tmp/young", 3500);
    lay("old", 1000000);
    store_close(&store);
    const struct store_place to_read = {.url = store_url, .use = STORE_TO_READ};
    assert_int_equal(store_open(&store, &to_read, NULL), STATUS_OK);
    assert_true(lies(".tmp/old")); // it is the writers'
    store_close(&store);
    store = store_again();
    assert_false(lies(".tmp/old"));
    assert_true(lies(".tmp/young"));
    assert_true(lies("old"));
    store_close(&store);
}

static void what_is_not_ours_is_not_listed(void **state) {
    struct store *store = store_fresh();
    char path[128];
    lay("a", 0);
    lay("Notes.txt", 0);
    lay(".hidden", 0);
    snprintf(path, sizeof(path), "%s/lost+found", store_path);
    assert_int_equal(mkdir(path, 0777), 0);
    snprintf(path, sizeof(path), "%s/link", store_path);
    assert_int_equal(symlink("/etc/hostname", path), 0);
    struct store_names names;
    assert_int_equal(store_list(store, "", &names, NULL), STATUS_OK);
    assert_int_equal(names.count, 1);
    assert_string_equal(names.at[0], "a");
    store_names_fini(&names);
    store_close(&store);
}

static void a_directory_is_made_with_all_that_leads_to_it(void **state) {
    char url[128];
    struct store *store;
    store_empty();
    snprintf(url, sizeof(url), "file://%s/x//y/z/", store_path);
    assert_int_equal(store_open(&store, &(struct store_place){.url = url}, NULL), STATUS_OK);
    assert_int_equal(store_put(store, "a", "x", 1, NULL), STATUS_OK);
    assert_true(lies("x/y/z/a"));
    store_close(&store);
}

static void a_place_that_is_none_is_refused(void **state) {
    struct store *store = store_fresh();
    store_close(&store);
    lay("file", 0);
    char below[128];
    snprintf(below, sizeof(below), "file://%s/file/below", store_path);
    const struct {
        const char *url;
        enum status status;
    } cases[] = {{"", STATUS_CONFIG},
                 {"/var/lib/clameur", STATUS_CONFIG},
                 {"file:/var/lib/clameur", STATUS_CONFIG},
                 {"file://relative/path", STATUS_CONFIG},
                 {"file:///", STATUS_CONFIG},
                 {"ftp://host/path", STATUS_CONFIG},
                 {below, STATUS_CANT_CREATE}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct problem p;
        assert_int_equal(store_open(&store, &(struct store_place){.url = cases[i].url}, &p), cases[i].status);
        assert_null(store);
        assert_non_null(strstr(p.what, cases[i].url == below ? store_path : cases[i].url));
    }
}

// In a process of its own: a file system of 1 MiB over the store's directory, which goes with the process.
// Puts until it is full, then all that holds: 0. 77: the machine lets nobody mount.
static int fill(void) {
    if (unshare(CLONE_NEWNS) != 0 && unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0)
        return 77;
    if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        mount("none", store_path, "tmpfs", 0, "size=1m") != 0)
        return 77;
    struct store *store = store_again();
    struct problem p = {0};
    static char bytes[100000];
    char name[64];
    int files = 0;
    int64_t all = 0, before = store_free_bytes(store, &all);
    enum status status = STATUS_OK;
    for (; status == STATUS_OK && files < 20; files++) {
        snprintf(name, sizeof(name), "parts/%d/a", files);
        status = store_put(store, name, bytes, sizeof(bytes), &p);
    }
    if (before > 1 << 20 || before > all || store_is_low(before, all, 50) || status != STATUS_TRY_AGAIN ||
        strcmp(p.code, "CLM-D1") != 0)
        return 1;
    int64_t left = store_free_bytes(store, &all);
    if (left >= (int64_t)sizeof(bytes) || !store_is_low(left, all, 10) ||
        strstr(p.what, strerror(ENOSPC)) == NULL)
        return 2;
    files--; // the one that failed
    for (int i = 0; i <= files; i++) {
        char *found;
        size_t length;
        snprintf(name, sizeof(name), "parts/%d/a", i);
        status = store_get(store, name, &found, &length, NULL);
        if (i < files ? status != STATUS_OK || length != sizeof(bytes) : status != STATUS_NO_INPUT)
            return 3;
        free(found);
    }
    // Room is made, and the same call succeeds.
    if (store_remove(store, "parts/0/a", &p) != STATUS_OK ||
        store_put(store, name, bytes, sizeof(bytes), &p) != STATUS_OK)
        return 4;
    return 0;
}

static void a_full_disk_is_to_be_tried_again_and_loses_nothing(void **state) {
    struct store *store = store_fresh();
    store_close(&store);
    fflush(NULL);
    pid_t child = fork();
    if (child == 0)
        _exit(fill());
    int result;
    assert_int_equal(waitpid(child, &result, 0), child);
    if (WEXITSTATUS(result) == 77)
        skip();
    assert_int_equal(result, 0);
}

static enum status put_within(rlim_t limit, size_t length, struct store *store, struct problem *p) {
    static char bytes[NEW_BYTES];
    setrlimit(RLIMIT_FSIZE, &(struct rlimit){limit, RLIM_INFINITY});
    return store_put(store, "parts/1/a", bytes, length, p);
}

// In a process of its own, for its limit: the system would end it by a signal. 0: all holds.
static int outgrow(void) {
    struct store *store = store_again();
    struct problem p = {0};
    if (put_within(RLIM_INFINITY, OLD_BYTES, store, &p) != STATUS_OK ||
        put_within(OLD_BYTES, NEW_BYTES, store, &p) != STATUS_TRY_AGAIN || strcmp(p.code, "CLM-D1") != 0)
        return 1;
    char *found;
    size_t length;
    if (store_get(store, "parts/1/a", &found, &length, NULL) != STATUS_OK || length != OLD_BYTES)
        return 2;
    return put_within(RLIM_INFINITY, NEW_BYTES, store, &p) == STATUS_OK ? 0 : 3;
}

static void a_limit_of_file_sizes_is_as_a_full_disk__goes_red_if_its_signal_ends_the_process(void **state) {
    struct store *store = store_fresh();
    store_close(&store);
    fflush(NULL);
    signal(SIGXFSZ, SIG_DFL);
    pid_t child = fork();
    if (child == 0)
        _exit(outgrow());
    int result;
    assert_int_equal(waitpid(child, &result, 0), child);
    assert_int_equal(result, 0);
}

static void what_is_left_is_little_below_a_share_of_all(void **state) {
    assert_false(store_is_low(100, 1000, 10));
    assert_true(store_is_low(99, 1000, 10));
    assert_false(store_is_low(0, 1000, 0));
    assert_false(store_is_low(-1, 1000, 10)); // nobody can tell
    assert_false(store_is_low(INT64_MAX / 2, INT64_MAX, 49));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whichever_call_fails_nothing_is_half_written),
        cmocka_unit_test(whichever_call_is_the_last_nothing_is_half_written),
        cmocka_unit_test(bytes_are_durable_before_their_name_and_the_name_before_the_answer),
        cmocka_unit_test(a_folder_that_another_made_is_made_durable_too),
        cmocka_unit_test(a_file_system_without_links_creates_too),
        cmocka_unit_test(a_file_that_cannot_be_read_now_may_be_later),
        cmocka_unit_test(a_trial_says_what_a_person_must_mend__red_without_the_write),
        cmocka_unit_test(what_a_person_must_mend_is_no_matter_of_trying_again),
        cmocka_unit_test(only_old_temporaries_are_cleared_when_a_store_is_opened),
        cmocka_unit_test(what_is_not_ours_is_not_listed),
        cmocka_unit_test(a_directory_is_made_with_all_that_leads_to_it),
        cmocka_unit_test(a_place_that_is_none_is_refused),
        cmocka_unit_test(a_full_disk_is_to_be_tried_again_and_loses_nothing),
        cmocka_unit_test(a_limit_of_file_sizes_is_as_a_full_disk__goes_red_if_its_signal_ends_the_process),
        cmocka_unit_test(what_is_left_is_little_below_a_share_of_all),
    };
    return cmocka_run_group_tests(tests, store_fixture_begin, store_fixture_end);
}
