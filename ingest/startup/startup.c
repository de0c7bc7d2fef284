// What start-up reads without a network, and the walk over the steps that need one.
#include "ingest/startup/startup.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "ingest/startup/startup_steps.h"
#include "schemas/weighable.h"

// The probe listener's 64 connections, Redis, a connection or two to each broker of a large cluster, and the
// process's own.
enum { OPEN_FILES_NEEDED = 512 };

void startup_found(struct startup_walk *walk, const char *format, ...) {
    char detail[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(detail, sizeof(detail), format, arguments);
    va_end(arguments);
    walk->report(walk->context, walk->step, detail, NULL);
}

enum status startup_trouble(struct startup_walk *walk, const struct problem *problem) {
    walk->report(walk->context, walk->step, "", problem);
    return problem->status;
}

// --- Without a network

// config_load, settings_check and rules_load have told everything already.
static enum status trouble_told(struct startup_walk *walk, enum status status) {
    struct problem p = {.status = status};
    return startup_trouble(walk, &p);
}

static enum status read_rules(struct startup_walk *walk) {
    struct startup *s = walk->s;
    struct rules_kinds kinds;
    schemas_rules_kinds(&kinds);
    enum status status = rules_load(&s->rules, s->settings.rules_file, &kinds);
    if (status != STATUS_OK)
        return trouble_told(walk, status);
    startup_found(walk, "%zu version%s%s", s->rules.count, s->rules.count == 1 ? "" : "s",
                  s->settings.rules_file[0] == '\0' ? ", the defaults" : "");
    return STATUS_OK;
}

static enum status read_pseudonyms(struct startup_walk *walk) {
    struct startup *s = walk->s;
    struct problem p;
    if (pseudonymiser_load(&s->pseudonyms, s->settings.privacy_key_file, &p) != STATUS_OK)
        return startup_trouble(walk, &p);
    startup_found(walk, "%s", s->settings.privacy_key_file);
    return STATUS_OK;
}

static enum status read_redis(struct startup_walk *walk) {
    struct startup *s = walk->s;
    struct problem p;
    if (settings_redis(&s->settings, &s->redis, &s->login, &p) != STATUS_OK)
        return startup_trouble(walk, &p);
    key_space_init(&s->keys, s->settings.redis_prefix, (uint32_t)s->settings.redis_shards);
    char address[REDIS_ADDRESS_TEXT];
    startup_found(walk, "%s%s, prefix %s, %u shards", redis_address_write(address, &s->redis.at[0]),
                  s->redis.count > 1 ? " and others" : "", s->keys.prefix, s->keys.shards);
    return STATUS_OK;
}

static enum status read_open_files(struct startup_walk *walk) {
    struct rlimit limit;
    struct problem p;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        problem_set(&p, STATUS_OS, "CLM-L1", "", "the limit of open files cannot be read: %s",
                    strerror(errno));
        return startup_trouble(walk, &p);
    }
    if (limit.rlim_cur >= OPEN_FILES_NEEDED) {
        startup_found(walk, "limit %llu", (unsigned long long)limit.rlim_cur);
        return STATUS_OK;
    }
    unsigned long long before = limit.rlim_cur, hard = limit.rlim_max;
    limit.rlim_cur = limit.rlim_max;
    if (hard < OPEN_FILES_NEEDED || setrlimit(RLIMIT_NOFILE, &limit) != 0) {
        problem_set(&p, STATUS_OS, "CLM-L1", "LimitNOFILE=65536 in the unit, or ulimit -Hn 65536",
                    "needs %d open files, the hard limit is %llu", OPEN_FILES_NEEDED, hard);
        return startup_trouble(walk, &p);
    }
    problem_set(&p, STATUS_OK, "CLM-L1", "LimitNOFILE=65536 in the unit, so that it need not be raised",
                "needs %d open files, the limit was %llu: raised to %llu", OPEN_FILES_NEEDED, before, hard);
    return startup_trouble(walk, &p);
}

static enum status read_configuration(struct startup_walk *walk, int argc, char **argv,
                                      const struct option_row *extra, size_t extra_count, void *extra_target,
                                      struct config_request *request) {
    struct startup *s = walk->s;
    enum status status = config_load(&s->config, argc, argv, 1, settings_options, settings_option_count,
                                     &s->settings, extra, extra_count, extra_target, request);
    if (status == STATUS_OK && request->help)
        return STATUS_OK;
    if (status == STATUS_OK)
        status = settings_check(&s->settings, s->config);
    if (status != STATUS_OK)
        return trouble_told(walk, status);
    s->passthrough_count = config_passthrough(s->config, &s->passthrough);
    startup_found(walk, "topic %s, group %s", s->settings.kafka_topic, s->settings.kafka_group);
    return STATUS_OK;
}

enum status startup_read_steps(struct startup *s, int argc, char **argv, const struct option_row *extra,
                               size_t extra_count, void *extra_target, struct config_request *request,
                               startup_report report, void *context) {
    static const struct {
        const char *name;
        enum status (*run)(struct startup_walk *);
    } steps[] = {{"kafka properties", startup_step_properties},
                 {"rules", read_rules},
                 {"pseudonym key", read_pseudonyms},
                 {"redis settings", read_redis},
                 {"open files", read_open_files}};
    *s = (struct startup){.argc = argc, .argv = argv};
    struct startup_walk walk = {.s = s, .report = report, .context = context, .step = "configuration"};
    enum status first = read_configuration(&walk, argc, argv, extra, extra_count, extra_target, request);
    if (first != STATUS_OK || request->help)
        return first;
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        walk.step = steps[i].name;
        enum status status = steps[i].run(&walk);
        if (first == STATUS_OK)
            first = status;
    }
    return first;
}

static void print_trouble(void *context, const char *step, const char *detail,
                          const struct problem *problem) {
    if (problem != NULL && problem->what[0] != '\0')
        problem_print(problem);
}

enum status startup_read(struct startup *s, int argc, char **argv, const struct option_row *extra,
                         size_t extra_count, void *extra_target, struct config_request *request) {
    return startup_read_steps(s, argc, argv, extra, extra_count, extra_target, request, print_trouble, NULL);
}

// --- With it

enum { LEAF = 0, TOPIC = 1, REDIS = 2, FUNCTIONS = 4, META = 8, FILES = 16 }; // what others may need

static const struct {
    const char *name;
    enum startup_part part;
    unsigned is;    // a bit for others to need
    unsigned needs; // steps that must have gone well
    enum status (*run)(struct startup_walk *);
} steps[] = {
    {"kafka topic", STARTUP_KAFKA, TOPIC, 0, startup_step_topic},
    {"topic settings", STARTUP_KAFKA, LEAF, TOPIC, startup_step_topic_settings},
    {"dead-letter topic", STARTUP_KAFKA, LEAF, TOPIC, startup_step_dlq},
    {"topic's messages", STARTUP_SAMPLE, LEAF, TOPIC, startup_step_sample},
    {"redis", STARTUP_REDIS, REDIS, 0, startup_step_redis},
    {"redis version", STARTUP_REDIS, LEAF, REDIS, startup_step_redis_version},
    {"redis role", STARTUP_REDIS, LEAF, REDIS, startup_step_redis_role},
    {"redis eviction", STARTUP_REDIS, LEAF, REDIS, startup_step_redis_eviction},
    {"redis functions", STARTUP_REDIS, FUNCTIONS, REDIS, startup_step_functions},
    {"meta", STARTUP_META, META, REDIS, startup_step_meta},
    {"rules in force", STARTUP_META, LEAF, REDIS | FUNCTIONS | META | FILES, startup_step_rules},
};

// Were the rules and the keys read? `check` goes on without them.
static bool files_read(const struct startup *s) {
    return s->rules.count > 0 && s->pseudonyms != NULL;
}

enum status startup_walk(struct startup_walk *walk, unsigned parts, bool all) {
    enum status first = STATUS_OK;
    unsigned failed = files_read(walk->s) ? 0 : FILES;
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        if ((parts & steps[i].part) == 0 || (steps[i].needs & failed) != 0)
            continue;
        walk->step = steps[i].name;
        enum status status = steps[i].run(walk);
        if (status == STATUS_OK)
            continue;
        failed |= steps[i].is;
        first = first == STATUS_OK ? status : first;
        if (!all)
            break;
    }
    return first;
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

enum status startup_connect(struct startup *s, bool all, startup_report report, void *context) {
    struct startup_walk walk = {.s = s, .report = report, .context = context};
    enum status status =
        startup_walk(&walk, STARTUP_KAFKA | STARTUP_REDIS | STARTUP_META | (all ? STARTUP_SAMPLE : 0), all);
    startup_walk_end(&walk);
    return status;
}

void startup_fini(struct startup *s) {
    pseudonymiser_destroy(&s->pseudonyms);
    rules_fini(&s->rules);
    config_destroy(&s->config);
}
