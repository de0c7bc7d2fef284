// The simulated topic: records made ahead from the seed, of which ever more become visible.
//
// In it: every sort of update (counters, series, rankings, reach, tags, readings, orders with copies in
// several partitions), figures so large that their sums overflow (in some logs), ids that come again within
// the span and beyond it, with other contents too, events and records that are refused (some by one version
// of the rules and not by another), batches, and offsets without a record, alone and in stretches.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "runtime/config/rules.h"
#include "tests/sim/random.h"

enum { LOG_PARTITIONS_MAX = 4, LOG_EVENTS_MAX = 4, LOG_WHOLE = 31, RULES_MADE = 3 };

// Of the records' times: the first one's.
#define LOG_TIME_MS INT64_C(1767225600000)

struct log_record {
    bool present; // else transaction markers stood here, or compaction took it
    int64_t time_ms;
    unsigned char *bytes;
    size_t length;
    uint32_t refused[RULES_MADE]; // by version of the rules in force. Bits: events by index that must become
                                  // dead letters, LOG_WHOLE the record
    uint32_t lettered;            // of those: acknowledged by the dead-letter topic
};

struct log_partition {
    struct log_record *records; // by offset
    int64_t length;             // made
    int64_t end;                // visible
    int64_t first;              // what lies before is deleted
    int64_t start;              // of counting, as init recorded it
};

struct sim_log {
    int32_t partitions; // of the topic, now
    int32_t initial;    // when the deployment was made
    int64_t span, step_ms;
    struct log_partition at[LOG_PARTITIONS_MAX];
};

struct log_shape {
    int32_t partitions, initial;
    int64_t length, span, step_ms;
    uint32_t accounts;
    bool huge;                 // sums overflow
    const struct rules *rules; // RULES_MADE of them
};

void sim_log_make(struct sim_log *log, const struct log_shape *shape, uint64_t seed);
void sim_log_free(struct sim_log *log);
