// protobuf's wire format: numbers, tags and contents, read within their bounds. False where it breaks off. In
// a header for the hot path's sake.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "runtime/slice.h"

enum wire_type { WIRE_VARINT = 0, WIRE_64 = 1, WIRE_BYTES = 2, WIRE_32 = 5 };

struct wire {
    const unsigned char *at, *end;
};

static inline bool wire_varint(struct wire *w, uint64_t *value) {
    *value = 0;
    for (unsigned shift = 0; shift < 64 && w->at < w->end; shift += 7) {
        unsigned char byte = *w->at++;
        *value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80)
            return true;
    }
    return false;
}

static inline bool wire_take(struct wire *w, uint64_t length, struct slice *bytes) {
    if (length > (size_t)(w->end - w->at))
        return false;
    *bytes = (struct slice){(const char *)w->at, (size_t)length};
    w->at += length;
    return true;
}

static inline bool wire_tag(struct wire *w, uint64_t *field, unsigned *type) {
    uint64_t tag;
    if (!wire_varint(w, &tag) || tag > UINT32_MAX || tag < 8)
        return false;
    *field = tag >> 3;
    *type = tag & 7;
    return true;
}

// The content of a field; for a fixed or variable number nothing that anybody reads.
static inline bool wire_content(struct wire *w, unsigned type, struct slice *bytes) {
    uint64_t number;
    switch (type) {
    case WIRE_VARINT:
        return wire_varint(w, &number);
    case WIRE_64:
        return wire_take(w, 8, bytes);
    case WIRE_BYTES:
        return wire_varint(w, &number) && wire_take(w, number, bytes);
    case WIRE_32:
        return wire_take(w, 4, bytes);
    default:
        return false;
    }
}

static inline bool wire_zigzag(struct wire *w, int64_t *value) {
    uint64_t number;
    if (!wire_varint(w, &number))
        return false;
    *value = (int64_t)(number >> 1) ^ -(int64_t)(number & 1);
    return true;
}

static inline struct wire wire_of(struct slice bytes) {
    const unsigned char *at = (const unsigned char *)bytes.at;
    return (struct wire){at, at + bytes.length};
}
