// In which windows the log sells an order, and where: within 48 hours of windows an order counts once; and
// what a refund gives back is the sale's, in the window that its order was placed in. Pure.
#pragma once

#include <stdbool.h>

#include "clameur/v1/event.pb-c.h"
#include "loadtest/recount/recount_table.h"
#include "runtime/arena.h"
#include "schemas/snapshot/snapshot.h"

enum { WINDOWS_SOLD_S = 48 * 3600 };

// What an event is of.
struct windows_whose {
    uint32_t platform, origin, format;
    bool paid;
    struct slice content, campaign;
    struct slice *tags;
    size_t tag_count;
};

// The sign says which of two comes first, where they say different things at one time under one id.
int windows_whose_compare(const struct windows_whose *a, const struct windows_whose *b);

// A purchase: where the log has it, and whose it is.
struct windows_sale {
    int64_t start_s, offset;
    int32_t partition;
    uint32_t next; // of the same order
    int64_t occurred_at_ms;
    unsigned char event_id[EVENT_ID_SIZE];
    struct windows_whose whose;
};

struct windows_sold {
    struct names orders; // account and order
    uint32_t *first;     // sale, by order
    size_t order_room;
    struct windows_sale *sales;
    uint32_t count;
    size_t room;
    struct arena texts;
};

void windows_sold_fini(struct windows_sold *s);

// A purchase that came in time for the window, at this place of the log.
void windows_sold_add(struct windows_sold *s, struct slice order, int64_t start_s, int32_t partition,
                      int64_t offset, const Clameur__V1__Event *purchase);

// Was it sold in a window up to 48 hours before, by a record that `earlier` reaches?
bool windows_sold_before(const struct windows_sold *s, struct slice order, int64_t start_s,
                         const struct earlier_orders *earlier, size_t count);

// Of the sales of the order in the window that starts there, by records that `reached` reaches, the one of
// least (occurred_at, event_id). NULL: there is none; *elsewhere: but there is one before `limits`, by
// partition. It lives until the next is added.
const struct windows_sale *windows_sold_in(const struct windows_sold *s, struct slice order, int64_t start_s,
                                           const struct earlier_orders *reached, size_t count,
                                           const int64_t *limits, bool *elsewhere);
