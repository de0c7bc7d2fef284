#include "loadtest/recount/reading/recount_log.h"

#include <inttypes.h>
#include <librdkafka/rdkafka.h>
#include <stdlib.h>
#include <unistd.h>

#include "runtime/check.h"
#include "runtime/clock.h"
#include "runtime/memory.h"
#include "stream/source/source.h"

enum {
    ASK_MS = 10000,
    WAIT_MS = 200,
    STALL_MS = 60000,
    BATCH = 1000,
    REASON_MAX = 256,
    REDRAW_MS = 200,
    LINE_MS = 5000,
};

struct progress {
    int64_t total;
    int64_t done;
    int64_t started_ms;
    int64_t shown_ms;
    bool terminal;
};

static void progress_show(struct progress *p, bool last) {
    int64_t now = clock_monotonic_ms();
    if (!last && now - p->shown_ms < (p->terminal ? REDRAW_MS : LINE_MS))
        return;
    if (last && !p->terminal && now - p->started_ms < LINE_MS)
        return;
    p->shown_ms = now;
    int64_t elapsed = now > p->started_ms ? now - p->started_ms : 1;
    fprintf(stderr, "%srecount: %" PRId64 " of %" PRId64 " offsets read, %" PRId64 "/s%s",
            p->terminal ? "\r" : "", p->done, p->total, p->done * 1000 / elapsed,
            p->terminal && !last ? "" : "\n");
}

static enum status consumer_create(struct recount_log *log, const struct settings *settings,
                                   const struct config *config, struct problem *problem) {
    const struct config_pair *pairs;
    size_t count = config_passthrough(config, &pairs);
    char reason[REASON_MAX];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    enum status status = source_properties(conf, "consumer", settings, pairs, count, problem);
    if (status != STATUS_OK) {
        rd_kafka_conf_destroy(conf);
        return status;
    }
    // A name that the client asks for; the group is never joined, and nothing is committed in it.
    CHECK(rd_kafka_conf_set(conf, "group.id", "clameur-recount", reason, sizeof(reason)) == RD_KAFKA_CONF_OK);
    log->consumer = rd_kafka_new(RD_KAFKA_CONSUMER, conf, reason, sizeof(reason));
    if (log->consumer != NULL)
        return STATUS_OK;
    rd_kafka_conf_destroy(conf);
    return problem_set(problem, STATUS_CONFIG, "", "correct the kafka.* settings", "no Kafka client: %s",
                       reason);
}

enum status recount_log_open(struct recount_log *log, const struct settings *settings,
                             const struct config *config, struct problem *problem) {
    *log = (struct recount_log){.topic = settings->kafka_topic};
    const struct config_pair *pairs;
    size_t count = config_passthrough(config, &pairs);
    enum status status =
        source_check_topic(settings, pairs, count, settings->kafka_topic, &log->partitions, ASK_MS, problem);
    if (status != STATUS_OK)
        return status;
    log->first = memory_take((size_t)log->partitions * sizeof(*log->first));
    log->end = memory_take((size_t)log->partitions * sizeof(*log->end));
    return consumer_create(log, settings, config, problem);
}

void recount_log_close(struct recount_log *log) {
    if (log->consumer != NULL) {
        rd_kafka_consumer_close(log->consumer);
        rd_kafka_destroy(log->consumer);
    }
    free(log->first);
    free(log->end);
    *log = (struct recount_log){0};
}

enum status recount_log_bounds(struct recount_log *log, struct problem *problem) {
    for (int32_t p = 0; p < log->partitions; p++) {
        rd_kafka_resp_err_t error = rd_kafka_query_watermark_offsets(log->consumer, log->topic, p,
                                                                     &log->first[p], &log->end[p], ASK_MS);
        if (error != RD_KAFKA_RESP_ERR_NO_ERROR)
            return problem_set(problem, STATUS_UNAVAILABLE, "CLM-K1", "see that the brokers answer",
                               "the ends of %s/%" PRId32 " are not to be had: %s", log->topic, p,
                               rd_kafka_err2str(error));
    }
    return STATUS_OK;
}

// One reading of the log.
struct reading {
    struct recount_log *log;
    bool *open; // by partition: its end was not reached yet
    int32_t open_count;
    recount_log_taker take;
    void *context;
    struct progress progress;
    int64_t taken_ms; // when the last record came
};

static void partition_ended(struct reading *r, int32_t partition) {
    if (!r->open[partition])
        return;
    r->open[partition] = false;
    r->open_count--;
}

static enum status error_taken(struct reading *r, const rd_kafka_message_t *m, struct problem *problem) {
    if (m->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
        partition_ended(r, m->partition);
        return STATUS_OK;
    }
    if (m->err == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET || m->err == RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE)
        return problem_set(
            problem, STATUS_BAD_DATA, "CLM-M2", "recount against a log that still has the records",
            "records of %s/%" PRId32 " are gone while they were read", r->log->topic, m->partition);
    if (m->err == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED)
        return problem_set(problem, STATUS_NOT_ALLOWED, "CLM-A1", "grant READ on the topic",
                           "%s may not be read", r->log->topic);
    return STATUS_OK; // librdkafka mends the rest by itself, or the reading stalls
}

static void record_taken(struct reading *r, const rd_kafka_message_t *m) {
    rd_kafka_timestamp_type_t type;
    int64_t time_ms = rd_kafka_message_timestamp(m, &type);
    if (type == RD_KAFKA_TIMESTAMP_NOT_AVAILABLE)
        time_ms = 0;
    struct recount_record record = {.partition = m->partition,
                                    .offset = m->offset,
                                    .time_ms = time_ms,
                                    .key = {m->key, m->key_len},
                                    .value = {m->payload, m->len}};
    r->progress.done++;
    r->take(r->context, &record);
    if (m->offset + 1 >= r->log->end[m->partition])
        partition_ended(r, m->partition);
}

static enum status message_taken(struct reading *r, const rd_kafka_message_t *m, struct problem *problem) {
    if (m->err != RD_KAFKA_RESP_ERR_NO_ERROR)
        return error_taken(r, m, problem);
    if (r->open[m->partition])
        record_taken(r, m);
    r->taken_ms = clock_monotonic_ms();
    return STATUS_OK;
}

static enum status batch_taken(struct reading *r, rd_kafka_queue_t *queue, struct problem *problem) {
    rd_kafka_message_t *messages[BATCH];
    ssize_t count = rd_kafka_consume_batch_queue(queue, WAIT_MS, messages, BATCH);
    enum status status = STATUS_OK;
    for (ssize_t i = 0; i < count; i++) {
        if (status == STATUS_OK)
            status = message_taken(r, messages[i], problem);
        rd_kafka_message_destroy(messages[i]);
    }
    if (status == STATUS_OK && clock_monotonic_ms() - r->taken_ms > STALL_MS)
        return problem_set(problem, STATUS_UNAVAILABLE, "CLM-K1", "see that the brokers answer",
                           "no record of %s for %d s", r->log->topic, STALL_MS / 1000);
    progress_show(&r->progress, false);
    return status;
}

// Assigns what has something to read, each partition from where its reading begins.
static void assign(struct reading *r, const int64_t *begin) {
    struct recount_log *log = r->log;
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(log->partitions);
    for (int32_t p = 0; p < log->partitions; p++) {
        int64_t from = begin[p] > log->first[p] ? begin[p] : log->first[p];
        if (from >= log->end[p])
            continue;
        rd_kafka_topic_partition_list_add(list, log->topic, p)->offset = from;
        r->open[p] = true;
        r->open_count++;
        r->progress.total += log->end[p] - from;
    }
    rd_kafka_assign(log->consumer, list);
    rd_kafka_topic_partition_list_destroy(list);
}

enum status recount_log_read(struct recount_log *log, const int64_t *begin, recount_log_taker take,
                             void *context, struct problem *problem) {
    int64_t now = clock_monotonic_ms();
    struct reading r = {.log = log, .take = take, .context = context, .taken_ms = now};
    r.progress =
        (struct progress){.started_ms = now, .shown_ms = now, .terminal = isatty(STDERR_FILENO) == 1};
    r.open = memory_take((size_t)log->partitions * sizeof(*r.open));
    assign(&r, begin);
    rd_kafka_queue_t *queue = rd_kafka_queue_get_consumer(log->consumer);
    enum status status = STATUS_OK;
    while (status == STATUS_OK && r.open_count > 0)
        status = batch_taken(&r, queue, problem);
    rd_kafka_queue_destroy(queue);
    rd_kafka_assign(log->consumer, NULL);
    progress_show(&r.progress, true);
    free(r.open);
    return status;
}
