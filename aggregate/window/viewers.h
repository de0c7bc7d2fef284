// The viewers of live sessions that a partition remembers. Pure; on one thread at a time.
//
// A viewer is an actor in a session: all that is heard of him is in his partition. One who has sent no
// heartbeat and whose joins and leaves are even is not remembered, nor is one of whom nothing came within the
// partition's last 2^22 joins, leaves and heartbeats: counted in events, for no clock in the log is to be
// trusted with it, and a table that holds no more. When what is forgotten is collected is housekeeping, and
// shows nowhere.
#pragma once

#include "aggregate/window/presence.h"
#include "runtime/config/rules.h"
#include "schemas/event.h"
#include "schemas/rows/slots.h"

enum { VIEWERS_SPAN = 1 << 22 };

// All zero: nobody is remembered.
struct viewers {
    uint64_t events; // joins, leaves and heartbeats of actors, in time, since the log's start
    uint64_t span;   // 0: VIEWERS_SPAN
    struct viewer *at;
    size_t count, room;
    struct slots slots;
    size_t changed_count, changed_room;
    uint32_t *changed; // numbers of those that are marked so
};

void viewers_fini(struct viewers *v);
void viewers_copy(struct viewers *to, const struct viewers *from); // `to` is all zero

// A join, leave or heartbeat that came in time. False where nobody's state is concerned, and the event
// changes what it says itself: without an actor, by rules without window.heartbeat, or too old.
bool viewers_take(struct viewers *v, const struct event *e, const struct rules *rules,
                  struct presence_change *out);

// Those that have changed since the last time, by key; the caller frees them. They are as they are now.
struct viewer *viewers_take_changed(struct viewers *v, size_t *count);
// All that are remembered, by key; the caller frees them.
struct viewer *viewers_all(const struct viewers *v, size_t *count);
// Puts one as another table, or a file, has it.
void viewers_put(struct viewers *v, const struct viewer *viewer);

size_t viewers_memory(const struct viewers *v);
