// What the files of misfortune share. faults.c decides when, and has what happens to workers and rules;
// faults_redis.c has what happens to Redis and on the way to it, faults_kafka.c to the log and the group.
#pragma once

#include "tests/sim/sim.h"

extern struct chance *fault_chance; // of what happens now

// Makes it happen.
#define FAULT(id, name, mean, doc) void fault_##name(void);
#include "tests/sim/faults.def"
#undef FAULT

int64_t fault_in_ms(int64_t least, int64_t most); // so long from now
struct worker *fault_any_worker(void);            // NULL: it is not alive
uint32_t fault_any_shard(void);

// faults_redis.c
bool faults_anything_emptied(void);  // has a shard lost everything, and is not restored?
void faults_restore(uint32_t shard); // goes back to a snapshot

// faults_kafka.c
void faults_log_put_back(void); // after recreation; the workers start again
