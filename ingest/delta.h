// The delta table of one shard: what the events folded since the last seal do to Redis, in integers.
//
// A key is a hash, a sorted set or a HyperLogLog; a cell is one field of a hash or one member of a sorted
// set, and its delta. The table owns copies of every id it holds. It grows as one message demands; when it is
// worth a flush is the pipeline's decision (delta_ops). After a seal has encoded it, delta_clear makes it
// empty and keeps its memory.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/arena.h"
#include "schemas/event.h"
#include "schemas/keys.h"

#define DELTA_NONE UINT32_MAX // no index

// Events are counted by platform for the metrics: listed numbers below this, the rest under 0.
enum { DELTA_PLATFORMS = 64 };

// Beside the families of Redis, the table has one of its own: a group is what an account did on a platform
// within one minute. It stands for the account, the account on the platform, the platform and the series, to
// all of which it is added when the table is sealed (count_spread): one cell in the place of four.
enum { DELTA_GROUP = KEY_FAMILY_COUNT, DELTA_GROUP_WITHOUT_SERIES };

// What a key is, by value; `hash` is delta_key_hash of the rest.
struct delta_identity {
    uint32_t family; // enum key_family, or a group
    uint32_t platform;
    int64_t time_s; // start of the hour or day, of a group the minute; 0 where the family has none
    struct slice account;
    struct slice id;
    uint64_t hash;
};

struct delta_key {
    struct delta_identity identity;
    int64_t expire_s; // absolute, 0: never
    uint32_t first_cell;
    uint32_t cell_count;
    uint32_t first_element;
    uint32_t element_count;
    bool used; // must be among KEYS
};

struct delta_cell {
    uint64_t key_hash;
    field_code field; // of a hash; for a sorted set DELTA_MEMBER | the content's key. A score stands with its
                      // content until the table is sealed, so that one look-up finds both: there it is
                      // DELTA_MEMBER | the sorted set's key
    int64_t delta;
    uint32_t key;
    uint32_t next; // of the same key
};

#define DELTA_MEMBER (UINT64_C(1) << 63)

// Open addressing. The tag is what the place does not tell of the hash: another's slot is passed over without
// a look at what it leads to.
struct delta_slot {
    uint32_t tag;
    uint32_t place; // index + 1; 0: free
};

struct delta_element {
    unsigned char bytes[PSEUDONYM_SIZE];
    uint32_t next;
};

// An increment inside an order: not folded, because the order may be a copy, which only Redis knows.
struct delta_increment {
    uint32_t key;
    field_code field;
    int64_t delta;
};

enum { DELTA_COPY_KEYS = 3, DELTA_TOTAL_KEYS = 3 };

struct delta_order {
    uint32_t key; // orders:<account>
    struct slice order;
    int64_t occurred_at_ms;
    unsigned char event_id[16];
    uint32_t first_increment;
    uint32_t increment_count;
    uint32_t copy_keys[DELTA_COPY_KEYS]; // where order_copies counts
    uint32_t copy_key_count;
};

struct delta_reading {
    uint32_t key; // the subject
    struct slice counter;
    int64_t value;
    int64_t read_at_ms;
    unsigned char event_id[16];
    uint32_t total_keys[DELTA_TOTAL_KEYS];
    uint32_t total_key_count;
};

// A growing array; `capacity` in elements.
#define DELTA_ARRAY(type)                                                                                    \
    struct {                                                                                                 \
        type *at;                                                                                            \
        uint32_t count;                                                                                      \
        uint32_t capacity;                                                                                   \
    }

struct delta {
    struct arena ids;
    struct slice account; // the one kept last: most keys of a shard are of few accounts
    DELTA_ARRAY(struct delta_key) keys;
    DELTA_ARRAY(struct delta_cell) cells;
    DELTA_ARRAY(struct delta_element) elements;
    DELTA_ARRAY(struct delta_order) orders;
    DELTA_ARRAY(struct delta_increment) increments;
    DELTA_ARRAY(struct delta_reading) readings;
    struct delta_slot *key_slots;
    struct delta_slot *cell_slots;
    uint32_t key_slot_mask;
    uint32_t cell_slot_mask;
    uint32_t group_cells;
    bool spread;    // the groups have been added to the keys they stand for
    int64_t events; // folded since the last clear, in all and by platform
    int64_t platforms[DELTA_PLATFORMS];
};

void delta_init(struct delta *d);
void delta_fini(struct delta *d);
void delta_clear(struct delta *d);

// Fills identity.hash. `account_hash` and `id_hash` are hash_slice(..., 0) of the two slices, which callers
// have at hand.
void delta_identify(struct delta_identity *identity, uint64_t account_hash, uint64_t id_hash);

// The key's index, made where it is not there yet.
uint32_t delta_key(struct delta *d, const struct delta_identity *identity, int64_t expire_s);

// Adds to a cell. A sum that would leave 64 bits goes on in a further cell of the same field. Two ways, for
// two sorts of keys, never both for one: delta_add finds the cell in a table, for keys with many cells
// (accounts, platforms, series, top); delta_add_at goes along the key's cells, for keys with few, where
// several fields follow one look-up (contents, groups...).
void delta_add(struct delta *d, const struct delta_identity *identity, int64_t expire_s, field_code field,
               int64_t value);
void delta_add_at(struct delta *d, uint32_t key, field_code field, int64_t value);

// Before a seal: moves the scores that stand with contents to their sorted sets.
void delta_rank(struct delta *d);

// Fetches what looking up the key will touch, in steps: each finds in the cache what the one before it
// fetched.
enum { DELTA_PREFETCH_STEPS = 3 };
void delta_prefetch(const struct delta *d, uint64_t key_hash, int step);

void delta_add_element(struct delta *d, const struct delta_identity *identity, int64_t expire_s,
                       const unsigned char element[PSEUDONYM_SIZE]);

// The order's increments are appended by delta_order_increment right after.
struct delta_order *delta_order(struct delta *d, uint32_t key, struct slice order);
void delta_order_increment(struct delta *d, struct delta_order *order, uint32_t key, field_code field,
                           int64_t value);

struct delta_reading *delta_reading(struct delta *d, uint32_t key, struct slice counter);

// Marks a key as one that Redis must be told of though it has no cells.
void delta_use(struct delta *d, uint32_t key);

// Updates that Redis would make: cells, elements, increments, readings. Until the groups are spread, their
// cells stand for four each.
size_t delta_ops(const struct delta *d);
bool delta_is_empty(const struct delta *d);
size_t delta_memory(const struct delta *d);

// The names that a key (of a family of Redis, by index) and the field or member of a cell have there. They
// are written into `out`, of KEY_MAX bytes and not terminated; the length is returned.
size_t delta_key_name(char *out, const struct delta *d, uint32_t key, const struct key_space *space,
                      uint32_t shard);
size_t delta_field_name(char *out, const struct delta *d, field_code field);
