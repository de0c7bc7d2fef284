#include "aggregate/figures/time/window_set.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/memory.h"

void window_set_fini(struct window_set *set) {
    free(set->at);
    *set = (struct window_set){0};
}

size_t window_set_place(const struct window_set *set, int64_t start_s) {
    size_t low = 0, high = set->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (set->at[middle] < start_s)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

bool window_set_has(const struct window_set *set, int64_t start_s) {
    size_t place = window_set_place(set, start_s);
    return place < set->count && set->at[place] == start_s;
}

static int start_compare(const void *left, const void *right) {
    int64_t a = *(const int64_t *)left, b = *(const int64_t *)right;
    return (a > b) - (a < b);
}

void window_set_join(struct window_set *set, const int64_t *more, size_t count) {
    size_t all = set->count + count;
    if (count == 0)
        return;
    set->at = memory_grow(set->at, all, sizeof(*set->at));
    memcpy(set->at + set->count, more, count * sizeof(*more));
    qsort(set->at, all, sizeof(*set->at), start_compare);
    set->count = 0;
    for (size_t i = 0; i < all; i++) {
        if (i == 0 || set->at[i] != set->at[set->count - 1])
            set->at[set->count++] = set->at[i];
    }
}
