// A librdkafka producer, of dead letters or of alerts, that is replaced when librdkafka declares it dead (a
// fatal error). All that was still with it is reported as purged then, for its owner to send again. One that
// may not even have a producer id is such a dead one: it is replaced once a second, and what it could not
// send was refused.
//
// Embedded in its owner, at a place that stays. All functions on the loop's thread.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <librdkafka/rdkafka.h>

#include "runtime/config/config.h"
#include "runtime/status.h"
#include "schemas/settings.h"
#include "stream/source/wake.h"

struct deadletter_producer {
    // The owner's to fill in.
    void *owner;
    struct wake *wake;
    const char *called; // in the log: "dead_letter_producer"
    // Inside _poll and _fini; `opaque` is the producer that sent.
    void (*on_report)(rd_kafka_t *rk, const rd_kafka_message_t *message, void *opaque);
    bool singly; // each letter is a batch of its own

    rd_kafka_t *rk;        // NULL while it is not connected
    rd_kafka_conf_t *conf; // to make the next client of
    rd_kafka_queue_t *queue;
    bool dead;                  // replace it
    rd_kafka_resp_err_t barred; // the error of one that Kafka permits nothing
    int64_t replaced_at_ms;
};

// Not connected yet. Whatever comes of it: _fini.
enum status deadletter_producer_init(struct deadletter_producer *p, const struct settings *settings,
                                     const struct config_pair *passthrough, size_t passthrough_count,
                                     struct problem *problem);
bool deadletter_producer_connect(struct deadletter_producer *p, char *reason, size_t size);
void deadletter_producer_fini(struct deadletter_producer *p);

// Serves reports for up to timeout_ms. A dead one is replaced if it is `needed`, but not at once if it died
// young. Nothing happens to one that is not connected.
void deadletter_producer_poll(struct deadletter_producer *p, int64_t now_ms, int timeout_ms, bool needed);

bool deadletter_not_permitted(int code);
