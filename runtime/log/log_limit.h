// How often one event may be logged: at most LOG_BURST lines in LOG_WINDOW_MS. Values in, a verdict out: the
// caller locks.
#pragma once

#include <stdbool.h>
#include <stdint.h>

// Event names are a fixed set in the code, so the table is never full; if it were, a further event would go
// unlimited: a line too many is better than one lost.
enum { LOG_BURST = 10, LOG_WINDOW_MS = 10000, LOG_EVENTS_MAX = 256, LOG_EVENT_NAME_MAX = 48 };

struct log_limit_entry {
    char event[LOG_EVENT_NAME_MAX]; // "" where free
    int64_t began_at_ms;
    uint32_t passed;
    uint64_t suppressed;
};

struct log_limit {
    struct log_limit_entry entries[LOG_EVENTS_MAX]; // open addressing; all zero is empty
};

// Whether a line of this event may be written at `now_ms` (monotonic). `*suppressed` is how many were not
// since the last one that was; 0 where it may not. Names are told apart by their first LOG_EVENT_NAME_MAX - 1
// bytes.
bool log_limit_admit(struct log_limit *limit, const char *event, int64_t now_ms, uint64_t *suppressed);
