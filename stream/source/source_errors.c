// What librdkafka reports besides records: the end of a partition, errors it mends by itself, and those that
// end the process.
#include <inttypes.h>
#include <string.h>

#include <jansson.h>

#include "runtime/log/log.h"
#include "stream/source/source_internal.h"

enum { BOUNDS_TIMEOUT_MS = 2000, UNCONNECTED_MAX = 2 };

static void count_error(struct source *s, rd_kafka_resp_err_t err) {
    struct source_figures *f = &s->figures;
    const char *name = rd_kafka_err2name(err);
    size_t at = 0;
    while (at < f->error_count && strcmp(f->errors[at].name, name) != 0)
        at++;
    if (at >= SOURCE_ERRORS_MAX - 1) {
        at = SOURCE_ERRORS_MAX - 1;
        name = "other";
    }
    if (at == f->error_count)
        snprintf(f->errors[f->error_count++].name, sizeof(f->errors[at].name), "%s", name);
    f->errors[at].count++;
}

static void fail(struct source *s, enum status status, const char *code, const char *remedy,
                 const char *what) {
    if (s->failing)
        return;
    s->failing = true;
    problem_set(&s->failure, status, code, remedy, "%s", what);
}

static void fail_fatally(struct source *s) {
    char what[SOURCE_MESSAGE_BYTES];
    rd_kafka_resp_err_t err = rd_kafka_fatal_error(s->rk, what, sizeof(what));
    fail(s, STATUS_UNAVAILABLE, "",
         err == RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID
             ? "two processes use the same kafka.static_id: give each its own"
             : "restart the process",
         what);
}

// --- Away
//
// An outage is one line when it begins and one when it is over; what each connection says in between is for
// who debugs. It begins with librdkafka's word that all brokers are down, which at times never comes (2.0.2,
// where the only broker dies), or with the second statistics without a connected one. Only the statistics end
// it: records and ends of the log that were fetched before it may come after.

static bool is_of_connections(int code) {
    return code == RD_KAFKA_RESP_ERR__TRANSPORT || code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN ||
           code == RD_KAFKA_RESP_ERR__RESOLVE || code == RD_KAFKA_RESP_ERR__TIMED_OUT;
}

static bool is_of_a_missing_topic(int code) {
    return code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART || code == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC ||
           code == RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION;
}

static void go_down(struct source *s, const char *reason) {
    if (s->figures.brokers_down || s->closing)
        return;
    s->figures.brokers_down = true;
    struct problem problem;
    problem_set(&problem, STATUS_OK, "CLM-K1", "see whether the brokers run: kcat -L -b HOST:PORT",
                "no Kafka broker answers at %s: %s; counting waits and goes on by itself", s->bootstrap,
                s->last_error[0] != '\0' ? s->last_error : reason);
    log_problem(LOG_LEVEL_ERROR, "kafka_down", &problem);
}

static void come_up(struct source *s) {
    if (!s->figures.brokers_down)
        return;
    s->figures.brokers_down = false;
    s->last_error[0] = '\0';
    log_info("kafka_up");
}

// Not the end of the process: a broker that has just started may not know the topic yet. If it was created
// anew, the marks say so when its partitions are assigned.
static void topic_is_gone(struct source *s) {
    if (s->figures.topic_gone)
        return;
    s->figures.topic_gone = s->gone_ever = true;
    struct problem problem;
    problem_set(&problem, STATUS_OK, "CLM-K3",
                "find out who deleted it; a new one of that name is another log, and is refused",
                "the topic \"%s\" is gone from %s; counting waits", s->topic, s->bootstrap);
    log_problem(LOG_LEVEL_ERROR, "kafka_topic_gone", &problem);
}

void source_topic_is_back(struct source *s) {
    if (!s->figures.topic_gone)
        return;
    s->figures.topic_gone = false;
    log_info("kafka_topic_back");
}

// Inside rd_kafka_consume_batch_queue, loop thread.
void source_on_error(rd_kafka_t *rk, int code, const char *reason, void *opaque) {
    struct source *s = opaque;
    count_error(s, (rd_kafka_resp_err_t)code);
    if (code == RD_KAFKA_RESP_ERR__FATAL)
        fail_fatally(s);
    if (code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN)
        go_down(s, reason);
    else if (is_of_connections(code))
        snprintf(s->last_error, sizeof(s->last_error), "%s", reason);
    bool told = is_of_connections(code) || is_of_a_missing_topic(code); // else, or by the topic's own error
    LOG_AT(told ? LOG_LEVEL_DEBUG : LOG_LEVEL_WARN, "kafka_error",
           FIELD("code", LOG_TEXT(rd_kafka_err2name(code))), FIELD("why", LOG_TEXT(reason)));
}

// --- Statistics

static bool any_broker_up(const json_t *statistics) {
    const char *name;
    json_t *broker;
    json_object_foreach(json_object_get(statistics, "brokers"), name, broker) {
        const char *state = json_string_value(json_object_get(broker, "state"));
        if (state != NULL && strcmp(state, "UP") == 0)
            return true;
    }
    return false;
}

static void judge_connections(struct source *s, bool any_up) {
    s->unconnected = any_up ? 0 : s->unconnected + 1;
    if (any_up)
        come_up(s);
    else if (s->unconnected >= UNCONNECTED_MAX)
        go_down(s, "no connection");
}

// The number of partitions as the metadata have it. "-1" is librdkafka's own.
static void take_count(struct source *s, const json_t *partitions) {
    const char *number;
    json_t *partition;
    int32_t count = 0;
    json_object_foreach((json_t *)partitions, number, partition) {
        count += number[0] != '-' && !json_boolean_value(json_object_get(partition, "unknown"));
    }
    if (s->topic_partitions == 0 || count <= s->topic_partitions)
        return;
    if (s->grown_from == 0)
        s->grown_from = s->topic_partitions;
    s->topic_partitions = count;
}

// Inside rd_kafka_consume_batch_queue, loop thread. The fetch queues of all partitions are forwarded into
// one, and each partition reports the size of that one: the largest is the truth, the sum would be as many
// times too large as there are partitions.
int source_on_statistics(rd_kafka_t *rk, char *json, size_t length, void *opaque) {
    struct source *s = opaque;
    json_t *statistics = json_loadb(json, length, 0, NULL);
    json_t *topic = json_object_get(json_object_get(statistics, "topics"), s->topic);
    const char *number;
    json_t *partition;
    int64_t largest = 0;
    json_object_foreach(json_object_get(topic, "partitions"), number, partition) {
        int64_t size = json_integer_value(json_object_get(partition, "fetchq_size"));
        largest = size > largest ? size : largest;
    }
    s->figures.queue_bytes = largest;
    take_count(s, json_object_get(topic, "partitions"));
    judge_connections(s, any_broker_up(statistics));
    json_decref(statistics);
    return 0; // librdkafka frees the text
}

// --- Errors that come in the records' place

// librdkafka says that the place asked for is not in the log: it was deleted by retention, or lies past a log
// that is another one. Where the broker's own bounds say otherwise (2.8 was seen to report the log's very end
// after a rebalance) the place is simply sought again.
static void judge_place(struct source *s, const rd_kafka_message_t *m) {
    struct source_partition *p = source_partition(s, m->partition);
    if (!p->assigned || p->muted || s->failing)
        return;
    int64_t first = -1, end = -1;
    struct problem ignored;
    bool known = source_bounds(s, m->partition, &first, &end, BOUNDS_TIMEOUT_MS, &ignored) == STATUS_OK;
    if (known && p->expect >= first && p->expect <= end) {
        p->behind = true;
        s->behind_any = true;
        return;
    }
    if (!known) { // sought again: the answer will come
        p->behind = true;
        s->behind_any = true;
        return;
    }
    char what[SOURCE_MESSAGE_BYTES];
    if (p->expect > end) {
        snprintf(what, sizeof(what),
                 "partition %" PRId32 " of %s: the next record is %" PRId64 ", the log now ends at %" PRId64
                 ": the topic was recreated or truncated",
                 m->partition, s->topic, p->expect, end);
        fail(s, STATUS_BAD_DATA, "CLM-M3",
             "point kafka.topic at the right log, or begin a new deployment under a fresh prefix", what);
        return;
    }
    snprintf(what, sizeof(what),
             "partition %" PRId32 " of %s: the next record is %" PRId64 ", the log now begins at %" PRId64
             ": %" PRId64 " records are gone",
             m->partition, s->topic, p->expect, first, first - p->expect);
    fail(s, STATUS_BAD_DATA, "CLM-M2",
         "restore from a backup of Redis, or begin a new deployment under a fresh prefix", what);
}

static void take_end(struct source *s, const rd_kafka_message_t *m) {
    struct source_partition *p = source_partition(s, m->partition);
    if (!p->assigned || p->muted || p->behind)
        return;
    p->ended_at = m->offset;
    s->ended_any = true;
}

static void say_error(const rd_kafka_message_t *m) {
    log_warn("kafka_error", FIELD("code", LOG_TEXT(rd_kafka_err2name(m->err))),
             FIELD("partition", LOG_INT(m->partition)), FIELD("why", LOG_TEXT(rd_kafka_message_errstr(m))));
}

void source_take_error(struct source *s, const rd_kafka_message_t *m) {
    if (m->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
        take_end(s, m);
        return;
    }
    count_error(s, m->err);
    int code = m->err; // librdkafka's list is longer than any switch here, and grows
    if (is_of_a_missing_topic(code)) {
        topic_is_gone(s);
        return;
    }
    say_error(m);
    if (code == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET || code == RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE)
        judge_place(s, m);
    else if (code == RD_KAFKA_RESP_ERR__FATAL || code == RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID)
        fail_fatally(s);
    else if (code == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED ||
             code == RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED)
        fail(s, STATUS_NOT_ALLOWED, "CLM-A1",
             "grant this user Read on the topic and on the group (kafka-acls.sh)",
             rd_kafka_message_errstr(m));
}
