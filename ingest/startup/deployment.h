// The beginning of a deployment: its meta, the same in every shard, written where nothing was. What `init`
// and `rebuild` share.
//
//   1. WATCH every shard's meta and mark, and look: any meta, or any mark without one, and it is refused
//   2. ask Kafka where each partition starts
//   3. MULTI, one HSET a shard, EXEC: all shards or none. EXEC is empty where somebody else was faster: then
//      theirs holds
//
// A Redis Cluster has no transaction over shards. There 3 is one for each shard, shard 0 first: whoever wrote
// that one has the prefix. What is interrupted in between counts nothing, and goes on when init is run again.
#pragma once

#include "ingest/startup/startup_steps.h"

enum { DEPLOYMENT_FIELDS = 15 };

struct deployment_bounds {
    int64_t first[PARTITIONS_MAX];
    int64_t end[PARTITIONS_MAX];
};

struct deployment_field {
    const char *name;
    char *value;
};

// After the steps of Kafka and of Redis. STATUS_NO where the prefix is taken.
enum status deployment_place_check(struct startup_walk *walk, struct problem *p);

// A new deployment's meta by the configuration, and the log's bounds now. It starts with what the log holds,
// or (`latest`) with what comes.
enum status deployment_meta_make(struct meta *meta, struct deployment_bounds *bounds,
                                 const struct startup_walk *walk, bool latest, struct problem *p);

void deployment_fields_make(struct deployment_field fields[DEPLOYMENT_FIELDS], const struct meta *meta,
                            const struct key_space *keys);
void deployment_fields_free(struct deployment_field fields[DEPLOYMENT_FIELDS]);

// On the connection that checked the place. STATUS_NO where somebody wrote there since.
enum status deployment_write(struct startup_walk *walk,
                             const struct deployment_field fields[DEPLOYMENT_FIELDS], struct problem *p);
