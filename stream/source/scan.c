// Librdkafka's simple consumer: without a group.id there is no group to join.
#include "stream/source/scan.h"

#include <inttypes.h>
#include <stdlib.h>

#include "runtime/check.h"
#include "runtime/clock.h"
#include "runtime/memory.h"
#include "stream/source/source_internal.h"

enum { ASK_MS = 10000, REASON_BYTES = 512 };

struct scan {
    rd_kafka_t *rk;
    rd_kafka_topic_t *topic;
    rd_kafka_queue_t *queue;
    rd_kafka_message_t *message; // given out
    char *name;
    int32_t partitions;
    int64_t *expect;   // by partition: the next offset; -1: not read
    int64_t silent_ms; // waited in vain since the last step
};

static enum status client_create(struct scan *s, const struct settings *settings,
                                 const struct config_pair *passthrough, size_t count,
                                 struct problem *problem) {
    static const char *const membership[] = {"group.id", "group.instance.id"};
    char reason[REASON_BYTES];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    enum status status = source_properties(conf, "consumer", settings, passthrough, count, problem);
    if (status != STATUS_OK) {
        rd_kafka_conf_destroy(conf);
        return status;
    }
    for (size_t i = 0; i < sizeof(membership) / sizeof(membership[0]); i++)
        CHECK(rd_kafka_conf_set(conf, membership[i], NULL, reason, sizeof(reason)) == RD_KAFKA_CONF_OK);
    s->rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, reason, sizeof(reason));
    if (s->rk != NULL)
        return STATUS_OK;
    rd_kafka_conf_destroy(conf);
    return problem_set(problem, STATUS_CONFIG, "CLM-C1", "correct the kafka section",
                       "the Kafka client cannot start: %s", reason);
}

static enum status open_topic(struct scan *s, struct problem *problem) {
    s->topic = rd_kafka_topic_new(s->rk, s->name, NULL);
    if (s->topic == NULL)
        return problem_set(problem, STATUS_CONFIG, "CLM-C1", "correct kafka.topic", "topic \"%s\": %s",
                           s->name, rd_kafka_err2str(rd_kafka_last_error()));
    s->queue = rd_kafka_queue_new(s->rk);
    s->expect = memory_take((size_t)s->partitions * sizeof(*s->expect));
    for (int32_t i = 0; i < s->partitions; i++)
        s->expect[i] = -1;
    return STATUS_OK;
}

enum status scan_open(struct scan **scan, const struct settings *settings,
                      const struct config_pair *passthrough, size_t passthrough_count,
                      struct problem *problem) {
    struct scan *s = memory_take(sizeof(*s));
    s->name = memory_text(settings->kafka_topic);
    *scan = s;
    enum status status = source_check_topic(settings, passthrough, passthrough_count, s->name, &s->partitions,
                                            ASK_MS, problem);
    if (status == STATUS_OK)
        status = client_create(s, settings, passthrough, passthrough_count, problem);
    if (status == STATUS_OK)
        status = open_topic(s, problem);
    if (status != STATUS_OK)
        scan_close(scan);
    return status;
}

static void drop_message(struct scan *s) {
    if (s->message != NULL)
        rd_kafka_message_destroy(s->message);
    s->message = NULL;
}

static void stop_all(struct scan *s) {
    drop_message(s);
    for (int32_t i = 0; s->expect != NULL && i < s->partitions; i++) {
        if (s->expect[i] >= 0)
            rd_kafka_consume_stop(s->topic, i);
        s->expect[i] = -1;
    }
}

void scan_close(struct scan **scan) {
    struct scan *s = *scan;
    if (s == NULL)
        return;
    *scan = NULL;
    stop_all(s);
    if (s->queue != NULL)
        rd_kafka_queue_destroy(s->queue);
    if (s->topic != NULL)
        rd_kafka_topic_destroy(s->topic);
    if (s->rk != NULL)
        rd_kafka_destroy(s->rk);
    free(s->expect);
    free(s->name);
    free(s);
}

int32_t scan_partitions(const struct scan *scan) {
    return scan->partitions;
}

static enum status judge_error(const struct scan *s, rd_kafka_resp_err_t err, int32_t partition,
                               struct problem *problem) {
    const int code = err;
    if (code == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED)
        return problem_set(problem, STATUS_NOT_ALLOWED, "CLM-A1",
                           "grant this user Read and Describe on the topic (kafka-acls.sh)",
                           "%s may not be read", s->name);
    if (code == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET || code == RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE)
        return problem_set(problem, STATUS_BAD_DATA, "CLM-M2", "ask for an offset that the log still has",
                           "partition %" PRId32 " of %s no longer has the records asked for", partition,
                           s->name);
    if (code == RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION || code == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC)
        return problem_set(problem, STATUS_UNAVAILABLE, "CLM-K3", "check kafka.topic",
                           "partition %" PRId32 " of %s: %s", partition, s->name, rd_kafka_err2str(err));
    return problem_set(problem, STATUS_UNAVAILABLE, "CLM-K1", "check the network and the brokers",
                       "partition %" PRId32 " of %s: %s", partition, s->name, rd_kafka_err2str(err));
}

enum status scan_bounds(struct scan *scan, int32_t partition, int64_t *first, int64_t *end,
                        struct problem *problem) {
    rd_kafka_resp_err_t err =
        source_ask_offset(scan->rk, scan->name, partition, RD_KAFKA_OFFSET_BEGINNING, first, ASK_MS);
    if (err == RD_KAFKA_RESP_ERR_NO_ERROR)
        err = source_ask_offset(scan->rk, scan->name, partition, RD_KAFKA_OFFSET_END, end, ASK_MS);
    return err == RD_KAFKA_RESP_ERR_NO_ERROR ? STATUS_OK : judge_error(scan, err, partition, problem);
}

enum status scan_from(struct scan *scan, const struct source_position *positions, size_t count,
                      struct problem *problem) {
    stop_all(scan);
    for (size_t i = 0; i < count; i++) {
        int32_t partition = positions[i].partition;
        CHECK(partition >= 0 && partition < scan->partitions && positions[i].offset >= 0);
        if (rd_kafka_consume_start_queue(scan->topic, partition, positions[i].offset, scan->queue) != 0)
            return judge_error(scan, rd_kafka_last_error(), partition, problem);
        scan->expect[partition] = positions[i].offset;
    }
    scan->silent_ms = 0;
    return STATUS_OK;
}

static void fill(struct record *r, const rd_kafka_message_t *m) {
    rd_kafka_timestamp_type_t type;
    int64_t time_ms = rd_kafka_message_timestamp(m, &type);
    *r = (struct record){.partition = m->partition,
                         .offset = m->offset,
                         .time_ms = type == RD_KAFKA_TIMESTAMP_NOT_AVAILABLE ? 0 : time_ms,
                         .key = {m->key, m->key_len},
                         .value = {m->payload, m->len}};
}

// What librdkafka mends by itself is waited for; what it cannot mend ends the scan.
static bool is_final(rd_kafka_resp_err_t err) {
    int code = err;
    return code == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET || code == RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE ||
           code == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED ||
           code == RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION || code == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC;
}

enum scan_step scan_next(struct scan *scan, struct record *record, int timeout_ms, struct problem *problem) {
    drop_message(scan);
    rd_kafka_poll(scan->rk, 0);
    rd_kafka_message_t *m = scan->message = rd_kafka_consume_queue(scan->queue, timeout_ms);
    if (m == NULL)
        return SCAN_NOTHING;
    bool known = m->partition >= 0 && m->partition < scan->partitions && scan->expect[m->partition] >= 0;
    if (m->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
        *record = (struct record){.partition = m->partition, .offset = m->offset};
        return known && m->offset >= scan->expect[m->partition] ? SCAN_END : SCAN_NOTHING;
    }
    if (m->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        if (!is_final(m->err))
            return SCAN_NOTHING;
        judge_error(scan, m->err, m->partition, problem);
        return SCAN_FAILED;
    }
    if (!known || m->offset < scan->expect[m->partition])
        return SCAN_NOTHING;
    scan->expect[m->partition] = m->offset + 1;
    fill(record, m);
    return SCAN_RECORD;
}

enum scan_step scan_await(struct scan *scan, struct record *record, int timeout_ms, int stall_ms,
                          struct problem *problem) {
    int64_t began_ms = clock_monotonic_ms();
    enum scan_step step = scan_next(scan, record, timeout_ms, problem);
    scan->silent_ms = step == SCAN_NOTHING ? scan->silent_ms + clock_monotonic_ms() - began_ms : 0;
    if (scan->silent_ms > stall_ms) {
        problem_set(problem, STATUS_UNAVAILABLE, "CLM-K1", "check the network and the brokers",
                    "Kafka gave no record for %d s", stall_ms / 1000);
        return SCAN_FAILED;
    }
    return step;
}

bool scan_header(const struct scan *scan, const char *name, struct slice *value) {
    rd_kafka_headers_t *headers;
    const void *at;
    if (scan->message == NULL ||
        rd_kafka_message_headers(scan->message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR ||
        rd_kafka_header_get_last(headers, name, &at, &value->length) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return false;
    value->at = at;
    return true;
}
