// protobuf's wire format as strictly as event.proto's head has it: numbers, tags and contents, read within
// their bounds. False where it breaks off or is none. In a header for the hot path's sake.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "runtime/slice.h"

enum wire_type { WIRE_VARINT = 0, WIRE_64 = 1, WIRE_BYTES = 2, WIRE_32 = 5 };

struct wire {
    const unsigned char *at, *end;
};

enum { WIRE_SHORT_BYTES = 5 }; // of a tag or a length

// 64 bits in at most ten bytes: of the tenth, the lowest bit alone.
static inline bool wire_varint(struct wire *w, uint64_t *value) {
    *value = 0;
    for (unsigned shift = 0; shift < 64 && w->at < w->end; shift += 7) {
        unsigned char byte = *w->at++;
        *value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80)
            return shift < 63 || byte <= 1;
    }
    return false;
}

static inline bool wire_short(struct wire *w, uint64_t most, uint64_t *value) {
    const unsigned char *begin = w->at;
    return wire_varint(w, value) && w->at - begin <= WIRE_SHORT_BYTES && *value <= most;
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
    if (!wire_short(w, UINT32_MAX, &tag))
        return false;
    *field = tag >> 3;
    *type = tag & 7;
    return *field > 0;
}

static inline bool wire_bytes(struct wire *w, struct slice *bytes) {
    uint64_t length;
    return wire_short(w, INT32_MAX, &length) && wire_take(w, length, bytes);
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
        return wire_bytes(w, bytes);
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
