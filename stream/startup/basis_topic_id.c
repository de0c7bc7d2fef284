// The id that a broker gives a topic when it is created: another id under the same name is another log.
// librdkafka tells it since 2.3.
#include <stdio.h>

#include "stream/startup/basis_kafka.h"

#if RD_KAFKA_VERSION >= 0x020300ff

enum { TOPIC_ID_TIMEOUT_MS = 5000 };

static void id_take(rd_kafka_event_t *event, char out[BASIS_TOPIC_ID_MAX]) {
    size_t count = 0;
    if (rd_kafka_event_error(event) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return;
    const rd_kafka_TopicDescription_t **topics =
        rd_kafka_DescribeTopics_result_topics(rd_kafka_event_DescribeTopics_result(event), &count);
    if (count != 1 ||
        rd_kafka_error_code(rd_kafka_TopicDescription_error(topics[0])) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return;
    const rd_kafka_Uuid_t *id = rd_kafka_TopicDescription_topic_id(topics[0]);
    // A broker before 2.8 knows no ids and answers zero.
    if (id == NULL ||
        (rd_kafka_Uuid_most_significant_bits(id) == 0 && rd_kafka_Uuid_least_significant_bits(id) == 0))
        return;
    const char *text = rd_kafka_Uuid_base64str(id);
    snprintf(out, BASIS_TOPIC_ID_MAX, "%s", text != NULL ? text : "");
}

void basis_topic_id(rd_kafka_t *client, const char *topic, char out[BASIS_TOPIC_ID_MAX]) {
    char reason[256];
    const char *names[] = {topic};
    out[0] = '\0';
    rd_kafka_AdminOptions_t *options = rd_kafka_AdminOptions_new(client, RD_KAFKA_ADMIN_OP_DESCRIBETOPICS);
    (void)rd_kafka_AdminOptions_set_request_timeout(options, TOPIC_ID_TIMEOUT_MS, reason, sizeof(reason));
    rd_kafka_TopicCollection_t *topics = rd_kafka_TopicCollection_of_topic_names(names, 1);
    rd_kafka_queue_t *queue = rd_kafka_queue_new(client);
    rd_kafka_DescribeTopics(client, topics, options, queue);
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, 2 * TOPIC_ID_TIMEOUT_MS);
    if (event != NULL) {
        id_take(event, out);
        rd_kafka_event_destroy(event);
    }
    rd_kafka_queue_destroy(queue);
    rd_kafka_TopicCollection_destroy(topics);
    rd_kafka_AdminOptions_destroy(options);
}

#else

void basis_topic_id(rd_kafka_t *client, const char *topic, char out[BASIS_TOPIC_ID_MAX]) {
    out[0] = '\0';
}

#endif
