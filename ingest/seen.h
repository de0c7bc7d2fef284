// A mirror of the HyperLogLog registers that Redis holds for a shard's reach keys, so that only pseudonyms
// that raise a register are sent: a few ten thousand per key ever instead of every person. Beside the
// registers it holds when the key expires, for that is sent with an element: one that raises no register but
// comes with a later expiry (by a later version of the rules) is sent, too.
//
// The mirror belongs to the shard's marks: it says what Redis holds once the sealed tables are applied.
// What is in it was raised by partitions that are ours, whose marks go with every flush: a shard that went
// back answers GAP. So it is cleared when a table is dropped (gap, fence), and when a partition is given
// away, for from then on nobody tells us what became of its people; that costs repeats and nothing else. So
// it is when its bound is reached.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "ingest/delta.h"

struct seen;

struct seen *seen_create(size_t keys_max); // 16 KiB each
void seen_destroy(struct seen **s);
void seen_clear(struct seen *s);
void seen_clear_shard(struct seen *s, uint32_t shard);

// Where an element's register lies, found ahead and fetched; all zero: not known. Void after the next clear,
// which seen_raise notices.
struct seen_place {
    unsigned char *registers;
    uint64_t hash; // of the element
    uint64_t clears;
    const int64_t *expire_s; // of its key
};
struct seen_place seen_find(const struct seen *s, uint32_t shard, const struct delta_identity *identity,
                            const unsigned char element[PSEUDONYM_SIZE]);

// False where the element certainly raises nothing: the short way for most of them.
bool seen_may_raise(const struct seen *s, struct seen_place place, int64_t expire_s);

// Does the element raise a register of the key, or its expiry, as far as the mirror knows? If so the mirror
// is raised.
bool seen_raise(struct seen *s, struct seen_place place, uint32_t shard,
                const struct delta_identity *identity, int64_t expire_s,
                const unsigned char element[PSEUDONYM_SIZE]);

size_t seen_keys(const struct seen *s);
size_t seen_keys_max(const struct seen *s);
