// Wakes a waiting turn of the loop when something lies in a librdkafka queue.
//
// librdkafka writes eight bytes into our eventfd when a watched queue goes from empty to non-empty, and not
// again before the queue was served: an edge, not a level. Whoever leaves something in a queue (a full batch
// taken, a queue not asked while held) is not woken for it and must not wait before asking again. All
// functions on the loop's thread; librdkafka's threads only write to the eventfd.
#pragma once

#include <stdbool.h>

#include <librdkafka/rdkafka.h>

#include "runtime/loop.h"

struct wake {
    struct loop *loop;
    uv_poll_t poll;
    int fd;
    bool closed;
};

void wake_init(struct wake *w, struct loop *loop);
// Unwatch every queue first: librdkafka must not write into a descriptor that is closed.
void wake_fini(struct wake *w);

void wake_watch(struct wake *w, rd_kafka_queue_t *queue);
void wake_unwatch(rd_kafka_queue_t *queue);

// Lets the next turn return at once: there is work left that no queue shows.
void wake_now(struct wake *w);
