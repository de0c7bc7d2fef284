// In which windows the log sells an order, and where: within 48 hours of windows an order counts once. Pure.
#pragma once

#include <stdbool.h>

#include "loadtest/recount/recount_table.h"
#include "schemas/snapshot/snapshot.h"

enum { WINDOWS_SOLD_S = 48 * 3600 };

struct windows_sold {
    struct names orders; // account and order
    uint32_t *first;     // sale, by order
    size_t order_room;
    struct windows_sale *sales;
    uint32_t count;
    size_t room;
};

void windows_sold_fini(struct windows_sold *s);

// A purchase that came in time for the window, at this place of the log.
void windows_sold_add(struct windows_sold *s, struct slice order, int64_t start_s, int32_t partition,
                      int64_t offset);

// Was it sold in a window up to 48 hours before, by a record that `earlier` reaches?
bool windows_sold_before(const struct windows_sold *s, struct slice order, int64_t start_s,
                         const struct earlier_orders *earlier, size_t count);
