// Who came to a live session of a window, who went, and who fell silent, by the recount's own rule: a sum for
// each second, and five for the whole. Pure.
#pragma once

#include "clameur/v1/event.pb-c.h"
#include "loadtest/recount/recount_table.h"
#include "loadtest/windows/windows_presence.h"
#include "schemas/rows/rows.h"

// What is summed of a session: 0 to 8099 are seconds past the window's start, and by how many watch more
// then.
enum {
    WINDOWS_LIVE_JOINS = 8100,
    WINDOWS_LIVE_LEAVES,
    WINDOWS_LIVE_WATCH,
    WINDOWS_LIVE_EXPIRED,
    WINDOWS_LIVE_RETURNED,
    WINDOWS_LIVE_SUMS
};

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

// Takes any valid event that came in time, and what it moves beside what it says. Returns about how many
// bytes it needed.
size_t windows_live_add(struct windows_live *l, const Clameur__V1__Event *e,
                        const struct windows_moves *moves);

// A sum of the session that a file tells of; NULL: nothing is known of it.
struct windows_live_sum *windows_live_find(const struct windows_live *l, const struct live_session *live,
                                           uint32_t of);
// Whose the sum is; it lives as long as `l`.
struct live_session windows_live_tell(const struct windows_live *l, const struct windows_live_sum *sum);
