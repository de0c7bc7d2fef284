// The recount's own sketches: the actors it met, PFADDed under scratch keys of the same Redis, so that
// PFCOUNT answers for both. What is held back is bounded; the scratch keys expire within the hour and are
// deleted at the end.
#pragma once

#include "loadtest/recount/recount_model.h"
#include "loadtest/recount/recount_redis.h"

struct recount_reach {
    struct recount_redis *redis;
    const struct recount_model *model;
    struct reach_actor *waiting;
    size_t count;
    int64_t now_s; // keys whose time is over by then are left out
    bool refused;  // Redis refused a PFADD: `refusal` says why
    char refusal[256];
};

void recount_reach_init(struct recount_reach *r, struct recount_redis *redis,
                        const struct recount_model *model, int64_t now_s);
void recount_reach_fini(struct recount_reach *r);

void recount_reach_add(void *reach, uint32_t key, const unsigned char actor[16]); // a model_reach
// Sends what waits. To be called before a comparison.
enum status recount_reach_flush(struct recount_reach *r, struct problem *problem);
// Deletes the scratch keys.
void recount_reach_delete(struct recount_reach *r);
// The scratch key of a key. Returns its length.
size_t recount_reach_name(const struct recount_redis *redis, char *out, size_t size, struct slice key);
