// The producer: messages in, delivery reports read, every one.
//
// One thread: reports are served inside sender_send and sender_flush. Idempotent, lz4, linger 50 ms and
// 'partitioner=murmur2_random' unless the configuration's kafka.* says otherwise.
#pragma once

#include <stdbool.h>

#include "loadtest/deployment.h"
#include "loadtest/message.h"

// The embedded broker keeps 5 MiB a partition and drops the oldest beyond, without a word: nothing of ours
// goes past this.
#define SENDER_MOCK_BYTES_MAX INT64_C(4194304)

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
bool sender_is_mock(const struct sender *sender);

// What a message will take up in a partition, estimated from above: the broker's framing counted, compression
// not.
int64_t sender_cost(const struct message *message);
// Whether the embedded broker has room for it in its partition, beside what was sent and `planned` more (of
// sender_cost). Always true on a real broker.
bool sender_has_room(const struct sender *sender, const struct message *message, int64_t planned);

// Hands a message over (its bytes are copied), waiting while the queue is full. STATUS_UNAVAILABLE: a
// delivery failed, named in the problem.
enum status sender_send(struct sender *sender, const struct message *message, struct problem *problem);
// Serves reports for up to timeout_ms.
void sender_poll(struct sender *sender, int timeout_ms);
// Waits until everything is acknowledged: as long as `message.timeout.ms` allows each message.
enum status sender_flush(struct sender *sender, struct problem *problem);

void sender_figures_read(const struct sender *sender, struct sender_figures *figures);
