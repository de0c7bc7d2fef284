// What Redis must hold: every key by its real name, every field by its real name, as the counted events make
// them.
//
// Pure: events in, sums out. Zero and absent are equal, so a sum that came to 0 is kept and never demanded.
// Sums have 128 bits: where a counter of Redis would overflow, it has a fault and the model has the truth.
#pragma once

#include "clameur/v1/event.pb-c.h"
#include "loadtest/recount/recount_table.h"
#include "runtime/config/rules.h"
#include "schemas/keys.h"
#include "schemas/layout.h"

struct model_key {
    enum key_family family;
    uint32_t shard;
    uint32_t first_counter; // chains, TABLE_NONE: none
    uint32_t first_reading;
    uint32_t first_order;
    int64_t expire_min_s; // 0: never expires. The two differ where rules versions of different retention
                          // touched the key.
    int64_t expire_max_s;
    int64_t expire_sure_s; // the greatest beside those of orders. Which copies of an order have touched a key
                           // depends on which came first: Redis may hold any expiry from here to the greatest
    bool met;              // in Redis, by the comparison
};

struct model_counter {
    __int128 value; // of a field, or the score of a member
    uint32_t key;
    uint32_t field;
    uint32_t next;
    bool met;
};

// The latest reading of a figure: fields <figure>.read_at and <figure>.read_id of the key; <figure>.read is a
// counter.
struct model_reading {
    uint32_t key;
    uint32_t figure;
    uint32_t next;
    int64_t value;
    int64_t read_at_ms;
    unsigned char id[16];
    bool met_at, met_id;
};

struct model_posting {
    uint32_t counter;
    int64_t delta;
};

struct model_order {
    uint32_t key;
    uint32_t field; // the order's hash
    uint32_t next;
    uint32_t platform; // of the copy that counts
    char rank[ORDER_RANK_SIZE];
    struct model_posting *postings; // what that copy made
    uint32_t posting_count;
    bool met;
};

// A consenting actor of a reach key: sent on, for sketches live in Redis.
typedef void (*model_reach)(void *context, uint32_t key, const unsigned char pseudonym[16]);

struct recount_model {
    const struct key_space *space;
    uint32_t families;
    model_reach reach;
    void *reach_context;
    struct names key_names; // by number, as `keys`
    struct model_key *keys;
    size_t key_room;
    struct names field_names;
    struct pairs counter_of; // (key, field)
    struct model_counter *counters;
    uint32_t counter_count, counter_room;
    struct pairs reading_of; // (key, figure)
    struct model_reading *readings;
    uint32_t reading_count, reading_room;
    struct pairs order_of; // (key, order's hash)
    struct model_order *orders;
    uint32_t order_count, order_room;
};

// `families` as settings_families gives it. `space` is borrowed.
void recount_model_init(struct recount_model *m, const struct key_space *space, uint32_t families,
                        model_reach reach, void *context);
void recount_model_fini(struct recount_model *m);

// Counts an event that is valid and no duplicate. `actor`: its pseudonym, NULL where it has none.
void recount_model_count(struct recount_model *m, const Clameur__V1__Event *e, const struct rules *rules,
                         int64_t time_ms, const unsigned char *actor);

// TABLE_NONE where no event touched it.
uint32_t recount_model_key(const struct recount_model *m, struct slice name);
// NULL where no event touched it.
struct model_counter *recount_model_counter(const struct recount_model *m, uint32_t key, struct slice field);
