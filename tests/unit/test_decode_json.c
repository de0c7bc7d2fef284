#include "decode_fixture.h"
#include "json_cases.h"

#include "stream/decode/decode_json.h"

static enum reject decode_one(const char *text, struct event **e) {
    size_t count;
    enum reject reject = decode_text(text, e, &count);
    assert_int_equal(count, reject == REJECT_NONE ? 1 : 0);
    return reject;
}

static void test_an_event(void **state) {
    struct event *e;
    assert_int_equal(decode_one(JSON_EVENT, &e), REJECT_NONE);
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

static void assert_part(const char *text, size_t index, const char *expected) {
    struct event *events;
    size_t count;
    struct record record = {.value = slice_of(text)};
    arena_reset(&fixture.arena);
    assert_int_equal(decoder_decode(fixture.decoder, &fixture.arena, &record, &events, &count), REJECT_NONE);
    assert_true(index < count);
    assert_slice(events[index].bytes, expected);
    assert_true(events[index].bytes.at >= text && events[index].bytes.at < text + strlen(text));
}

static void test_an_events_own_text(void **state) {
    static const char event[] = " {\"kind\": 1, \"x\": [\"}\", {}]} ";
    assert_part(event + 1, 0, event + 1);
    static const char batch[] =
        "{\"a\": {\"events\": [9]}, \"b\" : \"\\\\\" , \"c\": \"\\\"events\", \"d\":-1.5e3,\n"
        "\"events\" :[{\"accountId\": \"]\\\"}\"},\t{} ,{\"kind\":1,\"z\":[[null,{}],true]}], \"e\":[]}";
    assert_part(batch, 0, "{\"accountId\": \"]\\\"}\"}");
    assert_part(batch, 1, "{}");
    assert_part(batch, 2, "{\"kind\":1,\"z\":[[null,{}],true]}");
    assert_part("{\"\\u0061\":1,\"\\u0065vents\":[{\"kind\":2}]}", 0, "{\"kind\":2}");
}

static void test_values(void **state) {
    for (size_t i = 0; i < JSON_CASE_COUNT; i++) {
        struct event *events;
        size_t count;
        if (decode_text(json_cases[i].text, &events, &count) != json_cases[i].expected)
            fail_msg("%s", json_cases[i].text);
    }
}

static void test_ids_in_both_alphabets(void **state) {
    for (size_t i = 0; i < JSON_ID_COUNT; i++) {
        char text[128];
        struct event *e;
        snprintf(text, sizeof(text), "{\"event_id\": \"%s\"}", json_ids[i].text);
        if (decode_one(text, &e) != json_ids[i].expected)
            fail_msg("%s", text);
        if (json_ids[i].expected == REJECT_NONE)
            assert_int_equal(e->id_length, json_ids[i].length);
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
    memcpy(text, "{\"events\":[{}]}", 15); // no event of which is too large
    assert_int_equal(decode_bytes(text, DECODE_JSON_BYTES_MAX, &events, &count), REJECT_NONE);
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
        cmocka_unit_test(test_an_events_own_text),
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_ids_in_both_alphabets),
        cmocka_unit_test(test_sizes_and_depths_are_bounded),
        cmocka_unit_test(test_a_batch_of_too_many),
        cmocka_unit_test(test_the_contract_holds_only_what_is_read),
    };
    return cmocka_run_group_tests(tests, fixture_set_up, fixture_tear_down);
}
