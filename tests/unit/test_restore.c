// Restoring while another process writes on and sweeps: a store that does so between two calls.
#include "aggregate/keep/keeper.h"

#include "runtime/log/log.h"
#include "stream/store/store_kind.h"
#include "tests/unit/snapshot_fixture.h"
#include "tests/unit/store_fixture.h"

static struct viewers nobody; // by rules without window.heartbeat none is remembered

enum { PARTITIONS = 1, START_S = 1767225600, ALWAYS = 1000 };
#define CLOCK_MS ((START_S + WINDOW_S) * INT64_C(1000))

// ---- a store whose checkpoints are swept after they were listed

struct sweeping {
    struct store store;
    struct store *inner;
    int listings; // of checkpoints
    int sweeps;   // so many listings are followed by two bases of another process
};

static struct sweeping sweeping;
static struct keeper keeper, other; // the other one's store is the inner
static struct kept *others;

static enum status inner_write(struct store *store, const char *name, const char *bytes, size_t length,
                               bool *created, struct problem *p) {
    return sweeping.inner->kind->write(sweeping.inner, name, bytes, length, created, p);
}

static enum status inner_read(struct store *store, const char *name, char **bytes, size_t *length,
                              struct problem *p) {
    return sweeping.inner->kind->read(sweeping.inner, name, bytes, length, p);
}

static enum status inner_remove(struct store *store, const char *name, struct problem *p) {
    return sweeping.inner->kind->remove(sweeping.inner, name, p);
}

static int64_t inner_free_bytes(struct store *store, int64_t *all) {
    return -1;
}

static void inner_close(struct store *store) {
    store_close(&sweeping.inner);
}

// It keeps one more like, as a base.
static void other_goes_on(void) {
    struct problem p;
    struct handover h = {.offset = others->ledger.offset + 1, .read = others->ledger.read + 1};
    const struct rules rules = {0};
    panes_take(&h.panes, &nobody,
               &(struct event){.occurred_at_ms = START_S * INT64_C(1000),
                               .platform = PLATFORM_WEB,
                               .kind = KIND_LIKE,
                               .delta = 1,
                               .account = {"acme", 4}},
               others->ledger.offset, &rules, 0);
    others->segments = UINT32_MAX;
    assert_int_equal(keeper_keep(&other, others, &h, &p), STATUS_OK);
    panes_fini(&h.panes);
}

static enum status sweeping_list(struct store *store, const char *folder, struct store_names *names,
                                 struct problem *p) {
    enum status status = sweeping.inner->kind->list(sweeping.inner, folder, names, p);
    if (strcmp(folder, "checkpoints") == 0 && ++sweeping.listings <= sweeping.sweeps) {
        other_goes_on();
        other_goes_on();
    }
    return status;
}

static const struct store_kind sweeping_kind = {inner_write,  inner_read,       sweeping_list,
                                                inner_remove, inner_free_bytes, inner_close};

static int fresh(void **state) {
    struct problem p;
    sweeping = (struct sweeping){.store = {&sweeping_kind}, .inner = store_fresh()};
    keeper = other = (struct keeper){.store = &sweeping.store,
                                     .topic = "engagement",
                                     .topic_id = "k8s2",
                                     .rules_hash = "0011",
                                     .kpis_hash = "2233",
                                     .partitions = PARTITIONS};
    other.store = sweeping.inner;
    return sweeping.inner == NULL || keeper_restore(&other, 0, 0, &others, &p) != STATUS_OK;
}

static int done(void **state) {
    keeper_release(&others);
    store_close(&(struct store *){&sweeping.store});
    return 0;
}

// ---- what is restored

static void restores(int64_t offset) {
    struct kept *kept;
    struct problem p;
    assert_int_equal(keeper_restore(&keeper, 0, 0, &kept, &p), STATUS_OK);
    assert_int_equal(kept->ledger.offset, offset);
    assert_int_equal(kept->ledger.read, offset);
    assert_int_equal(kept->ledger.count, offset > 0);
    keeper_release(&kept);
}

static void without_a_checkpoint_it_begins_where_the_log_does(void **state) {
    restores(0);
    assert_int_equal(sweeping.listings, 1);
}

static void what_was_swept_meanwhile_is_listed_again__goes_red_if_it_begins_anew(void **state) {
    other_goes_on();
    sweeping.sweeps = 1;
    restores(3);
    assert_int_equal(sweeping.listings, 2);
}

// A disk may lose its newest file: what is swept is what came before the last but one base.
static void where_the_newest_base_is_torn_the_one_before_it_is_there__goes_red_if_it_was_swept(void **state) {
    char name[NAME_MAX_LENGTH];
    for (int i = 0; i < 5; i++)
        other_goes_on();
    checkpoint_name_write(name, &(struct checkpoint_name){0, 5, 5});
    assert_int_equal(store_put(sweeping.inner, name, "torn", 4, NULL), STATUS_OK);
    restores(4);
    checkpoint_name_write(name, &(struct checkpoint_name){0, 3, 3});
    char *bytes;
    size_t length;
    assert_int_equal(store_get(sweeping.inner, name, &bytes, &length, NULL), STATUS_NO_INPUT);
}

static void as_often_as_it_takes_within_bounds(void **state) {
    other_goes_on();
    sweeping.sweeps = 4;
    restores(9);
}

static void then_it_is_put_off__goes_red_if_it_begins_anew(void **state) {
    struct kept *kept;
    struct problem p;
    other_goes_on();
    sweeping.sweeps = ALWAYS;
    assert_int_equal(keeper_restore(&keeper, 0, 0, &kept, &p), STATUS_TRY_AGAIN);
    assert_string_equal(p.code, "CLM-D1");
    assert_null(kept);
    assert_int_equal(sweeping.listings, 5);
}

static void take_away(const struct checkpoint_name *name) {
    char text[NAME_MAX_LENGTH];
    checkpoint_name_write(text, name);
    assert_int_equal(store_remove(sweeping.inner, text, NULL), STATUS_OK);
}

static void a_listing_without_the_base_of_a_segment_is_made_again__and_is_believed_in_the_end(void **state) {
    other_goes_on();
    others->segments = 0;
    struct problem p;
    struct handover h = {.offset = 2, .read = 2};
    assert_int_equal(keeper_keep(&other, others, &h, &p), STATUS_OK);
    restores(2);
    take_away(&(struct checkpoint_name){0, 1, 1});
    sweeping.listings = 0;
    restores(0);
    assert_int_equal(sweeping.listings, 5);
}

// ---- two that disagree about what is sealed

// One more like of the window, in a segment; sealed where the watermark is beyond it.
static void likes_on(struct kept *process, int64_t watermark_ms) {
    const struct rules rules = {.window_lateness_ms = 600 * 1000};
    struct problem p;
    struct handover h = {.offset = process->ledger.offset + 1,
                         .read = process->ledger.read + 1,
                         .watermark_ms = watermark_ms,
                         .lateness_ms = rules.window_lateness_ms};
    panes_take(&h.panes, &nobody,
               &(struct event){.occurred_at_ms = START_S * INT64_C(1000),
                               .platform = PLATFORM_WEB,
                               .kind = KIND_LIKE,
                               .delta = 1,
                               .account = {"acme", 4}},
               process->ledger.offset, &rules, 0);
    assert_int_equal(keeper_keep(&other, process, &h, &p), STATUS_OK);
    panes_fini(&h.panes);
}

static int64_t likes_restored(void) {
    struct kept *kept;
    struct problem p;
    const struct row_key key = {.table = TABLE_TOTALS, .platform = PLATFORM_WEB, .account = slice_of("acme")};
    assert_int_equal(keeper_restore(&keeper, 0, 0, &kept, &p), STATUS_OK);
    assert_non_null(kept->ledger.at[0].rows);
    int64_t likes = value_of(kept->ledger.at[0].rows, &key, field_counter(COUNTER_OF_LIKE));
    keeper_release(&kept);
    return likes;
}

// The clock had sealed it for one of them, which left its rows to its part. Both write a file of one name:
// the last stands.
static void
a_window_that_was_left_to_its_part_on_the_way_is_whole__goes_red_if_gains_alone_are_added(void **state) {
    for (int sealer_is_last = 0; sealer_is_last < 2; sealer_is_last++) {
        struct kept *sealer;
        struct problem p;
        assert_int_equal(done(state), 0);
        assert_int_equal(fresh(state), 0);
        likes_on(others, 0);
        assert_int_equal(keeper_restore(&other, 0, 0, &sealer, &p), STATUS_OK);
        likes_on(sealer_is_last != 0 ? others : sealer, sealer_is_last != 0 ? 0 : CLOCK_MS);
        likes_on(sealer_is_last != 0 ? sealer : others, sealer_is_last != 0 ? CLOCK_MS : 0);
        likes_on(others, 0);
        assert_int_equal(likes_restored(), 3);
        keeper_release(&sealer);
    }
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, fresh, done)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(without_a_checkpoint_it_begins_where_the_log_does),
        TEST(what_was_swept_meanwhile_is_listed_again__goes_red_if_it_begins_anew),
        TEST(where_the_newest_base_is_torn_the_one_before_it_is_there__goes_red_if_it_was_swept),
        TEST(as_often_as_it_takes_within_bounds),
        TEST(then_it_is_put_off__goes_red_if_it_begins_anew),
        TEST(a_listing_without_the_base_of_a_segment_is_made_again__and_is_believed_in_the_end),
        TEST(a_window_that_was_left_to_its_part_on_the_way_is_whole__goes_red_if_gains_alone_are_added),
    };
    log_configure("error", "text");
    return cmocka_run_group_tests(tests, store_fixture_begin, store_fixture_end);
}
