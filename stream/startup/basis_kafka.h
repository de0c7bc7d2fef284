// Start-up's questions to the brokers, beyond the steps of stream/startup/basis.h.
#pragma once

#include <librdkafka/rdkafka.h>

#include "stream/startup/basis.h"

// A client for questions. STATUS_CONFIG where a property is wrong. The caller destroys it.
enum status basis_kafka_client(const struct basis *b, rd_kafka_t **client, struct problem *p);

// Is a topic there? As source_check_topic.
enum status basis_check_topic(const struct basis *b, const char *topic, int32_t *partitions,
                              struct problem *p);

// What the library or the broker cannot tell is "", or unknown.
enum basis_may { BASIS_MAY_UNKNOWN, BASIS_MAY, BASIS_MAY_NOT };
enum { BASIS_POLICY_MAX = 64 };
struct basis_told {
    char topic_id[BASIS_TOPIC_ID_MAX];
    enum basis_may write; // we, to it
    char cleanup_policy[BASIS_POLICY_MAX];
};

// Of a topic that is there: its id, and whether we may write to it. Only for a cluster that has a controller.
void basis_topic_describe(rd_kafka_t *client, const char *topic, struct basis_told *told);

// All of it, of another topic than the log. After basis_step_topic_settings.
void basis_topic_ask(const struct basis *b, const char *topic, struct basis_told *told);
