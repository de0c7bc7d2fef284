// Numbers of seven bits a byte, the lowest first, as protobuf has them, but in one form only: the shortest.
// So what was read is written back byte for byte.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { VARINT_BYTES_MAX = 10 };

static inline size_t varint_size(uint64_t value) {
    size_t size = 1;
    for (; value >= 0x80; value >>= 7)
        size++;
    return size;
}

static inline unsigned char *varint_write(unsigned char *out, uint64_t value) {
    for (; value >= 0x80; value >>= 7)
        *out++ = (unsigned char)(value | 0x80);
    *out++ = (unsigned char)value;
    return out;
}

// Moves `*at` past the number. False where it breaks off, is longer than it need be or leaves 64 bits.
static inline bool varint_read(const unsigned char **at, const unsigned char *end, uint64_t *value) {
    *value = 0;
    for (unsigned shift = 0; shift < 64 && *at < end; shift += 7) {
        unsigned char byte = *(*at)++;
        *value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80)
            return (byte != 0 || shift == 0) && (shift < 63 || byte == 1);
    }
    return false;
}
