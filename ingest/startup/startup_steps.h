// The inside of start-up: one walk over its steps. A step reports what it found, line by line, and returns
// its failure; warnings are reports too. What a later step needs of an earlier one stands in the walk.
#pragma once

#include <librdkafka/rdkafka.h>
#include <stdbool.h>

#include "ingest/startup/startup.h"

enum startup_part { STARTUP_KAFKA = 1, STARTUP_REDIS = 2, STARTUP_META = 4, STARTUP_SAMPLE = 8 };

enum { STARTUP_TOPIC_ID_MAX = 64 };

// A master of the cluster, or the single Redis.
struct startup_node {
    uint16_t number;
    char *info; // the answer to INFO; "" where Redis does not let us ask
};

struct startup_walk {
    struct startup *s;
    startup_report report;
    void *context;
    const char *step;           // the present one's name
    struct redis_client *redis; // after the step "redis"
    struct startup_node *nodes; // the same
    size_t node_count;
    char topic_id[STARTUP_TOPIC_ID_MAX]; // "": unknown
    struct meta *begun;                  // of a deployment whose beginning was interrupted, or NULL
};

// Walks the steps of the parts, as startup_connect does. The Redis connection stays with `walk` until
// startup_walk_end.
enum status startup_walk(struct startup_walk *walk, unsigned parts, bool all);
void startup_walk_end(struct startup_walk *walk);

// Reports the present step: all is well, and this was found.
void startup_found(struct startup_walk *walk, const char *format, ...) __attribute__((format(printf, 2, 3)));
// Reports a failure, or a warning where its status is STATUS_OK. Returns the status.
enum status startup_trouble(struct startup_walk *walk, const struct problem *problem);

enum status startup_step_properties(struct startup_walk *walk);
enum status startup_step_topic(struct startup_walk *walk);
enum status startup_step_topic_settings(struct startup_walk *walk);
enum status startup_step_dlq(struct startup_walk *walk);
enum status startup_step_sample(struct startup_walk *walk);
enum status startup_step_redis(struct startup_walk *walk);
enum status startup_step_redis_version(struct startup_walk *walk);
enum status startup_step_redis_role(struct startup_walk *walk);
enum status startup_step_redis_eviction(struct startup_walk *walk);
enum status startup_step_functions(struct startup_walk *walk);
enum status startup_step_meta(struct startup_walk *walk);
enum status startup_step_rules(struct startup_walk *walk);

// A client for questions to the brokers. STATUS_CONFIG where a property is wrong.
enum status startup_kafka_client(const struct startup *s, rd_kafka_t **client, struct problem *p);

// The topic's id, "" where the library or the broker cannot tell. Only for a cluster that has a controller.
void startup_topic_id(rd_kafka_t *client, const char *topic, char out[STARTUP_TOPIC_ID_MAX]);

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
