// Protobuf's wire format, as far as snapshots need it: written as snapshot.proto says, and read from bytes
// that are not trusted.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/memory.h"
#include "runtime/slice.h"

enum wire_type { WIRE_VARINT = 0, WIRE_64 = 1, WIRE_BYTES = 2, WIRE_32 = 5 };
enum { WIRE_VARINT_MAX = 10 };

// A growing run of bytes; the owner frees `at`.
struct wire_out {
    char *at;
    size_t length, room;
};

static inline void wire_reserve(struct wire_out *w, size_t more) {
    if (w->room - w->length >= more)
        return;
    w->room = w->room + w->room / 2 + more + 64;
    w->at = memory_grow(w->at, w->room, 1);
}

static inline void wire_varint(struct wire_out *w, uint64_t value) {
    wire_reserve(w, WIRE_VARINT_MAX);
    char *to = w->at + w->length;
    for (; value >= 0x80; value >>= 7)
        *to++ = (char)(value | 0x80);
    *to++ = (char)value;
    w->length = (size_t)(to - w->at);
}

static inline size_t wire_varint_size(uint64_t value) {
    return value == 0 ? 1 : (size_t)(70 - __builtin_clzll(value)) / 7;
}

static inline uint64_t wire_zigzag(int64_t value) {
    return (uint64_t)value << 1 ^ (uint64_t)(value >> 63);
}

static inline int64_t wire_unzigzag(uint64_t value) {
    return (int64_t)(value >> 1 ^ (0 - (value & 1)));
}

static inline void wire_append(struct wire_out *w, struct slice bytes) {
    wire_reserve(w, bytes.length);
    if (bytes.length > 0)
        memcpy(w->at + w->length, bytes.at, bytes.length);
    w->length += bytes.length;
}

static inline void wire_tag(struct wire_out *w, unsigned number, enum wire_type type) {
    wire_varint(w, number << 3 | type);
}

// A field, but for its default.
static inline void wire_uint(struct wire_out *w, unsigned number, uint64_t value) {
    if (value == 0)
        return;
    wire_tag(w, number, WIRE_VARINT);
    wire_varint(w, value);
}

static inline void wire_int(struct wire_out *w, unsigned number, int64_t value) {
    wire_uint(w, number, (uint64_t)value);
}

// A field, or an element of a repeated one, even if it is empty.
static inline void wire_element(struct wire_out *w, unsigned number, struct slice bytes) {
    wire_tag(w, number, WIRE_BYTES);
    wire_varint(w, bytes.length);
    wire_append(w, bytes);
}

static inline void wire_bytes(struct wire_out *w, unsigned number, struct slice bytes) {
    if (bytes.length > 0)
        wire_element(w, number, bytes);
}

static inline struct slice wire_slice(const struct wire_out *w) {
    return (struct slice){w->at, w->length};
}

struct wire_in {
    const char *at, *end;
};

static inline struct wire_in wire_in(struct slice bytes) {
    return (struct wire_in){bytes.at, bytes.at + bytes.length};
}

static inline bool wire_is_at_end(const struct wire_in *in) {
    return in->at == in->end;
}

// False where there is no whole number of at most 64 bits.
static inline bool wire_read(struct wire_in *in, uint64_t *value) {
    *value = 0;
    for (unsigned shift = 0; shift < 64 && in->at < in->end; shift += 7) {
        unsigned char byte = (unsigned char)*in->at++;
        if (shift == 63 && byte > 1)
            return false;
        *value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80)
            return true;
    }
    return false;
}

static inline bool wire_read_32(struct wire_in *in, uint32_t *value) {
    uint64_t wide;
    if (!wire_read(in, &wide) || wide > UINT32_MAX)
        return false;
    *value = (uint32_t)wide;
    return true;
}

struct wire_field {
    uint32_t number;
    enum wire_type type;
    uint64_t value;     // of a varint
    struct slice bytes; // of bytes
};

// The next field of a message, of whatever type; false at its end and where it is damaged, which only `at`
// tells apart.
bool wire_next(struct wire_in *in, struct wire_field *field);
