// Start-up's questions to the brokers, beyond the steps of stream/startup/basis.h.
#pragma once

#include <librdkafka/rdkafka.h>

#include "stream/startup/basis.h"

// A client for questions. STATUS_CONFIG where a property is wrong. The caller destroys it.
enum status basis_kafka_client(const struct basis *b, rd_kafka_t **client, struct problem *p);

// Is a topic there? As source_check_topic.
enum status basis_check_topic(const struct basis *b, const char *topic, int32_t *partitions,
                              struct problem *p);

// The topic's id, "" where the library or the broker cannot tell. Only for a cluster that has a controller.
void basis_topic_id(rd_kafka_t *client, const char *topic, char out[BASIS_TOPIC_ID_MAX]);
