// What a shard must hold for the marks it has: the counters, recounted by loadtest's recount, which shares
// nothing with ingest, from the log's prefixes that the marks name.
#pragma once

#include "loadtest/recount/recount_fold.h"
#include "tests/sim/log.h"
#include "tests/sim/redis.h"

struct oracle_shard {
    bool begun;
    struct rules_book rules; // that the shard has been counted by
    struct fold_setup setup;
    struct recount_model model;
    struct recount_fold fold;
    int64_t at[LOG_PARTITIONS_MAX]; // counted up to
};

struct oracle {
    struct sim_log *log;
    const struct sim_redis *redis;
    const struct key_space *names;
    const struct rules *rules; // RULES_MADE of them
    struct fold_setup setup;
    int64_t starts[LOG_PARTITIONS_MAX];
    struct oracle_shard shards[REDIS_SHARDS_MAX];
    struct sim_redis sketches; // of the recount's own
    uint32_t counting;         // the shard that is
    char wrong[512];           // what differs
};

void oracle_init(struct oracle *o, struct sim_log *log, const struct sim_redis *redis,
                 const struct rules *rules, const struct recount_keys *keys);
void oracle_fini(struct oracle *o);

// The shard's mark of a partition; false where it is malformed. A missing one is the recorded start.
bool oracle_mark(const struct oracle *o, const struct keyspace *held, uint32_t shard, int32_t partition,
                 struct mark *mark);
// How many versions of the rules the shard says it has been counted by; RULES_MADE + 1 where it says
// nonsense.
size_t oracle_rules(const struct oracle *o, const struct keyspace *held, uint32_t shard);
// False with `wrong` set where the shard is not what its marks say.
bool oracle_check(struct oracle *o, const struct keyspace *held, uint32_t shard);
