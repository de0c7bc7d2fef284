// Reads a topic outside of any consumer group: no membership, no commits, nothing that another consumer would
// notice. Blocking; for the commands that look at the log.
#pragma once

#include "runtime/config/config.h"
#include "runtime/status.h"
#include "schemas/settings.h"
#include "stream/record.h"
#include "stream/source/source.h"

struct scan;

// Connects to the topic that the settings name. STATUS_UNAVAILABLE (CLM-K1, CLM-K2, CLM-K3),
// STATUS_NOT_ALLOWED (CLM-A1), STATUS_CONFIG.
enum status scan_open(struct scan **scan, const struct settings *settings,
                      const struct config_pair *passthrough, size_t passthrough_count,
                      struct problem *problem);
void scan_close(struct scan **scan);

int32_t scan_partitions(const struct scan *scan); // of the topic

// First and end offset, as the broker has them now.
enum status scan_bounds(struct scan *scan, int32_t partition, int64_t *first, int64_t *end,
                        struct problem *problem);

// Reads these partitions from these offsets on, in the place of what was read before.
enum status scan_from(struct scan *scan, const struct source_position *positions, size_t count,
                      struct problem *problem);

enum scan_step {
    SCAN_RECORD,  // *record is the next one; valid until the next call
    SCAN_END,     // record->partition was read up to record->offset, its present end
    SCAN_NOTHING, // within timeout_ms
    SCAN_FAILED,
};
// A partition's records come in order, those of several partitions as they arrive. SCAN_FAILED: as scan_open,
// or STATUS_BAD_DATA (CLM-M2) where the log no longer has the place.
enum scan_step scan_next(struct scan *scan, struct record *record, int timeout_ms, struct problem *problem);

// As scan_next, for records that are there to be read: SCAN_FAILED (CLM-K1), too, where it has waited
// stall_ms and nothing came. SCAN_STALL_MS is long enough for brokers to elect a leader.
enum { SCAN_STALL_MS = 30000 };
enum scan_step scan_await(struct scan *scan, struct record *record, int timeout_ms, int stall_ms,
                          struct problem *problem);

// The last header of that name of the record that was given, valid as long as it; false where it has none.
bool scan_header(const struct scan *scan, const char *name, struct slice *value);
