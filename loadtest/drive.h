// From a feed to Kafka: in time, with progress, to the end, to a bound, or to a signal.
#pragma once

#include "loadtest/sender.h"

struct drive_options {
    int64_t seconds; // 0: no bound; else sending stops after so many seconds of the wall clock
    bool bounded;    // the feed ends by itself, so that a dry run can
};

// `make_feed` gives a feed from its beginning each time, and `drop_feed` takes it back.
struct drive_source {
    enum status (*make_feed)(void *context, struct feed *feed, struct problem *problem);
    void (*drop_feed)(void *context, struct feed *feed);
    void *context;
};

// Sends the feed's messages and prints the summary. Before the first is sent to an embedded broker, a dry run
// of a bounded feed finds out whether it can keep them all: STATUS_USAGE with the number of events that fit,
// if not. An unbounded one stops at the limit. Ends with what sender_send, sender_flush and the feed say;
// STATUS_BAD_DATA where librdkafka's partitioner put a key elsewhere than murmur2 does.
enum status drive_run(struct sender *sender, const struct drive_source *source,
                      const struct drive_options *options, struct problem *problem);
