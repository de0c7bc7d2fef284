// Start-up's questions to Kafka: is the topic there, is its log one that can be counted exactly?
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/check.h"
#include "stream/source/source.h"
#include "stream/startup/basis_kafka.h"

enum { KAFKA_TIMEOUT_MS = 10000, DESCRIBE_TIMEOUT_MS = 5000, CONTROLLER_TIMEOUT_MS = 1000, REASON_MAX = 256 };

enum status basis_kafka_client(const struct basis *b, rd_kafka_t **client, struct problem *p) {
    char reason[REASON_MAX];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    enum status status =
        source_properties(conf, "producer", &b->settings, b->passthrough, b->passthrough_count, p);
    if (status != STATUS_OK) {
        rd_kafka_conf_destroy(conf);
        return status;
    }
    *client = rd_kafka_new(RD_KAFKA_PRODUCER, conf, reason, sizeof(reason));
    if (*client != NULL)
        return STATUS_OK;
    rd_kafka_conf_destroy(conf);
    return problem_set(p, STATUS_CONFIG, "CLM-C1", "check the kafka.* keys", "librdkafka: %s", reason);
}

enum status basis_check_topic(const struct basis *b, const char *topic, int32_t *partitions,
                              struct problem *p) {
    return source_check_topic(&b->settings, b->passthrough, b->passthrough_count, topic, partitions,
                              KAFKA_TIMEOUT_MS, p);
}

enum status basis_step_topic(struct walk *walk) {
    struct basis *b = walk->basis;
    struct problem p;
    if (basis_check_topic(b, b->settings.kafka_topic, &b->partitions, &p) != STATUS_OK)
        return walk_trouble(walk, &p);
    walk_found(walk, "%s at %s, %d partitions", b->settings.kafka_topic, b->settings.kafka_bootstrap,
               b->partitions);
    return STATUS_OK;
}

// --- The topic's settings

// What the broker says of the topic; a text is NULL where it is unknown.
struct topic_settings {
    char *cleanup_policy;
    char *unclean_election;
    char *min_insync;
    char *timestamp_type;
    char *retention;
    int replication;     // 0: unknown
    bool has_controller; // the embedded broker has none, and asking it would take the whole timeout
    char why_unknown[REASON_MAX];
};

static void topic_settings_fini(struct topic_settings *t) {
    free(t->cleanup_policy);
    free(t->unclean_election);
    free(t->min_insync);
    free(t->timestamp_type);
    free(t->retention);
}

static void take_entry(struct topic_settings *t, const rd_kafka_ConfigEntry_t *entry) {
    const struct {
        const char *name;
        char **to;
    } wanted[] = {{"cleanup.policy", &t->cleanup_policy},
                  {"unclean.leader.election.enable", &t->unclean_election},
                  {"min.insync.replicas", &t->min_insync},
                  {"message.timestamp.type", &t->timestamp_type},
                  {"retention.ms", &t->retention}};
    const char *value = rd_kafka_ConfigEntry_value(entry);
    for (size_t i = 0; value != NULL && i < sizeof(wanted) / sizeof(wanted[0]); i++) {
        if (*wanted[i].to == NULL && strcmp(rd_kafka_ConfigEntry_name(entry), wanted[i].name) == 0)
            CHECK((*wanted[i].to = strdup(value)) != NULL);
    }
}

static void take_result(struct topic_settings *t, rd_kafka_event_t *event) {
    const char *error =
        rd_kafka_event_error(event) != RD_KAFKA_RESP_ERR_NO_ERROR ? rd_kafka_event_error_string(event) : NULL;
    size_t count = 0;
    const rd_kafka_ConfigResource_t **resources =
        rd_kafka_DescribeConfigs_result_resources(rd_kafka_event_DescribeConfigs_result(event), &count);
    if (error == NULL && count == 1 &&
        rd_kafka_ConfigResource_error(resources[0]) != RD_KAFKA_RESP_ERR_NO_ERROR)
        error = rd_kafka_ConfigResource_error_string(resources[0]);
    if (error != NULL || count != 1) {
        snprintf(t->why_unknown, sizeof(t->why_unknown), "%s",
                 error != NULL ? error : "no answer for the topic");
        return;
    }
    size_t entry_count = 0;
    const rd_kafka_ConfigEntry_t **entries = rd_kafka_ConfigResource_configs(resources[0], &entry_count);
    for (size_t i = 0; i < entry_count; i++)
        take_entry(t, entries[i]);
}

static void ask_configs(struct topic_settings *t, rd_kafka_t *client, const char *topic) {
    char reason[REASON_MAX];
    rd_kafka_AdminOptions_t *options = rd_kafka_AdminOptions_new(client, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS);
    CHECK(rd_kafka_AdminOptions_set_request_timeout(options, DESCRIBE_TIMEOUT_MS, reason, sizeof(reason)) ==
          RD_KAFKA_RESP_ERR_NO_ERROR);
    rd_kafka_ConfigResource_t *resource = rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, topic);
    rd_kafka_queue_t *queue = rd_kafka_queue_new(client);
    rd_kafka_DescribeConfigs(client, &resource, 1, options, queue);
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, 2 * DESCRIBE_TIMEOUT_MS);
    if (event == NULL)
        snprintf(t->why_unknown, sizeof(t->why_unknown), "no answer");
    else
        take_result(t, event);
    rd_kafka_event_destroy(event);
    rd_kafka_queue_destroy(queue);
    rd_kafka_ConfigResource_destroy(resource);
    rd_kafka_AdminOptions_destroy(options);
}

static void take_metadata(struct topic_settings *t, const struct rd_kafka_metadata *metadata,
                          int32_t controller) {
    if (metadata->topic_cnt == 1 && metadata->topics[0].partition_cnt > 0)
        t->replication = metadata->topics[0].partitions[0].replica_cnt;
    for (int i = 0; i < metadata->broker_cnt; i++)
        t->has_controller = t->has_controller || metadata->brokers[i].id == controller;
}

static void ask_cluster(struct topic_settings *t, rd_kafka_t *client, const char *topic) {
    rd_kafka_topic_t *handle = rd_kafka_topic_new(client, topic, NULL);
    const struct rd_kafka_metadata *metadata = NULL;
    if (handle != NULL && rd_kafka_metadata(client, 0, handle, &metadata, DESCRIBE_TIMEOUT_MS) == 0) {
        take_metadata(t, metadata, rd_kafka_controllerid(client, CONTROLLER_TIMEOUT_MS));
        rd_kafka_metadata_destroy(metadata);
    }
    if (handle != NULL)
        rd_kafka_topic_destroy(handle);
}

// One finding about the settings; `status` STATUS_OK makes it a warning.
static enum status setting_trouble(struct walk *walk, enum status status, const char *name, const char *value,
                                   const char *wanted, const char *why) {
    const struct settings *s = &walk->basis->settings;
    char remedy[384];
    struct problem p = {.status = status};
    snprintf(remedy, sizeof(remedy),
             "kafka-configs.sh --bootstrap-server %s --alter --entity-type topics --entity-name %s "
             "--add-config %s=%s",
             s->kafka_bootstrap, s->kafka_topic, name, wanted);
    if (value == NULL)
        problem_set(&p, STATUS_OK, "CLM-K4", "", "%s of \"%s\" is unknown; it must be %s", name,
                    s->kafka_topic, wanted);
    else
        problem_set(&p, status, "CLM-K4", remedy, "\"%s\" has %s=%s: %s", s->kafka_topic, name, value, why);
    return walk_trouble(walk, &p);
}

static enum status judge_cleanup(struct walk *walk, const struct topic_settings *t) {
    if (t->cleanup_policy != NULL && strcmp(t->cleanup_policy, "delete") == 0)
        return STATUS_OK;
    return setting_trouble(walk, STATUS_CONFIG, "cleanup.policy", t->cleanup_policy, "delete",
                           "compaction removes events before they are counted");
}

static enum status judge_election(struct walk *walk, const struct topic_settings *t) {
    if (t->unclean_election != NULL && strcmp(t->unclean_election, "false") == 0)
        return STATUS_OK;
    // With one copy there is no other replica that could be elected.
    enum status status = t->replication == 1 ? STATUS_OK : STATUS_CONFIG;
    return setting_trouble(walk, status, "unclean.leader.election.enable", t->unclean_election, "false",
                           "an election may take back records that were counted");
}

static enum status judge_insync(struct walk *walk, const struct topic_settings *t) {
    if (t->replication == 1 || (t->min_insync != NULL && strtol(t->min_insync, NULL, 10) >= 2))
        return STATUS_OK;
    enum status status = t->replication == 0 ? STATUS_OK : STATUS_CONFIG;
    return setting_trouble(walk, status, "min.insync.replicas", t->min_insync, "2",
                           "a record may be lost with one broker after it was counted");
}

static enum status judge_timestamps(struct walk *walk, const struct topic_settings *t) {
    if (t->timestamp_type != NULL && strcmp(t->timestamp_type, "LogAppendTime") == 0)
        return STATUS_OK;
    return setting_trouble(walk, STATUS_OK, "message.timestamp.type", t->timestamp_type, "LogAppendTime",
                           "skew and lateness are judged by the producer's clock");
}

static enum status judge_settings(struct walk *walk, const struct topic_settings *t) {
    static enum status (*const judges[])(struct walk *, const struct topic_settings *) = {
        judge_cleanup, judge_election, judge_insync, judge_timestamps};
    enum status first = STATUS_OK;
    for (size_t i = 0; i < sizeof(judges) / sizeof(judges[0]); i++) {
        enum status status = judges[i](walk, t);
        first = first == STATUS_OK ? status : first;
    }
    return first;
}

static void describe_retention(const char *retention, char *out, size_t size) {
    int64_t ms = retention != NULL ? strtoll(retention, NULL, 10) : 0;
    if (retention == NULL)
        snprintf(out, size, "unknown");
    else if (ms < 0)
        snprintf(out, size, "for ever");
    else
        snprintf(out, size, "%.1f h", (double)ms / 3600000);
}

enum status basis_step_topic_settings(struct walk *walk) {
    struct basis *b = walk->basis;
    struct topic_settings t = {0};
    struct basis_told told;
    struct problem p;
    rd_kafka_t *client;
    if (basis_kafka_client(b, &client, &p) != STATUS_OK)
        return walk_trouble(walk, &p);
    ask_cluster(&t, client, b->settings.kafka_topic);
    b->has_controller = t.has_controller;
    if (t.has_controller) {
        ask_configs(&t, client, b->settings.kafka_topic);
        basis_topic_describe(client, b->settings.kafka_topic, &told);
        memcpy(b->topic_id, told.topic_id, sizeof(b->topic_id));
    } else {
        snprintf(t.why_unknown, sizeof(t.why_unknown), "the cluster has no controller to ask");
    }
    rd_kafka_destroy(client);
    enum status status = STATUS_OK;
    if (t.why_unknown[0] != '\0') {
        problem_set(&p, STATUS_OK, "CLM-K4",
                    "cleanup.policy=delete, unclean.leader.election.enable=false, "
                    "min.insync.replicas=2, message.timestamp.type=LogAppendTime: look by hand, or grant "
                    "DescribeConfigs",
                    "the settings of \"%s\" are unknown: %s", b->settings.kafka_topic, t.why_unknown);
        walk_trouble(walk, &p);
    } else {
        status = judge_settings(walk, &t);
        char retention[48];
        describe_retention(t.retention, retention, sizeof(retention));
        if (status == STATUS_OK)
            walk_found(walk, "replication factor %d, retention %s", t.replication, retention);
    }
    topic_settings_fini(&t);
    return status;
}

void basis_topic_ask(const struct basis *b, const char *topic, struct basis_told *told) {
    struct topic_settings t = {0};
    struct problem p;
    rd_kafka_t *client;
    *told = (struct basis_told){0};
    if (!b->has_controller || basis_kafka_client(b, &client, &p) != STATUS_OK)
        return;
    ask_configs(&t, client, topic);
    basis_topic_describe(client, topic, told);
    rd_kafka_destroy(client);
    snprintf(told->cleanup_policy, sizeof(told->cleanup_policy), "%s",
             t.cleanup_policy != NULL ? t.cleanup_policy : "");
    topic_settings_fini(&t);
}
