// The last of what was read in a window, by the recount's own rule: of a counter of a content, or of an
// account on a platform as a whole, the value of the greatest (read_at, event_id). Pure.
#pragma once

#include "clameur/v1/event.pb-c.h"
#include "loadtest/recount/recount_table.h"
#include "schemas/rows/rows.h"

struct windows_reading {
    int64_t value, read_at_ms;
    unsigned char event_id[EVENT_ID_SIZE];
    bool met; // by the comparison
};

struct windows_read {
    struct names names; // whose, and of which counter
    struct windows_reading *at;
    size_t room;
};

void windows_read_init(struct windows_read *r);
void windows_read_fini(struct windows_read *r);

// Takes a valid event of the kind reading. Returns about how many bytes it needed.
size_t windows_read_add(struct windows_read *r, const Clameur__V1__Event *e);

// What is known of the counter that a file tells of; NULL: nothing was read of it.
struct windows_reading *windows_read_find(const struct windows_read *r, const struct latest_reading *reading);
// As a file would tell it; it lives as long as `r`.
struct latest_reading windows_read_tell(const struct windows_read *r, uint32_t number);
