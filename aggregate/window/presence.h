// Who watches a live session still, where viewers send heartbeats: what a join, a leave or a heartbeat does
// to one viewer, and to the number of them. Pure: a function of the events, in the order of their log.
//
//     armed       it has sent a heartbeat, and leaves when it falls silent
//     joined      so many of its joins are open
//     assumed     one of those nobody has seen: a heartbeat told that the viewer was there
//
// Whoever is armed and then silent for longer than the timeout left that long after he was heard last. This
// is written beforehand, by the event that he was heard by, and taken back by the next one in time. So an
// event changes nothing of another's window, and all that events of a window change is summed along time like
// joins and leaves, in whatever order windows are put together.
//
// An event that is older than the last that was heard opens or closes joins, and does nothing else: it is no
// sign of life. One that is older by more than an hour is not his at all.
#pragma once

#include "schemas/rows/rows.h"
#include "schemas/snapshot/snapshot.h"

enum { PRESENCE_OLD_MS = 3600 * 1000 };

struct presence {
    uint32_t kind; // KIND_LIVE_JOIN, _LEAVE or _HEARTBEAT
    int64_t delta;
    int64_t at_ms;
    int64_t timeout_ms; // by the rules in force; 0: nobody leaves by being silent
};

// What came of it, besides the event's own joins and leaves: for its session's row in the event's window.
enum { PRESENCE_CHANGES = 3 };
struct presence_change {
    int64_t expired, returned;
    struct {
        int64_t at_s, change;
    } at[PRESENCE_CHANGES]; // the second of the event comes first; the others may be 0
};

void presence_take(struct viewer *viewer, const struct presence *event, struct presence_change *out);

// One of whom nothing is to be remembered.
bool presence_is_blank(const struct viewer *viewer);
