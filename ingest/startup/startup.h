// What a worker needs to know before it starts, read and checked step by step (stream/startup/walk.h): to
// what every program stands on (stream/startup/basis.h) it adds Redis and the deployment that is counted
// there.
//
//   startup_read     configuration, rules, pseudonym key, open-file limit: no network
//   startup_connect  Kafka (reachable, topic, its settings, DLQ topic) and Redis (reachable, version, policy,
//   functions, meta)
#pragma once

#include "ingest/flush.h"
#include "ingest/functions.h"
#include "runtime/redis/redis_client.h"
#include "schemas/keys.h"
#include "schemas/layout.h"
#include "stream/startup/basis.h"

struct startup {
    struct basis basis;
    struct redis_seeds redis;
    bool redis_is_cluster; // after startup_connect
    struct redis_login login;
    struct key_space keys;
    struct meta meta; // after startup_connect
};

// Loads the command line (argv[0] is the command's name), files and environment; `extra` are the command's
// own flags (may be NULL). On a status other than STATUS_OK the findings have been printed. With
// request->help set nothing else was done.
enum status startup_read(struct startup *s, int argc, char **argv, const struct option_row *extra,
                         size_t extra_count, void *extra_target, struct config_request *request);

// The same, telling each step ("configuration", "rules"...) to `report`: what `check` runs.
enum status startup_read_steps(struct startup *s, int argc, char **argv, const struct option_row *extra,
                               size_t extra_count, void *extra_target, struct config_request *request,
                               walk_report report, void *context);

// Stops at the first failure. With `all` it goes on where the next step does not depend on it, and looks at
// the topic's messages, too. Returns the first failure.
enum status startup_connect(struct startup *s, bool all, walk_report report, void *context);

// Loads the Function libraries where the node lacks them (both; the reader's is replaced where it differs). A
// writer's library of the same name but another text is left alone: STATUS_CONFIG, CLM-R6, when the reader's
// has been seen to.
enum status startup_load_functions(redisContext *redis, struct problem *p);
// The same on every master; the first trouble.
enum status startup_load_functions_everywhere(struct redis_client *redis, struct problem *p);

// As whom this process flushes and claims.
static inline struct flush_sender startup_sender(const struct startup *s) {
    struct flush_sender self = {.deployment = s->meta.deployment, .rules = &s->basis.rules};
    self.keys = pseudonymiser_versions(s->basis.pseudonyms, &self.key_count);
    return self;
}

// The warning that the topic has more partitions than before: at the start, and while it is counted.
void startup_grown_problem(struct problem *p, const struct meta *meta, int32_t before, int32_t after);
// More than PARTITIONS_MAX.
enum status startup_crowded_problem(struct problem *p, const char *topic, int32_t partitions);

void startup_fini(struct startup *s);
