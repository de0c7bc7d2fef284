// What a header names of the windows that refunds look up, where that is more than it has room for.
#include "aggregate/keep/publisher_internal.h"

#include "schemas/layout.h"
#include "tests/unit/keeper_fixture.h"

enum { START_S = 1767225600, NEAR = EARLIER_S / WINDOW_S, FAR = 100, LINES = NEAR + FAR };

static int fresh(void **state) {
    keeper_fresh(PARTITIONS_MAX);
    return store == NULL;
}

// Every partition has orders of the window and of all before it, as many as there are lines.
struct world {
    struct publisher *publisher;
    struct line lines[LINES];
    int64_t windows[LINES];
    struct coverage coverage[PARTITIONS_MAX];
    struct inputs in;
};

static struct world *world_begin(void) {
    struct world *w = memory_take(sizeof(*w));
    w->publisher = publisher_create(PARTITIONS_MAX, -1);
    for (int i = 0; i < LINES; i++) {
        w->windows[i] = START_S - (LINES - i) * (int64_t)WINDOW_S;
        w->lines[i] = (struct line){.start_s = w->windows[i], .to = INT64_MAX, .orders_to = INT64_MAX};
    }
    earlier_forget(w->publisher->earlier);
    for (uint32_t i = 0; i < PARTITIONS_MAX; i++) {
        struct progress *progress = &w->publisher->throughs[i].progress;
        *progress = (struct progress){
            .partition = i, .sealed_s = START_S + WINDOW_S, .lines = w->lines, .line_count = LINES};
        w->coverage[i] = (struct coverage){i, 0, INT64_MAX, UINT64_MAX, UINT64_MAX, true, INT64_MAX};
        earlier_note(w->publisher->earlier, progress);
    }
    earlier_noted(w->publisher->earlier);
    w->in = (struct inputs){.coverage = w->coverage};
    return w;
}

static void world_end(struct world **w) {
    for (uint32_t i = 0; i < PARTITIONS_MAX; i++)
        (*w)->publisher->throughs[i].progress.lines = NULL;
    publisher_destroy(&(*w)->publisher);
    free((*w)->in.earlier);
    free(*w);
}

static enum status look_up(struct world *w) {
    struct problem p;
    return inputs_look_up(w->publisher, &keeper, START_S, w->windows, LINES, true, &w->in, &p);
}

static size_t named_of(const struct world *w, int64_t start_s, bool *gone) {
    size_t count;
    const struct earlier_orders *list =
        earlier_within(w->in.earlier, w->in.earlier_count, start_s, start_s + 1, &count);
    *gone = count > 0 && list[0].gone;
    return count;
}

static void is_written_and_read(const struct world *w) {
    struct snapshot *s;
    struct problem p;
    struct header header = keeper_header(FILE_WINDOW, START_S);
    header.coverage = w->coverage;
    header.coverage_count = PARTITIONS_MAX;
    header.earlier = w->in.earlier;
    header.earlier_count = w->in.earlier_count;
    struct rows *rows = rows_create();
    struct snapshot_bytes bytes = written(&header, rows);
    assert_int_equal(snapshot_open(&s, "it", bytes.at, bytes.length, &p), STATUS_OK);
    assert_int_equal(snapshot_header(s)->earlier_count, w->in.earlier_count);
    snapshot_close(&s);
    snapshot_bytes_fini(&bytes);
    rows_destroy(&rows);
}

// 48 hours of all partitions that can be, all of it as long as it can be.
static void what_is_named_is_written__goes_red_if_those_of_48_hours_are_not_reckoned_with(void **state) {
    const size_t room = SNAPSHOT_EARLIER_MAX - NEAR * PARTITIONS_MAX - (1 << 16),
                 kept = room / (PARTITIONS_MAX - 1);
    struct world *w = world_begin();
    assert_int_equal(look_up(w), STATUS_OK);
    for (size_t i = 0; i < LINES; i++) {
        bool gone;
        size_t named = named_of(w, w->windows[i], &gone);
        bool is_left_out = i < FAR - kept;
        assert_int_equal(named, is_left_out ? 1 : PARTITIONS_MAX);
        assert_int_equal(gone, is_left_out);
    }
    is_written_and_read(w);
    world_end(&w);
}

// Of the window that lies furthest back one partition has orders, which would fit; of the last of all these
// have none.
static void first_and_last_have_few(struct world *w) {
    enum { WITHOUT = 300 };
    earlier_forget(w->publisher->earlier);
    for (uint32_t i = 0; i < PARTITIONS_MAX; i++) {
        struct progress *progress = &w->publisher->throughs[i].progress;
        progress->lines += i > 0;
        progress->line_count -= (i > 0) + (size_t)(i > PARTITIONS_MAX - WITHOUT);
        w->coverage[i].orders_to = 0;
        earlier_note(w->publisher->earlier, progress);
    }
    earlier_noted(w->publisher->earlier);
}

static void what_lies_behind_what_has_no_room_is_left_out__goes_red_if_it_is_looked_up(void **state) {
    struct world *w = world_begin();
    bool gone;
    first_and_last_have_few(w);
    assert_int_equal(look_up(w), STATUS_OK);
    assert_int_equal(named_of(w, w->windows[0], &gone), 1);
    assert_true(gone);
    world_end(&w);
}

// What was read of them is named still, but for who is new: so the later revision has the greater sum.
static void what_is_left_out_keeps_what_was_named__goes_red_if_the_sum_of_a_revision_falls(void **state) {
    struct earlier_orders published[] = {{0, 7, 40, false}, {0, 9, 50, false}};
    struct world *w = world_begin();
    bool gone;
    published[0].start_s = published[1].start_s = w->windows[0];
    w->in.published = published;
    w->in.published_count = 2;
    assert_int_equal(look_up(w), STATUS_OK);
    assert_int_equal(named_of(w, w->windows[0], &gone), 2);
    assert_true(gone);
    assert_int_equal(w->in.earlier[1].to, 50);
    world_end(&w);
}

// Else some of its partitions would be looked up, and others not.
static void what_is_gone_stays_gone__goes_red_if_a_line_brings_back_its_partition(void **state) {
    struct world *w = world_begin();
    struct earlier_orders published = {w->windows[LINES - 1], 7, 40, true};
    bool gone;
    w->in.published = &published;
    w->in.published_count = 1;
    for (uint32_t i = 0; i < PARTITIONS_MAX; i++)
        w->coverage[i].orders_to = 0;
    assert_int_equal(look_up(w), STATUS_OK);
    assert_int_equal(named_of(w, published.start_s, &gone), 1);
    assert_true(gone);
    world_end(&w);
}

static size_t looked_up(const struct world *w) {
    size_t count = 0;
    for (size_t i = 0; i < FAR; i++) {
        bool gone;
        count += named_of(w, w->windows[i], &gone) > 0 && !gone;
    }
    return count;
}

// Each revision finds more refunds, of orders that lie less far back. What was looked up first stays so, and
// the rest is gone: there is no revision that a header has no room for.
static void burst_after_burst_is_named__goes_red_if_those_before_have_no_room_of_their_own(void **state) {
    struct world *w = world_begin();
    struct problem p;
    size_t before = 0;
    for (size_t count = FAR / 5; count <= FAR; count += FAR / 5) {
        assert_int_equal(inputs_look_up(w->publisher, &keeper, START_S, w->windows, count, true, &w->in, &p),
                         STATUS_OK);
        assert_true(looked_up(w) >= before);
        before = looked_up(w);
        free(w->in.published);
        w->in.published = w->in.earlier;
        w->in.published_count = w->in.earlier_count;
        w->in.earlier = NULL;
    }
    assert_in_range(before, 40, FAR - 1);
    w->in.earlier = w->in.published;
    is_written_and_read(w);
    world_end(&w);
}

// Windows that revisions have named before fill the header, and another is looked up.
static void what_fits_no_header_is_refused__goes_red_if_it_is_written(void **state) {
    struct world *w = world_begin();
    struct earlier_orders *published = memory_take(SNAPSHOT_EARLIER_MAX * sizeof(*published));
    for (uint32_t i = 0; i < SNAPSHOT_EARLIER_MAX; i++)
        published[i] = (struct earlier_orders){w->windows[i / PARTITIONS_MAX], i % PARTITIONS_MAX, 1, true};
    w->in.published = published;
    w->in.published_count = SNAPSHOT_EARLIER_MAX;
    assert_int_equal(look_up(w), STATUS_BAD_DATA);
    free(published);
    world_end(&w);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, fresh, done)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(what_is_named_is_written__goes_red_if_those_of_48_hours_are_not_reckoned_with),
        TEST(what_lies_behind_what_has_no_room_is_left_out__goes_red_if_it_is_looked_up),
        TEST(what_is_left_out_keeps_what_was_named__goes_red_if_the_sum_of_a_revision_falls),
        TEST(what_is_gone_stays_gone__goes_red_if_a_line_brings_back_its_partition),
        TEST(burst_after_burst_is_named__goes_red_if_those_before_have_no_room_of_their_own),
        TEST(what_fits_no_header_is_refused__goes_red_if_it_is_written),
    };
    return cmocka_run_group_tests(tests, store_fixture_begin, store_fixture_end);
}
