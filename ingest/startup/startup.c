// The worker's steps, and the walks over them.
#include "ingest/startup/startup.h"

#include <stdlib.h>

#include "ingest/startup/startup_steps.h"

// --- Without a network

static enum status read_redis(struct walk *walk) {
    struct startup *s = startup_walk_of(walk)->s;
    const struct settings *settings = &s->basis.settings;
    struct problem p;
    if (settings_redis(settings, &s->redis, &s->login, &p) != STATUS_OK)
        return walk_trouble(walk, &p);
    key_space_init(&s->keys, settings->redis_prefix, (uint32_t)settings->redis_shards);
    char address[REDIS_ADDRESS_TEXT];
    walk_found(walk, "%s%s, prefix %s, %u shards", redis_address_write(address, &s->redis.at[0]),
               s->redis.count > 1 ? " and others" : "", s->keys.prefix, s->keys.shards);
    return STATUS_OK;
}

enum { READING = 1 }; // the part that all of these are; none needs another

static const struct walk_step reading[] = {
    {"kafka properties", READING, 0, 0, basis_step_properties}, {"rules", READING, 0, 0, basis_step_rules},
    {"pseudonym key", READING, 0, 0, basis_step_pseudonyms},    {"redis settings", READING, 0, 0, read_redis},
    {"open files", READING, 0, 0, basis_step_open_files},
};

enum status startup_read_steps(struct startup *s, int argc, char **argv, const struct option_row *extra,
                               size_t extra_count, void *extra_target, struct config_request *request,
                               walk_report report, void *context) {
    struct startup_walk own;
    struct walk *walk = &own.base;
    *s = (struct startup){0};
    startup_walk_begin(&own, s, report, context);
    enum status status = basis_configure(walk, argc, argv, extra, extra_count, extra_target, request);
    if (status != STATUS_OK || request->help)
        return status;
    walk_found(walk, "topic %s, group %s", s->basis.settings.kafka_topic, s->basis.settings.kafka_group);
    return walk_steps(walk, reading, sizeof(reading) / sizeof(reading[0]), READING, &(unsigned){0}, true);
}

enum status startup_read(struct startup *s, int argc, char **argv, const struct option_row *extra,
                         size_t extra_count, void *extra_target, struct config_request *request) {
    return startup_read_steps(s, argc, argv, extra, extra_count, extra_target, request, walk_print_trouble,
                              NULL);
}

// --- With it

enum { LEAF = 0, TOPIC = 1, REDIS = 2, FUNCTIONS = 4, META = 8, FILES = 16 }; // what others may need

static const struct walk_step connecting[] = {
    {"kafka topic", STARTUP_KAFKA, TOPIC, 0, basis_step_topic},
    {"topic settings", STARTUP_KAFKA, LEAF, TOPIC, basis_step_topic_settings},
    {"dead-letter topic", STARTUP_KAFKA, LEAF, TOPIC, startup_step_dlq},
    {"topic's messages", STARTUP_SAMPLE, LEAF, TOPIC, basis_step_sample},
    {"redis", STARTUP_REDIS, REDIS, 0, startup_step_redis},
    {"redis version", STARTUP_REDIS, LEAF, REDIS, startup_step_redis_version},
    {"redis role", STARTUP_REDIS, LEAF, REDIS, startup_step_redis_role},
    {"redis eviction", STARTUP_REDIS, LEAF, REDIS, startup_step_redis_eviction},
    {"redis functions", STARTUP_REDIS, FUNCTIONS, REDIS, startup_step_functions},
    {"meta", STARTUP_META, META, REDIS, startup_step_meta},
    {"rules in force", STARTUP_META, LEAF, REDIS | FUNCTIONS | META | FILES, startup_step_rules},
};

void startup_walk_begin(struct startup_walk *walk, struct startup *s, walk_report report, void *context) {
    *walk = (struct startup_walk){.base = {.basis = &s->basis, .report = report, .context = context}, .s = s};
}

enum status startup_walk(struct startup_walk *walk, unsigned parts, bool all) {
    unsigned failed = basis_files_read(&walk->s->basis) ? 0 : FILES;
    return walk_steps(&walk->base, connecting, sizeof(connecting) / sizeof(connecting[0]), parts, &failed,
                      all);
}

void startup_walk_end(struct startup_walk *walk) {
    redis_client_close(&walk->redis);
    for (size_t i = 0; i < walk->node_count; i++)
        free(walk->nodes[i].info);
    free(walk->nodes);
    free(walk->begun);
    walk->nodes = NULL;
    walk->node_count = 0;
    walk->begun = NULL;
}

enum status startup_connect(struct startup *s, bool all, walk_report report, void *context) {
    struct startup_walk walk;
    startup_walk_begin(&walk, s, report, context);
    enum status status =
        startup_walk(&walk, STARTUP_KAFKA | STARTUP_REDIS | STARTUP_META | (all ? STARTUP_SAMPLE : 0), all);
    startup_walk_end(&walk);
    return status;
}

void startup_fini(struct startup *s) {
    basis_fini(&s->basis);
}
