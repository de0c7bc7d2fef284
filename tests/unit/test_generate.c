#include <fcntl.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "loadtest/generate/batch.h"
#include "loadtest/generate/generate.h"
#include "loadtest/generate/spoil.h"
#include "runtime/hash.h"
#include "schemas/weighable.h"
#include "stream/decode/decode.h"
#include "stream/murmur2.h"
#include "stream/validate.h"

enum { PARTITIONS = 16 };

static struct generate_options options_of(const char *mix) {
    return (struct generate_options){
        .seed = 7,
        .mix = mix_find(mix),
        .accounts = 50,
        .contents = 100000,
        .actors = 100000,
        .zipf = 1,
        .start_ms = INT64_C(1790000000000),
        .rate = 1000,
    };
}

static struct generate_options options_mixed(void) {
    struct generate_options o = options_of("all");
    o.duplicates = 0.02;
    o.late = 0.03;
    o.malformed = 0.05;
    o.future = 0.01;
    return o;
}

static uint64_t hash_event(const struct generated *e, uint64_t seed) {
    seed = hash_slice(e->key, seed);
    seed = hash_bytes(&e->sent_ms, sizeof(e->sent_ms), seed);
    return hash_slice(e->value, seed + (e->value.at == NULL));
}

static uint64_t hash_stream(const struct generate_options *o, uint64_t count) {
    struct generator *g = generator_create(o);
    uint64_t hash = 0;
    for (uint64_t i = 0; i < count; i++) {
        struct generated e;
        generator_make(g, i, &e);
        hash = hash_event(&e, hash);
    }
    generator_destroy(&g);
    return hash;
}

// --- Determinism

static void test_same_seed_same_bytes(void **state) {
    struct generate_options o = options_mixed();
    o.bursts = true;
    uint64_t first = hash_stream(&o, 20000);
    assert_int_equal(first, hash_stream(&o, 20000));
    o.seed++;
    assert_int_not_equal(first, hash_stream(&o, 20000));
}

// These change only together with what is generated; on another machine, compiler or libm they must not.
static void test_bytes_are_the_same_on_every_machine(void **state) {
    struct generate_options all = options_mixed(), bench = options_of("bench");
    bench.zipf = 0.85; // the general exponent, not 1
    assert_int_equal(hash_stream(&all, 20000), UINT64_C(0xc755f783b27ba90f));
    assert_int_equal(hash_stream(&bench, 20000), UINT64_C(0xfedf9619fec0f20c));
}

static void test_an_event_does_not_depend_on_those_made_before(void **state) {
    struct generate_options o = options_mixed();
    struct generator *g = generator_create(&o), *other = generator_create(&o);
    struct generated a, b;
    for (uint64_t i = 0; i < 3000; i++)
        generator_make(g, i, &a);
    for (uint64_t i = 3000; i-- > 0;) {
        generator_make(g, i, &a);
        uint64_t hash = hash_event(&a, 0);
        generator_make(other, 2999 - i, &b);
        generator_make(other, i, &b);
        assert_int_equal(hash, hash_event(&b, 0));
    }
    generator_destroy(&g);
    generator_destroy(&other);
}

// --- Shares and fates

static void test_shares_are_kept(void **state) {
    enum { EVENTS = 100000 };
    struct generate_options o = options_mixed();
    struct generator *g = generator_create(&o);
    uint64_t counts[FATE_COUNT] = {0};
    uint64_t *hashes = malloc(EVENTS * sizeof(*hashes));
    for (uint64_t i = 0; i < EVENTS; i++) {
        struct generated e;
        generator_make(g, i, &e);
        counts[e.fate]++;
        hashes[i] = hash_slice(e.value, hash_slice(e.key, 0));
        if (e.fate != FATE_DUPLICATE)
            continue;
        uint64_t back = 1;
        while (back <= i && back <= GENERATE_DUPLICATE_WINDOW && hashes[i - back] != hashes[i])
            back++;
        assert_true(back <= i && back <= GENERATE_DUPLICATE_WINDOW);
    }
    const double shares[FATE_COUNT] = {[FATE_DUPLICATE] = o.duplicates,
                                       [FATE_LATE] = o.late,
                                       [FATE_MALFORMED] = o.malformed,
                                       [FATE_FUTURE] = o.future};
    for (size_t i = FATE_DUPLICATE; i < FATE_COUNT; i++) {
        double expected = shares[i] * EVENTS, sigma = sqrt(expected);
        assert_true(fabs((double)counts[i] - expected) < 5 * sigma);
    }
    free(hashes);
    generator_destroy(&g);
}

static void test_only_duplicates_repeat_an_id(void **state) {
    enum { EVENTS = 30000, SLOTS = 1 << 17 };
    struct generate_options o = options_of("all");
    struct generator *g = generator_create(&o);
    unsigned char(*seen)[16] = calloc(SLOTS, sizeof(*seen));
    for (uint64_t i = 0; i < EVENTS; i++) {
        struct generated e;
        generator_make(g, i, &e);
        const char *id = e.value.at + 2; // event_id is the first field: tag, length, 16 bytes
        assert_memory_equal(e.value.at, "\x0a\x10", 2);
        assert_int_equal((unsigned char)id[6] >> 4, 7);
        size_t slot = hash_bytes(id, 16, 0) % SLOTS;
        for (; memcmp(seen[slot], (char[16]){0}, 16) != 0; slot = (slot + 1) % SLOTS)
            assert_memory_not_equal(seen[slot], id, 16);
        memcpy(seen[slot], id, 16);
    }
    free(seen);
    generator_destroy(&g);
}

// --- The contract, by the very decoder and judge of the worker

struct judge {
    struct pseudonymiser *pseudonyms;
    struct decoder *decoder;
    struct arena arena;
    struct rules_book rules;
};

static void judge_init(struct judge *j) {
    char path[] = "/tmp/clameur-test-key-XXXXXX";
    int file = mkstemp(path);
    assert_true(file >= 0);
    assert_int_equal(write(file, "000102030405060708090a0b0c0d0e0f\n", 33), 33);
    close(file);
    struct problem problem;
    assert_int_equal(pseudonymiser_load(&j->pseudonyms, path, &problem), STATUS_OK);
    unlink(path);
    j->decoder = decoder_create(&(struct decoder_options){.framing = "auto",
                                                          .max_event_bytes = 65536,
                                                          .max_message_bytes = 1 << 20,
                                                          .pseudonyms = j->pseudonyms,
                                                          .persons = true});
    arena_init(&j->arena, 65536);
    struct rules_kinds kinds;
    schemas_rules_kinds(&kinds);
    assert_int_equal(rules_load(&j->rules, "", &kinds), STATUS_OK);
}

static void judge_fini(struct judge *j) {
    rules_fini(&j->rules);
    arena_fini(&j->arena);
    decoder_destroy(&j->decoder);
    pseudonymiser_destroy(&j->pseudonyms);
}

static enum reject judge_decode(struct judge *j, struct slice value, int64_t time_ms, struct event **events,
                                size_t *count) {
    struct record record = {.time_ms = time_ms, .value = value};
    arena_reset(&j->arena);
    return decoder_decode(j->decoder, &j->arena, &record, events, count);
}

static enum reject judge_single(struct judge *j, const struct generated *e, struct event **event) {
    size_t count = 0;
    enum reject reject = judge_decode(j, e->value, e->sent_ms, event, &count);
    if (reject != REJECT_NONE)
        return reject;
    assert_int_equal(count, 1);
    return validate_event(*event, rules_at(&j->rules, e->sent_ms), e->sent_ms);
}

static enum reject expected_of(const struct generated *e) {
    if (e->fate == FATE_MALFORMED)
        return (enum reject)e->reason;
    return e->fate == FATE_FUTURE ? REJECT_FUTURE : REJECT_NONE;
}

static void test_every_event_obeys_the_contract_or_breaks_it_as_announced(void **state) {
    struct generate_options o = options_mixed();
    struct generator *g = generator_create(&o);
    struct judge j;
    judge_init(&j);
    unsigned reasons[REJECT_COUNT] = {0};
    for (uint64_t i = 0; i < 60000; i++) {
        struct generated e;
        struct event *event;
        generator_make(g, i, &e);
        enum reject found = judge_single(&j, &e, &event), expected = expected_of(&e);
        if (found != expected)
            fail_msg("event %lu: %s, expected %s", (unsigned long)i, reject_name(found),
                     reject_name(expected));
        reasons[found]++;
    }
    for (size_t i = 0; i < spoil_count; i++)
        assert_true(reasons[spoils[i].reason] > 0);
    judge_fini(&j);
    generator_destroy(&g);
}

static void test_late_ones_are_late_on_both_sides_of_48_hours(void **state) {
    struct generate_options o = options_of("all");
    o.late = 1;
    struct generator *g = generator_create(&o);
    struct judge j;
    judge_init(&j);
    unsigned within = 0, beyond = 0;
    for (uint64_t i = 0; i < 2000; i++) {
        struct generated e;
        struct event *event;
        generator_make(g, i, &e);
        assert_int_equal(judge_single(&j, &e, &event), REJECT_NONE);
        int64_t age_ms = e.sent_ms - event->occurred_at_ms;
        assert_true(age_ms >= 2 * 3600000 && age_ms < INT64_C(21) * 86400000);
        within += age_ms < INT64_C(48) * 3600000;
        beyond += age_ms > INT64_C(48) * 3600000;
    }
    assert_true(within > 800 && beyond > 800);
    judge_fini(&j);
    generator_destroy(&g);
}

// --- What the mixes hold

struct census {
    unsigned platforms[2048], kinds[1024], consents[4];
    unsigned odd_accounts, odd_contents, utf8, taken_back, more, tagged, in_show, campaigned, persons;
};

static bool is_odd(struct slice text) {
    return memchr(text.at, ':', text.length) != NULL || memchr(text.at, '%', text.length) != NULL ||
           memchr(text.at, '{', text.length) != NULL || memchr(text.at, '}', text.length) != NULL;
}

static bool is_ascii(struct slice text) {
    for (size_t i = 0; i < text.length; i++) {
        if ((unsigned char)text.at[i] >= 0x80)
            return false;
    }
    return true;
}

static void census_add(struct census *c, const struct event *e) {
    c->platforms[e->platform]++;
    c->kinds[e->kind]++;
    c->consents[e->consent]++;
    c->odd_accounts += is_odd(e->account);
    c->odd_contents += e->content.length > 0 && is_odd(e->content);
    c->utf8 += !is_ascii(e->account);
    c->taken_back += e->delta < 0;
    c->more += e->delta > 1;
    c->tagged += e->tag_count > 0;
    c->in_show += e->session.length > 0;
    c->campaigned += e->campaign.length > 0;
    c->persons += e->has_person;
}

static size_t take_census(const char *mix, uint64_t count, struct census *c) {
    struct generate_options o = options_of(mix);
    o.contents = 1000000;
    o.actors = 1000000;
    o.accounts = 100;
    struct generator *g = generator_create(&o);
    struct judge j;
    judge_init(&j);
    size_t bytes = 0;
    for (uint64_t i = 0; i < count; i++) {
        struct generated e;
        struct event *event;
        generator_make(g, i, &e);
        assert_int_equal(judge_single(&j, &e, &event), REJECT_NONE);
        census_add(c, event);
        bytes += e.value.length;
    }
    judge_fini(&j);
    generator_destroy(&g);
    return bytes;
}

static void test_every_platform_and_kind_occurs(void **state) {
    static struct census c;
    take_census("all", 60000, &c);
#define PLATFORM(number, id, name) assert_true(c.platforms[number] > 0);
#include "schemas/platforms.def"
#undef PLATFORM
#define KIND(number, id, name, counter, weight) assert_true(c.kinds[number] > 0);
#include "schemas/kinds.def"
#undef KIND
    assert_true(c.platforms[1007] > 0 && c.platforms[1999] > 0);
    assert_true(c.kinds[777] > 0 && c.kinds[900] > 0);
    for (size_t i = 0; i < 4; i++)
        assert_true(c.consents[i] > 0);
    assert_true(c.odd_accounts > 0 && c.odd_contents > 0 && c.utf8 > 0);
    assert_true(c.taken_back > 0 && c.more > 0);
    assert_true(c.tagged > 0 && c.in_show > 0 && c.campaigned > 0 && c.persons > 0);
}

static void test_bench_is_the_published_profile(void **state) {
    enum { EVENTS = 50000 };
    static struct census c;
    double mean = (double)take_census("bench", EVENTS, &c) / EVENTS;
    assert_true(mean > 118 && mean < 124);
    static const struct {
        enum kind kind;
        double share;
    } kinds[] = {{KIND_VIEW, 0.8},    {KIND_LIKE, 0.12},  {KIND_COMMENT, 0.03},
                 {KIND_SHARE, 0.025}, {KIND_SAVE, 0.015}, {KIND_CLICK, 0.01}};
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        assert_true(fabs((double)c.kinds[kinds[i].kind] / EVENTS - kinds[i].share) < 0.005);
    for (uint32_t platform = 1; platform <= 8; platform++)
        assert_true(c.platforms[platform] > 0);
    assert_int_equal(c.odd_accounts + c.persons + c.tagged, 0);
}

static void test_copies_of_an_order_come_under_other_keys(void **state) {
    enum { EVENTS = 20000, ORDERS_MAX = 2000 };
    struct generate_options o = options_of("all");
    struct generator *g = generator_create(&o);
    struct judge j;
    judge_init(&j);
    static struct { uint64_t order, key; } orders[ORDERS_MAX];
    size_t count = 0, copies = 0;
    for (uint64_t i = 0; i < EVENTS; i++) {
        struct generated e;
        struct event *event;
        generator_make(g, i, &e);
        assert_int_equal(judge_single(&j, &e, &event), REJECT_NONE);
        if (event->kind != KIND_PURCHASE)
            continue;
        uint64_t order = hash_slice(event->order, hash_slice(event->account, 0)), key = hash_slice(e.key, 0);
        for (size_t k = 0; k < count; k++)
            copies += orders[k].order == order && orders[k].key != key;
        assert_true(count < ORDERS_MAX);
        orders[count].order = order;
        orders[count++].key = key;
    }
    assert_true(count > 200 && copies > 40);
    judge_fini(&j);
    generator_destroy(&g);
}

// --- Keys

static void test_key_is_the_contracts(void **state) {
    struct generate_options o = options_of("all");
    struct generator *g = generator_create(&o);
    unsigned prefixes[128] = {0};
    for (uint64_t i = 0; i < 20000; i++) {
        struct generated made;
        generator_make(g, i, &made);
        Clameur__V1__Event *e =
            clameur__v1__event__unpack(NULL, made.value.length, (const uint8_t *)made.value.at);
        assert_non_null(e);
        char key[1024];
        bool erasure = e->body_case == CLAMEUR__V1__EVENT__BODY_ERASURE;
        ProtobufCBinaryData person = erasure ? e->erasure->person_id : e->person_id;
        ProtobufCBinaryData actor = erasure ? e->erasure->actor_id : e->actor_id;
        int length = snprintf(key, sizeof(key), "t:%.*s", (int)e->account_id.len, e->account_id.data);
        if (person.len > 0)
            length = snprintf(key, sizeof(key), "p:%.*s", (int)person.len, person.data);
        else if (actor.len > 0)
            length = snprintf(key, sizeof(key), "a:%d:%.*s", (int)e->platform, (int)actor.len, actor.data);
        else if (e->content_id.len > 0)
            length = snprintf(key, sizeof(key), "c:%.*s", (int)e->content_id.len, e->content_id.data);
        else if (e->campaign_id.len > 0)
            length = snprintf(key, sizeof(key), "m:%.*s", (int)e->campaign_id.len, e->campaign_id.data);
        assert_true(slice_equal(made.key, (struct slice){key, (size_t)length}));
        prefixes[(unsigned char)key[0]]++;
        clameur__v1__event__free_unpacked(e, NULL);
    }
    for (const char *prefix = "pacmt"; *prefix != '\0'; prefix++)
        assert_true(prefixes[(unsigned char)*prefix] > 0);
    generator_destroy(&g);
}

// --- Time

static void test_bursts_keep_the_mean_rate_and_bring_a_hot_content(void **state) {
    struct generate_options o = options_of("bench");
    o.bursts = true;
    struct generator *g = generator_create(&o);
    struct judge j;
    judge_init(&j);
    int64_t before_ms = 0;
    unsigned in_burst = 0, in_calm = 0, repeats = 0;
    uint64_t last_content = 0;
    for (uint64_t i = 0; i < 30000; i++) {
        struct generated e;
        struct event *event;
        generator_make(g, i, &e);
        int64_t at_ms = e.sent_ms - o.start_ms;
        assert_true(at_ms >= before_ms);
        before_ms = at_ms;
        bool burst = at_ms >= 25000;
        in_burst += burst;
        in_calm += !burst;
        assert_int_equal(judge_single(&j, &e, &event), REJECT_NONE);
        uint64_t content = hash_slice(event->content, 0);
        repeats += burst && content == last_content;
        last_content = content;
    }
    assert_in_range(before_ms, 29990, 30000);
    assert_int_equal(in_burst, 15000);
    assert_int_equal(in_calm, 15000);
    assert_true(repeats > 4500 && repeats < 6500); // 0.6^2 of them, and a little
    judge_fini(&j);
    generator_destroy(&g);
}

// --- Batches

static void test_a_batch_holds_events_of_its_partition_and_none_is_lost(void **state) {
    enum { EVENTS = 5000, SIZE = 20 };
    struct generate_options o = options_mixed();
    struct generator *g = generator_create(&o);
    struct batcher *b = batcher_create(PARTITIONS, SIZE);
    struct judge j;
    judge_init(&j);
    uint64_t made = 0, given = 0, bad = 0, batches = 0;
    uint64_t fates = 0;
    bool draining = false;
    while (true) {
        struct message m;
        struct generated e;
        bool full = false;
        if (made < EVENTS) {
            generator_make(g, made++, &e);
            if (e.stands_alone)
                bad++;
            else
                full = batcher_add(b, &e, murmur2_partition(e.key, PARTITIONS), &m);
        } else {
            draining = true;
            full = batcher_drain(b, &m);
        }
        if (draining && !full)
            break;
        if (!full)
            continue;
        struct event *events;
        size_t count;
        assert_int_equal(judge_decode(&j, m.value, m.time_ms, &events, &count), REJECT_NONE);
        assert_int_equal(count, m.events);
        assert_true(count >= 1 && count <= SIZE);
        assert_int_equal(murmur2_partition(m.key, PARTITIONS), m.partition);
        batches++;
        given += m.events;
        for (size_t i = 0; i < FATE_COUNT; i++)
            fates += m.fates[i];
    }
    assert_int_equal(given + bad, EVENTS);
    assert_int_equal(fates, given);
    assert_true(batches < EVENTS / 10);
    judge_fini(&j);
    batcher_destroy(&b);
    generator_destroy(&g);
}

// --- Zipf

static void test_zipf_has_the_shape_of_its_exponent(void **state) {
    static const double exponents[] = {0, 0.5, 0.85, 0.999999, 1, 1.000001, 1.5, 3};
    enum { RANKS = 1000, DRAWS = 400000, SHOWN = 20 };
    for (size_t i = 0; i < sizeof(exponents) / sizeof(exponents[0]); i++) {
        struct zipf z;
        zipf_init(&z, RANKS, exponents[i]);
        struct random r = random_at(11, 0, i);
        static unsigned counts[RANKS + 1];
        memset(counts, 0, sizeof(counts));
        for (size_t k = 0; k < DRAWS; k++) {
            uint64_t rank = zipf_draw(&z, &r);
            assert_in_range(rank, 1, RANKS);
            counts[rank]++;
        }
        double sum = 0;
        for (int k = 1; k <= RANKS; k++)
            sum += pow(k, -exponents[i]);
        double chi = 0, rest = DRAWS, rest_expected = DRAWS;
        for (int k = 1; k <= SHOWN; k++) {
            double expected = DRAWS * pow(k, -exponents[i]) / sum;
            chi += (counts[k] - expected) * (counts[k] - expected) / expected;
            rest -= counts[k];
            rest_expected -= expected;
        }
        chi += (rest - rest_expected) * (rest - rest_expected) / rest_expected;
        assert_true(chi < 50); // 20 degrees of freedom: p = 0.0002
    }
}

static void test_zipf_edges(void **state) {
    struct random r = random_at(1, 2, 3);
    struct zipf z;
    zipf_init(&z, 1, 1);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(zipf_draw(&z, &r), 1);
    zipf_init(&z, UINT64_C(1) << 40, 0.2);
    uint64_t most = 0;
    for (int i = 0; i < 1000; i++) {
        uint64_t rank = zipf_draw(&z, &r);
        assert_true(rank >= 1 && rank <= UINT64_C(1) << 40);
        most = rank > most ? rank : most;
    }
    assert_true(most > UINT64_C(1) << 39);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_seed_same_bytes),
        cmocka_unit_test(test_bytes_are_the_same_on_every_machine),
        cmocka_unit_test(test_an_event_does_not_depend_on_those_made_before),
        cmocka_unit_test(test_shares_are_kept),
        cmocka_unit_test(test_only_duplicates_repeat_an_id),
        cmocka_unit_test(test_every_event_obeys_the_contract_or_breaks_it_as_announced),
        cmocka_unit_test(test_late_ones_are_late_on_both_sides_of_48_hours),
        cmocka_unit_test(test_every_platform_and_kind_occurs),
        cmocka_unit_test(test_bench_is_the_published_profile),
        cmocka_unit_test(test_copies_of_an_order_come_under_other_keys),
        cmocka_unit_test(test_key_is_the_contracts),
        cmocka_unit_test(test_bursts_keep_the_mean_rate_and_bring_a_hot_content),
        cmocka_unit_test(test_a_batch_holds_events_of_its_partition_and_none_is_lost),
        cmocka_unit_test(test_zipf_has_the_shape_of_its_exponent),
        cmocka_unit_test(test_zipf_edges),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
