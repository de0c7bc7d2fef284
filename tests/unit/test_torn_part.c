// A part that cannot be read again when something comes for its window: that stands apart until the file is
// back, over checkpoints and starts, and all else goes on.
#include "aggregate/keep/publisher.h"

#include "aggregate/keep/keep_files.h"
#include "tests/unit/capture.h"
#include "tests/unit/keeper_fixture.h"

enum { START_S = 1767225600 };
#define SEALED_S (START_S + 4 * (int64_t)WINDOW_S)

static struct viewers nobody; // by rules without window.heartbeat none is remembered
static struct kept *kept;
static char *part; // the bytes of the torn one
static size_t part_length;

static int begin(void **state) {
    struct problem p;
    keeper_fresh(1);
    return store == NULL || keeper_restore(&keeper, 0, 0, &kept, &p) != STATUS_OK;
}

static int end(void **state) {
    keeper_release(&kept);
    free(part);
    part = NULL;
    return done(state);
}

// A handover of likes in the window, sealed up to there, to one of the processes.
static void keep_in(struct kept *of, int64_t like_s, int likes, int64_t sealed_s) {
    static const struct rules rules = {0};
    struct problem p;
    struct handover h = {
        .offset = of->ledger.offset, .read = of->ledger.read, .watermark_ms = sealed_s * 1000};
    for (int i = 0; i < likes; i++) {
        struct event like = {.occurred_at_ms = like_s * 1000,
                             .platform = PLATFORM_WEB,
                             .kind = KIND_LIKE,
                             .delta = 1,
                             .account = {"acme", 4}};
        panes_take(&h.panes, &nobody, &like, h.offset++, &rules, 0);
        h.read++;
    }
    assert_int_equal(keeper_keep(&keeper, of, &h, &p), STATUS_OK);
    panes_fini(&h.panes);
}

static void keep(int64_t like_s, int likes) {
    keep_in(kept, like_s, likes, SEALED_S);
}

static void begin_again(void) {
    struct problem p;
    keeper_release(&kept);
    assert_int_equal(keeper_restore(&keeper, 0, 0, &kept, &p), STATUS_OK);
}

static void part_name(char name[NAME_MAX_LENGTH], int64_t to) {
    part_name_write(name, &(struct part_name){START_S, 0, 0, to});
}

static void tear_part(int64_t to) {
    char name[NAME_MAX_LENGTH];
    part_name(name, to);
    free(part);
    assert_int_equal(store_get(store, name, &part, &part_length, NULL), STATUS_OK);
    assert_int_equal(store_put(store, name, "torn", 4, NULL), STATUS_OK);
}

// Three likes, and their part.
static void tear(void) {
    keep(START_S, 3);
    tear_part(3);
}

static void part_put_back(int64_t to) {
    char name[NAME_MAX_LENGTH];
    part_name(name, to);
    assert_int_equal(store_put(store, name, part, part_length, NULL), STATUS_OK);
}

static void put_back(void) {
    part_put_back(3);
}

static void balances(uint64_t read) {
    const struct ledger *l = &kept->ledger;
    uint64_t events = l->settled_counted + l->settled_late;
    for (size_t i = 0; i < l->count; i++)
        events += l->at[i].counted + l->at[i].late;
    for (size_t i = 0; i < l->apart.count; i++)
        events += l->apart.at[i].counted + l->apart.at[i].late;
    assert_int_equal(l->read, read);
    assert_int_equal(events, read);
}

// Somebody views, buys, and likes late, a handover each.
static void keep_sale(void) {
    static const struct rules rules = {0};
    struct event events[] = {
        {.kind = KIND_VIEW, .consent = CONSENT_MEASUREMENT, .has_actor = true, .actor = {7}},
        {.kind = KIND_PURCHASE, .id = {1}, .order = {"o-1", 3}},
        {.kind = KIND_LIKE}};
    for (int i = 0; i < 3; i++) {
        struct problem p;
        struct handover h = {.offset = kept->ledger.offset + 1,
                             .read = kept->ledger.read + 1,
                             .watermark_ms = SEALED_S * 1000};
        events[i].occurred_at_ms = START_S * INT64_C(1000);
        events[i].platform = PLATFORM_WEB;
        events[i].delta = 1;
        events[i].account = slice_of("acme");
        panes_take(&h.panes, &nobody, &events[i], h.offset - 1, &rules, i == 2 ? SEALED_S * 1000 : 0);
        assert_int_equal(keeper_keep(&keeper, kept, &h, &p), STATUS_OK);
        panes_fini(&h.panes);
    }
}

static char *part_read_to(int64_t to, size_t *length) {
    char name[NAME_MAX_LENGTH], *bytes;
    part_name(name, to);
    assert_int_equal(store_get(store, name, &bytes, length, NULL), STATUS_OK);
    return bytes;
}

static int64_t likes_of(struct rows *rows) {
    const struct row_key key = {.table = TABLE_TOTALS, .platform = PLATFORM_WEB, .account = slice_of("acme")};
    return value_of(rows, &key, field_counter(COUNTER_OF_LIKE));
}

// The part that reaches so far holds so many.
static void part_holds(int64_t to, int64_t likes) {
    struct rows *rows = rows_create();
    struct coverage coverage;
    struct problem p;
    assert_int_equal(
        keep_files_read_part(&keeper, &(struct part_name){START_S, 0, 0, to}, rows, &coverage, &p),
        STATUS_OK);
    assert_int_equal(likes_of(rows), likes);
    assert_int_equal(coverage.counted, likes);
    rows_destroy(&rows);
}

static enum status publish(struct problem *p) {
    static const bool owned[] = {true};
    struct publisher *publisher = publisher_create(1, -1);
    bool more;
    enum status status = publisher_run(publisher, &keeper, owned, 8, 0, &more, p);
    publisher_destroy(&publisher);
    return status;
}

static bool is_published(int64_t start_s) {
    struct snapshot_name newest;
    return shelf_newest(store, start_s, &newest, NULL) == STATUS_OK;
}

static void others_go_on__goes_red_if_it_stops_them(void **state) {
    static struct capture captured;
    struct problem p;
    char name[NAME_MAX_LENGTH];
    tear();
    part_name(name, 3);
    size_t bytes = ledger_memory(&kept->ledger);
    capture_begin(&captured);
    keep(START_S, 1);
    capture_end(&captured);
    assert_true(ledger_memory(&kept->ledger) > bytes);
    assert_non_null(strstr(captured.text, "window_apart"));
    assert_non_null(strstr(captured.text, name));
    keep(START_S + WINDOW_S, 5);
    balances(9);
    assert_int_equal(publish(&p), STATUS_OK);
    assert_false(is_published(START_S));
    assert_true(is_published(START_S + WINDOW_S));
}

static void
what_came_is_added_when_the_file_is_back__goes_red_if_it_is_not_or_published_before(void **state) {
    struct problem p;
    tear();
    keep(START_S, 1);
    keep(START_S, 1);
    put_back();
    assert_int_equal(publish(&p), STATUS_OK);
    assert_false(is_published(START_S));
    keep(0, 0);
    part_holds(5, 5);
    assert_null(ledger_apart(&kept->ledger, START_S));
    balances(5);
    assert_int_equal(publish(&p), STATUS_OK);
    assert_true(is_published(START_S));
}

// By a base or by segments: as many handovers as make one, and one between.
static void it_is_kept_over_a_start__goes_red_if_checkpoints_have_it_not(void **state) {
    enum { HANDOVERS = 20 };
    tear();
    for (int i = 1; i <= HANDOVERS; i++) {
        keep(START_S, 1);
        begin_again();
        balances((uint64_t)(3 + i));
    }
    put_back();
    keep(START_S, 1);
    part_holds(4 + HANDOVERS, 4 + HANDOVERS);
    balances(4 + HANDOVERS);
    begin_again();
    balances(4 + HANDOVERS);
}

// The base before has the rows of the window itself, which its part has, too.
static void what_a_base_has_of_it_is_not_added_twice__goes_red_if_it_stays(void **state) {
    keep_in(kept, START_S, 3, START_S);
    keep(START_S + WINDOW_S, 1); // seals it
    tear_part(3);
    keep(START_S, 1);
    begin_again();
    assert_int_equal(likes_of(ledger_apart(&kept->ledger, START_S)->rows), 1);
    put_back();
    keep(0, 0);
    part_holds(5, 4);
}

// As where somebody took it away.
static void a_part_that_is_gone_is_waited_for(void **state) {
    char name[NAME_MAX_LENGTH];
    tear();
    part_name(name, 3);
    assert_int_equal(store_remove(store, name, NULL), STATUS_OK);
    keep(START_S, 1);
    begin_again();
    put_back();
    keep(0, 0);
    part_holds(4, 4);
    balances(4);
}

// A start tells it, and not each handover.
static void it_is_told_once_a_start__goes_red_if_it_is_forgotten(void **state) {
    static struct capture captured;
    tear();
    keep(START_S, 1);
    for (int begun = 1; begun >= 0; begun--) {
        if (begun == 1)
            begin_again();
        capture_begin(&captured);
        keep(START_S, 1);
        capture_end(&captured);
        assert_int_equal(strstr(captured.text, "window_apart") != NULL, begun);
    }
}

// Persons, orders and what is late with it: the part's bytes are those of one that was never torn.
static void all_of_it_is_added__goes_red_if_something_stays_behind(void **state) {
    size_t length, whole_length;
    keep(START_S, 3);
    keep_sale();
    char *whole = part_read_to(6, &whole_length);
    assert_int_equal(end(NULL), 0);
    assert_int_equal(begin(NULL), 0);
    tear();
    keep_sale();
    put_back();
    keep(0, 0);
    char *bytes = part_read_to(6, &length);
    assert_int_equal(length, whole_length);
    assert_memory_equal(bytes, whole, length);
    free(bytes);
    free(whole);
}

// Its line is settled, and some part of it is the last.
static void settle(void) {
    ledger_forget(&kept->ledger, ledger_find(&kept->ledger, START_S));
}

static void crash_before_checkpoint(void) {
    char name[NAME_MAX_LENGTH];
    const struct ledger *l = &kept->ledger;
    checkpoint_name_write(name, &(struct checkpoint_name){l->partition, l->offset, l->offset - 1});
    assert_int_equal(store_remove(store, name, NULL), STATUS_OK);
    through_name_write(name, &(struct through_name){l->partition, l->offset, l->sealed_s});
    assert_int_equal(store_remove(store, name, NULL), STATUS_OK);
    begin_again();
}

// What was added is in a part that no checkpoint knows of.
static void
a_crash_after_it_was_added_does_not_add_it_twice__goes_red_if_the_last_part_is_taken(void **state) {
    tear();
    settle();
    keep(START_S, 1);
    put_back();
    keep(START_S + WINDOW_S, 1);
    part_holds(4, 4);
    crash_before_checkpoint();
    assert_non_null(ledger_apart(&kept->ledger, START_S));
    keep(START_S, 1);
    part_holds(5, 5);
    balances(5);
}

// The line went, as its window was published.
static void what_stands_beside_a_line_that_goes_is_added_once(void **state) {
    tear();
    keep(START_S, 1);
    settle();
    keep(START_S + WINDOW_S, 1);
    put_back();
    keep(START_S + WINDOW_S, 1);
    part_holds(4, 4);
    crash_before_checkpoint();
    keep(START_S, 1);
    part_holds(6, 5);
    balances(6);
}

// No record came with what was added, and so no checkpoint says that it was.
static void beside_another_part_it_is_another__goes_red_if_both_are_added(void **state) {
    tear();
    keep(START_S, 1);
    put_back();
    keep(0, 0);
    part_holds(4, 4);
    tear_part(4);
    keep(START_S, 1);
    begin_again();
    assert_int_equal(likes_of(ledger_apart(&kept->ledger, START_S)->rows), 1);
    part_put_back(4);
    keep(START_S, 1);
    part_holds(6, 6);
    balances(6);
}

// ---- two processes, of which each has the partition for its own

static struct kept *other_begin(void) {
    struct kept *other;
    struct problem p;
    assert_int_equal(keeper_restore(&keeper, 0, 0, &other, &p), STATUS_OK);
    return other;
}

// The log has likes of the window alone from there on.
static void keep_up_to(int64_t offset) {
    while (kept->ledger.offset < offset)
        keep(START_S, 1);
}

// Both write a checkpoint of that name, `other` at last.
static void other_overwrites(struct kept *other, int64_t like_s, int64_t other_sealed_s) {
    char name[NAME_MAX_LENGTH], *bytes;
    size_t length;
    checkpoint_name_write(name, &(struct checkpoint_name){0, other->ledger.offset + 1, other->ledger.offset});
    keep_in(other, like_s, 1, other_sealed_s);
    assert_int_equal(store_get(store, name, &bytes, &length, NULL), STATUS_OK);
    if (part == NULL)
        tear_part(3);
    keep(like_s, 1);
    assert_int_equal(store_put(store, name, bytes, length, NULL), STATUS_OK);
    free(bytes);
}

// It could read the part when we could not, and what stands apart with us is in its part.
static void what_another_added_is_not_lost__goes_red_if_we_go_on_from_its_checkpoint(void **state) {
    keep(START_S, 3);
    struct kept *other = other_begin();
    other_overwrites(other, START_S, SEALED_S);
    keeper_release(&other);
    keep(START_S, 1);
    begin_again();
    put_back();
    keep_up_to(6);
    part_holds(6, 6);
    balances(6);
}

// As before, but its line went, too: then the store says what its part has.
static void what_another_added_and_settled_is_not_lost__goes_red_if_the_store_is_not_asked(void **state) {
    keep(START_S, 3);
    struct kept *other = other_begin();
    keep_in(other, START_S, 1, SEALED_S);
    tear_part(3);
    keep(START_S, 1);
    ledger_forget(&other->ledger, ledger_find(&other->ledger, START_S));
    other_overwrites(other, START_S + WINDOW_S, SEALED_S);
    keeper_release(&other);
    keep(START_S, 1);
    begin_again();
    put_back();
    keep_up_to(6);
    part_holds(6, 5);
    balances(6);
}

// It has not sealed the window, and goes on from our checkpoint, in which that is.
static void what_stands_apart_is_not_lost_by_another__goes_red_if_it_goes_on_from_ours(void **state) {
    keep_in(kept, START_S, 3, START_S);
    struct kept *other = other_begin();
    keep_in(other, START_S + WINDOW_S, 1, START_S);
    keep(START_S + WINDOW_S, 1);
    tear_part(3);
    begin_again();
    keep_in(other, START_S, 1, START_S);
    keep(START_S, 1);
    assert_non_null(ledger_apart(&kept->ledger, START_S));
    keep_in(other, START_S, 1, START_S);
    keeper_release(&other);
    put_back();
    begin_again();
    keep_up_to(7);
    part_holds(7, 6);
    balances(7);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, begin, end)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(others_go_on__goes_red_if_it_stops_them),
        TEST(what_came_is_added_when_the_file_is_back__goes_red_if_it_is_not_or_published_before),
        TEST(it_is_kept_over_a_start__goes_red_if_checkpoints_have_it_not),
        TEST(what_a_base_has_of_it_is_not_added_twice__goes_red_if_it_stays),
        TEST(all_of_it_is_added__goes_red_if_something_stays_behind),
        TEST(a_part_that_is_gone_is_waited_for),
        TEST(it_is_told_once_a_start__goes_red_if_it_is_forgotten),
        TEST(a_crash_after_it_was_added_does_not_add_it_twice__goes_red_if_the_last_part_is_taken),
        TEST(what_stands_beside_a_line_that_goes_is_added_once),
        TEST(beside_another_part_it_is_another__goes_red_if_both_are_added),
        TEST(what_another_added_is_not_lost__goes_red_if_we_go_on_from_its_checkpoint),
        TEST(what_another_added_and_settled_is_not_lost__goes_red_if_the_store_is_not_asked),
        TEST(what_stands_apart_is_not_lost_by_another__goes_red_if_it_goes_on_from_ours),
    };
    return cmocka_run_group_tests(tests, store_fixture_begin, store_fixture_end);
}
