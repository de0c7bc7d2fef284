// What Redis holds against what it must hold, key by key, shard by shard. The caller sees to it that no flush
// comes in between.
#pragma once

#include "loadtest/recount/recount_fold.h"
#include "loadtest/recount/recount_redis.h"
#include "loadtest/recount/recount_report.h"

struct recount_compare {
    struct recount_redis *redis;
    struct recount_model *model;
    const struct recount_fold *fold;
    struct recount_report *report;
    const int64_t *log_end; // by partition
};

// Compares every key of one shard. `marks` are the shard's, by partition. STATUS_OK whether or not anything
// differs.
enum status recount_compare_shard(const struct recount_compare *c, uint32_t shard, const struct mark *marks,
                                  struct problem *problem);
