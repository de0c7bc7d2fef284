// The contract's bounds on single values, as flaws. In a header for the hot path's sake.
#pragma once

#include <protobuf-c/protobuf-c.h>

#include "runtime/utf8.h"
#include "schemas/event.h"

#define DECODE_AMOUNT_MAX INT64_C(100000000000000000) // 10^17: larger numbers are not meant

static inline struct slice bounds_slice(ProtobufCBinaryData text) {
    return (struct slice){(const char *)text.data, text.len};
}

// An absent text, as most are, costs one comparison.
static inline unsigned bounds_text(ProtobufCBinaryData text, size_t max) {
    if (text.len == 0)
        return EVENT_FLAW_NONE;
    if (text.len > max)
        return EVENT_FLAW_TOO_LONG;
    return utf8_valid(text.data, text.len) ? EVENT_FLAW_NONE : EVENT_FLAW_UTF8;
}

// Texts that are repeated: each is 1..max_length bytes.
static inline unsigned bounds_texts(const ProtobufCBinaryData *texts, size_t count, size_t max_count,
                                    size_t max_length) {
    if (count > max_count)
        return EVENT_FLAW_TOO_MANY;
    unsigned flaws = EVENT_FLAW_NONE;
    for (size_t i = 0; i < count; i++)
        flaws |= texts[i].len == 0 ? EVENT_FLAW_TOO_LONG : bounds_text(texts[i], max_length);
    return flaws;
}

// A duration, quantity or amount.
static inline unsigned bounds_amount(int64_t amount) {
    if (amount < 0)
        return EVENT_FLAW_NEGATIVE;
    return amount > DECODE_AMOUNT_MAX ? EVENT_FLAW_OUT_OF_RANGE : EVENT_FLAW_NONE;
}

// A number that may be negative.
static inline unsigned bounds_signed(int64_t number) {
    return number > DECODE_AMOUNT_MAX || number < -DECODE_AMOUNT_MAX ? EVENT_FLAW_OUT_OF_RANGE
                                                                     : EVENT_FLAW_NONE;
}
