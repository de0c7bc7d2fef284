// Windows by their starts, ascending, each once. Pure.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct window_set {
    int64_t *at;
    size_t count;
};
void window_set_fini(struct window_set *set);

// The first that does not begin before; set->count where all do.
size_t window_set_place(const struct window_set *set, int64_t start_s);
bool window_set_has(const struct window_set *set, int64_t start_s);
// Those of `more` as well, which come in any order, as often as they like.
void window_set_join(struct window_set *set, const int64_t *more, size_t count);
