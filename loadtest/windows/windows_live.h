// Who came to a live session of a window, and who went, by the recount's own rule: a sum for each second, and
// three for the whole. Pure.
#pragma once

#include "clameur/v1/event.pb-c.h"
#include "loadtest/recount/recount_table.h"
#include "schemas/rows/rows.h"

// What is summed of a session: 0 to 899 are the seconds of the window, each its joins less its leaves.
enum { WINDOWS_LIVE_JOINS = 900, WINDOWS_LIVE_LEAVES, WINDOWS_LIVE_WATCH, WINDOWS_LIVE_SUMS };

struct windows_live_sum {
    uint32_t session, of;
    int64_t value;
    bool met; // by the comparison
};

struct windows_live {
    struct names sessions;
    struct pairs sum_of;
    struct windows_live_sum *at;
    uint32_t count, room;
};

void windows_live_init(struct windows_live *l);
void windows_live_fini(struct windows_live *l);

// Takes any valid event that came in time. Returns about how many bytes it needed.
size_t windows_live_add(struct windows_live *l, const Clameur__V1__Event *e);

// A sum of the session that a file tells of; NULL: nothing is known of it.
struct windows_live_sum *windows_live_find(const struct windows_live *l, const struct live_session *live,
                                           uint32_t of);
// Whose the sum is; it lives as long as `l`.
struct live_session windows_live_tell(const struct windows_live *l, const struct windows_live_sum *sum);
