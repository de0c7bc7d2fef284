// What the sources of this folder (generator, recordings) hand to the sender.
#pragma once

#include <stdint.h>

#include "runtime/slice.h"
#include "runtime/status.h"

// What is to become of an event.
enum fate {
    FATE_PLAIN,
    FATE_DUPLICATE,
    FATE_LATE,
    FATE_MALFORMED,
    FATE_FUTURE,
    FATE_COUNT,
};

struct message {
    struct slice key;
    struct slice value; // .at NULL: a null value
    int64_t time_ms;    // Kafka's timestamp; 0: the moment of sending
    int64_t due_ms;     // when to send it, counted from the start of sending; 0: at once
    int32_t partition;
    uint64_t events;            // one, or those of a batch
    uint64_t fates[FATE_COUNT]; // the same events by fate
};

// A source of messages. `next` returns STATUS_OK and the next message (its bytes live until the next call),
// STATUS_NO at the end, else what went wrong, with the problem set.
struct feed {
    enum status (*next)(void *context, struct message *out, struct problem *problem);
    void *context;
};
