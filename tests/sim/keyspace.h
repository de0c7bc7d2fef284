// What one shard of the simulated Redis holds: keys, each with its type, expiry and fields.
//
// A copy shares every key with its original until one of them writes to it: that is what makes a snapshot,
// and going back to one, cheap. Iteration is in the order of insertion, so that a seed decides everything.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "runtime/slice.h"

// Immutable, shared.
struct text {
    uint32_t references;
    uint32_t length;
    char bytes[]; // and a zero
};

struct text *text_make(struct slice bytes);
void text_drop(struct text *text);
static inline struct slice text_slice(const struct text *text) {
    return (struct slice){text->bytes, text->length};
}

enum object_type { OBJECT_HASH, OBJECT_SCORES, OBJECT_SKETCH, OBJECT_FOREIGN };

struct row {
    struct text *name;
    struct text *value;    // of a field
    struct object *object; // of a key
};

struct rows {
    struct row *at;
    uint32_t count, room;
    uint32_t *slots; // index + 1; 0: free
    uint32_t slot_count;
};

struct object {
    uint32_t references;
    enum object_type type;
    int64_t expire_s;   // 0: never
    struct rows fields; // of a hash; member and score; register and rank
};

struct keyspace {
    struct rows keys;
};

void keyspace_copy(struct keyspace *to, const struct keyspace *from); // `to` is emptied first
void keyspace_clear(struct keyspace *k);

// NULL where there is none.
const struct object *keyspace_find(const struct keyspace *k, struct slice key);
// To be written to: made where there is none, and no longer shared. The caller has looked at the type.
struct object *keyspace_own(struct keyspace *k, struct slice key, enum object_type type);
void keyspace_delete(struct keyspace *k, struct slice key);

struct row *rows_find(const struct rows *r, struct slice name);
void rows_set(struct rows *r, struct slice name, struct slice value);
void rows_delete(struct rows *r, struct slice name);
