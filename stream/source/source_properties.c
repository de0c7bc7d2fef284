// Which librdkafka properties our clients have: ours first, then the configuration's over them, except those
// that the exactness of the counters, or a key of our own, stands on.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <librdkafka/rdkafka.h>

#include "runtime/check.h"
#include "runtime/log/log.h"
#include "runtime/memory.h"
#include "stream/source/source.h"

enum { REASON_BYTES = 512, SESSION_DEFAULT_POLL_MS = 300000, HEARTBEAT_MS = 3000 };

struct refusal {
    const char *name, *reason;
};

static const struct refusal refusals[] = {
    {"bootstrap.servers", "set kafka.bootstrap.servers"},
    {"metadata.broker.list", "set kafka.bootstrap.servers"},
    {"group.id", "set kafka.group"},
    {"session.timeout.ms", "set kafka.session.timeout"},
    {"group.instance.id", "set kafka.static_id"},
    {"enable.auto.commit", "offsets are committed after Redis has taken the counts, never before"},
    {"auto.commit.enable", "offsets are committed after Redis has taken the counts, never before"},
    {"enable.auto.offset.store", "offsets are committed after Redis has taken the counts, never before"},
    {"auto.offset.reset", "a place that the log no longer has is an error: skipping on would lose counts"},
    {"enable.partition.eof", "the end of the log is how an idle partition is known"},
    {"allow.auto.create.topics", "topics are created on purpose, with a partition count that stays"},
    {"isolation.level", "what a transaction took back was never an event"},
    {"partitioner", "a person's partition is murmur2 of the key, for every producer"},
    {"enable.idempotence", "it is on"},
    {"transactional.id", "no transaction is used"},
    {"message.timeout.ms", "a dead letter is never given up"},
    {"delivery.timeout.ms", "a dead letter is never given up"},
    {"delivery.report.only.error", "flushes wait for the word that a dead letter has arrived"},
};

// --- The names librdkafka knows

struct property {
    char *name;
    char role; // '*', 'C' or 'P'
};

struct properties {
    struct property *rows;
    size_t count;
    const char **names; // after `kafka.`: of our own options, then of the rows
    size_t name_count;
};

// What may have been meant by a name that nobody has.
static void names_gather(struct properties *known) {
    static const char prefix[] = "kafka.";
    known->names = memory_take((settings_option_count + known->count) * sizeof(*known->names));
    for (size_t i = 0; i < settings_option_count; i++) {
        if (strncmp(settings_options[i].name, prefix, sizeof(prefix) - 1) == 0)
            known->names[known->name_count++] = settings_options[i].name + sizeof(prefix) - 1;
    }
    for (size_t i = 0; i < known->count; i++)
        known->names[known->name_count++] = known->rows[i].name;
}

// Librdkafka has no function that lists its properties, but prints them as a table: `name | C/P | ...`.
static void properties_read(struct properties *known) {
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    CHECK(out != NULL);
    rd_kafka_conf_properties_show(out);
    CHECK(fclose(out) == 0);
    *known = (struct properties){0};
    char *rest = text;
    for (char *line; (line = strsep(&rest, "\n")) != NULL;) {
        char name[128], role;
        if (sscanf(line, "%127[a-z0-9._] | %c |", name, &role) != 2 || strchr("*CP", role) == NULL)
            continue;
        known->rows = memory_grow(known->rows, known->count + 1, sizeof(*known->rows));
        known->rows[known->count++] = (struct property){memory_text(name), role};
    }
    free(text);
    names_gather(known);
}

static void properties_free(struct properties *known) {
    for (size_t i = 0; i < known->count; i++)
        free(known->rows[i].name);
    free(known->rows);
    free(known->names);
}

// The environment cannot spell a dot: CLAMEUR_KAFKA_FETCH_MIN_BYTES is fetch.min.bytes.
static bool names_fold_alike(const char *a, const char *b) {
    for (; *a != '\0' && *b != '\0'; a++, b++) {
        bool both_part = strchr("._", *a) != NULL && strchr("._", *b) != NULL;
        if (*a != *b && !both_part)
            return false;
    }
    return *a == *b;
}

static const struct property *property_find(const struct properties *known, const char *name) {
    for (size_t i = 0; i < known->count; i++) {
        if (names_fold_alike(known->rows[i].name, name))
            return &known->rows[i];
    }
    return NULL;
}

// --- Ours

static void set_own(rd_kafka_conf_t *conf, const char *name, const char *value) {
    char reason[REASON_BYTES];
    CHECK(rd_kafka_conf_set(conf, name, value, reason, sizeof(reason)) == RD_KAFKA_CONF_OK);
}

static void set_own_number(rd_kafka_conf_t *conf, const char *name, int64_t value) {
    char text[32];
    snprintf(text, sizeof(text), "%lld", (long long)value);
    set_own(conf, name, text);
}

// Of the classic protocol, in which the client chooses them; in the newer one (group.protocol=consumer) the
// broker does.
static void set_membership(rd_kafka_conf_t *conf, const struct settings *settings) {
    int64_t session = settings->kafka_session_timeout_ms;
    int64_t heartbeat = session / 3 < HEARTBEAT_MS ? session / 3 : HEARTBEAT_MS;
    set_own(conf, "partition.assignment.strategy", "cooperative-sticky");
    set_own_number(conf, "session.timeout.ms", session);
    set_own_number(conf, "heartbeat.interval.ms", heartbeat);
}

// The queue between librdkafka's fetchers and us. Where it is full, fetching pauses: in librdkafka before 2.2
// always for up to a second, so there the queue must hold a second's worth of records or the worker starves
// (README of this folder: measured); since 2.2 the pause can be short. Every record queued costs several
// times its bytes.
static void set_fetching(rd_kafka_conf_t *conf) {
    char reason[REASON_BYTES];
    bool brief =
        rd_kafka_conf_set(conf, "fetch.queue.backoff.ms", "10", reason, sizeof(reason)) == RD_KAFKA_CONF_OK;
    set_own(conf, "queued.min.messages", "1000000");
    set_own(conf, "queued.max.messages.kbytes", brief ? "16384" : "32768");
}

static void set_consumer(rd_kafka_conf_t *conf, const struct settings *settings, bool classic) {
    static const char *const fixed[][2] = {
        {"enable.auto.commit", "false"},    {"enable.auto.offset.store", "false"},
        {"auto.offset.reset", "error"},     {"enable.partition.eof", "true"},
        {"statistics.interval.ms", "5000"}, {"allow.auto.create.topics", "false"},
    };
    for (size_t i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++)
        set_own(conf, fixed[i][0], fixed[i][1]);
    set_own(conf, "group.id", settings->kafka_group);
    if (settings->kafka_static_id[0] != '\0')
        set_own(conf, "group.instance.id", settings->kafka_static_id);
    if (settings->kafka_session_timeout_ms > SESSION_DEFAULT_POLL_MS)
        set_own_number(conf, "max.poll.interval.ms", settings->kafka_session_timeout_ms);
    if (classic)
        set_membership(conf, settings);
    set_fetching(conf);
}

// Any of librdkafka's threads. Its levels are syslog's; what it calls an error is a connection lost, which it
// mends by itself.
static void on_log(const rd_kafka_t *rk, int level, const char *facility, const char *text) {
    enum log_level own = level <= 2   ? LOG_LEVEL_ERROR
                         : level <= 4 ? LOG_LEVEL_WARN
                         : level <= 6 ? LOG_LEVEL_INFO
                                      : LOG_LEVEL_DEBUG;
    // AUTOCREATE: brokers before 0.11, and the embedded one: said at every request. FAIL: a connection's, at
    // every try; an outage is told once, by the source or by who asked. FATAL: of a client that is of no
    // use any more: told by its owner, who ends or replaces it.
    if (strcmp(facility, "AUTOCREATE") == 0 || strcmp(facility, "FAIL") == 0 ||
        strcmp(facility, "FATAL") == 0)
        own = LOG_LEVEL_DEBUG;
    LOG_AT(own, "kafka_client", FIELD("facility", LOG_TEXT(facility)), FIELD("text", LOG_TEXT(text)));
}

// --- The configuration's

static bool is_classic(const struct config_pair *pairs, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (names_fold_alike(pairs[i].name, "group.protocol") && strcasecmp(pairs[i].value, "consumer") == 0)
            return false;
    }
    return true;
}

static enum status check_name(const struct properties *known, const struct config_pair *pair,
                              struct problem *problem) {
    for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
        if (names_fold_alike(refusals[i].name, pair->name))
            return problem_set(problem, STATUS_CONFIG, "CLM-C1", "remove the line",
                               "%s: kafka.%s is not yours to set: %s", pair->origin, pair->name,
                               refusals[i].reason);
    }
    if (property_find(known, pair->name) != NULL)
        return STATUS_OK;
    const char *nearest = config_nearest(pair->name, known->names, known->name_count);
    if (nearest == NULL)
        return problem_set(problem, STATUS_CONFIG, "CLM-C1",
                           "see librdkafka's CONFIGURATION.md for its properties",
                           "%s: kafka.%s is no option, and librdkafka %s has no such property", pair->origin,
                           pair->name, rd_kafka_version_str());
    return problem_set(problem, STATUS_CONFIG, "CLM-C1", "correct the name or remove the line",
                       "%s: kafka.%s is no option, and librdkafka %s has no such property; did you mean "
                       "kafka.%s?",
                       pair->origin, pair->name, rd_kafka_version_str(), nearest);
}

static enum status apply(rd_kafka_conf_t *conf, const struct properties *known, char role,
                         const struct config_pair *pair, struct problem *problem) {
    enum status status = check_name(known, pair, problem);
    if (status != STATUS_OK)
        return status;
    const struct property *property = property_find(known, pair->name);
    char reason[REASON_BYTES];
    if (property->role != '*' && property->role != role)
        return STATUS_OK;
    if (rd_kafka_conf_set(conf, property->name, pair->value, reason, sizeof(reason)) == RD_KAFKA_CONF_OK)
        return STATUS_OK;
    return problem_set(problem, STATUS_CONFIG, "CLM-C1", "correct the value", "%s: kafka.%s: %s",
                       pair->origin, pair->name, reason);
}

enum status source_properties(void *rd_kafka_conf, const char *role, const struct settings *settings,
                              const struct config_pair *passthrough, size_t passthrough_count,
                              struct problem *problem) {
    rd_kafka_conf_t *conf = rd_kafka_conf;
    bool consumer = strcmp(role, "consumer") == 0;
    CHECK(consumer || strcmp(role, "producer") == 0);
    rd_kafka_conf_set_log_cb(conf, on_log);
    set_own(conf, "client.id", "clameur");
    set_own(conf, "bootstrap.servers", settings->kafka_bootstrap);
    set_own(conf, "log.connection.close", "false"); // an idle connection that the broker closes is no event
    if (consumer)
        set_consumer(conf, settings, is_classic(passthrough, passthrough_count));
    else
        set_own(conf, "partitioner", "murmur2_random");

    enum status status = STATUS_OK;
    struct properties known;
    properties_read(&known);
    for (size_t i = 0; i < passthrough_count && status == STATUS_OK; i++)
        status = apply(conf, &known, consumer ? 'C' : 'P', &passthrough[i], problem);
    properties_free(&known);
    return status;
}
