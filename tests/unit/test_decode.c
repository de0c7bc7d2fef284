#include "decode_fixture.h"

#include "runtime/hash.h"
#include "wire_cases.h"

#define BATCH_TAG "\xfa\x07"

static char bytes[1 << 20];

static size_t pack(const Clameur__V1__Event *m, void *out) {
    return clameur__v1__event__pack(m, out);
}

static size_t pack_batch(size_t count, void *out) {
    Clameur__V1__Event m = plain_event();
    Clameur__V1__EventBatch batch = CLAMEUR__V1__EVENT_BATCH__INIT;
    batch.events = memory_take(count * sizeof(*batch.events));
    batch.n_events = count;
    for (size_t i = 0; i < count; i++)
        batch.events[i] = &m;
    size_t length = clameur__v1__event_batch__pack(&batch, out);
    free(batch.events);
    return length;
}

static void test_every_field_of_the_envelope(void **state) {
    Clameur__V1__Event m = plain_event();
    ProtobufCBinaryData tags[] = {text_of("one"), text_of("two")};
    Clameur__V1__View view = CLAMEUR__V1__VIEW__INIT;
    m.content_id = text_of("post");
    m.actor_id = text_of("user-1");
    m.person_id = text_of("c-42");
    m.campaign_id = text_of("spring");
    m.live_session_id = text_of("show");
    m.observed_at = 77;
    m.consent = 3;
    m.delta = -4;
    m.content_format = CLAMEUR__V1__CONTENT_FORMAT__CONTENT_FORMAT_STORY;
    m.origin = CLAMEUR__V1__ORIGIN__ORIGIN_UGC;
    m.traffic_source = CLAMEUR__V1__TRAFFIC_SOURCE__TRAFFIC_SOURCE_AD;
    m.paid = 1;
    m.tags = tags;
    m.n_tags = 2;
    m.body_case = CLAMEUR__V1__EVENT__BODY_VIEW;
    m.view = &view;
    const struct event *e = decode_message(&m);
    assert_memory_equal(e->id, FIXTURE_ID, 16);
    assert_int_equal(e->id_length, 16);
    assert_int_equal(e->occurred_at_ms, FIXTURE_TIME_MS - 1000);
    assert_int_equal(e->observed_at_ms, 77);
    assert_int_equal(e->platform, PLATFORM_TIKTOK);
    assert_int_equal(e->kind, KIND_LIKE);
    assert_int_equal(e->delta, -4);
    assert_slice(e->account, "brand");
    assert_slice(e->content, "post");
    assert_slice(e->campaign, "spring");
    assert_slice(e->session, "show");
    assert_int_equal(e->consent, 3);
    assert_true(e->paid);
    assert_true(e->has_actor);
    assert_true(e->has_person);
    assert_memory_equal(e->actor, "\x0f\x69\x29\x2f\x90\x09\x9b\x28\xc1\x75\x4f\x1c\x24\x4e\xcb\x8e", 16);
    assert_memory_equal(e->person, "\xe7\x67\xba\x5c\xda\x68\x8a\x52\xfe\x38\x3c\xa5\x66\xb4\x32\x9f", 16);
    assert_int_equal(e->content_format, 6);
    assert_int_equal(e->origin, 2);
    assert_int_equal(e->traffic_source, 12);
    assert_int_equal(e->body, 30);
    assert_int_equal(e->flaws, EVENT_FLAW_NONE);
    assert_int_equal(e->tag_count, 2);
    assert_slice(e->tags[0], "one");
    assert_slice(e->tags[1], "two");
    assert_int_equal(e->measure_count, 0);
}

// The arena is used again as it was left: nothing of what it held may show in a bare event.
static void test_nothing_of_the_event_before_is_left(void **state) {
    test_every_field_of_the_envelope(state);
    arena_reset(&fixture.arena);
    memset(arena_take(&fixture.arena, 32 << 10), 1, 32 << 10);
    Clameur__V1__Event m = CLAMEUR__V1__EVENT__INIT;
    m.platform = CLAMEUR__V1__PLATFORM__PLATFORM_X;
    const struct event *e = decode_message(&m);
    assert_int_equal(e->id_length, 0);
    assert_memory_equal(e->id, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 16);
    assert_int_equal(e->delta, 1);
    assert_int_equal(e->account.length + e->content.length + e->campaign.length + e->session.length, 0);
    assert_int_equal(e->order.length + e->currency.length, 0);
    assert_false(e->has_actor || e->has_person || e->paid || e->has_value);
    assert_int_equal(e->topic_count + e->tag_count + e->measure_count + e->reading_count, 0);
    assert_int_equal(e->body + e->flaws, 0);
    assert_int_equal(e->read_at_ms, 0);
}

static void test_topics_of_listening_and_care(void **state) {
    ProtobufCBinaryData topics[17];
    for (size_t i = 0; i < 17; i++)
        topics[i] = text_of(i == 1 ? "size" : "price");
    Clameur__V1__Listening listening = CLAMEUR__V1__LISTENING__INIT;
    listening.topics = topics;
    listening.n_topics = 3;
    Clameur__V1__Event m = CLAMEUR__V1__EVENT__INIT;
    m.body_case = CLAMEUR__V1__EVENT__BODY_LISTENING;
    m.listening = &listening;
    const struct event *e = decode_message(&m);
    assert_int_equal(e->topic_count, 3);
    assert_slice(e->topics[1], "size");
    assert_slice(e->topics[2], "price");
    listening.n_topics = 17;
    e = decode_message(&m);
    assert_int_equal(e->topic_count, 0);
    assert_int_equal(e->flaws, EVENT_FLAW_TOO_MANY);
    Clameur__V1__Care care = CLAMEUR__V1__CARE__INIT;
    m.body_case = CLAMEUR__V1__EVENT__BODY_CARE;
    m.care = &care;
    assert_int_equal(decode_message(&m)->topic_count, 0);
    care.topic = text_of("login");
    e = decode_message(&m);
    assert_int_equal(e->topic_count, 1);
    assert_slice(e->topics[0], "login");
}

static void test_when_what_ends_began(void **state) {
    Clameur__V1__Message message = CLAMEUR__V1__MESSAGE__INIT;
    Clameur__V1__Care care = CLAMEUR__V1__CARE__INIT;
    Clameur__V1__Event m = CLAMEUR__V1__EVENT__INIT;
    m.platform = CLAMEUR__V1__PLATFORM__PLATFORM_X;
    assert_int_equal(decode_message(&m)->since_ms, 0);
    message.replied_to_at = 5;
    m.body_case = CLAMEUR__V1__EVENT__BODY_MESSAGE;
    m.message = &message;
    assert_int_equal(decode_message(&m)->since_ms, 5);
    care.opened_at = 6;
    m.body_case = CLAMEUR__V1__EVENT__BODY_CARE;
    m.care = &care;
    assert_int_equal(decode_message(&m)->since_ms, 6);
    Clameur__V1__Lead lead = CLAMEUR__V1__LEAD__INIT;
    lead.opened_at = 7;
    m.body_case = CLAMEUR__V1__EVENT__BODY_LEAD;
    m.lead = &lead;
    assert_int_equal(decode_message(&m)->since_ms, 7);
}

static void test_how_long_what_was_viewed_is(void **state) {
    Clameur__V1__View view = CLAMEUR__V1__VIEW__INIT;
    Clameur__V1__Event m = CLAMEUR__V1__EVENT__INIT;
    m.platform = CLAMEUR__V1__PLATFORM__PLATFORM_X;
    assert_int_equal(decode_message(&m)->duration_ms, 0);
    view.watch_ms = 5;
    view.duration_ms = 90;
    m.body_case = CLAMEUR__V1__EVENT__BODY_VIEW;
    m.view = &view;
    assert_int_equal(decode_message(&m)->duration_ms, 90);
    Clameur__V1__Event other = CLAMEUR__V1__EVENT__INIT;
    other.platform = CLAMEUR__V1__PLATFORM__PLATFORM_X;
    assert_int_equal(decode_message(&other)->duration_ms, 0); // nothing is left of the event before
}

static void test_readings_and_orders(void **state) {
    Clameur__V1__ReadingValue one = CLAMEUR__V1__READING_VALUE__INIT, two = one, *values[] = {&one, &two};
    Clameur__V1__Reading reading = CLAMEUR__V1__READING__INIT;
    one.counter = text_of("views");
    one.value = 12;
    two.counter = text_of("likes");
    two.value = -3;
    reading.read_at = 99;
    reading.values = values;
    reading.n_values = 2;
    Clameur__V1__Event m = plain_event();
    m.body_case = CLAMEUR__V1__EVENT__BODY_READING;
    m.reading = &reading;
    const struct event *e = decode_message(&m);
    assert_int_equal(e->read_at_ms, 99);
    assert_int_equal(e->reading_count, 2);
    assert_slice(e->readings[0].counter, "views");
    assert_int_equal(e->readings[0].value, 12);
    assert_slice(e->readings[1].counter, "likes");
    assert_int_equal(e->readings[1].value, -3);

    Clameur__V1__Commerce commerce = CLAMEUR__V1__COMMERCE__INIT;
    commerce.order_id = text_of("o-1");
    commerce.currency = text_of("EUR");
    m.body_case = CLAMEUR__V1__EVENT__BODY_COMMERCE;
    m.commerce = &commerce;
    e = decode_message(&m);
    assert_slice(e->order, "o-1");
    assert_slice(e->currency, "EUR");
    assert_false(e->has_value);
}

static void test_an_id_of_another_length_is_none(void **state) {
    for (size_t length = 0; length < 40; length++) {
        Clameur__V1__Event m = plain_event();
        m.event_id = (ProtobufCBinaryData){length, (uint8_t *)bytes};
        memset(bytes, 'i', length);
        const struct event *e = decode_message(&m);
        assert_int_equal(e->id_length, length);
        assert_int_equal(e->id[0], length == 16 ? 'i' : 0);
    }
}

static void test_null_and_empty_values(void **state) {
    struct event *events;
    size_t count = 9;
    struct record record = {.value = {NULL, 0}};
    assert_int_equal(decoder_decode(fixture.decoder, &fixture.arena, &record, &events, &count),
                     REJECT_NULL_VALUE);
    assert_int_equal(count, 0);
    assert_int_equal(decode_bytes("", 0, &events, &count), REJECT_EMPTY);
    assert_int_equal(count, 0);
}

static void test_framings(void **state) {
    static const struct {
        const char *head;
        size_t head_length;
        bool batch;
        enum reject expected;
    } cases[] = {
        {"", 0, false, REJECT_NONE},
        {"", 0, true, REJECT_NONE},
        {"\0\0\0\0\7\0", 6, false, REJECT_NONE},            // [0], shortened
        {"\0\xff\xff\xff\xff\2\0", 7, false, REJECT_NONE},  // [0]
        {"\0\0\0\0\7\2\2", 7, true, REJECT_NONE},           // [1]
        {"\0\0\0\0\7\2\4", 7, false, REJECT_UNDECODABLE},   // [2]
        {"\0\0\0\0\7\2\1", 7, false, REJECT_UNDECODABLE},   // [-1]
        {"\0\0\0\0\7\4\0\0", 8, false, REJECT_UNDECODABLE}, // [0, 0]
        {"\0\0\0\0\7\1\0", 7, false, REJECT_UNDECODABLE},   // a count of -1
        {"\0\0\0\0\7\0", 6, true, REJECT_NONE}, // a batch read as an event: field 127 is unknown to it
        {"\7", 1, false, REJECT_UNDECODABLE},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct event *events;
        size_t count;
        Clameur__V1__Event m = plain_event();
        memcpy(bytes, cases[i].head, cases[i].head_length);
        char *at = bytes + cases[i].head_length;
        size_t length = cases[i].batch ? pack_batch(3, at) : pack(&m, at);
        enum reject reject = decode_bytes(bytes, cases[i].head_length + length, &events, &count);
        if (reject != cases[i].expected)
            fail_msg("case %zu: %s", i, reject_name(reject));
        bool as_batch = cases[i].batch && i != 9;
        assert_int_equal(count, reject != REJECT_NONE ? 0 : as_batch ? 3 : 1);
    }
    struct event *events;
    size_t count;
    for (size_t length = 1; length < 6; length++)
        assert_int_equal(decode_bytes("\0\0\0\0\7", length, &events, &count), REJECT_UNDECODABLE);
    // An event of nothing but defaults is no bytes at all.
    assert_int_equal(decode_bytes("\0\0\0\0\7\0", 6, &events, &count), REJECT_NONE);
    assert_int_equal(events[0].id_length, 0);
    assert_int_equal(decode_bytes("\0\0\0\0\7\2\2", 7, &events, &count), REJECT_BATCH_TOO_LONG);
}

static void test_a_framing_that_is_set_is_not_guessed(void **state) {
    static const struct {
        const char *framing;
        enum reject raw, confluent, json;
    } cases[] = {
        {"raw", REJECT_NONE, REJECT_UNDECODABLE, REJECT_UNDECODABLE},
        {"confluent", REJECT_UNDECODABLE, REJECT_NONE, REJECT_UNDECODABLE},
        {"json", REJECT_UNDECODABLE, REJECT_UNDECODABLE, REJECT_NONE},
        {"auto", REJECT_NONE, REJECT_NONE, REJECT_NONE},
    };
    Clameur__V1__Event m = plain_event();
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct event *events;
        size_t count;
        fixture_tear_down(state);
        fixture_set_up_with(cases[i].framing, 64 << 10);
        size_t length = pack(&m, bytes);
        assert_int_equal(decode_bytes(bytes, length, &events, &count), cases[i].raw);
        memset(bytes, 0, 6);
        length = pack(&m, bytes + 6);
        assert_int_equal(decode_bytes(bytes, length + 6, &events, &count), cases[i].confluent);
        assert_int_equal(decode_text("{\"kind\": 1}", &events, &count), cases[i].json);
    }
}

static void test_every_case_of_bytes(void **state) {
    for (size_t i = 0; i < WIRE_CASE_COUNT; i++) {
        struct event *events;
        size_t count;
        enum reject reject = decode_bytes(wire_cases[i].bytes, wire_cases[i].length, &events, &count);
        if (reject != wire_cases[i].expected || (count > 0) != (reject == REJECT_NONE))
            fail_msg("case %zu: %s", i, reject_name(reject));
    }
}

static void test_sizes(void **state) {
    struct event *events;
    size_t count;
    fixture_tear_down(state);
    fixture_set_up_with("auto", 300);
    Clameur__V1__Event m = plain_event();
    char text[400];
    memset(text, 'x', sizeof(text));
    m.campaign_id = (ProtobufCBinaryData){150, (uint8_t *)text};
    m.campaign_id.len += 300 - clameur__v1__event__get_packed_size(&m);
    for (size_t extra = 0; extra < 2; extra++, m.campaign_id.len++) {
        enum reject expected = extra == 0 ? REJECT_NONE : REJECT_OVERSIZED;
        size_t length = pack(&m, bytes);
        assert_int_equal(length, 300 + extra);
        assert_int_equal(decode_bytes(bytes, length, &events, &count), expected);
        // In a batch each event has the same bound; one too large is the whole record's reason.
        memcpy(bytes, BATCH_TAG "\x00" BATCH_TAG, 5);
        bytes[5] = (char)(0x80 | (length & 0x7f));
        bytes[6] = (char)(length >> 7);
        pack(&m, bytes + 7);
        assert_int_equal(decode_bytes(bytes, 7 + length, &events, &count), expected);
        assert_int_equal(count, extra == 0 ? 2 : 0);
    }
    // The bound on the whole value stands before anything is looked at.
    size_t huge = (size_t)300 * 65535 + 1;
    char *value = memory_take(huge);
    memcpy(value, BATCH_TAG, 2);
    assert_int_equal(decode_bytes(value, huge, &events, &count), REJECT_OVERSIZED);
    assert_int_equal(decode_bytes(value, huge - 1, &events, &count), REJECT_UNDECODABLE);
    free(value);
    fixture_tear_down(state);
    fixture_set_up(state);
}

// Of every framing: what is larger than the deployment takes is not looked at.
static void test_the_largest_message(void **state) {
    static const char *const framings[] = {"auto", "raw", "confluent", "json"};
    struct event *events;
    size_t count;
    memset(bytes, '{', sizeof(bytes));
    for (size_t i = 0; i < sizeof(framings) / sizeof(framings[0]); i++) {
        const struct decoder_options options = {framings[i], 64 << 10, 100000, fixture.pseudonyms, true};
        decoder_destroy(&fixture.decoder);
        fixture.decoder = decoder_create(&options);
        assert_int_equal(decode_bytes(bytes, 100001, &events, &count), REJECT_OVERSIZED);
        assert_int_not_equal(decode_bytes(bytes, 50000, &events, &count), REJECT_OVERSIZED);
    }
    fixture_tear_down(state);
    fixture_set_up(state);
}

// What a dead letter of a single event holds: of a batch the event alone, else the value with its frame.
static void test_an_events_own_bytes(void **state) {
    static const char between[] = "\xf8\x06\x05"; // an unknown field
    char value[1024] = "\0\0\0\0\7\2\2";
    size_t header = 7, count;
    Clameur__V1__Event m = plain_event();
    unsigned char event[256];
    size_t size = pack(&m, event), length = header;
    for (int i = 0; i < 2; i++) {
        length += (size_t)snprintf(value + length, 8, "%s%s%c", between, BATCH_TAG, (char)size);
        memcpy(value + length, event, size);
        length += size;
    }
    struct record record = {.value = {value + header + 3, length - header - 3}};
    struct event *events;
    for (int framed = 0; framed < 2; framed++) {
        assert_int_equal(decoder_decode(fixture.decoder, &fixture.arena, &record, &events, &count),
                         REJECT_NONE);
        assert_int_equal(count, 2);
        for (size_t i = 0; i < count; i++) {
            assert_int_equal(events[i].bytes.length, size);
            assert_memory_equal(events[i].bytes.at, event, size);
        }
        assert_ptr_equal(events[1].bytes.at + size, value + length);
        record.value = (struct slice){value, length};
    }
    memcpy(value + 5, "\0", 1);
    memcpy(value + 6, event, size);
    record.value = (struct slice){value, size + 6};
    assert_int_equal(decoder_decode(fixture.decoder, &fixture.arena, &record, &events, &count), REJECT_NONE);
    assert_ptr_equal(events->bytes.at, value);
    assert_int_equal(events->bytes.length, size + 6);
}

static void test_batches_of_one_and_of_most(void **state) {
    static const struct {
        size_t count;
        enum reject expected;
    } cases[] = {{1, REJECT_NONE}, {65535, REJECT_NONE}, {65536, REJECT_BATCH_TOO_LONG}};
    char *value = memory_take(64 * 65536);
    for (size_t i = 0; i < 3; i++) {
        struct event *events;
        size_t count;
        size_t length = pack_batch(cases[i].count, value);
        assert_int_equal(decode_bytes(value, length, &events, &count), cases[i].expected);
        assert_int_equal(count, cases[i].expected == REJECT_NONE ? cases[i].count : 0);
        if (count > 0)
            assert_slice(events[count - 1].account, "brand");
    }
    free(value);
}

// Two bytes on the wire become an item of a hundred: what one record may unpack to is bounded, and it is
// refused, not died of.
static void test_a_bomb_of_items_is_refused_within_bounded_memory(void **state) {
    enum { ITEMS = 32000, EVENTS = 200 };
    size_t body = 2 * ITEMS, length = 0;
    char *value = memory_take(EVENTS * (body + 16));
    for (size_t i = 0; i < EVENTS; i++) {
        char *at = value + length;
        size_t event = body + 5;
        memcpy(at, BATCH_TAG, 2);
        at[2] = (char)(0x80 | (event & 0x7f));
        at[3] = (char)(0x80 | (event >> 7 & 0x7f));
        at[4] = (char)(event >> 14);
        memcpy(at + 5, "\x82\x02", 2); // commerce
        at[7] = (char)(0x80 | (body & 0x7f));
        at[8] = (char)(0x80 | (body >> 7 & 0x7f));
        at[9] = (char)(body >> 14);
        for (size_t j = 0; j < ITEMS; j++)
            memcpy(at + 10 + 2 * j, "\x6a\x00", 2);
        length += 10 + body;
    }
    struct event *events;
    size_t count;
    assert_int_equal(decode_bytes(value, length / EVENTS, &events, &count), REJECT_NONE);
    assert_int_equal(events[0].flaws, EVENT_FLAW_TOO_MANY);
    assert_int_equal(decode_bytes(value, length, &events, &count), REJECT_UNDECODABLE);
    assert_true(arena_held(&fixture.arena) < (size_t)700 << 20);
    free(value);
    fixture_tear_down(state);
    fixture_set_up(state);
}

// Any change of any byte ends in a verdict; under the sanitizers, without a word from them.
static void test_mutated_bytes_end_in_a_verdict(void **state) {
    static const char json[] =
        "{\"events\":[{\"eventId\":\"MDEyMzQ1Njc4OWFiY2RlZg==\",\"tags\":[\"a\"],\"kind\":86,"
        "\"commerce\":{\"valueMicros\":\"70\",\"items\":[{\"quantity\":2}]}},{\"kind\":\"KIND_LIKE\"}]}";
    Clameur__V1__LineItem item = CLAMEUR__V1__LINE_ITEM__INIT, *items[] = {&item, &item};
    Clameur__V1__Commerce commerce = CLAMEUR__V1__COMMERCE__INIT;
    Clameur__V1__Event m = plain_event();
    ProtobufCBinaryData tags[] = {text_of("one"), text_of("two")};
    item.product_id = text_of("p");
    item.quantity = 3;
    commerce.items = items;
    commerce.n_items = 2;
    commerce.value_micros = 5;
    m.tags = tags;
    m.n_tags = 2;
    m.actor_id = text_of("user-1");
    m.body_case = CLAMEUR__V1__EVENT__BODY_COMMERCE;
    m.commerce = &commerce;
    uint64_t random = 7;
    size_t accepted = 0;
    for (size_t round = 0; round < 60000; round++) {
        size_t length = sizeof(json) - 1;
        if (round % 3 == 0)
            length = pack(&m, bytes);
        else if (round % 3 == 1)
            length = pack_batch(3, bytes);
        else
            memcpy(bytes, json, length);
        random = hash_integer(random + round);
        for (uint64_t changes = 1 + (random & 3), i = 0; i < changes; i++) {
            random = hash_integer(random + i);
            bytes[random % length] = (char)(random >> 32);
        }
        length = (random & 0xf00) == 0 ? 1 + random % length : length;
        struct event *events;
        size_t count;
        enum reject reject = decode_bytes(bytes, length, &events, &count);
        assert_int_equal(count > 0, reject == REJECT_NONE);
        accepted += count > 0;
    }
    assert_true(accepted > 1000);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_field_of_the_envelope),
        cmocka_unit_test(test_nothing_of_the_event_before_is_left),
        cmocka_unit_test(test_topics_of_listening_and_care),
        cmocka_unit_test(test_when_what_ends_began),
        cmocka_unit_test(test_how_long_what_was_viewed_is),
        cmocka_unit_test(test_readings_and_orders),
        cmocka_unit_test(test_an_id_of_another_length_is_none),
        cmocka_unit_test(test_null_and_empty_values),
        cmocka_unit_test(test_framings),
        cmocka_unit_test(test_a_framing_that_is_set_is_not_guessed),
        cmocka_unit_test(test_every_case_of_bytes),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_the_largest_message),
        cmocka_unit_test(test_an_events_own_bytes),
        cmocka_unit_test(test_batches_of_one_and_of_most),
        cmocka_unit_test(test_a_bomb_of_items_is_refused_within_bounded_memory),
        cmocka_unit_test(test_mutated_bytes_end_in_a_verdict),
    };
    return cmocka_run_group_tests(tests, fixture_set_up, fixture_tear_down);
}
