// What the recount asks Redis, blocking: of a cluster each command goes where its key lies. Reads only, but
// for its own scratch keys, which expire within the hour.
#pragma once

#include "runtime/redis/redis_client.h"
#include "schemas/keys.h"
#include "schemas/layout.h"
#include "schemas/settings.h"

enum { SCRATCH_KEEP_S = 3600 };

struct recount_redis {
    struct redis_client *client;
    struct key_space space; // of the deployment, once its meta was read
    struct meta meta;
    char scratch[KEY_PREFIX_MAX + 32]; // prefix of our own keys: <prefix>-recount-<pid>
};

enum status recount_redis_open(struct recount_redis *r, const struct settings *settings,
                               struct problem *problem);
void recount_redis_close(struct recount_redis *r);

// Sends a command whose second word is its key, not waiting. The answers come in the same order from
// recount_redis_answer.
void recount_redis_send(struct recount_redis *r, int count, const char *const *words, const size_t *lengths);
// NULL where the connection broke: nothing more is to be had. Freed with freeReplyObject.
redisReply *recount_redis_answer(struct recount_redis *r);
// How many answers are still to come.
size_t recount_redis_pending(const struct recount_redis *r);
bool recount_redis_broken(const struct recount_redis *r);
enum status recount_redis_lost(const struct recount_redis *r, struct problem *problem);

// Reads the meta of shard 0, then of every shard: they must be the same. STATUS_BAD_DATA (CLM-M1),
// STATUS_CONFIG (CLM-M4).
enum status recount_redis_meta(struct recount_redis *r, const struct settings *settings,
                               struct problem *problem);

// The marks of one shard, by partition. A partition without a mark stands at its start (`missing` counts
// them).
enum status recount_redis_marks(struct recount_redis *r, uint32_t shard, struct mark *marks, size_t *missing,
                                struct problem *problem);

// The marks of all shards in one round trip: partition p of shard s stands at s * meta.partitions + p.
enum status recount_redis_marks_all(struct recount_redis *r, struct mark *marks, struct problem *problem);

// Redis' clock, in seconds.
enum status recount_redis_time(struct recount_redis *r, int64_t *now_s, struct problem *problem);

// The CPU that Redis has used, all nodes together, in us.
int64_t recount_redis_cpu_us(struct recount_redis *r);

// Calls `found` for every key under the prefix; some may come twice, and of a slot that moves meanwhile not
// at all.
enum status recount_redis_scan(struct recount_redis *r, void (*found)(void *context, struct slice key),
                               void *context, struct problem *problem);
