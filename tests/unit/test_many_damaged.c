// Windows that cannot be published, as many as are looked at in one go: they hold up no other. Their parts
// are torn, or gone.
#include "aggregate/keep/publisher.h"

#include "runtime/log/log.h"
#include "tests/unit/keeper_fixture.h"

enum { START_S = 1767225600, DAMAGED = 8, WINDOWS = DAMAGED + 3, RETAIN_S = 10 * 86400 };
#define SEALED_S (START_S + WINDOWS * (int64_t)WINDOW_S)
#define OLD_S    (SEALED_S + RETAIN_S)

static struct kept *kept;
static struct publisher *publisher;
static const bool owned[] = {true};
static struct {
    char *bytes;
    size_t length;
} whole[DAMAGED]; // parts as they were

static int fresh(void **state) {
    struct problem p;
    keeper_fresh(1);
    keeper.retain_s = RETAIN_S;
    keeper.now_s = INT64_MAX;
    publisher = publisher_create(1, -1);
    return store == NULL || keeper_restore(&keeper, 0, 0, &kept, &p) != STATUS_OK;
}

static int finish(void **state) {
    for (int i = 0; i < DAMAGED; i++)
        free(whole[i].bytes);
    publisher_destroy(&publisher);
    keeper_release(&kept);
    return done(state);
}

static int64_t window_at(int i) {
    return START_S + i * (int64_t)WINDOW_S;
}

static struct viewers nobody; // by rules without window.heartbeat none is remembered

// A like in each of so many windows.
static void keep(int windows, int64_t sealed_s) {
    static const struct rules rules = {0};
    struct problem p;
    struct handover h = {.offset = kept->ledger.offset,
                         .read = kept->ledger.read + (uint64_t)windows,
                         .watermark_ms = sealed_s * 1000};
    for (int i = 0; i < windows; i++) {
        struct event like = {.occurred_at_ms = window_at(i) * 1000,
                             .platform = PLATFORM_WEB,
                             .kind = KIND_LIKE,
                             .delta = 1,
                             .account = {"acme", 4}};
        panes_take(&h.panes, &nobody, &like, h.offset++, &rules, sealed_s * 1000);
    }
    assert_int_equal(keeper_keep(&keeper, kept, &h, &p), STATUS_OK);
    panes_fini(&h.panes);
}

static void part_is_torn(int i) {
    char name[NAME_MAX_LENGTH];
    part_name_write(name, &(struct part_name){window_at(i), 0, 0, i + 1});
    assert_int_equal(store_get(store, name, &whole[i].bytes, &whole[i].length, NULL), STATUS_OK);
    assert_int_equal(store_put(store, name, "torn", 4, NULL), STATUS_OK);
}

static void part_is_restored(int i) {
    char name[NAME_MAX_LENGTH];
    part_name_write(name, &(struct part_name){window_at(i), 0, 0, i + 1});
    assert_int_equal(store_put(store, name, whole[i].bytes, whole[i].length, NULL), STATUS_OK);
}

static void all_but_the_last_are_torn(void) {
    keep(WINDOWS, SEALED_S);
    for (int i = 0; i < DAMAGED; i++)
        part_is_torn(i);
}

static bool is_published(int i) {
    struct snapshot_name name;
    struct problem p;
    return shelf_newest(store, window_at(i), &name, &p) == STATUS_OK;
}

static void others_are_published__goes_red_if_each_run_begins_with_the_first(void **state) {
    struct problem p;
    bool more;
    all_but_the_last_are_torn();
    assert_int_equal(publisher_run(publisher, &keeper, owned, DAMAGED, 0, &more, &p), STATUS_BAD_DATA);
    assert_true(more);
    assert_int_equal(publisher_run(publisher, &keeper, owned, DAMAGED, 0, &more, &p), STATUS_OK);
    assert_false(more);
    for (int i = 0; i < WINDOWS; i++)
        assert_int_equal(is_published(i), i >= DAMAGED);
}

// When the others are done they are looked at again: a person may have restored them.
static void and_they_themselves_once_they_are_whole(void **state) {
    struct problem p;
    bool more;
    all_but_the_last_are_torn();
    for (int run = 0; run < 2; run++)
        publisher_run(publisher, &keeper, owned, DAMAGED, 0, &more, &p);
    for (int i = 0; i < DAMAGED; i++)
        part_is_restored(i);
    assert_int_equal(publisher_run(publisher, &keeper, owned, WINDOWS, 0, &more, &p), STATUS_OK);
    for (int i = 0; i < WINDOWS; i++)
        assert_true(is_published(i));
}

// A handover looks eight lines up; of those whose windows are never published it would be the same eight.
static void other_lines_are_settled__goes_red_if_each_handover_looks_at_the_oldest(void **state) {
    struct problem p;
    bool more;
    all_but_the_last_are_torn();
    for (int run = 0; run < 2; run++)
        publisher_run(publisher, &keeper, owned, DAMAGED, 0, &more, &p);
    for (int handover = 0; handover < 3; handover++)
        keep(0, OLD_S);
    for (int i = 0; i < WINDOWS; i++)
        assert_int_equal(ledger_find(&kept->ledger, window_at(i)) == NULL, i >= DAMAGED);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, fresh, finish)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(others_are_published__goes_red_if_each_run_begins_with_the_first),
        TEST(and_they_themselves_once_they_are_whole),
        TEST(other_lines_are_settled__goes_red_if_each_handover_looks_at_the_oldest),
    };
    log_configure("error", "text");
    return cmocka_run_group_tests(tests, store_fixture_begin, store_fixture_end);
}
