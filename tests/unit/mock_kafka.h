// librdkafka's mock cluster on a client of its own, for tests: brokers on free loopback ports, in this
// process.
#pragma once

#include <stdio.h>
#include <string.h>

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

struct mock {
    rd_kafka_t *owner;
    rd_kafka_mock_cluster_t *cluster;
    const char *bootstrap;
};

static rd_kafka_t *mock_client(rd_kafka_type_t type, const char *const (*properties)[2], size_t count) {
    char reason[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    for (size_t i = 0; i < count; i++)
        assert_int_equal(rd_kafka_conf_set(conf, properties[i][0], properties[i][1], reason, sizeof(reason)),
                         RD_KAFKA_CONF_OK);
    rd_kafka_t *rk = rd_kafka_new(type, conf, reason, sizeof(reason));
    assert_non_null(rk);
    return rk;
}

static void mock_start(struct mock *m, int brokers) {
    const char *const quiet[][2] = {{"log_level", "0"}}; // it has no brokers of its own, and says so
    m->owner = mock_client(RD_KAFKA_PRODUCER, quiet, 1);
    m->cluster = rd_kafka_mock_cluster_new(m->owner, brokers);
    assert_non_null(m->cluster);
    m->bootstrap = rd_kafka_mock_cluster_bootstraps(m->cluster);
}

static void mock_stop(struct mock *m) {
    rd_kafka_mock_cluster_destroy(m->cluster);
    rd_kafka_destroy(m->owner);
}

// `count` messages of `size` bytes into each of `partitions` partitions from `first`, acknowledged.
static inline void mock_produce(struct mock *m, const char *topic, int32_t first, int32_t partitions,
                                int count, size_t size, const char *key) {
    static char value[65536];
    const char *const properties[][2] = {{"bootstrap.servers", m->bootstrap}, {"linger.ms", "1"}};
    rd_kafka_t *rk = mock_client(RD_KAFKA_PRODUCER, properties, sizeof(properties) / sizeof(properties[0]));
    memset(value, 'v', size);
    for (int i = 0; i < count * partitions; i++)
        assert_int_equal(rd_kafka_producev(rk, RD_KAFKA_V_TOPIC(topic),
                                           RD_KAFKA_V_PARTITION(first + i % partitions),
                                           RD_KAFKA_V_KEY(key, strlen(key)), RD_KAFKA_V_VALUE(value, size),
                                           RD_KAFKA_V_TIMESTAMP(1700000000000 + i / partitions),
                                           RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_END),
                         RD_KAFKA_RESP_ERR_NO_ERROR);
    assert_int_equal(rd_kafka_flush(rk, 20000), RD_KAFKA_RESP_ERR_NO_ERROR);
    rd_kafka_destroy(rk);
}
