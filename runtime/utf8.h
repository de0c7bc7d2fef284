// Is a text UTF-8 as protobuf's readers want it: no overlong form, no surrogate, nothing above U+10FFFF?
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

// The part that is not plain ASCII; for utf8_valid.
bool utf8_valid_slowly(const unsigned char *at, size_t length);

// Nearly every id and name is ASCII: eight bytes at a time, the last eight overlapping those before.
static inline bool utf8_valid(const void *text, size_t length) {
    const uint64_t high_bits = UINT64_C(0x8080808080808080);
    const unsigned char *at = text;
    uint64_t seen = 0, word;
    if (length >= sizeof(word)) {
        for (size_t i = 0; i + sizeof(word) <= length; i += sizeof(word)) {
            memcpy(&word, at + i, sizeof(word));
            seen |= word;
        }
        memcpy(&word, at + length - sizeof(word), sizeof(word));
        seen |= word;
    } else {
        for (size_t i = 0; i < length; i++)
            seen |= at[i];
    }
    return (seen & high_bits) == 0 || utf8_valid_slowly(at, length);
}
