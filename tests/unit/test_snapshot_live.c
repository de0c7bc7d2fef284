// The bytes of a live session: what is written is read, and what is none is refused.
#include "snapshot_fixture.h"

#include "schemas/snapshot/snapshot_parts.h"

#define BYTES(text) ((struct slice){text, sizeof(text) - 1})

// A join in second 7 and two leaves in second 8 of the window 900, one of which was another's.
#define NAMES "\x0a\1a\x10\2\x1a\1s\x20\x84\7"
#define SUMS  "\x28\2\x30\4"
#define LISTS "\x42\2\7\1\x4a\2\2\3"

static void assert_read(struct slice bytes, const char *expected) {
    struct live_session live;
    struct live_room room;
    const char *wrong = live_read(bytes, &live, &room);
    assert_string_equal(wrong != NULL ? wrong : "", expected);
}

static void what_is_written_is_read(void **state) {
    static const struct live_change changes[] = {{0, INT64_MIN}, {1, 0}, {2, INT64_MAX}, {8099, 1}};
    const struct live_session live = {.platform = UINT32_MAX,
                                      .account = slice_of("acme"),
                                      .session = slice_of("show"),
                                      .start_s = 1700000100,
                                      .joins = INT64_MIN,
                                      .leaves = INT64_MIN,
                                      .watch_ms = -1,
                                      .expired = INT64_MIN,
                                      .returned = INT64_MIN,
                                      .changes = changes,
                                      .change_count = 4};
    struct wire_out bytes = {0}, scratch = {0};
    struct live_session again;
    struct live_room room;
    live_write(&bytes, &live, &scratch);
    assert_null(live_read(wire_slice(&bytes), &again, &room));
    assert_int_equal(live_session_order(&live, &again), 0);
    assert_int_equal(again.joins, live.joins);
    assert_int_equal(again.leaves, live.leaves);
    assert_int_equal(again.watch_ms, -1);
    assert_int_equal(again.expired, INT64_MIN);
    assert_int_equal(again.returned, INT64_MIN);
    assert_int_equal(again.change_count, 3); // what nets to nothing is not written
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(again.changes[i].second, changes[i + (i > 0)].second);
        assert_int_equal(again.changes[i].change, changes[i + (i > 0)].change);
    }
    free(scratch.at);
    free(bytes.at);
}

static void what_is_none_is_refused(void **state) {
    static const struct {
        struct slice bytes;
        const char *expected;
    } cases[] = {
        {BYTES(NAMES SUMS LISTS), ""},
        {BYTES("\x1a\1s\x38\2"), ""},                  // of no account and the first window: watched for 1 ms
        {BYTES(NAMES SUMS LISTS "\x62\1?\x68\1"), ""}, // of a newer program
        {BYTES(NAMES SUMS LISTS "\x50\6\x58\6"), ""},  // three expired, three returned
        {BYTES(NAMES SUMS LISTS "\x50\2"), "the changes of a live session do not sum to what its counts say"},
        {BYTES(NAMES SUMS LISTS "\x58\2"), "the changes of a live session do not sum to what its counts say"},
        {BYTES("\x1a\1s\x50\1\x58\1"), ""}, // one that was to leave was heard again
        {BYTES(NAMES SUMS LISTS "\x42\1\7"), "a list of a live session comes twice"},
        {BYTES(NAMES SUMS LISTS "\x4a\1\7"), "a list of a live session comes twice"},
        {BYTES(NAMES SUMS "\x42\1\7\x4a\2\2\3"), "a live session has more changes than steps"},
        {BYTES(NAMES SUMS "\x42\3\7\1\1\x4a\2\2\3"),
         "a live session has fewer changes than steps, or they are damaged"},
        {BYTES(NAMES SUMS "\x42\2\7\1\x4a\2\2\x83"),
         "a live session has fewer changes than steps, or they are damaged"},
        {BYTES(NAMES SUMS "\x42\2\7\0\x4a\2\2\3"),
         "a live session steps too far past its window, or stays at a second"},
        {BYTES(NAMES SUMS "\x42\3\7\x9c\x3f\x4a\2\2\3"), ""}, // second 8099
        {BYTES(NAMES SUMS "\x42\3\7\x9d\x3f\x4a\2\2\3"),
         "a live session steps too far past its window, or stays at a second"},
        {BYTES(NAMES SUMS "\x42\6\7\xff\xff\xff\xff\xf\x4a\2\2\3"),
         "a live session steps too far past its window, or stays at a second"},
        {BYTES(NAMES SUMS "\x42\2\7\1\x4a\2\0\1"), "a change of a live session is 0"},
        {BYTES(NAMES "\x28\2\x30\2" LISTS),
         "the changes of a live session do not sum to what its counts say"},
        {BYTES(NAMES SUMS), "the changes of a live session do not sum to what its counts say"},
        {BYTES(NAMES), "a live session has no name, or nothing happened in it"},
        {BYTES("\x0a\1a\x10\2\x20\x84\7" SUMS LISTS),
         "a live session has no name, or nothing happened in it"},
        {BYTES("\x1a\1s\x20\x85\7" SUMS LISTS), "a live session is of no window"},
        {BYTES("\x1a\1s\x20\xfc\xf8\xff\xff\xff\xff\xff\xff\xff\1" SUMS LISTS),
         "a live session is of no window"}, // -900
        {BYTES("\x1a\1s\x20\xf8\xff\xff\xff\xff\xff\xff\xff\x7f" SUMS LISTS),
         "a live session is of no window"}, // no time of an event; its end would be none of 64 bits
        {BYTES("\x1a\1s\x20\x8c\xeb\xa5\xb7\x92\x86\x02" SUMS LISTS), ""}, // the last that is
        {BYTES("\x10\x80\x80\x80\x80\x10" SUMS LISTS), "a number of a live session is too large"},
        {BYTES(NAMES SUMS "\x42\3\7\1"), "a live session is damaged"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_read(cases[i].bytes, cases[i].expected);
}

static void every_cut_is_refused_but_where_a_field_ends_and_it_adds_up(void **state) {
    static const char whole[] = NAMES SUMS LISTS;
    struct live_session live;
    struct live_room room;
    for (size_t length = 0; length + 1 < sizeof(whole); length++) {
        char *cut = malloc(length + 1);
        memcpy(cut, whole, length);
        assert_non_null(live_read(sized(cut, length), &live, &room));
        free(cut);
    }
}

static void ids_are_as_long_as_they_may_be_and_no_longer(void **state) {
    char id[ROWS_ID_MAX + 1];
    memset(id, 'i', sizeof(id));
    const struct {
        size_t account, session;
        const char *expected;
    } cases[] = {{ROWS_ACCOUNT_MAX, ROWS_ID_MAX, ""},
                 {ROWS_ACCOUNT_MAX + 1, 1, "an id of a live session is longer than it may be"},
                 {1, ROWS_ID_MAX + 1, "an id of a live session is longer than it may be"}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct live_session live = {
            .account = {id, cases[i].account}, .session = {id, cases[i].session}, .watch_ms = 1};
        struct wire_out bytes = {0}, scratch = {0};
        live_write(&bytes, &live, &scratch);
        assert_read(wire_slice(&bytes), cases[i].expected);
        free(scratch.at);
        free(bytes.at);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(what_is_none_is_refused),
        cmocka_unit_test(every_cut_is_refused_but_where_a_field_ends_and_it_adds_up),
        cmocka_unit_test(ids_are_as_long_as_they_may_be_and_no_longer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
