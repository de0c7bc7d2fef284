// What one event does to Redis, by the very fold of the worker: its delta table, told update by update.
#pragma once

#include "ingest/count.h"
#include "ingest/delta.h"
#include "runtime/arena.h"

enum effect_op {
    EFFECT_ADD,   // a counter of a hash moves by `delta`
    EFFECT_SCORE, // a member's score in a ranking moves by `delta`
    EFFECT_REACH, // a person is added to a HyperLogLog
    EFFECT_SET,   // a reading becomes `delta`
    EFFECT_MOVE,  // a total of readings moves by the difference that a set makes; `delta` is not known
    EFFECT_ORDER, // the order is remembered by its rank
};
const char *effect_op_name(enum effect_op op);

struct effect {
    enum effect_op op;
    struct slice key;
    struct slice name;  // of the key, behind its shard's tag
    struct slice field; // or member; of a reach the pseudonym in hex, of an order the hash of its id
    int64_t delta;
    int64_t expire_s;      // absolute; 0: never
    struct slice rank;     // of an order
    int64_t read_at_ms;    // of a set
    const char *condition; // NULL: in any case
};

struct effects {
    const struct key_space *keys;
    uint32_t families;
    struct delta delta;
    struct seen *seen;
    struct arena arena;
    struct effect *at; // those of the last event, family by family
    size_t count;
    size_t room;
};

void effects_init(struct effects *f, const struct key_space *keys, uint32_t families);
void effects_fini(struct effects *f);

// Of an event that is valid and no duplicate. What was told of another event is void.
void effects_tell(struct effects *f, const struct event *e, const struct rules *rules,
                  int64_t record_time_ms);
