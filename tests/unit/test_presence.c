// Who watches still: what joins, leaves and heartbeats of one viewer come to.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "aggregate/window/presence.h"
#include "runtime/hash.h"

enum { SECONDS = 12000, TIMEOUT_S = 90, BASE_S = 1000 };

struct happened {
    int64_t at_ms;
    char what; // j, l, h
    int64_t delta;
};

// What all of it changes, by second; second 0 is BASE_S.
struct told {
    int64_t change[SECONDS];
    uint64_t joins, leaves, expired, returned; // they wrap
    struct viewer viewer;
};

static uint32_t kind_of(char what) {
    return what == 'j' ? KIND_LIVE_JOIN : what == 'l' ? KIND_LIVE_LEAVE : KIND_LIVE_HEARTBEAT;
}

static void take(struct told *t, struct happened h, int64_t timeout_ms) {
    const struct presence event = {kind_of(h.what), h.delta, BASE_S * INT64_C(1000) + h.at_ms, timeout_ms};
    struct presence_change change;
    presence_take(&t->viewer, &event, &change);
    t->joins += (uint64_t)(h.what == 'j' ? h.delta : 0);
    t->leaves += (uint64_t)(h.what == 'l' ? h.delta : 0);
    t->expired += (uint64_t)change.expired;
    t->returned += (uint64_t)change.returned;
    assert_int_equal(change.at[0].at_s, event.at_ms / 1000);
    for (int i = 0; i < PRESENCE_CHANGES; i++) {
        int64_t second = change.at[i].at_s - BASE_S;
        if (change.at[i].change == 0)
            continue;
        assert_in_range(second, h.at_ms / 1000, SECONDS - 1); // never before the event
        t->change[second] += change.at[i].change;
    }
}

static void assert_adds_up(const struct told *t) {
    uint64_t all = 0;
    for (int i = 0; i < SECONDS; i++)
        all += (uint64_t)t->change[i];
    assert_true(all == t->joins - t->leaves - t->expired + t->returned);
}

static const char *text_of(const struct told *t) {
    static char text[512];
    size_t length = 0;
    for (int i = 0; i < SECONDS; i++) {
        if (t->change[i] != 0)
            length += (size_t)snprintf(text + length, sizeof(text) - length, "%d:%+lld ", i,
                                       (long long)t->change[i]);
    }
    snprintf(text + length, sizeof(text) - length, "expired %lld returned %lld", (long long)t->expired,
             (long long)t->returned);
    return text;
}

#define S(seconds) ((seconds)*INT64_C(1000))

// A scene as text: a second, what happened, and how often where it is not once: "5j 30.001h 40j*-1".
static void play(struct told *t, const char *scene) {
    for (char *rest; *scene != '\0'; scene = *rest == ' ' ? rest + 1 : rest) {
        struct happened h = {.at_ms = llround(1000 * strtod(scene, &rest)), .delta = 1};
        h.what = *rest++;
        if (*rest == '*')
            h.delta = strtoll(rest + 1, &rest, 10);
        take(t, h, S(TIMEOUT_S));
    }
}

static void scenes(void **state) {
    static const struct {
        const char *what, *scene, *expected;
    } cases[] = {
        {"without heartbeats nobody expires", "5j", "5:+1 expired 0 returned 0"},
        {"nor does who leaves", "5j 500l", "5:+1 500:-1 expired 0 returned 0"},
        {"silent after a heartbeat", "5j 30h", "5:+1 120:-1 expired 1 returned 0"},
        {"heard again in time", "5j 30h 120h", "5:+1 210:-1 expired 1 returned 0"},
        {"heard again a moment too late", "5j 30h 120.001h",
         "5:+1 210:-1 expired 2 returned 1"}, // gone and back within second 120
        {"comes back later", "5j 30h 300h", "5:+1 120:-1 300:+1 390:-1 expired 2 returned 1"},
        {"leaves in time", "5j 30h 60l", "5:+1 60:-1 expired 0 returned 0"},
        {"leaves after it has expired", "5j 30h 600l", "5:+1 120:-1 expired 1 returned 1"},
        {"is heard, and never came", "30h", "30:+1 120:-1 expired 1 returned 1"},
        {"came, as a join says that is late", "30h 20j", "30:+1 120:-1 expired 1 returned 0"},
        {"came, as a join says afterwards", "30h 40j", "30:+1 130:-1 expired 1 returned 0"},
        {"came as a join says after it left", "30h 60l 20j", "30:+1 60:-1 expired 0 returned 0"},
        {"came again after it left", "30h 60l 70j", "30:+1 60:-1 70:+1 160:-1 expired 1 returned 1"},
        {"joins after it expired", "30h 200j", "30:+1 120:-1 200:+1 290:-1 expired 2 returned 1"},
        {"twice there", "5j*2 30h", "5:+2 120:-2 expired 2 returned 0"},
        {"twice there, one leaves", "5j*2 30h 40l", "5:+2 40:-1 130:-1 expired 1 returned 0"},
        {"leaves twice", "5j 30h 40l 50l", "5:+1 40:-1 expired 0 returned 1"},
        {"an old leave", "5j 60h 50l", "5:+1 50:-1 expired 0 returned 0"},
        {"an old heartbeat is no sign of life", "5j 60h 70l 65h", "5:+1 70:-1 expired 0 returned 0"},
        {"an old heartbeat arms nobody", "5j 4h", "5:+1 expired 0 returned 0"},
        {"one of the same moment does", "5j 5h", "5:+1 95:-1 expired 1 returned 0"},
        {"a leave before its join", "60l 5j 70h", "5:+1 60:-1 70:+1 160:-1 expired 1 returned 1"},
        {"an unseen join's leave, then heard", "60l 70h", "60:-1 70:+2 160:-1 expired 1 returned 2"},
        {"a heartbeat that is taken back is none", "5j 30h*-1", "5:+1 expired 0 returned 0"},
        {"a join that is taken back", "5j 30h 40j*-1", "5:+1 40:-1 expired 0 returned 0"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct told t = {0};
        play(&t, cases[i].scene);
        if (strcmp(text_of(&t), cases[i].expected) != 0)
            fail_msg("%s: %s", cases[i].what, text_of(&t));
        assert_adds_up(&t);
    }
}

static void rules_may_change_in_between(void **state) {
    static const struct {
        int64_t first, second;
        const char *expected;
    } cases[] = {
        {S(90), S(30), "5:+1 90:-1 expired 1 returned 0"}, // taken back from where it was written
        {S(30), S(90), "5:+1 40:-1 60:+1 150:-1 expired 2 returned 1"},
        {S(90), 0, "5:+1 expired 0 returned 0"}, // off: watches on
        {0, S(90), "5:+1 150:-1 expired 1 returned 0"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct told t = {0};
        take(&t, (struct happened){S(5), 'j', 1}, cases[i].first);
        take(&t, (struct happened){S(10), 'h', 1}, cases[i].first);
        take(&t, (struct happened){S(60), 'h', 1}, cases[i].second);
        assert_string_equal(text_of(&t), cases[i].expected);
    }
}

static void sums_wrap(void **state) {
    struct told t = {0};
    take(&t, (struct happened){S(5), 'h', 1}, S(90));
    take(&t, (struct happened){S(6), 'l', INT64_MIN}, S(90));
    take(&t, (struct happened){S(7), 'j', INT64_MIN}, S(90));
    assert_adds_up(&t);
}

// ---- against a count second by second

static uint64_t seed = 1;
static uint64_t random_below(uint64_t bound) {
    seed = hash_integer(seed + 0x9e3779b97f4a7c15);
    return seed % bound;
}

enum { EVENTS = 40 };

static size_t events_make(struct happened *at) {
    static const char kinds[] = "jjhhhhhhll";
    int64_t now_s = 0;
    size_t count = 1 + random_below(EVENTS);
    for (size_t i = 0; i < count; i++) {
        now_s += random_below(8) == 0 ? 60 + (int64_t)random_below(120) : (int64_t)random_below(50);
        at[i] = (struct happened){S(now_s), kinds[random_below(sizeof(kinds) - 1)], 1};
    }
    return count;
}

// In the order of time it is plain who watches: counted up and down, and back to none where a second comes
// that lies a timeout after the last that was heard.
static void counted(const struct happened *at, size_t count, int64_t *watching) {
    int64_t n = 0, heard_s = 0;
    bool armed = false, assumed = false;
    size_t next = 0;
    for (int64_t s = 0; s < SECONDS; s++) {
        for (; next < count && at[next].at_ms / 1000 == s; next++) {
            heard_s = s;
            if (at[next].what == 'j') {
                n += !(assumed && n > 0);
                assumed = false;
            } else if (at[next].what == 'l') {
                n -= armed && n == 0 ? 0 : 1;
            } else {
                armed = true;
                assumed = assumed || n <= 0;
                n = n > 0 ? n : 1;
            }
        }
        if (armed && s >= heard_s + TIMEOUT_S) {
            n = 0;
            assumed = false;
        }
        watching[s] = n;
    }
}

static void as_counted_second_by_second(void **state) {
    static int64_t watching[SECONDS];
    for (seed = 1; seed < 4000000;) {
        struct happened at[EVENTS];
        uint64_t first = seed;
        struct told t = {0};
        size_t count = events_make(at);
        for (size_t i = 0; i < count; i++)
            take(&t, at[i], S(TIMEOUT_S));
        counted(at, count, watching);
        int64_t now = 0;
        for (int s = 0; s < SECONDS; s++) {
            now += t.change[s];
            if (now != watching[s])
                fail_msg("seed %llu: at %d %lld watch, not %lld", (unsigned long long)first, s,
                         (long long)now, (long long)watching[s]);
        }
        seed = first + 1009;
    }
}

// Out of order nobody can say what is right, but this much: all adds up, and of those who are armed nobody
// stays.
static void in_any_order_it_adds_up_and_nobody_stays(void **state) {
    for (seed = 1; seed < 4000000;) {
        struct happened at[EVENTS];
        uint64_t first = seed;
        struct told t = {0};
        size_t count = events_make(at);
        for (size_t i = 0; i < count; i++)
            take(&t, at[random_below(count)], S(TIMEOUT_S));
        assert_adds_up(&t);
        if (t.viewer.armed)
            assert_true(t.joins + t.returned == t.leaves + t.expired);
        else
            assert_true(t.expired == 0 && t.returned == 0);
        seed = first + 1009;
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scenes),
        cmocka_unit_test(rules_may_change_in_between),
        cmocka_unit_test(sums_wrap),
        cmocka_unit_test(as_counted_second_by_second),
        cmocka_unit_test(in_any_order_it_adds_up_and_nobody_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
