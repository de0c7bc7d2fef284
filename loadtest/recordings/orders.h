// Orders gathered from their lines, and the events that they become. Lines of an order may stand among those
// of others; an order is whole once the recording's time has passed its last line by `linger_ms`. Orders come
// out in the order of their first lines.
#pragma once

#include "loadtest/generate/draft.h"
#include "schemas/registry.h"

enum { ORDER_TEXT_MAX = 64 };

struct order_text {
    size_t length;
    char at[ORDER_TEXT_MAX];
};

struct order_line {
    struct order_text product;
    int64_t quantity;
    int64_t unit_price_micros;
    int64_t value_micros; // of the whole line, >= 0 as the others
    int64_t discount_micros;
};

struct order {
    uint32_t kind;                     // KIND_PURCHASE, KIND_REFUND or KIND_OTHER
    struct order_text number;          // the event's order_id, except for a refund
    struct order_text person, content; // to be set by who opens it
    int64_t at_ms, last_ms;            // its first and its last line
    uint64_t row;                      // the first line's, which ids are minted from
    int64_t value_micros, discount_micros;
    struct order_line *lines;
    size_t count, given;
    struct order *next;
};

struct orders;

struct orders_shape {
    int64_t linger_ms;
    Clameur__V1__Platform platform;
    const char *currency;
    uint64_t seed; // see recording_mint_id
};

struct orders *orders_create(const struct orders_shape *shape);
void orders_destroy(struct orders **orders);

// False where the text is longer than ORDER_TEXT_MAX.
bool order_text_set(struct order_text *to, struct slice text);

// The order of that kind and number that is not whole yet, else a new one, of that row. What is of KIND_OTHER
// is a new one each time. Sets last_ms.
struct order *orders_open(struct orders *orders, uint32_t kind, struct slice number, int64_t at_ms,
                          uint64_t row);

// False where the sums would pass 10^17, the contract's bound.
bool order_add(struct order *order, const struct order_line *line);

// The first order, where it is whole at that time of the recording; else NULL.
const struct order *orders_first(const struct orders *orders, int64_t now_ms);

// Writes the next event of the first order, of which there must be one. An order is one event with the whole
// value. It has an item per line; the contract allows 256: of more, the last item stands for the quantity of
// all further lines, and these follow as events of KIND_OTHER without value, content `further_lines`. The
// draft points into the order until the next call.
void orders_write(struct orders *orders, struct draft *draft);
