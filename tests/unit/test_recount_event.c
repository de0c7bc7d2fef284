// The recount's reading of records beside the worker's: what one refuses the other refuses for the same
// reason, and what both read adds the same to the same counters. Neither knows the other's code.
#include "decode_fixture.h"
#include "json_cases.h"
#include "wire_cases.h"

#include "loadtest/generate/generate.h"
#include "loadtest/generate/random.h"
#include "loadtest/recount/reading/measures.h"
#include "loadtest/recount/reading/recount_event.h"
#include "runtime/hash.h"
#include "schemas/weighable.h"
#include "stream/decode/decode_json.h"
#include "stream/validate.h"

#define BATCH_TAG "\xfa\x07"

static struct rules_book book;
static struct recount_events events;
static int64_t max_event_bytes = 64 << 10;

static int set_up(void **state) {
    struct rules_kinds kinds;
    schemas_rules_kinds(&kinds);
    return rules_load(&book, NULL, &kinds) == STATUS_OK ? fixture_set_up(state) : -1;
}

static int tear_down(void **state) {
    recount_events_fini(&events);
    rules_fini(&book);
    return fixture_tear_down(state);
}

static void set_max_event_bytes(int64_t bytes) {
    void *state = NULL;
    max_event_bytes = bytes;
    fixture_tear_down(&state);
    fixture_set_up_with("auto", bytes);
}

static bool is_text(struct slice a, ProtobufCBinaryData b) {
    return slice_equal(a, recount_text(b));
}

// Does the event add this, once?
static bool adds(const struct event *e, const struct measured *m) {
    int found = 0;
    for (size_t i = 0; i < e->measure_count; i++)
        found += e->measures[i].counter == m->counter && e->measures[i].value == m->value;
    bool by_currency = counter_row(m->counter)->by_currency;
    return found == 1 && (by_currency ? slice_equal(e->currency, m->currency) : m->currency.length == 0);
}

static bool is_same_reading(const struct event *e, const Clameur__V1__Event *m) {
    if (m->body_case != CLAMEUR__V1__EVENT__BODY_READING)
        return e->reading_count == 0;
    bool same = e->read_at_ms == m->reading->read_at && e->reading_count == m->reading->n_values;
    for (size_t i = 0; same && i < e->reading_count; i++)
        same = is_text(e->readings[i].counter, m->reading->values[i]->counter) &&
               e->readings[i].value == m->reading->values[i]->value;
    return same;
}

static bool is_same_order(const struct event *e, const Clameur__V1__Event *m) {
    bool order = m->body_case == CLAMEUR__V1__EVENT__BODY_COMMERCE;
    return is_text(e->order, order ? m->commerce->order_id : (ProtobufCBinaryData){0, NULL});
}

static bool is_same_event(const struct event *e, const Clameur__V1__Event *m) {
    struct measured measured[MEASURES_MAX];
    size_t count = measures_of(m, measured);
    bool same = e->occurred_at_ms == m->occurred_at && e->platform == (uint32_t)m->platform &&
                e->kind == (uint32_t)m->kind && e->delta == recount_delta(m) && e->consent == m->consent &&
                e->has_actor == (m->actor_id.len > 0) && e->tag_count == m->n_tags &&
                e->measure_count == count && memcmp(e->id, m->event_id.data, sizeof(e->id)) == 0 &&
                is_text(e->account, m->account_id) && is_text(e->content, m->content_id) &&
                is_text(e->campaign, m->campaign_id) && is_text(e->session, m->live_session_id) &&
                is_same_order(e, m) && is_same_reading(e, m);
    for (size_t i = 0; same && i < count; i++)
        same = adds(e, &measured[i]);
    for (size_t i = 0; same && i < m->n_tags; i++)
        same = is_text(e->tags[i], m->tags[i]);
    return same;
}

// What a dead letter holds is read, by itself, to the same verdict: an event as it stood in its batch. (Not
// where it is empty, or begins as a batch does, or is a text larger than a single event's may be.)
static void expect_alone(const struct event *e, const struct record *batch, enum reject verdict) {
    struct record record = {.time_ms = batch->time_ms, .value = e->bytes};
    struct event *alone;
    size_t count;
    assert_true(e->bytes.at >= batch->value.at &&
                e->bytes.at + e->bytes.length <= batch->value.at + batch->value.length);
    if (e->bytes.length < 2 || memcmp(e->bytes.at, BATCH_TAG, 1) == 0 ||
        e->bytes.length > (size_t)max_event_bytes)
        return;
    assert_int_equal(decoder_decode(fixture.decoder, &fixture.arena, &record, &alone, &count), REJECT_NONE);
    assert_int_equal(count, 1);
    assert_int_equal(validate_event(alone, rules_at(&book, FIXTURE_TIME_MS), FIXTURE_TIME_MS), verdict);
}

// Reads the value on both paths, which must agree. How many of its events count is added to *counted.
static enum reject read_both(const char *value, size_t length, size_t *counted) {
    const struct recount_framing framing = {"auto", max_event_bytes, FIXTURE_MESSAGE_MAX};
    const struct rules *rules = rules_at(&book, FIXTURE_TIME_MS);
    char *copy = memory_take(length + 1);
    memcpy(copy, value, length);
    struct record record = {.time_ms = FIXTURE_TIME_MS, .value = {copy, length}};
    struct event *worker;
    size_t count;
    arena_reset(&fixture.arena);
    enum reject reject = decoder_decode(fixture.decoder, &fixture.arena, &record, &worker, &count);
    enum reject recount = recount_events_read(&events, &framing, record.value);
    if (reject != recount || count != events.count)
        fail_msg("%.200s: %zu events, %s, but %zu, %s in the recount", value, count, reject_name(reject),
                 events.count, reject_name(recount));
    for (size_t i = 0; i < count; i++) {
        enum reject one = validate_event(&worker[i], rules, FIXTURE_TIME_MS);
        enum reject other = recount_judge(events.at[i], rules, FIXTURE_TIME_MS);
        if (one != other || (one == REJECT_NONE && !is_same_event(&worker[i], events.at[i])))
            fail_msg("event %zu of %.400s: %s and %s, or not the same", i, value, reject_name(one),
                     reject_name(other));
        *counted += one == REJECT_NONE;
        if (i < 100)
            expect_alone(&worker[i], &record, one);
    }
    recount_events_clear(&events);
    free(copy);
    return reject;
}

static enum reject read_text(const char *text) {
    size_t counted = 0;
    return read_both(text, strlen(text), &counted);
}

static void every_case_of_bytes_is_read_the_same(void **state) {
    size_t counted = 0;
    for (size_t i = 0; i < WIRE_CASE_COUNT; i++)
        assert_int_equal(read_both(wire_cases[i].bytes, wire_cases[i].length, &counted),
                         wire_cases[i].expected);
}

static void every_case_of_json_is_read_the_same(void **state) {
    size_t counted = 0;
    for (size_t i = 0; i < JSON_CASE_COUNT; i++)
        assert_int_equal(read_text(json_cases[i].text), json_cases[i].expected);
    for (size_t i = 0; i < JSON_ID_COUNT; i++) {
        char text[128];
        snprintf(text, sizeof(text), "{\"event_id\": \"%s\"}", json_ids[i].text);
        assert_int_equal(read_text(text), json_ids[i].expected);
    }
    assert_int_equal(read_both(JSON_EVENT, strlen(JSON_EVENT), &counted), REJECT_NONE);
    assert_int_equal(counted, 1);
}

// What the kinds and their bodies add, by both readings of both forms.
static void every_body_counts_the_same_from_json(void **state) {
    static const char *const bodies[] = {
        "\"kind\":\"KIND_VIEW\",\"delta\":\"-3\",\"view\":{\"watchMs\":\"1500\",\"fromImpression\":true}",
        "\"kind\":21,\"reaction\":{\"type\":\"REACTION_TYPE_WOW\"}",
        "\"kind\":21,\"delta\":2,\"reaction\":{\"type\":99,\"emoji\":\"\\ud83d\\ude00\"}",
        "\"kind\":86,\"commerce\":{\"order_id\":\"o\",\"value_micros\":7,\"currency\":\"EUR\"}",
        "\"kind\":86,\"commerce\":{\"orderId\":\"o\",\"cost_micros\":\"9\",\"currency\":\"JPY\"}",
        "\"kind\":86,\"commerce\":{\"orderId\":\"o\",\"customer\":1,\"items\":[{\"quantity\":3.0},{}]}",
        "\"kind\":87,\"commerce\":{\"valueMicros\":7e1,\"currency\":\"JPY\"}",
        "\"kind\":89,\"commerce\":{\"items\":[{\"quantity\":\"4\",\"product_id\":\"p\"}]}",
        "\"kind\":81,\"commerce\":{\"triedOn\":true}",
        "\"kind\":37,\"listening\":{\"sentiment\":1,\"trackedBrand\":\"b\",\"topics\":[\"t\"]}",
        "\"kind\":37,\"listening\":{\"intent\":\"INTENT_COMPLAINT\",\"sentiment\":2}",
        "\"kind\":122,\"lead\":{\"valueMicros\":5,\"currency\":\"EUR\"}",
        "\"kind\":61,\"liveSessionId\":\"s\",\"live\":{\"watch_ms\":12}",
        "\"kind\":64,\"live\":{\"giftMicros\":12,\"currency\":\"USD\"}",
        "\"kind\":130,\"spend\":{\"costMicros\":12,\"currency\":\"USD\"}",
        "\"kind\":131,\"reading\":{\"readAt\":9,\"values\":[{\"counter\":\"a\",\"value\":-1}]}",
        "\"kind\":132,\"erasure\":{\"actorId\":\"a\",\"personId\":\"p\"}",
        "\"kind\":16,\"web\":{\"dwellMs\":3,\"path\":\"/\"},\"tags\":[\"x\",\"y\",\"x\"]",
        "\"kind\":777,\"platform_name\":\"n\",\"utm\":{\"source\":\"s\"},\"contentFormat\":3,\"origin\":-1",
    };
    size_t count = sizeof(bodies) / sizeof(bodies[0]), counted = 0;
    for (size_t i = 0; i < count; i++) {
        char text[1024];
        snprintf(text, sizeof(text),
                 "{\"events\":[{\"eventId\":\"" JSON_ID "\",\"occurredAt\":%lld,\"platform\":2,"
                 "\"accountId\":\"acme\",\"contentId\":\"c\",\"actorId\":\"u\",\"consent\":1,%s}]}",
                 (long long)FIXTURE_TIME_MS, bodies[i]);
        assert_int_equal(read_both(text, strlen(text), &counted), REJECT_NONE);
        assert_int_equal(counted, i + 1);
    }
}

// The bytes are those that the generated code packs (of fields in their order), for a batch is judged by
// them.
static void an_event_of_json_is_written_as_protobuf_packs_it(void **state) {
    static const char text[] =
        "{\"occurredAt\":-1,\"kind\":-1,\"accountId\":\"\",\"consent\":0,\"delta\":-300,\"paid\":false,"
        "\"tags\":[\"\",\"x\"],\"utm\":{},\"commerce\":{\"coupon\":\"" JSON_ID JSON_ID JSON_ID JSON_ID JSON_ID
            JSON_ID "\",\"items\":[{},{\"quantity\":300}]}}";
    struct recount_json json;
    struct recount_wire wire = {0};
    assert_int_equal(recount_json_open(&json, slice_of(text), 1 << 16), REJECT_NONE);
    assert_int_equal(json.count, 1);
    assert_true(recount_json_event(&json, 0, &wire));
    Clameur__V1__Event *e = clameur__v1__event__unpack(NULL, wire.length, wire.at);
    assert_non_null(e);
    assert_int_equal(e->commerce->n_items, 2);
    assert_int_equal(e->delta, -300);
    uint8_t packed[1024];
    assert_int_equal(clameur__v1__event__get_packed_size(e), wire.length);
    clameur__v1__event__pack(e, packed);
    assert_memory_equal(packed, wire.at, wire.length);
    clameur__v1__event__free_unpacked(e, NULL);
    recount_wire_fini(&wire);
    recount_json_close(&json);
}

static void bounds_of_json_are_the_same(void **state) {
    size_t size = DECODE_JSON_BYTES_MAX, counted = 0;
    char *text = memory_take(size + 2);
    memset(text, ' ', size + 1);
    memcpy(text, "{}", 2);
    assert_int_equal(read_both(text, 64 << 10, &counted), REJECT_NONE);
    assert_int_equal(read_both(text, (64 << 10) + 1, &counted), REJECT_OVERSIZED);
    memcpy(text, "{\"events\":[{}]}", 15);
    assert_int_equal(read_both(text, size, &counted), REJECT_NONE);
    assert_int_equal(read_both(text, size + 1, &counted), REJECT_OVERSIZED);
    // In a batch the size is that of the event as protobuf: two texts of 3 and 4 bytes of head are 65,536.
    for (size_t extra = 0; extra < 2; extra++) {
        char *at = text + sprintf(text, "{\"events\":[{\"accountId\":\"");
        memset(at, 'x', 65536 - 4 + extra);
        strcpy(at + 65536 - 4 + extra, "\"},{\"kind\":{}}]}");
        assert_int_equal(read_text(text), extra == 0 ? REJECT_UNDECODABLE : REJECT_OVERSIZED);
    }
    for (size_t depth = 2046; depth < 2050; depth++) {
        memcpy(text, "{\"a\":", 5);
        memset(text + 5, '[', depth);
        memset(text + 5 + depth, ']', depth);
        strcpy(text + 5 + 2 * depth, "}");
        assert_int_equal(read_text(text), depth < 2048 ? REJECT_NONE : REJECT_UNDECODABLE);
    }
    for (size_t most = 65535; most < 65537; most++) {
        char *at = text + sprintf(text, "{\"events\":[{}");
        for (size_t i = 1; i < most; i++, at += 3)
            memcpy(at, ",{}", 4);
        strcpy(at, "]}");
        assert_int_equal(read_text(text), most == 65535 ? REJECT_NONE : REJECT_BATCH_TOO_LONG);
    }
    free(text);
}

static void a_value_of_64_mib_or_of_65535_events_is_the_largest(void **state) {
    static const struct {
        int64_t max_event_bytes;
        size_t largest;
    } cases[] = {{256, 256 * 65535}, {1024, 1024 * 65535}, {1025, 64 << 20}, {65536, 64 << 20}};
    char *value = memory_take((64 << 20) + 1);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        size_t counted = 0;
        set_max_event_bytes(cases[i].max_event_bytes);
        memcpy(value, BATCH_TAG "\0\xff", 4);
        assert_int_equal(read_both(value, cases[i].largest, &counted), REJECT_UNDECODABLE);
        assert_int_equal(read_both(value, cases[i].largest + 1, &counted), REJECT_OVERSIZED);
    }
    free(value);
    set_max_event_bytes(64 << 10);
}

static void the_deployment_says_which_message_is_the_largest(void **state) {
    const struct recount_framing framing = {"auto", 64 << 10, 1000};
    char text[1001];
    memset(text, ' ', sizeof(text));
    memcpy(text, "{}", 2);
    assert_int_equal(recount_events_read(&events, &framing, (struct slice){text, 1000}), REJECT_NONE);
    recount_events_clear(&events);
    assert_int_equal(recount_events_read(&events, &framing, (struct slice){text, 1001}), REJECT_OVERSIZED);
    recount_events_clear(&events);
}

// A record of `bombs` events of 32,000 empty items, 2 bytes each on the wire.
static size_t write_bombs(char *value, size_t bombs) {
    enum { ITEMS = 32000, BODY = 2 * ITEMS };
    static const unsigned char head[] = {
        0xfa, 0x07, 0x80 | ((BODY + 5) & 0x7f), 0x80 | ((BODY + 5) >> 7 & 0x7f), (BODY + 5) >> 14,
        0x82, 0x02, 0x80 | (BODY & 0x7f),       0x80 | (BODY >> 7 & 0x7f),       BODY >> 14};
    for (size_t i = 0; i < bombs; i++, value += sizeof(head) + BODY) {
        memcpy(value, head, sizeof(head));
        for (size_t j = 0; j < ITEMS; j++)
            memcpy(value + sizeof(head) + 2 * j, "\x6a\x00", 2);
    }
    return bombs * (sizeof(head) + BODY);
}

// Around the very event with which 512 MiB are passed; the recount alone looks for it.
static void a_record_unpacks_to_512_mib_at_most(void **state) {
    const struct recount_framing framing = {"auto", max_event_bytes, FIXTURE_MESSAGE_MAX};
    size_t low = 64, high = 128, counted = 0;
    char *value = memory_take(high * 64100);
    while (high - low > 1) {
        size_t middle = (low + high) / 2, length = write_bombs(value, middle);
        bool fits = recount_events_read(&events, &framing, (struct slice){value, length}) == REJECT_NONE;
        recount_events_clear(&events);
        low = fits ? middle : low;
        high = fits ? high : middle;
    }
    assert_int_equal(read_both(value, write_bombs(value, low), &counted), REJECT_NONE);
    assert_int_equal(read_both(value, write_bombs(value, high), &counted), REJECT_UNDECODABLE);
    free(value);
}

static void of_two_reasons_both_give_the_first(void **state) {
    static const struct {
        const char *value;
        size_t length;
        enum reject expected;
    } cases[] = {
        {BATCH_TAG "\x03\x82\x01\x00" BATCH_TAG "\x01\x18", 10, REJECT_UNDECODABLE},
        {"\xf8\x07\x01" BATCH_TAG "\x00", 6, REJECT_NONE},
        {"\0\0\0\0\7\0" BATCH_TAG "\x00", 9, REJECT_NONE}, // an event, though it looks like a batch
        {"\0\0\0\0\7\0{}", 8, REJECT_UNDECODABLE},
    };
    size_t counted = 0;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_int_equal(read_both(cases[i].value, cases[i].length, &counted), cases[i].expected);
    // An event too large beside one that is broken, and beside too many.
    size_t large = 70000, most = 65536;
    char *value = memory_take(5 + large + 3 * most);
    memcpy(value, BATCH_TAG "\xf0\xa2\x04", 5);
    memcpy(value + 5 + large, BATCH_TAG "\x01\x18", 4);
    assert_int_equal(read_both(value, 5 + large + 4, &counted), REJECT_OVERSIZED);
    for (size_t i = 0; i < most; i++)
        memcpy(value + 5 + large + 3 * i, BATCH_TAG "\0", 3);
    assert_int_equal(read_both(value, 5 + large + 3 * most, &counted), REJECT_OVERSIZED);
    value[5 + large + 3 * most - 1] = 1;
    assert_int_equal(read_both(value, 5 + large + 3 * most, &counted), REJECT_UNDECODABLE);
    free(value);
}

// Any change of any byte ends in the same verdict on both paths.
static void mutated_bytes_are_read_the_same(void **state) {
    static const char batch[] =
        "{\"events\":[" JSON_EVENT ",{\"kind\":\"KIND_LIKE\",\"view\":{\"watchMs\":1e3}}]}";
    static char seeds[3][1024], value[1024];
    size_t lengths[3] = {sizeof(JSON_EVENT) - 1, sizeof(batch) - 1, 0}, counted = 0, read = 0;
    memcpy(seeds[0], JSON_EVENT, lengths[0]);
    memcpy(seeds[1], batch, lengths[1]);
    struct recount_json json;
    struct recount_wire wire = {0};
    assert_int_equal(recount_json_open(&json, slice_of(JSON_EVENT), 1 << 16), REJECT_NONE);
    assert_true(recount_json_event(&json, 0, &wire));
    lengths[2] = wire.length;
    memcpy(seeds[2], wire.at, wire.length);
    recount_wire_fini(&wire);
    recount_json_close(&json);
    uint64_t random = 11;
    for (size_t round = 0; round < 90000; round++) {
        size_t length = lengths[round % 3];
        memcpy(value, seeds[round % 3], length);
        random = hash_integer(random + round);
        for (uint64_t changes = 1 + random % 3, i = 0; i < changes; i++) {
            static const char likely[] = "{}[]\",:\\0123456789-+.eE_Aau\xff";
            random = hash_integer(random + i);
            char with = round % 2 == 0 ? (char)(random >> 32) : likely[(random >> 32) % (sizeof(likely) - 1)];
            value[random % length] = with;
        }
        read += read_both(value, length, &counted) == REJECT_NONE;
    }
    assert_true(read > 10000 && counted > 10000);
}

// ---- real messages, broken at random

enum { REAL = 600, REAL_MAX = 8192, ROUNDS = 200000 };
static struct {
    char bytes[REAL_MAX];
    size_t length;
} real[REAL];

static void real_frame(size_t i, const char *frame, size_t frame_length, struct slice value) {
    memcpy(real[i].bytes, frame, frame_length);
    memcpy(real[i].bytes + frame_length, value.at, value.length);
    real[i].length = frame_length + value.length;
}

// Every kind of the generator: bare, framed, and gathered into batches.
static void real_make(void) {
    const struct generate_options options = {.seed = 5,
                                             .mix = mix_find("all"),
                                             .accounts = 5,
                                             .contents = 50,
                                             .actors = 50,
                                             .zipf = 1,
                                             .malformed = 0.1,
                                             .start_ms = FIXTURE_TIME_MS - 1000,
                                             .rate = GENERATE_PACE};
    struct generator *generator = generator_create(&options);
    size_t made = 0;
    for (uint64_t index = 0; made < REAL / 2; index++) {
        struct generated g;
        generator_make(generator, index, &g);
        if (g.value.length == 0 || g.value.length > REAL_MAX / 4)
            continue;
        real_frame(made, "\0\0\0\0\7\0", made % 3 == 0 ? 6 : 0, g.value);
        made++;
    }
    for (; made < REAL; made++) {
        size_t length = made % 2 == 0 ? 0 : 7;
        memcpy(real[made].bytes, "\0\0\0\0\7\2\2", length);
        for (size_t i = 0; i < 3; i++) {
            size_t from = (made * 7 + i) % (REAL / 2), size = real[from].length;
            if (size >= 1 << 14 || real[from].bytes[0] == 0)
                continue;
            const char head[] = {'\xfa', '\x07', (char)(size | 0x80), (char)(size >> 7)};
            memcpy(real[made].bytes + length, head, sizeof(head));
            memcpy(real[made].bytes + length + sizeof(head), real[from].bytes, size);
            length += sizeof(head) + size;
        }
        real[made].length = length;
    }
    generator_destroy(&generator);
}

// One edit: a bit, a byte, a range cut, doubled or taken from another message, the end cut off.
static size_t edit(char *value, size_t length, struct random *r) {
    size_t at = random_below(r, length), most = length - at,
           size = 1 + random_below(r, most < 16 ? most : 16);
    const size_t other = random_below(r, REAL);
    switch (random_below(r, 7)) {
    case 0:
        value[at] = (char)(value[at] ^ 1 << random_below(r, 8));
        return length;
    case 1:
        value[at] = (char)random_next(r);
        return length;
    case 2:
        memmove(value + at, value + at + size, length - at - size);
        return length - size;
    case 3:
        memmove(value + at + size, value + at, length - at);
        return length + size;
    case 4:
        if (real[other].length >= size)
            memcpy(value + at, real[other].bytes + random_below(r, real[other].length - size + 1), size);
        return length;
    case 5:
        value[at] = "\0\x80\xff\x7f\xfa"[random_below(r, 5)];
        return length;
    default:
        return at;
    }
}

// Whatever becomes of a real message on its way: one verdict, the same on both paths, and nothing else.
static void real_messages_broken_at_random_are_read_the_same(void **state) {
    static char value[2 * REAL_MAX];
    size_t counted = 0, verdicts[REJECT_COUNT] = {0};
    real_make();
    for (uint64_t round = 0; round < ROUNDS; round++) {
        struct random r = random_at(17, 0, round);
        size_t from = random_below(&r, REAL), length = real[from].length;
        memcpy(value, real[from].bytes, length);
        for (uint64_t edits = random_below(&r, 5); edits > 0 && length > 0; edits--)
            length = edit(value, length, &r);
        if (length > 0)
            verdicts[read_both(value, length, &counted)]++;
    }
    assert_true(counted > ROUNDS / 4 && verdicts[REJECT_NONE] > ROUNDS / 4);
    assert_true(verdicts[REJECT_UNDECODABLE] > ROUNDS / 20);
}

// What recount_json takes for granted about the contract.
static void check_message(const ProtobufCMessageDescriptor *d) {
    unsigned oneof = 0;
    assert_true(d->n_fields <= 64);
    for (unsigned i = 0; i < d->n_fields; i++) {
        const ProtobufCFieldDescriptor *f = &d->fields[i];
        if (f->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) {
            assert_true(oneof == 0 || oneof == f->quantifier_offset);
            assert_int_equal(f->type, PROTOBUF_C_TYPE_MESSAGE);
            oneof = f->quantifier_offset;
        }
        assert_true(f->label != PROTOBUF_C_LABEL_REPEATED || f->type == PROTOBUF_C_TYPE_BYTES ||
                    f->type == PROTOBUF_C_TYPE_MESSAGE);
        if (f->type == PROTOBUF_C_TYPE_MESSAGE)
            check_message(f->descriptor);
    }
}

static void no_message_has_two_oneofs(void **state) {
    check_message(&clameur__v1__event__descriptor);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_case_of_bytes_is_read_the_same),
        cmocka_unit_test(every_case_of_json_is_read_the_same),
        cmocka_unit_test(every_body_counts_the_same_from_json),
        cmocka_unit_test(an_event_of_json_is_written_as_protobuf_packs_it),
        cmocka_unit_test(bounds_of_json_are_the_same),
        cmocka_unit_test(a_value_of_64_mib_or_of_65535_events_is_the_largest),
        cmocka_unit_test(the_deployment_says_which_message_is_the_largest),
        cmocka_unit_test(a_record_unpacks_to_512_mib_at_most),
        cmocka_unit_test(of_two_reasons_both_give_the_first),
        cmocka_unit_test(mutated_bytes_are_read_the_same),
        cmocka_unit_test(real_messages_broken_at_random_are_read_the_same),
        cmocka_unit_test(no_message_has_two_oneofs),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
