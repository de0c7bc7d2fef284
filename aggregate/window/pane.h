// What the event-time windows of one partition gained since the last handover: the hot path of the
// aggregator. Pure.
//
// A window is 15 minutes of occurred_at. An event is late where its record time lies past the window's end by
// more than the disorder and the lateness that the rules allow then: a function of the log, whoever reads it
// and when. It goes to the table LATE of its own window.
#pragma once

#include "aggregate/window/viewers.h"

enum { WINDOW_S = 900 };

static inline int64_t window_start_s(int64_t occurred_at_ms) {
    return occurred_at_ms / (WINDOW_S * INT64_C(1000)) * WINDOW_S;
}

// Every window that ends by then is sealed.
static inline int64_t window_sealed_s(int64_t watermark_ms) {
    return watermark_ms > 0 ? window_start_s(watermark_ms) : 0;
}

// By the rules in force at the record's time; a record without a time (0) is never late.
bool window_is_late(int64_t start_s, const struct rules *rules, int64_t record_time_ms);

// A window's gain. `to` is one past the last record that touched it, `orders_to` past the last that is an
// order.
struct pane {
    int64_t start_s;
    uint64_t counted, late;
    int64_t to;
    int64_t orders_to; // of its orders; 0: none
    int64_t part_to;   // of what stands apart (ledger.h): `to` of the part that it is to be added to
    struct rows *rows;
    struct waiting *waiting; // what rows' sketches lack until pane_settle
    bool adopted;            // the rows are the ledger's now, and only to be read
};

// By window, in no order.
struct panes {
    struct pane *at;
    size_t count, room;
    size_t last; // the one that was touched last: the next event is most likely in it, too
};

void panes_fini(struct panes *p);

// Folds an event that is valid and no duplicate; true where it came too late. What it does to which row:
// aggregate/README.md. `viewers` are the partition's, after all events before this one.
bool panes_take(struct panes *p, struct viewers *viewers, const struct event *e, int64_t offset,
                const struct rules *rules, int64_t record_time_ms);
// Adds to the sketches what has waited for it: whom the events were of, and how long things took. They lie
// far apart, and are touched for many events at a time.
void pane_settle(struct pane *pane);

// Fetches what panes_take will touch.
void panes_prefetch(const struct panes *p, const struct event *e);

size_t panes_memory(const struct panes *p);
