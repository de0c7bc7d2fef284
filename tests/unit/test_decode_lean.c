// decode_lean against protobuf-c, over every field of the envelope and over a seeded host of mutations.
#include "stream/decode/decode_lean.h"

#include "decode_fixture.h"
#include "runtime/hash.h"

enum { MUTATIONS = 200000, BYTES_MAX = 1024 };

static unsigned char original[BYTES_MAX];

static Clameur__V1__Event full_event(void) {
    Clameur__V1__Event m = plain_event();
    m.content_id = text_of("post:7310");
    m.actor_id = text_of("user-1");
    m.observed_at = INT64_MAX;
    m.consent = 3;
    m.delta = -5;
    m.campaign_id = text_of("spring");
    m.person_id = text_of("c-42");
    m.content_format = CLAMEUR__V1__CONTENT_FORMAT__CONTENT_FORMAT_STORY;
    m.origin = CLAMEUR__V1__ORIGIN__ORIGIN_UGC;
    m.paid = 1;
    m.live_session_id = text_of("show");
    m.traffic_source = CLAMEUR__V1__TRAFFIC_SOURCE__TRAFFIC_SOURCE_AD;
    m.platform_name = text_of("elsewhere");
    m.kind_name = text_of("wave");
    m.language = text_of("fr");
    m.country = text_of("FR");
    return m;
}

static Clameur__V1__View full_view(void) {
    Clameur__V1__View view = CLAMEUR__V1__VIEW__INIT;
    view.watch_ms = INT64_MAX;
    view.duration_ms = 30000;
    view.from_impression = 1;
    view.position_ms = -1;
    view.autoplay = 1;
    view.slide = UINT32_MAX;
    return view;
}

static void give_view(Clameur__V1__Event *m, Clameur__V1__View *view) {
    m->body_case = CLAMEUR__V1__EVENT__BODY_VIEW;
    m->view = view;
}

// What `m` packs to: two messages of the same content have the same bytes.
static size_t repack(const Clameur__V1__Event *m, unsigned char **out) {
    *out = malloc(clameur__v1__event__get_packed_size(m) + 1);
    return clameur__v1__event__pack(m, *out);
}

// Reads a block of exactly this size, so that reading past it is seen. True where it was lean.
static bool agrees(const unsigned char *bytes, size_t length) {
    unsigned char *block = malloc(length > 0 ? length : 1);
    memcpy(block, bytes, length);
    struct lean_event lean;
    bool is_lean = decode_lean(&lean, (struct slice){(const char *)block, length});
    if (is_lean) {
        Clameur__V1__Event *other = clameur__v1__event__unpack(NULL, length, block);
        assert_non_null(other);
        unsigned char *ours, *theirs;
        size_t our_length = repack(&lean.event, &ours), their_length = repack(other, &theirs);
        assert_int_equal(our_length, their_length);
        assert_memory_equal(ours, theirs, our_length);
        free(ours);
        free(theirs);
        clameur__v1__event__free_unpacked(other, NULL);
    }
    free(block);
    return is_lean;
}

static void test_the_envelope_is_lean(void **state) {
    Clameur__V1__Event plain = plain_event(), full = full_event();
    assert_true(agrees(original, clameur__v1__event__pack(&plain, original)));
    assert_true(agrees(original, clameur__v1__event__pack(&full, original)));
    assert_true(agrees(original, 0));
}

static void test_a_view_is_lean(void **state) {
    Clameur__V1__Event full = full_event();
    Clameur__V1__View view = full_view(), nothing = CLAMEUR__V1__VIEW__INIT;
    give_view(&full, &view);
    assert_true(agrees(original, clameur__v1__event__pack(&full, original)));
    give_view(&full, &nothing);
    assert_true(agrees(original, clameur__v1__event__pack(&full, original)));
}

static void test_tags_and_other_bodies_are_not(void **state) {
    Clameur__V1__Event tagged = plain_event(), reacting = plain_event();
    ProtobufCBinaryData tags[] = {text_of("one")};
    Clameur__V1__Reaction reaction = CLAMEUR__V1__REACTION__INIT;
    tagged.tags = tags;
    tagged.n_tags = 1;
    reacting.body_case = CLAMEUR__V1__EVENT__BODY_REACTION;
    reacting.reaction = &reaction;
    assert_false(agrees(original, clameur__v1__event__pack(&tagged, original)));
    assert_false(agrees(original, clameur__v1__event__pack(&reacting, original)));
}

// Two views are one that is merged, and of two bodies the last holds.
static void test_a_second_body_is_not(void **state) {
    Clameur__V1__Event m = full_event(), other = plain_event();
    Clameur__V1__View view = full_view();
    Clameur__V1__Reaction reaction = CLAMEUR__V1__REACTION__INIT;
    give_view(&m, &view);
    size_t length = clameur__v1__event__pack(&m, original);
    size_t twice = length + clameur__v1__event__pack(&m, original + length);
    assert_false(agrees(original, twice));
    other.body_case = CLAMEUR__V1__EVENT__BODY_REACTION;
    other.reaction = &reaction;
    twice = length + clameur__v1__event__pack(&other, original + length);
    assert_false(agrees(original, twice));
}

static void test_the_last_of_two_holds(void **state) {
    Clameur__V1__Event full = full_event();
    size_t length = clameur__v1__event__pack(&full, original);
    full.account_id = text_of("another");
    full.delta = 9;
    full.paid = 0;
    length += clameur__v1__event__pack(&full, original + length);
    assert_true(agrees(original, length));
}

// Numbers of every length; of ten bytes, also with bits past the 64th, which a bool keeps and an integer
// loses.
static void test_numbers_of_every_length(void **state) {
    static const unsigned char fields[] = {2, 3, 10, 15};
    for (size_t f = 0; f < sizeof(fields); f++) {
        for (size_t length = 1; length <= 11; length++) {
            unsigned char bytes[16] = {(unsigned char)(fields[f] << 3)};
            memset(bytes + 1, 0x80, length - 1);
            bytes[length] = 0x7e;
            agrees(bytes, length + 1);
        }
    }
}

static void test_cut_short(void **state) {
    Clameur__V1__Event full = full_event();
    Clameur__V1__View view = full_view();
    give_view(&full, &view);
    size_t length = clameur__v1__event__pack(&full, original);
    for (size_t cut = 0; cut < length; cut++)
        agrees(original, cut);
}

static void test_mutations(void **state) {
    Clameur__V1__Event full = full_event();
    Clameur__V1__View view = full_view();
    give_view(&full, &view);
    size_t length = clameur__v1__event__pack(&full, original), lean = 0;
    for (uint64_t seed = 0; seed < MUTATIONS; seed++) {
        unsigned char mutated[BYTES_MAX];
        memcpy(mutated, original, length);
        uint64_t chance = hash_integer(seed);
        for (unsigned i = 0; i <= chance % 4; i++) {
            chance = hash_integer(chance + i);
            mutated[(chance >> 8) % length] = (unsigned char)chance;
        }
        lean += agrees(mutated, length - (chance >> 40) % 3);
    }
    assert_in_range(lean, MUTATIONS / 10, MUTATIONS - MUTATIONS / 10); // both roads were taken
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_envelope_is_lean),
        cmocka_unit_test(test_a_view_is_lean),
        cmocka_unit_test(test_tags_and_other_bodies_are_not),
        cmocka_unit_test(test_a_second_body_is_not),
        cmocka_unit_test(test_the_last_of_two_holds),
        cmocka_unit_test(test_numbers_of_every_length),
        cmocka_unit_test(test_cut_short),
        cmocka_unit_test(test_mutations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
