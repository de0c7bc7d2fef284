// Messages of events, for what counts them again from the log.
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "loadtest/recount/recount_fold.h"

static inline ProtobufCBinaryData bytes(const char *text) {
    return (ProtobufCBinaryData){strlen(text), (uint8_t *)(uintptr_t)text};
}

// A like of acme on TikTok; `id` is the last byte of its event_id.
static inline Clameur__V1__Event like_at(uint8_t id, int64_t occurred_at_ms) {
    static uint8_t ids[256][16];
    Clameur__V1__Event e = CLAMEUR__V1__EVENT__INIT;
    ids[id][15] = id;
    e.event_id = (ProtobufCBinaryData){16, ids[id]};
    e.occurred_at = occurred_at_ms;
    e.platform = (Clameur__V1__Platform)PLATFORM_TIKTOK;
    e.kind = (Clameur__V1__Kind)KIND_LIKE;
    e.account_id = bytes("acme");
    return e;
}

// The message of an event; it lives until the next is packed.
static inline struct slice packed(const Clameur__V1__Event *e) {
    static uint8_t message[4096];
    assert_in_range(clameur__v1__event__get_packed_size(e), 1, sizeof(message));
    return (struct slice){(const char *)message, clameur__v1__event__pack(e, message)};
}
