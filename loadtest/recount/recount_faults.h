// The faults of one shard: what could not be applied, by key and field.
#pragma once

#include "loadtest/recount/recount_redis.h"
#include "loadtest/recount/recount_report.h"
#include "loadtest/recount/recount_table.h"

struct recount_faults {
    struct names names; // key, a zero byte, field
    __int128 *deltas;   // by number of the name
};

// Reads them and lists them in the report.
enum status recount_faults_read(struct recount_faults *f, struct recount_redis *redis, uint32_t shard,
                                struct recount_report *report, struct problem *problem);
void recount_faults_fini(struct recount_faults *f);

__int128 recount_faults_of(const struct recount_faults *f, struct slice key, struct slice field);
