// Decimal digits without printf: names of keys are written by the hundred thousand a second.
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { DECIMAL_MAX = 20 };

// Writes at most DECIMAL_MAX digits into `out` (not terminated) and returns how many.
static inline size_t decimal_write(char *out, uint64_t value) {
    char digits[DECIMAL_MAX];
    size_t first = sizeof(digits);
    do {
        digits[--first] = (char)('0' + value % 10);
        value /= 10;
    } while (value != 0);
    memcpy(out, digits + first, sizeof(digits) - first);
    return sizeof(digits) - first;
}
