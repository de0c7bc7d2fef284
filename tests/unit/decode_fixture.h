// What the tests of decode share: a decoder with the vectors' key, and events packed by the generated code.
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "clameur/v1/event.pb-c.h"
#include "runtime/memory.h"
#include "stream/decode/decode.h"

#define FIXTURE_TIME_MS     INT64_C(1767225600000)
#define FIXTURE_MESSAGE_MAX (64 << 20)
#define FIXTURE_ID          "0123456789abcdef"

struct fixture {
    struct arena arena;
    struct pseudonymiser *pseudonyms;
    struct decoder *decoder;
    char *record; // the last one decoded: events borrow from it
};

static struct fixture fixture;

static inline int fixture_set_up_with(const char *framing, int64_t max_event_bytes) {
    char path[64];
    snprintf(path, sizeof(path), "/tmp/decode_fixture.%d", (int)getpid());
    FILE *file = fopen(path, "w");
    fputs("000102030405060708090a0b0c0d0e0f\n", file);
    fclose(file);
    chmod(path, 0400);
    enum status status = pseudonymiser_load(&fixture.pseudonyms, path, NULL);
    unlink(path);
    arena_init(&fixture.arena, 64 << 10);
    const struct decoder_options options = {framing, max_event_bytes, FIXTURE_MESSAGE_MAX, fixture.pseudonyms,
                                            true};
    fixture.decoder = decoder_create(&options);
    return status == STATUS_OK ? 0 : -1;
}

static inline int fixture_set_up(void **state) {
    return fixture_set_up_with("auto", 64 << 10);
}

static inline int fixture_tear_down(void **state) {
    decoder_destroy(&fixture.decoder);
    pseudonymiser_destroy(&fixture.pseudonyms);
    arena_fini(&fixture.arena);
    free(fixture.record);
    fixture.record = NULL;
    return 0;
}

// The bytes are copied to a block of exactly their size, so that reading past them is seen.
static inline enum reject decode_bytes(const void *bytes, size_t length, struct event **events,
                                       size_t *count) {
    free(fixture.record);
    fixture.record = malloc(length > 0 ? length : 1);
    memcpy(fixture.record, bytes, length);
    struct record record = {
        .partition = 3, .offset = 7, .time_ms = FIXTURE_TIME_MS, .value = {fixture.record, length}};
    arena_reset(&fixture.arena);
    return decoder_decode(fixture.decoder, &fixture.arena, &record, events, count);
}

static inline enum reject decode_text(const char *text, struct event **events, size_t *count) {
    return decode_bytes(text, strlen(text), events, count);
}

// Packs and decodes one event, which must be decodable.
static inline struct event *decode_message(const Clameur__V1__Event *message) {
    size_t length = clameur__v1__event__get_packed_size(message), count;
    unsigned char *bytes = malloc(length > 0 ? length : 1);
    clameur__v1__event__pack(message, bytes);
    struct event *events;
    assert_int_equal(decode_bytes(bytes, length, &events, &count), REJECT_NONE);
    assert_int_equal(count, 1);
    free(bytes);
    return events;
}

static inline ProtobufCBinaryData text_of(const char *text) {
    return (ProtobufCBinaryData){strlen(text), (uint8_t *)(uintptr_t)text};
}

// The least that validate accepts.
static inline Clameur__V1__Event plain_event(void) {
    Clameur__V1__Event m = CLAMEUR__V1__EVENT__INIT;
    m.event_id = text_of(FIXTURE_ID);
    m.occurred_at = FIXTURE_TIME_MS - 1000;
    m.platform = CLAMEUR__V1__PLATFORM__PLATFORM_TIKTOK;
    m.kind = CLAMEUR__V1__KIND__KIND_LIKE;
    m.account_id = text_of("brand");
    return m;
}

static inline void assert_slice(struct slice actual, const char *expected) {
    assert_int_equal(actual.length, strlen(expected));
    assert_memory_equal(actual.at, expected, actual.length);
}
