// One Kafka message, as the stages see it. Everything is borrowed from the source until source_release.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "runtime/hash.h"
#include "runtime/slice.h"

struct record {
    int32_t partition;
    int64_t offset;
    int64_t time_ms; // the record's own timestamp, by which skew, lateness and rules are judged; 0 where the
                     // log has none
    struct slice key;
    struct slice value; // .at NULL: a null value
};

// What a mark remembers of the last record before it: another value means another log (XXH3-64 of time, key
// and value).
static inline uint64_t record_fingerprint(const struct record *r) {
    uint64_t seed = hash_bytes(&r->time_ms, sizeof(r->time_ms), 0);
    seed = hash_slice(r->key, seed);
    return hash_slice(r->value, seed);
}
