#include "loadtest/sender.h"

#include <inttypes.h>
#include <stdlib.h>

#include <librdkafka/rdkafka.h>

#include "runtime/check.h"
#include "runtime/memory.h"
#include "stream/source/source.h"

enum {
    CHECK_MS = 10000,
    FULL_QUEUE_POLL_MS = 50,
    FLUSH_POLL_MS = 200,
    POLL_EVERY = 512,
    PURGE_MS = 1000,
};

struct sender {
    rd_kafka_t *rk;
    rd_kafka_topic_t *topic;
    const char *topic_name;
    bool own_partitioner;
    bool mock;
    bool failed;
    struct problem failure; // of the first delivery that failed
    uint64_t since_poll;
    struct sender_figures figures;
    uint64_t *partition_messages, *partition_events;
    int64_t *partition_before; // messages that the mock held before
};

// Inside rd_kafka_poll, the caller's thread.
static void on_delivery(rd_kafka_t *rk, const rd_kafka_message_t *m, void *opaque) {
    struct sender *s = opaque;
    int32_t expected = (int32_t)(intptr_t)m->_private;
    if (m->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        if (!s->failed)
            problem_set(&s->failure, STATUS_UNAVAILABLE, "",
                        "see the broker's log; what was acknowledged before stays",
                        "a message for %s [%" PRId32 "] was not delivered: %s", s->topic_name, expected,
                        rd_kafka_err2str(m->err));
        s->failed = true;
        return;
    }
    s->figures.delivered++;
    if (m->partition >= 0 && m->partition < s->figures.partitions)
        s->partition_messages[m->partition]++;
    s->figures.misplaced += m->partition != expected;
}

static enum status configure(struct sender *s, const struct deployment *d, rd_kafka_conf_t *conf,
                             struct problem *problem) {
    static const char *const ours[][2] = {
        {"compression.codec", "lz4"},
        {"linger.ms", "50"},
        {"enable.idempotence", "true"},
        {"queue.buffering.max.messages", "500000"},
        {"queue.buffering.max.kbytes", "262144"},
        {"message.timeout.ms", "120000"},
    };
    char reason[256];
    for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
        CHECK(rd_kafka_conf_set(conf, ours[i][0], ours[i][1], reason, sizeof(reason)) == RD_KAFKA_CONF_OK);
    rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
    rd_kafka_conf_set_opaque(conf, s);
    return source_properties(conf, "producer", &d->settings, d->passthrough, d->passthrough_count, problem);
}

static enum status connect_producer(struct sender *s, const struct deployment *d, struct problem *problem) {
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    enum status status = configure(s, d, conf, problem);
    if (status != STATUS_OK) {
        rd_kafka_conf_destroy(conf);
        return status;
    }
    char reason[256];
    s->rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, reason, sizeof(reason)); // takes conf
    if (s->rk == NULL) {
        rd_kafka_conf_destroy(conf);
        return problem_set(problem, STATUS_CONFIG, "CLM-C1", "see the kafka.* lines of the configuration",
                           "librdkafka does not take this configuration: %s", reason);
    }
    s->topic = rd_kafka_topic_new(s->rk, s->topic_name, NULL);
    CHECK(s->topic != NULL);
    return STATUS_OK;
}

// Whether the cluster is librdkafka's embedded one, and what it holds already: its names of clusters begin
// so.
static enum status recognise_mock(struct sender *s, struct problem *problem) {
    char *cluster = rd_kafka_clusterid(s->rk, CHECK_MS);
    s->mock = cluster != NULL && strncmp(cluster, "mockCluster", 11) == 0;
    if (cluster != NULL)
        rd_kafka_mem_free(s->rk, cluster);
    for (int32_t i = 0; s->mock && i < s->figures.partitions; i++) {
        int64_t first = 0, end = 0;
        rd_kafka_resp_err_t error =
            rd_kafka_query_watermark_offsets(s->rk, s->topic_name, i, &first, &end, CHECK_MS);
        if (error != RD_KAFKA_RESP_ERR_NO_ERROR)
            return problem_set(problem, STATUS_UNAVAILABLE, "CLM-K1", "start the broker again",
                               "%s [%" PRId32 "] does not say what it holds: %s", s->topic_name, i,
                               rd_kafka_err2str(error));
        s->partition_before[i] = end - first;
    }
    return STATUS_OK;
}

enum status sender_create(struct sender **sender, const struct deployment *deployment, bool own_partitioner,
                          struct problem *problem) {
    int32_t partitions = 0;
    enum status status =
        source_check_topic(&deployment->settings, deployment->passthrough, deployment->passthrough_count,
                           deployment->settings.kafka_topic, &partitions, CHECK_MS, problem);
    if (status != STATUS_OK)
        return status;
    struct sender *s = memory_take(sizeof(*s));
    *sender = s;
    s->topic_name = deployment->settings.kafka_topic;
    s->own_partitioner = own_partitioner;
    s->figures.partitions = partitions;
    s->partition_messages = memory_take((size_t)partitions * sizeof(*s->partition_messages));
    s->partition_events = memory_take((size_t)partitions * sizeof(*s->partition_events));
    s->partition_before = memory_take((size_t)partitions * sizeof(*s->partition_before));
    s->figures.partition_messages = s->partition_messages;
    s->figures.partition_events = s->partition_events;
    status = connect_producer(s, deployment, problem);
    if (status == STATUS_OK)
        status = recognise_mock(s, problem);
    if (status != STATUS_OK)
        sender_destroy(sender);
    return status;
}

void sender_destroy(struct sender **sender) {
    struct sender *s = *sender;
    *sender = NULL;
    if (s == NULL)
        return;
    if (s->rk != NULL) {
        rd_kafka_purge(s->rk, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
        rd_kafka_flush(s->rk, PURGE_MS);
        if (s->topic != NULL)
            rd_kafka_topic_destroy(s->topic);
        rd_kafka_destroy(s->rk);
    }
    free(s->partition_messages);
    free(s->partition_events);
    free(s->partition_before);
    free(s);
}

int32_t sender_partitions(const struct sender *sender) {
    return sender->figures.partitions;
}

const int64_t *sender_mock_holds(const struct sender *sender) {
    return sender->mock ? sender->partition_before : NULL;
}

static enum status answer(const struct sender *s, struct problem *problem) {
    if (!s->failed)
        return STATUS_OK;
    *problem = s->failure;
    return s->failure.status;
}

static rd_kafka_resp_err_t hand_over(const struct sender *s, const struct message *m) {
    // librdkafka copies what it is told to copy, and asks for pointers to what it could change.
    rd_kafka_vu_t fields[] = {
        {.vtype = RD_KAFKA_VTYPE_RKT, .u.rkt = s->topic},
        {.vtype = RD_KAFKA_VTYPE_PARTITION,
         .u.i32 = s->own_partitioner ? m->partition : RD_KAFKA_PARTITION_UA},
        {.vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = RD_KAFKA_MSG_F_COPY},
        {.vtype = RD_KAFKA_VTYPE_KEY, .u.mem = {(void *)(uintptr_t)m->key.at, m->key.length}},
        {.vtype = RD_KAFKA_VTYPE_VALUE, .u.mem = {(void *)(uintptr_t)m->value.at, m->value.length}},
        {.vtype = RD_KAFKA_VTYPE_TIMESTAMP, .u.i64 = m->time_ms},
        {.vtype = RD_KAFKA_VTYPE_OPAQUE, .u.ptr = (void *)(intptr_t)m->partition},
    };
    rd_kafka_error_t *error = rd_kafka_produceva(s->rk, fields, sizeof(fields) / sizeof(fields[0]));
    if (error == NULL)
        return RD_KAFKA_RESP_ERR_NO_ERROR;
    rd_kafka_resp_err_t code = rd_kafka_error_code(error);
    rd_kafka_error_destroy(error);
    return code;
}

static void note_sent(struct sender *s, const struct message *m) {
    struct sender_figures *f = &s->figures;
    f->messages++;
    f->events += m->events;
    f->bytes += m->key.length + m->value.length;
    for (size_t i = 0; i < FATE_COUNT; i++)
        f->fates[i] += m->fates[i];
    s->partition_events[m->partition] += m->events;
}

enum status sender_send(struct sender *sender, const struct message *message, struct problem *problem) {
    CHECK(message->partition >= 0 && message->partition < sender->figures.partitions);
    rd_kafka_resp_err_t error = hand_over(sender, message);
    while (error == RD_KAFKA_RESP_ERR__QUEUE_FULL && !sender->failed) {
        rd_kafka_poll(sender->rk, FULL_QUEUE_POLL_MS);
        error = hand_over(sender, message);
    }
    if (sender->failed)
        return answer(sender, problem);
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR)
        return problem_set(problem, STATUS_UNAVAILABLE, "", "see the kafka.* lines of the configuration",
                           "librdkafka does not take a message of %zu bytes for %s [%" PRId32 "]: %s",
                           message->value.length, sender->topic_name, message->partition,
                           rd_kafka_err2str(error));
    note_sent(sender, message);
    if (++sender->since_poll >= POLL_EVERY)
        sender_poll(sender, 0);
    return answer(sender, problem);
}

void sender_poll(struct sender *sender, int timeout_ms) {
    sender->since_poll = 0;
    rd_kafka_poll(sender->rk, timeout_ms);
}

enum status sender_flush(struct sender *sender, struct problem *problem) {
    while (!sender->failed && rd_kafka_flush(sender->rk, FLUSH_POLL_MS) == RD_KAFKA_RESP_ERR__TIMED_OUT) {
    }
    CHECK(sender->failed || sender->figures.delivered == sender->figures.messages);
    return answer(sender, problem);
}

void sender_figures_read(const struct sender *sender, struct sender_figures *figures) {
    *figures = sender->figures;
}
