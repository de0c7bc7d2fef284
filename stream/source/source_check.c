// Is the topic there, and can its brokers be reached? Asked through a short-lived client of its own, whose
// errors nobody else waits for.
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/clock.h"
#include "runtime/memory.h"
#include "stream/source/source_internal.h"

// SCRAM_MENDED: before it librdkafka repeats its nonce in its last message, which Kafka 4 refuses.
enum { TRY_MS = 1000, LEADERS_MAX = 256, SCRAM_MENDED = 0x02060100 };

// Not rd_kafka_query_watermark_offsets: it does not keep to its timeout while the leader is down (minutes in
// 2.0.2). A lookup by time does, and the times -1 and -2 mean the end and the beginning on the wire.
rd_kafka_resp_err_t source_ask_offset(rd_kafka_t *rk, const char *topic, int32_t partition, int64_t which,
                                      int64_t *offset, int timeout_ms) {
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, topic, partition)->offset = which;
    rd_kafka_resp_err_t err = rd_kafka_offsets_for_times(rk, list, timeout_ms);
    if (err == RD_KAFKA_RESP_ERR_NO_ERROR)
        err = list->elems[0].err;
    *offset = list->elems[0].offset;
    rd_kafka_topic_partition_list_destroy(list);
    return err;
}

struct probe {
    rd_kafka_t *rk;
    const char *bootstrap, *topic;
    int64_t began_ms, deadline_ms;
    char error[320]; // the last thing a connection said
    bool refused_by_auth, refused_by_tls;
};

// librdkafka has a code of its own for some of what OpenSSL says, but not for what it says while reading,
// where a broker's refusal of our certificate comes.
static bool is_of_tls(const char *reason) {
    return strstr(reason, "SSL routines") != NULL;
}

// Inside rd_kafka_poll, loop thread.
static void on_error(rd_kafka_t *rk, int code, const char *reason, void *opaque) {
    struct probe *probe = opaque;
    if (code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN)
        return; // says less than what came before it
    probe->refused_by_auth = code == RD_KAFKA_RESP_ERR__AUTHENTICATION;
    probe->refused_by_tls = is_of_tls(reason) && strstr(reason, "certificate") != NULL;
    snprintf(probe->error, sizeof(probe->error), "%s", reason);
}

static int left_ms(const struct probe *probe) {
    int64_t left = probe->deadline_ms - clock_monotonic_ms();
    return left > 0 ? (int)left : 0;
}

static int slice_ms(const struct probe *probe) {
    int left = left_ms(probe);
    return left < TRY_MS ? left : TRY_MS;
}

// --- K1: does anybody answer?

static enum status say_no_tls(const struct probe *probe, struct problem *problem) {
    const char *remedy = "see that this is a TLS listener, and kafka.security.protocol";
    if (strstr(probe->error, "verify failed") != NULL)
        remedy =
            "kafka.ssl.ca.location must name the authority of the broker's certificate, and the certificate "
            "the broker's host: openssl s_client -connect HOST:PORT -CAfile FILE";
    else if (probe->refused_by_tls)
        remedy = "the broker asks for a certificate that it trusts: set kafka.ssl.certificate.location and "
                 "kafka.ssl.key.location";
    return problem_set(problem, STATUS_CONFIG, "CLM-K6", remedy, "no TLS with Kafka at %s: %s",
                       probe->bootstrap, probe->error);
}

static enum status say_nobody(const struct probe *probe, int tries, rd_kafka_resp_err_t err,
                              struct problem *problem) {
    const char *why = probe->error[0] != '\0' ? probe->error : rd_kafka_err2str(err);
    double seconds = (double)(clock_monotonic_ms() - probe->began_ms) / 1000;
    bool nonce_doubled = strstr(why, "SCRAM") != NULL && rd_kafka_version() < SCRAM_MENDED;
    if (probe->refused_by_auth)
        return problem_set(problem, STATUS_NOT_ALLOWED, "CLM-A1",
                           nonce_doubled ? "correct kafka.sasl.*; at Kafka 4 librdkafka before 2.6.1 gets "
                                           "through by PLAIN (over TLS), not by SCRAM"
                                         : "correct kafka.sasl.* and kafka.security.protocol",
                           "Kafka at %s refuses our credentials: %s", probe->bootstrap, why);
    if (is_of_tls(probe->error))
        return say_no_tls(probe, problem);
    return problem_set(problem, STATUS_UNAVAILABLE, "CLM-K1",
                       "check the address, kafka.security.protocol and the network: kcat -L -b HOST:PORT",
                       "no Kafka broker answers at %s: %s (%d tries in %.1f s)", probe->bootstrap, why, tries,
                       seconds);
}

// All topics, not the one: asking for one by name can create it on brokers that create what they are asked
// for.
static enum status ask_topics(struct probe *probe, const struct rd_kafka_metadata **metadata,
                              struct problem *problem) {
    rd_kafka_resp_err_t err;
    int tries = 0;
    do {
        tries++;
        err = rd_kafka_metadata(probe->rk, 1, NULL, metadata, slice_ms(probe));
        rd_kafka_poll(probe->rk, 0);
        if (err == RD_KAFKA_RESP_ERR_NO_ERROR)
            return STATUS_OK;
    } while (left_ms(probe) > 0 && !probe->refused_by_auth && !probe->refused_by_tls);
    return say_nobody(probe, tries, err, problem);
}

// --- K3: is the topic there?

static enum status say_no_topic(const struct probe *probe, const struct rd_kafka_metadata *metadata,
                                struct problem *problem) {
    const char **names = memory_take(((size_t)metadata->topic_cnt + 1) * sizeof(*names));
    size_t count = 0;
    for (int i = 0; i < metadata->topic_cnt; i++) {
        if (strncmp(metadata->topics[i].topic, "__", 2) != 0) // Kafka's own
            names[count++] = metadata->topics[i].topic;
    }
    const char *nearest = config_nearest(probe->topic, names, count);
    char remedy[sizeof(problem->remedy)];
    snprintf(remedy, sizeof(remedy),
             "create it: kafka-topics.sh --bootstrap-server %s --create --topic %s --partitions N; or, if it "
             "exists, grant Describe on it",
             probe->bootstrap, probe->topic);
    enum status status = problem_set(problem, STATUS_UNAVAILABLE, "CLM-K3", remedy,
                                     "the topic \"%s\" does not exist at %s%s%s%s", probe->topic,
                                     probe->bootstrap, nearest != NULL ? "; did you mean \"" : "",
                                     nearest != NULL ? nearest : "", nearest != NULL ? "\"?" : "");
    free(names);
    return status;
}

static const struct rd_kafka_metadata_topic *find_topic(const struct rd_kafka_metadata *metadata,
                                                        const char *name) {
    for (int i = 0; i < metadata->topic_cnt; i++) {
        if (strcmp(metadata->topics[i].topic, name) == 0)
            return &metadata->topics[i];
    }
    return NULL;
}

// --- K2: can the leaders be reached at the addresses they advertise?

static enum status say_unreachable(const struct probe *probe, const struct rd_kafka_metadata *metadata,
                                   int32_t leader, struct problem *problem) {
    const char *host = "?";
    int port = 0;
    for (int i = 0; i < metadata->broker_cnt; i++) {
        if (metadata->brokers[i].id == leader) {
            host = metadata->brokers[i].host;
            port = metadata->brokers[i].port;
        }
    }
    return problem_set(
        problem, STATUS_UNAVAILABLE, "CLM-K2", "correct advertised.listeners on the broker",
        "%s answers, but broker %" PRId32 " advertises %s:%d, which cannot be reached from here: %s",
        probe->bootstrap, leader, host, port, probe->error[0] != '\0' ? probe->error : "no answer");
}

static enum status reach_leader(struct probe *probe, const struct rd_kafka_metadata *metadata,
                                const struct rd_kafka_metadata_partition *partition,
                                struct problem *problem) {
    int64_t end;
    rd_kafka_resp_err_t err;
    do {
        err = source_ask_offset(probe->rk, probe->topic, partition->id, RD_KAFKA_OFFSET_END, &end,
                                slice_ms(probe));
        rd_kafka_poll(probe->rk, 0);
        if (err == RD_KAFKA_RESP_ERR_NO_ERROR)
            return STATUS_OK;
    } while (left_ms(probe) > 0);
    bool silent = err == RD_KAFKA_RESP_ERR__TRANSPORT || err == RD_KAFKA_RESP_ERR__TIMED_OUT ||
                  err == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN || err == RD_KAFKA_RESP_ERR__RESOLVE;
    if (silent)
        return say_unreachable(probe, metadata, partition->leader, problem);
    return problem_set(problem, STATUS_UNAVAILABLE, "", "see the broker's own log",
                       "partition %" PRId32 " of %s: %s", partition->id, probe->topic, rd_kafka_err2str(err));
}

// One partition of each leader. A partition that has none at the moment is Kafka's to mend.
static enum status reach_leaders(struct probe *probe, const struct rd_kafka_metadata *metadata,
                                 const struct rd_kafka_metadata_topic *topic, struct problem *problem) {
    int32_t reached[LEADERS_MAX];
    size_t count = 0;
    for (int i = 0; i < topic->partition_cnt && count < LEADERS_MAX; i++) {
        const struct rd_kafka_metadata_partition *partition = &topic->partitions[i];
        size_t known = 0;
        while (known < count && reached[known] != partition->leader)
            known++;
        if (partition->leader < 0 || known < count)
            continue;
        enum status status = reach_leader(probe, metadata, partition, problem);
        if (status != STATUS_OK)
            return status;
        reached[count++] = partition->leader;
    }
    return STATUS_OK;
}

static enum status probe_topic(struct probe *probe, int32_t *partitions, struct problem *problem) {
    const struct rd_kafka_metadata *metadata = NULL;
    enum status status = ask_topics(probe, &metadata, problem);
    if (status != STATUS_OK)
        return status;
    const struct rd_kafka_metadata_topic *topic = find_topic(metadata, probe->topic);
    if (topic == NULL || topic->partition_cnt == 0)
        status = say_no_topic(probe, metadata, problem);
    else
        status = reach_leaders(probe, metadata, topic, problem);
    if (status == STATUS_OK && topic != NULL)
        *partitions = topic->partition_cnt;
    rd_kafka_metadata_destroy(metadata);
    return status;
}

// Takes the conf.
static enum status check_conf(rd_kafka_conf_t *conf, const char *bootstrap, const char *topic,
                              int32_t *partitions, int timeout_ms, struct problem *problem) {
    int64_t now_ms = clock_monotonic_ms();
    struct probe probe = {
        .bootstrap = bootstrap, .topic = topic, .began_ms = now_ms, .deadline_ms = now_ms + timeout_ms};
    char reason[SOURCE_MESSAGE_BYTES];
    rd_kafka_conf_set_opaque(conf, &probe);
    rd_kafka_conf_set_error_cb(conf, on_error);
    probe.rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, reason, sizeof(reason));
    if (probe.rk == NULL) {
        rd_kafka_conf_destroy(conf);
        return problem_set(problem, STATUS_CONFIG, "CLM-C1", "correct the kafka section",
                           "the Kafka client cannot start: %s", reason);
    }
    enum status status = probe_topic(&probe, partitions, problem);
    rd_kafka_destroy(probe.rk);
    return status;
}

enum status source_check_topic(const struct settings *settings, const struct config_pair *passthrough,
                               size_t passthrough_count, const char *topic, int32_t *partitions,
                               int timeout_ms, struct problem *problem) {
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    enum status status =
        source_properties(conf, "producer", settings, passthrough, passthrough_count, problem);
    if (status == STATUS_OK)
        return check_conf(conf, settings->kafka_bootstrap, topic, partitions, timeout_ms, problem);
    rd_kafka_conf_destroy(conf);
    return status;
}

// What was told of a log; one that was left out of the answer is not known, and not at its end.
static rd_kafka_resp_err_t offset_told(const rd_kafka_topic_partition_t *told, int64_t *offset) {
    if (told == NULL)
        return RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION;
    *offset = told->offset;
    return told->err == RD_KAFKA_RESP_ERR_NO_ERROR && told->offset < 0 ? RD_KAFKA_RESP_ERR__NO_OFFSET
                                                                       : told->err;
}

// One side of all logs at once; `*wrong`: the first of which it is not known.
static rd_kafka_resp_err_t ask_side(const struct source *s, struct source_extent *extents, size_t count,
                                    int64_t which, int timeout_ms, size_t *wrong) {
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)count);
    for (size_t i = 0; i < count; i++)
        rd_kafka_topic_partition_list_add(list, s->topic, extents[i].partition)->offset = which;
    rd_kafka_resp_err_t err = rd_kafka_offsets_for_times(s->rk, list, timeout_ms);
    *wrong = 0;
    for (size_t i = 0; i < count && err == RD_KAFKA_RESP_ERR_NO_ERROR; i++) {
        const rd_kafka_topic_partition_t *told =
            rd_kafka_topic_partition_list_find(list, s->topic, extents[i].partition);
        err = offset_told(told, which == RD_KAFKA_OFFSET_END ? &extents[i].end : &extents[i].first);
        *wrong = i;
    }
    rd_kafka_topic_partition_list_destroy(list);
    return err;
}

static enum status bounds_unknown(const struct source *s, int32_t partition, rd_kafka_resp_err_t err,
                                  int timeout_ms, struct problem *problem) {
    int code = err;
    if (code == RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION || code == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC ||
        code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART)
        return problem_set(problem, STATUS_UNAVAILABLE, "CLM-K3", "check kafka.topic",
                           "partition %" PRId32 " of %s: %s", partition, s->topic, rd_kafka_err2str(err));
    if (code == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED)
        return problem_set(problem, STATUS_NOT_ALLOWED, "CLM-A1",
                           "grant this user Describe on the topic (kafka-acls.sh)",
                           "partition %" PRId32 " of %s: %s", partition, s->topic, rd_kafka_err2str(err));
    return problem_set(problem, STATUS_UNAVAILABLE, "CLM-K1", "check the network and the brokers",
                       "Kafka does not say the bounds of partition %" PRId32 " of %s within %d ms: %s",
                       partition, s->topic, timeout_ms, rd_kafka_err2str(err));
}

enum status source_extents(struct source *s, struct source_extent *extents, size_t count, int timeout_ms,
                           struct problem *problem) {
    int64_t deadline_ms = clock_monotonic_ms() + timeout_ms;
    size_t wrong;
    if (count == 0)
        return STATUS_OK;
    rd_kafka_resp_err_t err = ask_side(s, extents, count, RD_KAFKA_OFFSET_BEGINNING, timeout_ms, &wrong);
    int64_t left = deadline_ms - clock_monotonic_ms();
    if (err == RD_KAFKA_RESP_ERR_NO_ERROR)
        err = ask_side(s, extents, count, RD_KAFKA_OFFSET_END, left > 0 ? (int)left : 0, &wrong);
    return err == RD_KAFKA_RESP_ERR_NO_ERROR
               ? STATUS_OK
               : bounds_unknown(s, extents[wrong].partition, err, timeout_ms, problem);
}

enum status source_reaches(struct source *s, int32_t count, int64_t time_ms, int32_t *partition,
                           int timeout_ms, struct problem *problem) {
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(count);
    for (int32_t i = 0; i < count; i++)
        rd_kafka_topic_partition_list_add(list, s->topic, i)->offset = time_ms;
    rd_kafka_resp_err_t err = rd_kafka_offsets_for_times(s->rk, list, timeout_ms);
    int32_t asked = 0;
    *partition = -1;
    for (int32_t i = 0; i < count && err == RD_KAFKA_RESP_ERR_NO_ERROR; i++) {
        int64_t offset;
        err = offset_told(rd_kafka_topic_partition_list_find(list, s->topic, i), &offset);
        asked = i;
        if (err == RD_KAFKA_RESP_ERR_NO_ERROR)
            *partition = i;
        else if (err == RD_KAFKA_RESP_ERR__NO_OFFSET)
            err = RD_KAFKA_RESP_ERR_NO_ERROR; // it has none
    }
    rd_kafka_topic_partition_list_destroy(list);
    return err == RD_KAFKA_RESP_ERR_NO_ERROR ? STATUS_OK : bounds_unknown(s, asked, err, timeout_ms, problem);
}

enum status source_check_reaches(const struct settings *settings, const struct config_pair *passthrough,
                                 size_t passthrough_count, int32_t count, int64_t time_ms, int32_t *partition,
                                 int timeout_ms, struct problem *problem) {
    char reason[SOURCE_MESSAGE_BYTES];
    char *topic = memory_text(settings->kafka_topic);
    struct source s = {.topic = topic};
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    enum status status =
        source_properties(conf, "consumer", settings, passthrough, passthrough_count, problem);
    if (status == STATUS_OK && (s.rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, reason, sizeof(reason))) == NULL)
        status = problem_set(problem, STATUS_CONFIG, "CLM-C1", "correct the kafka section",
                             "the Kafka client cannot start: %s", reason);
    if (s.rk == NULL) {
        rd_kafka_conf_destroy(conf);
    } else {
        status = source_reaches(&s, count, time_ms, partition, timeout_ms, problem);
        rd_kafka_destroy(s.rk);
    }
    free(topic);
    return status;
}

enum status source_bounds(struct source *s, int32_t partition, int64_t *first, int64_t *end, int timeout_ms,
                          struct problem *problem) {
    struct source_extent extent = {.partition = partition};
    enum status status = source_extents(s, &extent, 1, timeout_ms, problem);
    *first = extent.first;
    *end = extent.end;
    return status;
}
