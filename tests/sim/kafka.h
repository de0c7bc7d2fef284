// The simulated consumer's state, what its files (kafka.c: its life, rebalances and commits; kafka_fetch.c:
// what it reads) ask of each other, and what the group tells it.
#pragma once

#include <librdkafka/rdkafka.h>

#include "tests/sim/sim.h"

struct fetch {
    bool paused;
    bool asks_end;
    bool told_lost; // that the position is not in the log
    int64_t position;
    int64_t told_end;
};

struct rd_kafka_s {
    struct worker *worker;
    void *opaque;
    bool asked; // a rebalance was told and is not answered yet
    bool closing;
    struct fetch at[LOG_PARTITIONS_MAX];
    rd_kafka_event_t *events[64];
    size_t event_count;
};

enum queue_kind { QUEUE_CONSUMER, QUEUE_REPLIES };

struct rd_kafka_queue_s {
    struct rd_kafka_s *consumer;
    enum queue_kind kind;
};

// kafka_fetch.c
void kafka_misplace(struct rd_kafka_s *k, int32_t partition); // maybe
void kafka_misplace_all(struct rd_kafka_s *k);
void kafka_bounds(int32_t partition, int64_t *first, int64_t *end);

// kafka.c
void kafka_tell_rebalance(struct rd_kafka_s *k); // what it has to be told, if anything
void kafka_commit_answer(struct rd_kafka_s *k, void *opaque, rd_kafka_resp_err_t err);

// kafka_group.c
void group_commit(struct worker *w, void *opaque);
