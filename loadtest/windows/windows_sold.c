#include "loadtest/windows/windows_sold.h"

#include <stdlib.h>

#include "runtime/memory.h"

struct windows_sale {
    int64_t start_s, offset;
    int32_t partition;
    uint32_t next; // of the same order
};

void windows_sold_fini(struct windows_sold *s) {
    if (s->count > 0)
        names_fini(&s->orders);
    free(s->first);
    free(s->sales);
    *s = (struct windows_sold){0};
}

static uint32_t order_number(struct windows_sold *s, struct slice order) {
    uint32_t known = s->orders.count;
    uint32_t number = names_put(&s->orders, order);
    if (number < known)
        return number;
    if (known == s->order_room) {
        s->order_room = s->order_room == 0 ? 256 : 2 * s->order_room;
        s->first = memory_grow(s->first, s->order_room, sizeof(*s->first));
    }
    s->first[number] = TABLE_NONE;
    return number;
}

void windows_sold_add(struct windows_sold *s, struct slice order, int64_t start_s, int32_t partition,
                      int64_t offset) {
    if (s->count == 0)
        names_init(&s->orders);
    if (s->count == s->room) {
        s->room = s->room == 0 ? 256 : 2 * s->room;
        s->sales = memory_grow(s->sales, s->room, sizeof(*s->sales));
    }
    uint32_t number = order_number(s, order);
    s->sales[s->count] = (struct windows_sale){start_s, offset, partition, s->first[number]};
    s->first[number] = s->count++;
}

static bool is_reached(const struct windows_sale *sale, const struct earlier_orders *earlier, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (earlier[i].start_s == sale->start_s && earlier[i].partition == (uint32_t)sale->partition)
            return sale->offset < earlier[i].to;
    }
    return false;
}

bool windows_sold_before(const struct windows_sold *s, struct slice order, int64_t start_s,
                         const struct earlier_orders *earlier, size_t count) {
    uint32_t number = s->count == 0 ? TABLE_NONE : names_find(&s->orders, order);
    for (uint32_t i = number == TABLE_NONE ? TABLE_NONE : s->first[number]; i != TABLE_NONE;
         i = s->sales[i].next) {
        const struct windows_sale *sale = &s->sales[i];
        if (sale->start_s < start_s && sale->start_s >= start_s - WINDOWS_SOLD_S &&
            is_reached(sale, earlier, count))
            return true;
    }
    return false;
}
