// Whom a partition remembers, for how long, and that it is the same after a restart.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "aggregate/window/viewers.h"
#include "runtime/hash.h"

#define START_MS INT64_C(1767225600000)
#define SECOND   INT64_C(1000)

static const struct rules rules = {.window_heartbeat_ms = 90 * SECOND}, off = {.window_heartbeat_ms = -1};

static struct event event_of(unsigned char who, uint32_t kind, int64_t second) {
    return (struct event){.id = {1},
                          .occurred_at_ms = START_MS + second * SECOND,
                          .platform = PLATFORM_TIKTOK,
                          .kind = kind,
                          .delta = 1,
                          .account = slice_of("acme"),
                          .session = slice_of("show"),
                          .has_actor = true,
                          .actor = {who}};
}

// By how many more watch at the event's own second; -9: nobody's presence is concerned.
static int64_t take(struct viewers *v, struct event e, const struct rules *by) {
    struct presence_change change;
    return viewers_take(v, &e, by, &change) ? change.at[0].change : -9;
}

static size_t known(const struct viewers *v) {
    size_t count;
    free(viewers_all(v, &count));
    return count;
}

static void a_viewer_is_an_actor_in_a_session(void **state) {
    struct viewers v = {0};
    struct event e = event_of(1, KIND_LIVE_HEARTBEAT, 0);
    assert_int_equal(take(&v, e, &rules), 1);
    assert_int_equal(take(&v, e, &rules), 0);
    e.session = slice_of("shop");
    assert_int_equal(take(&v, e, &rules), 1);
    e.account = slice_of("acmes"); // not the same letters with another boundary
    e.session = slice_of("hop");
    assert_int_equal(take(&v, e, &rules), 1);
    e.platform = PLATFORM_WEB;
    assert_int_equal(take(&v, e, &rules), 1);
    e.actor[PSEUDONYM_SIZE - 1] = 1;
    assert_int_equal(take(&v, e, &rules), 1);
    assert_int_equal(known(&v), 5);
    assert_int_equal(v.events, 6);
    viewers_fini(&v);
}

static void nobodys_are_events_without_an_actor_and_of_other_kinds(void **state) {
    struct viewers v = {0};
    struct event e = event_of(1, KIND_LIVE_HEARTBEAT, 0);
    e.has_actor = false;
    assert_int_equal(take(&v, e, &rules), -9);
    assert_int_equal(take(&v, event_of(1, KIND_LIVE_SPEAK, 0), &rules), -9);
    assert_int_equal(take(&v, event_of(1, KIND_LIKE, 0), &rules), -9);
    assert_int_equal(v.events, 0);
    assert_int_equal(viewers_memory(&v), 0);
    viewers_fini(&v);
}

static void who_has_left_without_a_heartbeat_is_not_remembered(void **state) {
    struct viewers v = {0};
    assert_int_equal(take(&v, event_of(1, KIND_LIVE_JOIN, 0), &rules), 1);
    assert_int_equal(known(&v), 1);
    assert_int_equal(take(&v, event_of(1, KIND_LIVE_LEAVE, 10), &rules), -1);
    assert_int_equal(known(&v), 0);
    // Else this one would be older than what was heard.
    assert_int_equal(take(&v, event_of(1, KIND_LIVE_HEARTBEAT, 5), &rules), 1);
    viewers_fini(&v);
}

static void an_event_that_is_older_by_more_than_an_hour_is_nobodys(void **state) {
    struct viewers v = {0};
    struct event e = event_of(1, KIND_LIVE_JOIN, 0);
    take(&v, event_of(1, KIND_LIVE_HEARTBEAT, 3600), &rules);
    assert_int_equal(take(&v, e, &rules), 0); // the join of the heartbeat
    e.occurred_at_ms--;
    assert_int_equal(take(&v, e, &rules), -9);
    viewers_fini(&v);
}

// Within what is bounded, whatever the producers' clocks say: the reader of files has no room for more.
static void no_change_lies_farther_than_files_have_room_for(void **state) {
    const struct rules longest = {.window_heartbeat_ms = VIEWER_TIMEOUT_MAX_MS};
    struct viewers v = {0};
    struct presence_change change;
    struct event e = event_of(1, KIND_LIVE_JOIN, 899);
    take(&v, event_of(1, KIND_LIVE_HEARTBEAT, 899 + 3600), &longest);
    e.delta = 2;
    assert_true(viewers_take(&v, &e, &longest, &change));
    assert_int_equal(change.at[2].at_s, START_MS / 1000 + ROWS_LIVE_S - 1);
    assert_int_equal(change.at[2].change, -2);
    viewers_fini(&v);
}

static void by_rules_without_heartbeats_joins_and_leaves_alone_count(void **state) {
    struct viewers v = {0};
    struct presence_change change;
    struct event e = event_of(1, KIND_LIVE_HEARTBEAT, 40);
    assert_int_equal(take(&v, e, &off), -9);
    assert_int_equal(viewers_memory(&v), 0);
    take(&v, e, &rules);
    e.occurred_at_ms += 50 * SECOND;
    assert_true(viewers_take(&v, &e, &off, &change)); // one who was to leave watches on
    assert_int_equal(change.at[1].change, 1);
    assert_int_equal(change.expired, -1);
    assert_int_equal(known(&v), 0);
    assert_int_equal(take(&v, event_of(1, KIND_LIVE_LEAVE, 100), &off), -9);
    assert_int_equal(take(&v, event_of(2, KIND_LIVE_JOIN, 100), &off), -9);
    assert_int_equal(known(&v), 0);
    viewers_fini(&v);
}

static void others_pass(struct viewers *v, uint64_t count) {
    for (uint64_t i = 0; i < count; i++)
        take(v, event_of(200, KIND_LIVE_HEARTBEAT, 5), &rules);
}

static void who_is_not_heard_for_the_span_is_forgotten(void **state) {
    struct viewers v = {.span = 10};
    take(&v, event_of(1, KIND_LIVE_HEARTBEAT, 0), &rules);
    others_pass(&v, 9);
    assert_int_equal(take(&v, event_of(1, KIND_LIVE_HEARTBEAT, 10), &rules), 0);
    others_pass(&v, 9);
    assert_int_equal(known(&v), 2);
    others_pass(&v, 1);
    assert_int_equal(known(&v), 2);
    assert_int_equal(take(&v, event_of(1, KIND_LIVE_HEARTBEAT, 20), &rules), 1); // the 11th
    viewers_fini(&v);
}

static void the_span_is_four_million_events(void **state) {
    struct viewers v = {0};
    take(&v, event_of(1, KIND_LIVE_HEARTBEAT, 0), &rules);
    v.events += VIEWERS_SPAN - 1;
    assert_int_equal(take(&v, event_of(1, KIND_LIVE_HEARTBEAT, 10), &rules), 0);
    v.events += VIEWERS_SPAN;
    assert_int_equal(take(&v, event_of(1, KIND_LIVE_HEARTBEAT, 20), &rules), 1);
    viewers_fini(&v);
}

static void memory_is_bounded_by_those_who_are_remembered(void **state) {
    struct viewers v = {.span = 1000};
    size_t count, most = 0;
    for (uint32_t i = 0; i < 100000; i++) {
        struct event e = event_of(0, KIND_LIVE_HEARTBEAT, i);
        memcpy(e.actor, &i, sizeof(i));
        take(&v, e, &rules);
        if (i % 100 == 99)
            free(viewers_take_changed(&v, &count));
        most = v.room > most ? v.room : most;
    }
    assert_in_range(most, 1000, 4096);
    assert_in_range(known(&v), 1000, 1001);
    viewers_fini(&v);
}

static void what_changed_is_told_once_and_in_order(void **state) {
    struct viewers v = {0};
    size_t count;
    for (unsigned char who = 0; who < 100; who++)
        take(&v, event_of(who, KIND_LIVE_JOIN, 0), &rules);
    take(&v, event_of(7, KIND_LIVE_LEAVE, 1), &rules);
    struct viewer *changed = viewers_take_changed(&v, &count);
    assert_int_equal(count, 100); // the one that left, too: a file before may have it
    for (size_t i = 1; i < count; i++)
        assert_true(memcmp(changed[i - 1].key, changed[i].key, VIEWER_KEY_SIZE) < 0);
    free(changed);
    take(&v, event_of(9, KIND_LIVE_HEARTBEAT, 1), &rules);
    take(&v, event_of(9, KIND_LIVE_HEARTBEAT, 2), &rules);
    changed = viewers_take_changed(&v, &count);
    assert_int_equal(count, 1);
    assert_int_equal(changed->heard_ms, START_MS + 2 * SECOND);
    free(changed);
    free(viewers_take_changed(&v, &count));
    assert_int_equal(count, 0);
    viewers_fini(&v);
}

// ---- a restart, anywhere

static uint64_t seed;
static uint64_t random_below(uint64_t bound) {
    seed = hash_integer(seed + 0x9e3779b97f4a7c15);
    return seed % bound;
}

static struct event event_make(int64_t i) {
    static const uint32_t kinds[] = {KIND_LIVE_JOIN, KIND_LIVE_HEARTBEAT, KIND_LIVE_HEARTBEAT,
                                     KIND_LIVE_LEAVE};
    int64_t second = 5 * i - (int64_t)random_below(random_below(5) == 0 ? 200 : 2);
    struct event e = event_of((unsigned char)random_below(256), kinds[random_below(4)], second);
    e.actor[1] = (unsigned char)random_below(2);
    return e;
}

static void hand_over(struct viewers *from, struct viewers *to) {
    size_t count;
    struct viewer *changed = viewers_take_changed(from, &count);
    to->events = from->events;
    for (size_t i = 0; i < count; i++)
        viewers_put(to, &changed[i]);
    free(changed);
}

// One is told what changed now and then, and one begins anew from it: neither differs from one that went on.
static void what_was_handed_over_goes_on_in_the_same_way(void **state) {
    for (seed = 1; seed < 60;) {
        uint64_t first = seed;
        struct viewers on = {.span = 100}, again = {.span = 100}, kept = {.span = 100};
        for (int64_t i = 0; i < 1500; i++) {
            struct presence_change a = {0}, b = {0};
            struct event e = event_make(i);
            const struct rules *by = random_below(20) == 0 ? &off : &rules;
            bool is = viewers_take(&on, &e, by, &a);
            assert_int_equal(viewers_take(&again, &e, by, &b), is);
            assert_memory_equal(&a, &b, sizeof(a));
            if (random_below(20) != 0)
                continue;
            hand_over(&again, &kept);
            if (random_below(3) != 0)
                continue;
            viewers_fini(&again);
            again.span = 100;
            viewers_copy(&again, &kept);
        }
        size_t count, others;
        hand_over(&again, &kept);
        struct viewer *all = viewers_all(&on, &count), *copies = viewers_all(&kept, &others);
        assert_int_equal(count, others);
        for (size_t i = 0; i < count; i++)
            copies[i].changed = all[i].changed;
        assert_memory_equal(all, copies, count * sizeof(*all));
        free(all);
        free(copies);
        viewers_fini(&on);
        viewers_fini(&again);
        viewers_fini(&kept);
        seed = first + 1;
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_viewer_is_an_actor_in_a_session),
        cmocka_unit_test(nobodys_are_events_without_an_actor_and_of_other_kinds),
        cmocka_unit_test(who_has_left_without_a_heartbeat_is_not_remembered),
        cmocka_unit_test(an_event_that_is_older_by_more_than_an_hour_is_nobodys),
        cmocka_unit_test(no_change_lies_farther_than_files_have_room_for),
        cmocka_unit_test(by_rules_without_heartbeats_joins_and_leaves_alone_count),
        cmocka_unit_test(who_is_not_heard_for_the_span_is_forgotten),
        cmocka_unit_test(the_span_is_four_million_events),
        cmocka_unit_test(memory_is_bounded_by_those_who_are_remembered),
        cmocka_unit_test(what_changed_is_told_once_and_in_order),
        cmocka_unit_test(what_was_handed_over_goes_on_in_the_same_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
