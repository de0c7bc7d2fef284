// Windows that are older than store.retain: an aggregator lets go of them before their files go, and what
// still comes for them is counted, and changes nothing.
#include "aggregate/keep/publisher.h"

#include "runtime/log/log.h"
#include "tests/unit/snapshot_fixture.h"
#include "tests/unit/store_fixture.h"

static struct viewers nobody; // by rules without window.heartbeat none is remembered

enum { START_S = 1767225600, RETAIN_S = 10 * 86400 };

static struct store *store;
static struct keeper keeper;
static struct kept *kept;

static int fresh(void **state) {
    struct problem p;
    store = store_fresh();
    keeper = (struct keeper){.store = store,
                             .topic = "engagement",
                             .topic_id = "k8s2",
                             .rules_hash = "0011",
                             .kpis_hash = "2233",
                             .partitions = 1,
                             .retain_s = RETAIN_S,
                             .now_s = INT64_MAX};
    return store == NULL || keeper_restore(&keeper, 0, 0, &kept, &p) != STATUS_OK;
}

static int done(void **state) {
    keeper_release(&kept);
    store_close(&store);
    return 0;
}

// A handover of likes in the windows (0: none), sealed up to there.
static enum status keep(int64_t like_s, int64_t other_s, int64_t sealed_s) {
    static const struct rules rules = {0};
    const int64_t windows[] = {like_s, other_s};
    struct problem p;
    struct handover h = {
        .offset = kept->ledger.offset, .read = kept->ledger.read, .watermark_ms = sealed_s * 1000};
    for (size_t i = 0; i < 2; i++) {
        struct event like = {.occurred_at_ms = windows[i] * 1000,
                             .platform = PLATFORM_WEB,
                             .kind = KIND_LIKE,
                             .delta = 1,
                             .account = {"acme", 4}};
        if (windows[i] == 0)
            continue;
        panes_take(&h.panes, &nobody, &like, h.offset++, &rules, sealed_s * 1000);
        h.read++;
    }
    enum status status = keeper_keep(&keeper, kept, &h, &p);
    panes_fini(&h.panes);
    return status;
}

static void publish(void) {
    static const bool owned[] = {true};
    struct publisher *publisher = publisher_create(1, -1);
    struct problem p;
    bool more;
    assert_int_equal(publisher_run(publisher, &keeper, owned, 8, 0, &more, &p), STATUS_OK);
    publisher_destroy(&publisher);
}

static size_t parts_of(int64_t start_s) {
    char path[NAME_MAX_LENGTH];
    struct store_names names;
    snprintf(path, sizeof(path), "parts/%lld", (long long)start_s);
    assert_int_equal(store_list(store, path, &names, NULL), STATUS_OK);
    size_t count = names.count;
    store_names_fini(&names);
    return count;
}

static void part_leaves(int64_t to) {
    char name[NAME_MAX_LENGTH];
    part_name_write(name, &(struct part_name){START_S, 0, 0, to});
    assert_int_equal(parts_of(START_S), 1);
    assert_int_equal(store_remove(store, name, NULL), STATUS_OK);
}

static void balances(uint64_t settled) {
    const struct ledger *l = &kept->ledger;
    uint64_t lines = 0;
    for (size_t i = 0; i < l->count; i++)
        lines += l->at[i].counted + l->at[i].late;
    assert_int_equal(l->settled_counted + l->settled_late, settled);
    assert_int_equal(l->read, settled + lines);
}

#define SEALED_S (START_S + 2 * (int64_t)WINDOW_S)
#define OLD_S    (SEALED_S + RETAIN_S)

// Few lines are kept as long as they are younger.
static void an_old_line_is_settled_once_it_is_published(void **state) {
    assert_int_equal(keep(START_S, 0, SEALED_S), STATUS_OK);
    assert_int_equal(keep(OLD_S, 0, OLD_S), STATUS_OK);
    assert_int_equal(keep(0, 0, OLD_S), STATUS_OK);
    assert_non_null(ledger_find(&kept->ledger, START_S));
    publish();
    assert_int_equal(keep(0, 0, OLD_S), STATUS_OK);
    assert_null(ledger_find(&kept->ledger, START_S));
    assert_non_null(ledger_find(&kept->ledger, OLD_S));
    balances(1);
}

static void
what_comes_for_a_window_that_is_gone_makes_no_part_of_it__goes_red_if_it_begins_anew(void **state) {
    assert_int_equal(keep(START_S, 0, SEALED_S), STATUS_OK);
    publish();
    assert_int_equal(keep(0, 0, OLD_S), STATUS_OK);
    assert_int_equal(keep(0, 0, OLD_S), STATUS_OK);
    assert_null(ledger_find(&kept->ledger, START_S));
    part_leaves(1);
    assert_int_equal(keep(START_S, OLD_S, OLD_S), STATUS_OK);
    assert_int_equal(parts_of(START_S), 0);
    balances(2);
}

// An older checkpoint that was restored has the line still, and the part has left the store by then.
static void a_line_whose_part_has_left_is_settled(void **state) {
    assert_int_equal(keep(START_S, 0, SEALED_S), STATUS_OK);
    part_leaves(1);
    assert_int_equal(keep(0, 0, OLD_S), STATUS_OK);
    assert_int_equal(keep(0, 0, OLD_S), STATUS_OK);
    assert_null(ledger_find(&kept->ledger, START_S));
    balances(1);
}

static void and_so_is_what_comes_for_it__goes_red_if_its_part_must_be_there(void **state) {
    assert_int_equal(keep(START_S, 0, SEALED_S), STATUS_OK);
    assert_int_equal(keep(0, 0, OLD_S), STATUS_OK);
    part_leaves(1);
    assert_int_equal(keep(START_S, 0, OLD_S), STATUS_OK);
    assert_int_equal(parts_of(START_S), 0);
    balances(2);
}

static void
a_part_of_a_younger_window_that_is_gone_is_waited_for__goes_red_if_its_events_count_as_settled(void **state) {
    assert_int_equal(keep(START_S, 0, SEALED_S), STATUS_OK);
    assert_int_equal(keep(0, 0, OLD_S - 2 * WINDOW_S), STATUS_OK);
    part_leaves(1);
    assert_int_equal(keep(START_S, 0, OLD_S - 2 * WINDOW_S), STATUS_OK);
    assert_non_null(ledger_apart(&kept->ledger, START_S));
    for (int i = 0; i < 2; i++) // it becomes old
        assert_int_equal(keep(0, 0, OLD_S + 86400), STATUS_OK);
    assert_null(ledger_apart(&kept->ledger, START_S));
    balances(2);
}

// Its line went before, too.
static void what_stands_apart_is_settled_when_its_window_is_gone__goes_red_if_it_is_begun_anew(void **state) {
    char name[NAME_MAX_LENGTH];
    assert_int_equal(keep(START_S, 0, SEALED_S), STATUS_OK);
    part_name_write(name, &(struct part_name){START_S, 0, 0, 1});
    assert_int_equal(store_put(store, name, "torn", 4, NULL), STATUS_OK);
    ledger_forget(&kept->ledger, ledger_find(&kept->ledger, START_S));
    assert_int_equal(keep(START_S, 0, SEALED_S), STATUS_OK);
    assert_non_null(ledger_apart(&kept->ledger, START_S));
    part_leaves(1);
    for (int i = 0; i < 2; i++) // it becomes old
        assert_int_equal(keep(0, 0, OLD_S), STATUS_OK);
    assert_null(ledger_apart(&kept->ledger, START_S));
    assert_int_equal(parts_of(START_S), 0);
    balances(2);
}

// Its line may still stand in a record.
static void what_may_have_left_is_not_published__goes_red_if_its_part_is_missed(void **state) {
    assert_int_equal(keep(START_S, 0, SEALED_S), STATUS_OK);
    part_leaves(1);
    assert_int_equal(keep(0, 0, OLD_S + 86400), STATUS_OK);
    assert_non_null(ledger_find(&kept->ledger, START_S)); // as the record just written has it
    publish();
}

static size_t revisions_of(int64_t start_s) {
    struct snapshot_name *names;
    size_t count;
    assert_int_equal(shelf_revisions(store, start_s, &names, &count, NULL), STATUS_OK);
    free(names);
    return count;
}

// A producer's clock was wrong: what it sent seals all windows until then, and makes none older.
static void an_event_of_a_far_future_lets_go_of_nothing__goes_red_if_it_is_believed(void **state) {
    keeper.now_s = SEALED_S;
    assert_int_equal(keep(START_S, 0, SEALED_S), STATUS_OK);
    assert_int_equal(keep(OLD_S + 2 * 86400, 0, OLD_S + 3 * 86400), STATUS_OK);
    publish();
    assert_int_equal(revisions_of(START_S), 1);
    assert_int_equal(keep(0, 0, OLD_S + 3 * 86400), STATUS_OK);
    assert_int_equal(keep(START_S, 0, OLD_S + 3 * 86400), STATUS_OK);
    publish();
    assert_int_equal(revisions_of(START_S), 2);
    balances(0);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, fresh, done)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(an_old_line_is_settled_once_it_is_published),
        TEST(what_comes_for_a_window_that_is_gone_makes_no_part_of_it__goes_red_if_it_begins_anew),
        TEST(a_line_whose_part_has_left_is_settled),
        TEST(and_so_is_what_comes_for_it__goes_red_if_its_part_must_be_there),
        TEST(a_part_of_a_younger_window_that_is_gone_is_waited_for__goes_red_if_its_events_count_as_settled),
        TEST(what_stands_apart_is_settled_when_its_window_is_gone__goes_red_if_it_is_begun_anew),
        TEST(an_event_of_a_far_future_lets_go_of_nothing__goes_red_if_it_is_believed),
        TEST(what_may_have_left_is_not_published__goes_red_if_its_part_is_missed),
    };
    log_configure("error", "text");
    return cmocka_run_group_tests(tests, store_fixture_begin, store_fixture_end);
}
