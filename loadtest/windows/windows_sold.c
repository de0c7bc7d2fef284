#include "loadtest/windows/windows_sold.h"

#include <stdlib.h>
#include <string.h>

#include "loadtest/recount/reading/recount_event.h"
#include "runtime/memory.h"

enum { TEXTS_BLOCK = 64 << 10 };

void windows_sold_fini(struct windows_sold *s) {
    if (s->count > 0) {
        names_fini(&s->orders);
        arena_fini(&s->texts);
    }
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

static struct slice text_keep(struct windows_sold *s, ProtobufCBinaryData text) {
    char *copy = arena_take_bytes(&s->texts, text.len + 1);
    if (text.len > 0)
        memcpy(copy, text.data, text.len);
    return (struct slice){copy, text.len};
}

static void sale_fill(struct windows_sold *s, struct windows_sale *sale, const Clameur__V1__Event *e) {
    sale->occurred_at_ms = e->occurred_at;
    memcpy(sale->event_id, e->event_id.data, EVENT_ID_SIZE);
    sale->whose =
        (struct windows_whose){.platform = (uint32_t)e->platform,
                               .origin = (uint32_t)e->origin,
                               .format = (uint32_t)e->content_format,
                               .paid = e->paid,
                               .content = text_keep(s, e->content_id),
                               .campaign = text_keep(s, e->campaign_id),
                               .tags = arena_take(&s->texts, (e->n_tags + 1) * sizeof(struct slice)),
                               .tag_count = e->n_tags};
    for (size_t i = 0; i < e->n_tags; i++)
        sale->whose.tags[i] = text_keep(s, e->tags[i]);
}

void windows_sold_add(struct windows_sold *s, struct slice order, int64_t start_s, int32_t partition,
                      int64_t offset, const Clameur__V1__Event *purchase) {
    if (s->count == 0) {
        names_init(&s->orders);
        arena_init(&s->texts, TEXTS_BLOCK);
    }
    if (s->count == s->room) {
        s->room = s->room == 0 ? 256 : 2 * s->room;
        s->sales = memory_grow(s->sales, s->room, sizeof(*s->sales));
    }
    uint32_t number = order_number(s, order);
    s->sales[s->count] = (struct windows_sale){
        .start_s = start_s, .offset = offset, .partition = partition, .next = s->first[number]};
    sale_fill(s, &s->sales[s->count], purchase);
    s->first[number] = s->count++;
}

static bool is_reached(const struct windows_sale *sale, const struct earlier_orders *earlier, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (earlier[i].start_s == sale->start_s && earlier[i].partition == (uint32_t)sale->partition)
            return !earlier[i].gone && sale->offset < earlier[i].to;
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

static int number_compare(int64_t a, int64_t b) {
    return (a > b) - (a < b);
}

static int tags_compare(const struct windows_whose *a, const struct windows_whose *b) {
    for (size_t i = 0; i < a->tag_count && i < b->tag_count; i++) {
        int differs = slice_compare(a->tags[i], b->tags[i]);
        if (differs != 0)
            return differs;
    }
    return number_compare((int64_t)a->tag_count, (int64_t)b->tag_count);
}

int windows_whose_compare(const struct windows_whose *a, const struct windows_whose *b) {
    const int by[] = {number_compare(a->platform, b->platform), number_compare(a->origin, b->origin),
                      number_compare(a->format, b->format),     number_compare(a->paid, b->paid),
                      slice_compare(a->content, b->content),    slice_compare(a->campaign, b->campaign)};
    for (size_t i = 0; i < sizeof(by) / sizeof(by[0]); i++) {
        if (by[i] != 0)
            return by[i];
    }
    return tags_compare(a, b);
}

static bool is_before(const struct windows_sale *a, const struct windows_sale *b) {
    if (a->occurred_at_ms != b->occurred_at_ms)
        return a->occurred_at_ms < b->occurred_at_ms;
    int differs = memcmp(a->event_id, b->event_id, EVENT_ID_SIZE);
    return (differs != 0 ? differs : windows_whose_compare(&a->whose, &b->whose)) < 0;
}

const struct windows_sale *windows_sold_in(const struct windows_sold *s, struct slice order, int64_t start_s,
                                           const struct earlier_orders *reached, size_t count,
                                           const int64_t *limits, bool *elsewhere) {
    const struct windows_sale *least = NULL;
    uint32_t number = s->count == 0 ? TABLE_NONE : names_find(&s->orders, order);
    *elsewhere = false;
    for (uint32_t i = number == TABLE_NONE ? TABLE_NONE : s->first[number]; i != TABLE_NONE;
         i = s->sales[i].next) {
        const struct windows_sale *sale = &s->sales[i];
        if (sale->start_s != start_s)
            continue;
        if (!is_reached(sale, reached, count))
            *elsewhere |= sale->offset < limits[sale->partition];
        else if (least == NULL || is_before(sale, least))
            least = sale;
    }
    return least;
}
