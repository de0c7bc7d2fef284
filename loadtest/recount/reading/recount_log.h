// The recount's own consumer: the whole log by offsets, outside of any group. Nothing is committed.
#pragma once

#include "loadtest/recount/reading/recount_event.h"
#include "runtime/config/config.h"
#include "runtime/status.h"
#include "schemas/settings.h"

struct recount_log {
    void *consumer; // rd_kafka_t
    const char *topic;
    int32_t partitions;
    int64_t *first; // by partition, as recount_log_bounds found them
    int64_t *end;
};

typedef void (*recount_log_taker)(void *context, const struct recount_record *record);

// Connects, and asks for the topic's partitions. `settings` is borrowed.
enum status recount_log_open(struct recount_log *log, const struct settings *settings,
                             const struct config *config, struct problem *problem);
void recount_log_close(struct recount_log *log);

// Where the log begins and ends now.
enum status recount_log_bounds(struct recount_log *log, struct problem *problem);

// Gives every record from `begin` (by partition; raised to the log's first) to the end that was last found.
// Progress goes to standard error: a line redrawn on a terminal, one line each 5 s elsewhere.
enum status recount_log_read(struct recount_log *log, const int64_t *begin, recount_log_taker take,
                             void *context, struct problem *problem);
