// What the values in Redis look like, beside the plain counters. keys.h has the names; this has the rest.
//
// mark     field `<partition>`: "<epoch> <next> <last> <fingerprint> <time>", all decimal but the fingerprint
// (16 hex digits):
//          next = the first offset not counted; last = the offset of the last record before it (-1: none),
//          its fingerprint and record time.
// rules    field `<version>`: "<since> <hash>", since in ms (0 of version 1, which holds from the beginning),
// hash as in
//          runtime/config/rules.h; field `key:<number>`, from 1: the same of a pseudonym key, its hash being
//          its fingerprint (stream/pseudonym.h). Written by the claim; only ever appended to.
// meta     the fields of struct meta, written by `init` alone, the same in every shard.
// faults   field `["<key>","<field>"]` (JSON): the sum of the deltas that could not be applied there; where
//          that would leave 64 bits it goes on in `["<key>","<field>","1"]`, "2"...
//          field `["<key>","<field>","error"]`: what Redis said last.
// orders   field = hex of XXH3-128 of the order id; value = rank, a blank, then the increments it made
// (MessagePack, for flush alone).
//          rank = occurred_at in 16 decimal digits and event_id in 32 hex digits: text order is the order of
//          (occurred_at, event_id).
// readings fields `x.read` (value), `x.read_at` (ms) and `x.read_id` (event id in hex) in the hash of the
// content, or of the account on
//          the platform where the event names no content. `x.read` of acct:<account>:<platform> (for a
//          content), acct:<account> and platform:<platform> is the sum of the latest readings below it;
//          figures that cannot be added (layout_is_unique) have no sums.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "runtime/config/rules.h"
#include "runtime/slice.h"
#include "schemas/keys.h"

enum { LAYOUT_VERSION = 1, ORDER_RANK_SIZE = 48, ORDER_HASH_SIZE = 32, PARTITIONS_MAX = 4096 };

// How long a purchase may lie before its record time to count into the sums, and how long an order's entry is
// kept.
#define ORDER_LATE_MS (48 * INT64_C(3600000))
#define ORDER_TRIM_MS (96 * INT64_C(3600000))

struct mark {
    int64_t epoch;
    int64_t next;
    int64_t last;         // -1: no record yet
    uint64_t fingerprint; // of the last record
    int64_t time_ms;      // record time of the last record
};

enum { MARK_TEXT_MAX = 128 };
size_t mark_write(char out[MARK_TEXT_MAX], const struct mark *mark); // terminated; returns the length
bool mark_parse(struct mark *mark, struct slice text);

enum { LAYOUT_RULES_MAX = 48 };
size_t layout_rules_write(char out[LAYOUT_RULES_MAX],
                          const struct rules *version); // terminated; returns the length

// A pseudonym key as everybody may see it: from when it holds (0 of the first) and its fingerprint.
struct key_version {
    int64_t since_ms;
    uint64_t fingerprint;
};
size_t layout_key_write(char out[LAYOUT_RULES_MAX],
                        const struct key_version *version); // terminated; returns the length

struct meta {
    char deployment[33]; // hex, random
    int64_t layout;      // LAYOUT_VERSION
    int64_t shards;
    int64_t dedup_span;
    char topic[256];
    char topic_id[64];              // "" where the library cannot tell
    char rules_hash[17];            // of the first version
    int32_t partitions;             // when it was written
    int64_t starts[PARTITIONS_MAX]; // the first offset of each
    int64_t created_at_ms;
    // The options that decide what is counted; "" and 0 where an older program wrote it.
    char framing[16];
    char families[96];
    int64_t max_event_bytes;
    int64_t max_message_bytes;
};

// The same deployment, fixed in the same way?
bool meta_equal(const struct meta *a, const struct meta *b);

// One field of the hash; an unknown field is ignored. False where the value is malformed.
bool meta_read_field(struct meta *meta, struct slice name, struct slice value);
// Were all fields that a meta must have there?
bool meta_is_whole(const struct meta *meta);
// Field `index` (0..) as text for HSET, values into `out`; NULL past the last. `tags` is among them: the
// shards' hash tags by blanks.
const char *meta_write_field(const struct meta *meta, const struct key_space *space, int index, char *out,
                             size_t size);

// XXH3-128 of an order id, big endian...
void order_hash(unsigned char out[ORDER_HASH_SIZE / 2], struct slice order);
// ...and as 32 hex digits.
void order_hash_write(char out[ORDER_HASH_SIZE], struct slice order);
void order_rank_write(char out[ORDER_RANK_SIZE], int64_t occurred_at_ms, const unsigned char event_id[16]);

// Readings that cannot be added up: unique counts (reach, unique_viewers, unique_listeners, active_members).
bool layout_is_unique(struct slice reading);
