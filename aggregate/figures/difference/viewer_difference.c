#include <stdio.h>
#include <string.h>

#include "aggregate/figures/difference/difference_internal.h"
#include "runtime/check.h"

static void tell(struct comparison *c, const struct row_key *key, const char *what, int64_t left,
                 int64_t right) {
    if (left != right)
        comparison_tell(c, key, what, left, right);
}

// NULL: nobody is there.
static void viewer_compare(struct comparison *c, const struct viewer *left, const struct viewer *right) {
    static const struct viewer nobody;
    const struct viewer *any = left != NULL ? left : right, *a = left != NULL ? left : &nobody,
                        *b = right != NULL ? right : &nobody;
    char id[2 * VIEWER_KEY_SIZE + 1];
    CHECK(any != NULL);
    for (size_t i = 0; i < VIEWER_KEY_SIZE; i++)
        snprintf(id + 2 * i, 3, "%02x", any->key[i]);
    const struct row_key key = {.table = TABLE_VIEWERS, .id = slice_of(id)};
    tell(c, &key, "armed", a->armed, b->armed);
    tell(c, &key, "assumed", a->assumed, b->assumed);
    tell(c, &key, "heard_event", (int64_t)a->heard_event, (int64_t)b->heard_event);
    tell(c, &key, "heard_ms", a->heard_ms, b->heard_ms);
    tell(c, &key, "joined", a->joined, b->joined);
    tell(c, &key, "there", left != NULL, right != NULL);
    tell(c, &key, "timeout_ms", a->timeout_ms, b->timeout_ms);
}

size_t difference_each_viewer(const struct viewers_kept *left, const struct viewers_kept *right,
                              difference_visit visit, void *context) {
    struct comparison c = {visit, context, 0};
    size_t l = 0, r = 0;
    while (l < left->count || r < right->count) {
        const struct viewer *a = l < left->count ? &left->at[l] : NULL;
        const struct viewer *b = r < right->count ? &right->at[r] : NULL;
        int order = a == NULL ? 1 : b == NULL ? -1 : memcmp(a->key, b->key, VIEWER_KEY_SIZE);
        viewer_compare(&c, order <= 0 ? a : NULL, order >= 0 ? b : NULL);
        l += order <= 0;
        r += order >= 0;
    }
    return c.count;
}
