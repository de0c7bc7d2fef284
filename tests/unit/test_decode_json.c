#include "decode_fixture.h"

#include "stream/decode_json.h"

static enum reject decode_one(const char *text, struct event **e) {
    size_t count;
    enum reject reject = decode_text(text, e, &count);
    assert_int_equal(count, reject == REJECT_NONE ? 1 : 0);
    return reject;
}

#define ID_BASE64 "MDEyMzQ1Njc4OWFiY2RlZg=="

static void test_an_event(void **state) {
    struct event *e;
    assert_int_equal(
        decode_one(
            "{\"eventId\": \"" ID_BASE64 "\", \"occurred_at\": \"1767225599000\", \"platform\": "
            "\"PLATFORM_TIKTOK\", \"kind\": 86, \"accountId\": \"brand\", \"paid\": true, "
            "\"tags\": [\"a\", \"b\\u00e9\"], \"delta\": 1, \"consent\": 3, \"actorId\": \"user-1\", "
            "\"commerce\": {\"orderId\": \"o\\u0000-1\", \"valueMicros\": \"70\", \"currency\": \"EUR\", "
            "\"items\": [{\"quantity\": 2}, {\"quantity\": \"3\"}]}, \"utm\": {\"source\": \"x\"}}",
            &e),
        REJECT_NONE);
    assert_int_equal(e->id_length, 16);
    assert_memory_equal(e->id, FIXTURE_ID, 16);
    assert_int_equal(e->occurred_at_ms, 1767225599000);
    assert_int_equal(e->platform, PLATFORM_TIKTOK);
    assert_int_equal(e->kind, KIND_PURCHASE);
    assert_slice(e->account, "brand");
    assert_true(e->paid);
    assert_int_equal(e->tag_count, 2);
    assert_slice(e->tags[1], "b\xc3\xa9");
    assert_int_equal(e->consent, 3);
    assert_true(e->has_actor);
    assert_int_equal(e->actor[0], 0x0f);
    assert_int_equal(e->actor[15], 0x8e);
    assert_int_equal(e->order.length, 4);
    assert_memory_equal(e->order.at, "o\0-1", 4);
    assert_int_equal(e->measure_count, 3);
    assert_int_equal(e->measures[2].counter, COUNTER_UNITS);
    assert_int_equal(e->measures[2].value, 5);
    assert_int_equal(e->flaws, EVENT_FLAW_NONE);
}

static void test_a_batch(void **state) {
    struct event *events;
    size_t count;
    assert_int_equal(
        decode_text("{\"events\": [{\"kind\": 1}, {}, {\"kind\": \"KIND_LIKE\"}]}", &events, &count),
        REJECT_NONE);
    assert_int_equal(count, 3);
    assert_int_equal(events[0].kind, KIND_IMPRESSION);
    assert_int_equal(events[1].kind, 0);
    assert_int_equal(events[2].kind, KIND_LIKE);
    assert_int_equal(decode_text("{\"events\": []}", &events, &count), REJECT_BATCH_TOO_LONG);
    assert_int_equal(decode_text("{\"events\": {}}", &events, &count), REJECT_UNDECODABLE);
    assert_int_equal(decode_text("{\"events\": [{}, 5]}", &events, &count), REJECT_UNDECODABLE);
    assert_int_equal(decode_text("{\"events\": null, \"kind\": 1}", &events, &count), REJECT_NONE);
}

static void test_values(void **state) {
    static const struct {
        const char *text;
        enum reject expected;
    } cases[] = {
        {"{}", REJECT_NONE},
        {"{\"eventId\": null, \"tags\": null, \"view\": null, \"live\": null, \"kind\": null}", REJECT_NONE},
        {"{\"unknown\": {\"a\": [1, 2, {\"b\": null}]}, \"view\": {\"unknown\": 1.5}}", REJECT_NONE},
        {"{\"occurredAt\": 1767225599000.0}", REJECT_NONE},
        {"{\"occurredAt\": 1.7e12}", REJECT_NONE},
        {"{\"occurredAt\": -9223372036854775808}", REJECT_NONE},
        {"{\"occurredAt\": \"9223372036854775807\"}", REJECT_NONE},
        {"{\"occurredAt\": \"9223372036854775808\"}", REJECT_UNDECODABLE},
        {"{\"occurredAt\": 9223372036854775808}", REJECT_UNDECODABLE},
        {"{\"occurredAt\": 9.3e18}", REJECT_UNDECODABLE},
        {"{\"occurredAt\": 1e999}", REJECT_UNDECODABLE},
        {"{\"occurredAt\": 1.5}", REJECT_UNDECODABLE},
        {"{\"occurredAt\": \"\"}", REJECT_UNDECODABLE},
        {"{\"occurredAt\": \" 1\"}", REJECT_UNDECODABLE},
        {"{\"occurredAt\": \"1 \"}", REJECT_UNDECODABLE},
        {"{\"occurredAt\": \"+1\"}", REJECT_UNDECODABLE},
        {"{\"occurredAt\": \"-\"}", REJECT_UNDECODABLE},
        {"{\"occurredAt\": \"0x10\"}", REJECT_UNDECODABLE},
        {"{\"occurredAt\": \"1\\u0000\"}", REJECT_UNDECODABLE},
        {"{\"occurredAt\": true}", REJECT_UNDECODABLE},
        {"{\"occurredAt\": [1]}", REJECT_UNDECODABLE},
        {"{\"consent\": 4294967295}", REJECT_NONE},
        {"{\"consent\": 4294967296}", REJECT_UNDECODABLE},
        {"{\"consent\": -1}", REJECT_UNDECODABLE},
        {"{\"platform\": 4711}", REJECT_NONE},
        {"{\"platform\": 2147483648}", REJECT_UNDECODABLE},
        {"{\"platform\": \"PLATFORM_NOWHERE\"}", REJECT_UNDECODABLE},
        {"{\"platform\": {}}", REJECT_UNDECODABLE},
        {"{\"paid\": \"true\"}", REJECT_UNDECODABLE},
        {"{\"paid\": 1}", REJECT_UNDECODABLE},
        {"{\"accountId\": 5}", REJECT_UNDECODABLE},
        {"{\"tags\": \"a\"}", REJECT_UNDECODABLE},
        {"{\"tags\": [\"a\", null]}", REJECT_UNDECODABLE},
        {"{\"tags\": [\"a\", 1]}", REJECT_UNDECODABLE},
        {"{\"tags\": []}", REJECT_NONE},
        {"{\"view\": []}", REJECT_UNDECODABLE},
        {"{\"view\": {\"watchMs\": {}}}", REJECT_UNDECODABLE},
        {"{\"view\": {}, \"live\": {}}", REJECT_UNDECODABLE},
        {"{\"kind\": 1, \"kind\": 2}", REJECT_UNDECODABLE},
        {"{\"eventId\": \"AAAA\", \"event_id\": \"AAAA\"}", REJECT_UNDECODABLE},
        {"{\"accountId\": \"\xff\"}", REJECT_UNDECODABLE},
        {"{\"accountId\": \"\\ud800\"}", REJECT_UNDECODABLE},
        {"{\"kind\": 1", REJECT_UNDECODABLE},
        {"{} {}", REJECT_UNDECODABLE},
        {"{", REJECT_UNDECODABLE},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct event *e;
        if (decode_one(cases[i].text, &e) != cases[i].expected)
            fail_msg("%s", cases[i].text);
    }
}

static void test_ids_in_both_alphabets(void **state) {
    static const struct {
        const char *text;
        enum reject expected;
        size_t length;
    } cases[] = {
        {"/+7//v/+/v/+/v7//v/+/w==", REJECT_NONE, 16},
        {"_-7__v_-_v_-_v7__v_-_w", REJECT_NONE, 16},
        {"_-7__v_-_v_-_v7__v_-_w==", REJECT_NONE, 16},
        {"", REJECT_NONE, 0},
        {"AA==", REJECT_NONE, 1},
        {"AAA=", REJECT_NONE, 2},
        {"AAAA", REJECT_NONE, 3},
        {"A", REJECT_UNDECODABLE, 0},
        {"A===", REJECT_UNDECODABLE, 0},
        {"AA AA", REJECT_UNDECODABLE, 0},
        {"AA=A", REJECT_UNDECODABLE, 0},
        {"=", REJECT_NONE, 0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[128];
        struct event *e;
        snprintf(text, sizeof(text), "{\"event_id\": \"%s\"}", cases[i].text);
        if (decode_one(text, &e) != cases[i].expected)
            fail_msg("%s", text);
        if (cases[i].expected == REJECT_NONE)
            assert_int_equal(e->id_length, cases[i].length);
    }
}

static void test_sizes_and_depths_are_bounded(void **state) {
    struct event *events;
    size_t count, size = 70000;
    char *text = memory_take(size + DECODE_JSON_BYTES_MAX);
    memset(text, ' ', size + DECODE_JSON_BYTES_MAX);
    memcpy(text, "{}", 2);
    assert_int_equal(decode_bytes(text, 64 << 10, &events, &count), REJECT_NONE);
    assert_int_equal(decode_bytes(text, (64 << 10) + 1, &events, &count), REJECT_OVERSIZED);
    assert_int_equal(decode_bytes(text, DECODE_JSON_BYTES_MAX + 1, &events, &count), REJECT_OVERSIZED);
    // In a batch the size is that of the event as protobuf.
    int head = snprintf(text, size, "{\"events\": [{\"tags\": [\"");
    memset(text + head, 'x', size);
    strcpy(text + (size_t)head + size, "\"]}]}");
    assert_int_equal(decode_text(text, &events, &count), REJECT_OVERSIZED);
    memset(text, '[', size);
    memcpy(text, "{\"a\":", 5);
    assert_int_equal(decode_bytes(text, 60000, &events, &count), REJECT_UNDECODABLE);
    free(text);
}

static void test_a_batch_of_too_many(void **state) {
    size_t most = 65535;
    char *text = memory_take(3 * (most + 1) + 32);
    struct event *events;
    size_t count;
    for (size_t extra = 0; extra < 2; extra++) {
        char *at = text + sprintf(text, "{\"events\":[");
        for (size_t i = 0; i < most + extra; i++)
            at += sprintf(at, i == 0 ? "{}" : ",{}");
        strcpy(at, "]}");
        assert_int_equal(decode_text(text, &events, &count),
                         extra == 0 ? REJECT_NONE : REJECT_BATCH_TOO_LONG);
        assert_int_equal(count, extra == 0 ? most : 0);
    }
    free(text);
}

// What the filler takes for granted about the contract.
static void check_message(const ProtobufCMessageDescriptor *d) {
    assert_true(d->n_fields <= 64);
    for (unsigned i = 0; i < d->n_fields; i++) {
        const ProtobufCFieldDescriptor *f = &d->fields[i];
        bool repeated = f->label == PROTOBUF_C_LABEL_REPEATED;
        bool text = f->type == PROTOBUF_C_TYPE_BYTES, message = f->type == PROTOBUF_C_TYPE_MESSAGE;
        bool number = f->type == PROTOBUF_C_TYPE_INT64 || f->type == PROTOBUF_C_TYPE_SINT64 ||
                      f->type == PROTOBUF_C_TYPE_UINT32 || f->type == PROTOBUF_C_TYPE_ENUM ||
                      f->type == PROTOBUF_C_TYPE_BOOL;
        if (!(text || message || (number && !repeated)))
            fail_msg("%s.%s has a type that decode_json.c does not read", d->name, f->name);
        if (strspn(f->name, "abcdefghijklmnopqrstuvwxyz_") != strlen(f->name))
            fail_msg("%s.%s: lowerCamelCase does not lead back to this name", d->name, f->name);
        if (message)
            check_message(f->descriptor);
    }
}

static void test_the_contract_holds_only_what_is_read(void **state) {
    check_message(&clameur__v1__event__descriptor);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_event),
        cmocka_unit_test(test_a_batch),
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_ids_in_both_alphabets),
        cmocka_unit_test(test_sizes_and_depths_are_bounded),
        cmocka_unit_test(test_a_batch_of_too_many),
        cmocka_unit_test(test_the_contract_holds_only_what_is_read),
    };
    return cmocka_run_group_tests(tests, fixture_set_up, fixture_tear_down);
}
