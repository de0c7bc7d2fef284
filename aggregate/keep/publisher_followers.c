// Windows of which no line is left, and whose orders are held against those of a window that gets more: a
// backfill, days later. No record names them any more. So who is to publish that window looks at them first:
// its line stays until it is published, and with it what they are to be revised by, whatever comes between.
//
// Refunds that look up their orders there lie up to months after it, and which do only their headers say: of
// those only windows that have a line are revised.
#include <stdlib.h>

#include "aggregate/keep/publisher_internal.h"
#include "runtime/memory.h"

enum { FOLLOWERS_MAX = EARLIER_S / WINDOW_S }; // of a window

static bool has_more_orders(const struct publisher *pub, const struct inputs *in) {
    for (uint32_t i = 0; i < pub->partitions; i++) {
        int64_t before = in->newest_coverage != NULL ? in->newest_coverage[i].orders_to : 0;
        if (in->coverage[i].orders_to > before)
            return true;
    }
    return false;
}

static bool is_any_settled(const struct publisher *pub, int64_t start_s) {
    uint32_t i = 0;
    while (i < pub->partitions && start_s >= pub->throughs[i].progress.settled_before_s)
        i++;
    return i < pub->partitions;
}

static bool is_follower(const struct publisher *pub, int64_t start_s) {
    return is_any_settled(pub, start_s) && !publisher_expects(pub, start_s);
}

// Its followers, ascending; `starts` holds FOLLOWERS_MAX.
static size_t followers_of(const struct publisher *pub, int64_t start_s, int64_t *starts) {
    size_t count = 0;
    for (int64_t after_s = WINDOW_S; after_s <= EARLIER_S; after_s += WINDOW_S) {
        if (is_follower(pub, start_s + after_s))
            starts[count++] = start_s + after_s;
    }
    return count;
}

bool followers_hold(struct publisher *pub, int64_t start_s, const struct inputs *in) {
    int64_t starts[FOLLOWERS_MAX];
    if (!has_more_orders(pub, in))
        return false;
    size_t count = followers_of(pub, start_s, starts), i = 0;
    while (i < count && done_is(pub, starts[i]))
        i++;
    if (i == count)
        return false;
    done_hold(pub, start_s);
    return true;
}

size_t followers_add(const struct publisher *pub, int64_t **starts, size_t count) {
    size_t all = count;
    for (size_t i = 0; i < count; i++) {
        if (!done_is_held(pub, (*starts)[i]))
            continue;
        *starts = memory_grow(*starts, all + FOLLOWERS_MAX, sizeof(**starts));
        all += followers_of(pub, (*starts)[i], *starts + all);
    }
    return all;
}
