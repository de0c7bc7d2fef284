// Who watches still, as the recount has it: its own scenes, and beside the aggregator, event by event.
#include "windows_fixture.h"

#include "aggregate/window/viewers.h"
#include "runtime/hash.h"

enum { SECONDS = 90 };

static Clameur__V1__Event live_event(const char *actor, uint32_t kind, int64_t offset_ms, int64_t delta) {
    Clameur__V1__Event e = event(1);
    e.kind = (Clameur__V1__Kind)kind;
    e.occurred_at = W0_MS + offset_ms;
    e.live_session_id = bytes("show");
    e.actor_id = bytes(actor);
    e.delta = delta;
    return e;
}

struct scene {
    struct windows_presence presence;
    struct recount_keys keys;
    struct rules rules;
};

static void scene_init(struct scene *s, int64_t heartbeat_ms) {
    *s = (struct scene){.rules = {.window_heartbeat_ms = heartbeat_ms}};
    windows_presence_init(&s->presence);
    keys_load(&s->keys);
}

static void scene_fini(struct scene *s) {
    windows_presence_fini(&s->presence);
    recount_keys_fini(&s->keys);
}

static const char *hear(struct scene *s, const char *actor, uint32_t kind, int64_t offset_ms) {
    static char text[96];
    const Clameur__V1__Event e = live_event(actor, kind, offset_ms, 1);
    struct windows_moves m = windows_presence_hear(&s->presence, &s->keys, 1, &e, &s->rules);
    snprintf(text, sizeof(text), "%d, %d back, %d leave at %d", (int)m.returned, (int)m.kept, (int)m.promised,
             m.promised != 0 ? (int)(m.promised_s - W0) : 0);
    return text;
}

static void silence_is_promised_kept_and_broken(void **state) {
    struct scene s;
    scene_init(&s, SECONDS * 1000);
    assert_string_equal(hear(&s, "a", KIND_LIVE_JOIN, 0), "0, 0 back, 0 leave at 0");
    assert_string_equal(hear(&s, "a", KIND_LIVE_HEARTBEAT, 850000), "0, 0 back, 1 leave at 940");
    assert_string_equal(hear(&s, "b", KIND_LIVE_HEARTBEAT, 850000), "1, 0 back, 1 leave at 940");
    assert_string_equal(hear(&s, "a", KIND_LIVE_HEARTBEAT, 940000), "0, 1 back, 1 leave at 1030");
    assert_string_equal(hear(&s, "b", KIND_LIVE_HEARTBEAT, 940001), "1, 0 back, 1 leave at 1030");
    assert_string_equal(hear(&s, "b", KIND_LIVE_JOIN, 939000), "-1, 1 back, 1 leave at 1030");
    assert_string_equal(hear(&s, "a", KIND_LIVE_LEAVE, 950000), "0, 1 back, 0 leave at 0");
    assert_string_equal(hear(&s, "b", KIND_LIVE_LEAVE, 2000000), "1, 0 back, 0 leave at 0");
    assert_string_equal(hear(&s, "", KIND_LIVE_HEARTBEAT, 0), "0, 0 back, 0 leave at 0");
    scene_fini(&s);
}

// ---- beside the aggregator

static uint64_t seed;
static uint64_t random_below(uint64_t bound) {
    seed = hash_integer(seed + 0x9e3779b97f4a7c15);
    return seed % bound;
}

static struct event as_decoded(const Clameur__V1__Event *e, const char *actor) {
    struct event out = {.occurred_at_ms = e->occurred_at,
                        .platform = (uint32_t)e->platform,
                        .kind = (uint32_t)e->kind,
                        .delta = e->delta,
                        .account = slice_of("acme"),
                        .session = slice_of("show"),
                        .has_actor = actor[0] != '\0'};
    out.actor[0] = (unsigned char)actor[0];
    return out;
}

static void assert_same(const struct presence_change *a, const struct windows_moves *b,
                        const Clameur__V1__Event *e, uint64_t first) {
    uint32_t kind = (uint32_t)e->kind;
    int64_t own = kind == KIND_LIVE_JOIN ? e->delta : kind == KIND_LIVE_LEAVE ? -e->delta : 0;
    if (a->returned == b->returned && a->expired == b->promised - b->kept &&
        a->at[0].change == own + b->returned && a->at[1].change == b->kept &&
        (b->kept == 0 || a->at[1].at_s == b->kept_s) && a->at[2].change == -b->promised &&
        (b->promised == 0 || a->at[2].at_s == b->promised_s))
        return;
    fail_msg("seed %llu: the aggregator and the recount differ", (unsigned long long)first);
}

static int64_t delta_of(void) {
    return random_below(6) != 0 ? 1 : (int64_t)random_below(7) - 3;
}

static int64_t heartbeat_of(void) {
    return random_below(15) == 0 ? -1 : random_below(15) == 0 ? 30000 : SECONDS * 1000;
}

static void the_aggregator_and_the_recount_agree(void **state) {
    static const char *const actors[] = {"a", "b", "c", "d", ""};
    static const uint32_t kinds[] = {KIND_LIVE_JOIN, KIND_LIVE_HEARTBEAT, KIND_LIVE_HEARTBEAT,
                                     KIND_LIVE_LEAVE, KIND_LIKE};
    for (seed = 1; seed < 400;) {
        uint64_t first = seed;
        struct scene s;
        struct viewers viewers = {0};
        scene_init(&s, SECONDS * 1000);
        for (int64_t i = 0; i < 600; i++) {
            const char *actor = actors[random_below(5)];
            int64_t back =
                random_below(4) != 0 ? 0 : (int64_t)random_below(random_below(9) == 0 ? 7200000 : 120000);
            int64_t delta = delta_of();
            const Clameur__V1__Event e = live_event(actor, kinds[random_below(5)],
                                                    10000000 + 15007 * i - back, delta != 0 ? delta : 1);
            const struct event decoded = as_decoded(&e, actor);
            struct presence_change change = {0};
            s.rules.window_heartbeat_ms = heartbeat_of();
            struct windows_moves moves = windows_presence_hear(&s.presence, &s.keys, 1, &e, &s.rules);
            if (viewers_take(&viewers, &decoded, &s.rules, &change))
                assert_same(&change, &moves, &e, first);
            else
                assert_int_equal(moves.returned | moves.kept | moves.promised, 0);
        }
        viewers_fini(&viewers);
        scene_fini(&s);
        seed = first + 1;
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(silence_is_promised_kept_and_broken),
        cmocka_unit_test(the_aggregator_and_the_recount_agree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
