// The id that a broker gives a topic when it is created (another id under the same name is another log), and
// whether we may write to it. librdkafka tells it since 2.3.
#include <stdio.h>

#include "stream/startup/basis_kafka.h"

#if RD_KAFKA_VERSION >= 0x020300ff

enum { TOPIC_ID_TIMEOUT_MS = 5000 };

static void id_take(const rd_kafka_TopicDescription_t *topic, struct basis_told *told) {
    const rd_kafka_Uuid_t *id = rd_kafka_TopicDescription_topic_id(topic);
    // A broker before 2.8 knows no ids and answers zero.
    if (id == NULL ||
        (rd_kafka_Uuid_most_significant_bits(id) == 0 && rd_kafka_Uuid_least_significant_bits(id) == 0))
        return;
    const char *text = rd_kafka_Uuid_base64str(id);
    snprintf(told->topic_id, sizeof(told->topic_id), "%s", text != NULL ? text : "");
}

static void operations_take(const rd_kafka_TopicDescription_t *topic, struct basis_told *told) {
    size_t count = 0;
    const rd_kafka_AclOperation_t *operations =
        rd_kafka_TopicDescription_authorized_operations(topic, &count);
    if (operations == NULL || count == 0)
        return;
    told->write = BASIS_MAY_NOT;
    for (size_t i = 0; i < count; i++) {
        if (operations[i] == RD_KAFKA_ACL_OPERATION_WRITE || operations[i] == RD_KAFKA_ACL_OPERATION_ALL)
            told->write = BASIS_MAY;
    }
}

static void description_take(rd_kafka_event_t *event, struct basis_told *told) {
    size_t count = 0;
    if (rd_kafka_event_error(event) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return;
    const rd_kafka_TopicDescription_t **topics =
        rd_kafka_DescribeTopics_result_topics(rd_kafka_event_DescribeTopics_result(event), &count);
    if (count != 1 ||
        rd_kafka_error_code(rd_kafka_TopicDescription_error(topics[0])) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return;
    id_take(topics[0], told);
    operations_take(topics[0], told);
}

void basis_topic_describe(rd_kafka_t *client, const char *topic, struct basis_told *told) {
    char reason[256];
    const char *names[] = {topic};
    *told = (struct basis_told){0};
    rd_kafka_AdminOptions_t *options = rd_kafka_AdminOptions_new(client, RD_KAFKA_ADMIN_OP_DESCRIBETOPICS);
    (void)rd_kafka_AdminOptions_set_request_timeout(options, TOPIC_ID_TIMEOUT_MS, reason, sizeof(reason));
    rd_kafka_error_t *error = rd_kafka_AdminOptions_set_include_authorized_operations(options, 1);
    if (error != NULL)
        rd_kafka_error_destroy(error);
    rd_kafka_TopicCollection_t *topics = rd_kafka_TopicCollection_of_topic_names(names, 1);
    rd_kafka_queue_t *queue = rd_kafka_queue_new(client);
    rd_kafka_DescribeTopics(client, topics, options, queue);
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, 2 * TOPIC_ID_TIMEOUT_MS);
    if (event != NULL) {
        description_take(event, told);
        rd_kafka_event_destroy(event);
    }
    rd_kafka_queue_destroy(queue);
    rd_kafka_TopicCollection_destroy(topics);
    rd_kafka_AdminOptions_destroy(options);
}

#else

void basis_topic_describe(rd_kafka_t *client, const char *topic, struct basis_told *told) {
    *told = (struct basis_told){0};
}

#endif
