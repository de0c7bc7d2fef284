// The inside of output: characters of foreign bytes, and tables.
#pragma once

#include "runtime/output.h"
#include "runtime/utf8.h"

// Bytes of the character at the front; 0 where they are no UTF-8.
static inline size_t character_length(struct slice text) {
    unsigned char first = (unsigned char)text.at[0];
    size_t length = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    return length <= text.length && utf8_valid(text.at, length) ? length : 0;
}

static inline struct slice slice_after(struct slice text, size_t length) {
    return (struct slice){text.at + length, text.length - length};
}

// C0, DEL and C1.
static inline bool is_control(struct slice text, size_t length) {
    unsigned char first = (unsigned char)text.at[0];
    return first < 0x20 || first == 0x7f ||
           (length == 2 && first == 0xc2 && (unsigned char)text.at[1] < 0xa0);
}

// The rows so far, as a table.
void output_table(struct output *o, FILE *out);
