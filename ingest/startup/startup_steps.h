// The inside of start-up: a worker's own steps, and what they leave for later ones.
#pragma once

#include <stdbool.h>

#include "ingest/startup/startup.h"

enum startup_part { STARTUP_KAFKA = 1, STARTUP_REDIS = 2, STARTUP_META = 4, STARTUP_SAMPLE = 8 };

// A master of the cluster, or the single Redis.
struct startup_node {
    uint16_t number;
    char *info; // the answer to INFO; "" where Redis does not let us ask
};

struct startup_walk {
    struct walk base; // first: see startup_walk_of
    struct startup *s;
    struct redis_client *redis; // after the step "redis"
    struct startup_node *nodes; // the same
    size_t node_count;
    struct meta *begun; // of a deployment whose beginning was interrupted, or NULL
};

// The worker's walk whose base it is.
static inline struct startup_walk *startup_walk_of(struct walk *base) {
    return (struct startup_walk *)base;
}

void startup_walk_begin(struct startup_walk *walk, struct startup *s, walk_report report, void *context);
// Walks the steps of the parts, as startup_connect does. The Redis connection stays with `walk` until
// startup_walk_end.
enum status startup_walk(struct startup_walk *walk, unsigned parts, bool all);
void startup_walk_end(struct startup_walk *walk);

// Each is given the base of a struct startup_walk.
enum status startup_step_dlq(struct walk *walk);
enum status startup_step_redis(struct walk *base);
enum status startup_step_redis_version(struct walk *base);
enum status startup_step_redis_role(struct walk *base);
enum status startup_step_redis_eviction(struct walk *base);
enum status startup_step_functions(struct walk *base);
enum status startup_step_meta(struct walk *base);
enum status startup_step_rules(struct walk *base);

// Meta of every shard that has one, read in one go: present[i] tells which. `first` is the first one found
// and `alike` whether all others are the same; a field that cannot be understood is STATUS_BAD_DATA.
struct startup_metas {
    bool present[SHARDS_MAX];
    uint32_t count;
    uint32_t first_missing;
    uint32_t first_other; // a shard whose meta is not `first`; only where not alike
    bool alike;
    struct meta first;
};
enum status startup_metas_read(struct redis_client *redis, const struct key_space *keys,
                               struct startup_metas *metas, struct problem *p);
