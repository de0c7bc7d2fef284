// The producer: messages in, delivery reports read, every one.
//
// One thread: reports are served inside sender_send and sender_flush. Idempotent, lz4, linger 50 ms and
// 'partitioner=murmur2_random' unless the configuration's kafka.* says otherwise.
#pragma once

#include <stdbool.h>

#include "loadtest/deployment.h"
#include "loadtest/message.h"

struct sender;

struct sender_figures {
    uint64_t messages, events; // handed to the producer
    uint64_t bytes;            // of their keys and values
    uint64_t delivered;        // messages that Kafka acknowledged
    uint64_t fates[FATE_COUNT];
    int32_t partitions;
    const uint64_t *partition_messages; // delivered, by the partition the broker put them in
    const uint64_t *partition_events;   // handed over
    uint64_t misplaced;                 // delivered into another partition than murmur2 of the key says
};

// Finds the topic (kafka.topic) and connects. With `own_partitioner` the message's partition is used as it
// stands, else librdkafka's partitioner decides and the reports are held against the message's.
// STATUS_CONFIG, STATUS_UNAVAILABLE (CLM-K1 to K3).
enum status sender_create(struct sender **sender, const struct deployment *deployment, bool own_partitioner,
                          struct problem *problem);
// Purges what is outstanding.
void sender_destroy(struct sender **sender);

int32_t sender_partitions(const struct sender *sender);
// Of librdkafka's embedded broker, the messages that each partition held when the sender was made; NULL of a
// real one.
const int64_t *sender_mock_holds(const struct sender *sender);

// Hands a message over (its bytes are copied), waiting while the queue is full. STATUS_UNAVAILABLE: a
// delivery failed, named in the problem.
enum status sender_send(struct sender *sender, const struct message *message, struct problem *problem);
// Serves reports for up to timeout_ms.
void sender_poll(struct sender *sender, int timeout_ms);
// Waits until everything is acknowledged: as long as `message.timeout.ms` allows each message.
enum status sender_flush(struct sender *sender, struct problem *problem);

void sender_figures_read(const struct sender *sender, struct sender_figures *figures);
