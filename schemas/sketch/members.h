// Pseudonyms as members of a set, ascending.
#pragma once

#include <endian.h>
#include <string.h>

#include "schemas/sketch/reach.h"

static inline uint64_t member_load(const unsigned char bytes[8]) {
    uint64_t value;
    memcpy(&value, bytes, sizeof(value));
    return be64toh(value);
}

static inline void member_store(unsigned char bytes[PSEUDONYM_SIZE], struct reach_member m) {
    uint64_t halves[2] = {htobe64(m.high), htobe64(m.low)};
    memcpy(bytes, halves, sizeof(halves));
}

static inline struct reach_member member_of(const unsigned char pseudonym[PSEUDONYM_SIZE]) {
    return (struct reach_member){member_load(pseudonym), member_load(pseudonym + 8)};
}

static inline int member_compare(struct reach_member a, struct reach_member b) {
    if (a.high != b.high)
        return a.high < b.high ? -1 : 1;
    return (a.low > b.low) - (a.low < b.low);
}

// The first place whose member is not less than `m`. Pseudonyms lie evenly, so it is close to where it should
// be.
static inline uint32_t member_place(const struct reach_member *members, uint32_t count,
                                    struct reach_member m) {
    uint32_t place = (uint32_t)((m.high >> 32) * count >> 32);
    while (place > 0 && member_compare(members[place - 1], m) >= 0)
        place--;
    while (place < count && member_compare(members[place], m) < 0)
        place++;
    return place;
}

// How many of `from` are not among `into`.
static inline uint32_t members_new(const struct reach_member *into, uint32_t into_count,
                                   const struct reach_member *from, uint32_t from_count) {
    uint32_t news = 0;
    for (uint32_t i = 0, j = 0; j < from_count; j++) {
        while (i < into_count && member_compare(into[i], from[j]) < 0)
            i++;
        news += i == into_count || member_compare(into[i], from[j]) != 0;
    }
    return news;
}
