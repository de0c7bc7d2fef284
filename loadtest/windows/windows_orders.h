// The purchases and the refunds of a window's model: kept until it is known what else was sold
// (window_model_settle, window_model_refund), and made rows then.
#pragma once

#include <string.h>

#include "loadtest/windows/windows_model.h"

// Bytes of a name, behind those before.
static inline char *window_append(char *at, const void *bytes, size_t length) {
    if (length > 0)
        memcpy(at, bytes, length);
    return at + length;
}

// An event, or a copy of an order, on its way into rows; everything is borrowed.
struct window_adding {
    struct slice account;
    const struct windows_whose *whose;
    const struct recount_increments *increments;
};
struct row_key window_adding_whole(const struct window_adding *a, enum table table);
// To the rows of its account, content, campaign and tags.
void window_adding_in_time(struct window_model *m, const struct window_adding *a);

void window_order_keep(struct window_model *m, const struct window_adding *a, const Clameur__V1__Event *e);
// Does it name its order, and was that placed within the time that the rules look back to?
bool window_refund_is_looked_up(const Clameur__V1__Event *e, const struct rules *rules);
// Of one that is.
void window_refund_keep(struct window_model *m, const struct window_adding *a, const Clameur__V1__Event *e);
