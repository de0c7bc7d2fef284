#include "stream/deadletter_producer.h"

#include "runtime/check.h"
#include "runtime/log/log.h"
#include "stream/source/source.h"

enum { REPLACE_MS = 1000, PURGE_TURN_MS = 20 };

bool deadletter_not_permitted(int code) {
    return code == RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED ||
           code == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED;
}

static void take_fatal(struct deadletter_producer *p, rd_kafka_t *rk) {
    char ignored[1];
    rd_kafka_resp_err_t err = rd_kafka_fatal_error(rk, ignored, sizeof(ignored));
    p->dead = true;
    if (deadletter_not_permitted(err))
        p->barred = err;
}

static void on_error(rd_kafka_t *rk, int code, const char *reason, void *opaque) {
    struct deadletter_producer *p = opaque;
    if (code == RD_KAFKA_RESP_ERR__FATAL)
        take_fatal(p, rk);
    // That the brokers are away, the source tells: it has connections to the same.
    bool away = code == RD_KAFKA_RESP_ERR__TRANSPORT || code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN ||
                code == RD_KAFKA_RESP_ERR__RESOLVE || code == RD_KAFKA_RESP_ERR__TIMED_OUT;
    bool told = away || p->barred != RD_KAFKA_RESP_ERR_NO_ERROR; // or by its letters
    LOG_AT(told ? LOG_LEVEL_DEBUG : LOG_LEVEL_WARN, p->called,
           FIELD("code", LOG_TEXT(rd_kafka_err2name(code))), FIELD("why", LOG_TEXT(reason)));
}

struct property {
    const char *name, *value;
};

// batch.size: a batch of several letters is bounded as a cut letter is. message.max.bytes: what is too large
// is for the topic to say.
static const struct property ours[] = {
    {"enable.idempotence", "true"},
    {"message.timeout.ms", "0"},
    {"batch.size", "65536"},
    {"message.max.bytes", "16777216"},
};

// Not idempotent: there, each letter that is refused for good holds up those behind it until all on their way
// have come back and the producer has a new epoch.
static const struct property of_single_ones[] = {
    {"batch.num.messages", "1"},
    {"enable.idempotence", "false"},
    {"enable.gapless.guarantee", "false"},
};

static void set(rd_kafka_conf_t *conf, const struct property *properties, size_t count) {
    char reason[256];
    for (size_t i = 0; i < count; i++)
        CHECK(rd_kafka_conf_set(conf, properties[i].name, properties[i].value, reason, sizeof(reason)) ==
              RD_KAFKA_CONF_OK);
}

enum status deadletter_producer_init(struct deadletter_producer *p, const struct settings *settings,
                                     const struct config_pair *passthrough, size_t passthrough_count,
                                     struct problem *problem) {
    p->conf = rd_kafka_conf_new();
    rd_kafka_conf_set_opaque(p->conf, p);
    rd_kafka_conf_set_dr_msg_cb(p->conf, p->on_report);
    rd_kafka_conf_set_error_cb(p->conf, on_error);
    set(p->conf, ours, sizeof(ours) / sizeof(ours[0]));
    enum status status =
        source_properties(p->conf, "producer", settings, passthrough, passthrough_count, problem);
    if (status == STATUS_OK && p->singly)
        set(p->conf, of_single_ones, sizeof(of_single_ones) / sizeof(of_single_ones[0]));
    return status;
}

bool deadletter_producer_connect(struct deadletter_producer *p, char *reason, size_t size) {
    rd_kafka_conf_t *conf = rd_kafka_conf_dup(p->conf);
    p->rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, reason, size);
    if (p->rk == NULL) {
        rd_kafka_conf_destroy(conf);
        return false;
    }
    p->queue = rd_kafka_queue_get_main(p->rk);
    wake_watch(p->wake, p->queue);
    return true;
}

// Every letter still with librdkafka is reported as purged first: none points into a client that is gone.
static void disconnect(struct deadletter_producer *p) {
    p->dead = true;
    rd_kafka_purge(p->rk, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    while (rd_kafka_outq_len(p->rk) > 0)
        rd_kafka_poll(p->rk, PURGE_TURN_MS);
    wake_unwatch(p->queue);
    rd_kafka_queue_destroy(p->queue);
    rd_kafka_destroy(p->rk);
    p->rk = NULL;
}

void deadletter_producer_fini(struct deadletter_producer *p) {
    if (p->rk != NULL)
        disconnect(p);
    rd_kafka_conf_destroy(p->conf);
}

static void replace(struct deadletter_producer *p, int64_t now_ms) {
    char reason[256];
    disconnect(p);
    // The same configuration made a client before.
    CHECK(deadletter_producer_connect(p, reason, sizeof(reason)));
    p->dead = false;
    p->barred = RD_KAFKA_RESP_ERR_NO_ERROR;
    p->replaced_at_ms = now_ms;
}

void deadletter_producer_poll(struct deadletter_producer *p, int64_t now_ms, int timeout_ms, bool needed) {
    if (p->rk == NULL)
        return;
    rd_kafka_poll(p->rk, timeout_ms);
    if (p->dead && needed && now_ms - p->replaced_at_ms >= REPLACE_MS)
        replace(p, now_ms);
}
