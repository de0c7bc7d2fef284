#include "runtime/utf8.h"

static bool continues(unsigned char byte) {
    return (byte & 0xc0) == 0x80;
}

// The length of the well-formed sequence at `at`, 0 where there is none (table 3-7 of the Unicode standard).
static size_t sequence_length(const unsigned char *at, size_t left) {
    unsigned char lead = at[0];
    if (lead < 0x80)
        return 1;
    if (lead < 0xc2 || lead > 0xf4)
        return 0;
    if (lead < 0xe0)
        return left >= 2 && continues(at[1]) ? 2 : 0;
    // What the second byte must be at least and at most: the rest would be overlong, a surrogate or past
    // U+10FFFF.
    unsigned char least = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
    unsigned char most = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
    if (left < 3 || at[1] < least || at[1] > most || !continues(at[2]))
        return 0;
    if (lead < 0xf0)
        return 3;
    return left >= 4 && continues(at[3]) ? 4 : 0;
}

bool utf8_valid_slowly(const unsigned char *at, size_t length) {
    while (length > 0) {
        size_t step = sequence_length(at, length);
        if (step == 0)
            return false;
        at += step;
        length -= step;
    }
    return true;
}
