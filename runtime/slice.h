// A run of bytes that somebody else owns.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct slice {
    const char *at;
    size_t length;
};

static inline struct slice slice_of(const char *text) {
    return (struct slice){text, strlen(text)};
}

// Ids are short: two words that may overlap settle most of them without a call.
static inline bool slice_equal(struct slice a, struct slice b) {
    if (a.length != b.length)
        return false;
    if (a.length < sizeof(uint64_t) || a.length > 2 * sizeof(uint64_t))
        return a.length == 0 || memcmp(a.at, b.at, a.length) == 0;
    uint64_t words[4];
    memcpy(&words[0], a.at, sizeof(uint64_t));
    memcpy(&words[1], b.at, sizeof(uint64_t));
    memcpy(&words[2], a.at + a.length - sizeof(uint64_t), sizeof(uint64_t));
    memcpy(&words[3], b.at + b.length - sizeof(uint64_t), sizeof(uint64_t));
    return words[0] == words[1] && words[2] == words[3];
}

// By their bytes, one that the other begins with first: the order of files.
static inline int slice_compare(struct slice a, struct slice b) {
    size_t common = a.length < b.length ? a.length : b.length;
    int differs = common > 0 ? memcmp(a.at, b.at, common) : 0;
    return differs != 0 ? differs : (a.length > b.length) - (a.length < b.length);
}
