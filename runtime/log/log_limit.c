#include "runtime/log/log_limit.h"

#include <string.h>

#include "runtime/hash.h"

// The event's entry, taken if it has none yet; NULL where the table is full.
static struct log_limit_entry *entry_take(struct log_limit *limit, const char *event, int64_t now_ms) {
    size_t length = strnlen(event, LOG_EVENT_NAME_MAX - 1);
    size_t home = hash_bytes(event, length, 0) % LOG_EVENTS_MAX;
    for (size_t i = 0; i < LOG_EVENTS_MAX; i++) {
        struct log_limit_entry *entry = &limit->entries[(home + i) % LOG_EVENTS_MAX];
        if (entry->event[0] == '\0') {
            memcpy(entry->event, event, length);
            entry->began_at_ms = now_ms;
            return entry;
        }
        if (strncmp(entry->event, event, length) == 0 && entry->event[length] == '\0')
            return entry;
    }
    return NULL;
}

bool log_limit_admit(struct log_limit *limit, const char *event, int64_t now_ms, uint64_t *suppressed) {
    *suppressed = 0;
    struct log_limit_entry *entry = entry_take(limit, event, now_ms);
    if (entry == NULL)
        return true;
    if (now_ms - entry->began_at_ms >= LOG_WINDOW_MS) {
        entry->began_at_ms = now_ms;
        entry->passed = 0;
    }
    if (entry->passed == LOG_BURST) {
        entry->suppressed++;
        return false;
    }
    entry->passed++;
    *suppressed = entry->suppressed;
    entry->suppressed = 0;
    return true;
}
