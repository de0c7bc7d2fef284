// Hashtags of a stretch of time, and of the one of equal length before it, read from the store.
#pragma once

#include "aggregate/commands/published.h"
#include "aggregate/figures/velocity.h"

// The stretch that was told last is what the next one has before it, mostly: it is kept. {0} to begin with.
struct velocities {
    struct tag_uses last;
    int64_t start_s, end_s;
    bool has_last;
};

void velocities_fini(struct velocities *v);

// Tells the tags of [start_s, end_s); `rows` are all of its windows, added up.
enum status velocities_each(struct velocities *v, const struct published *pub, int64_t start_s, int64_t end_s,
                            const struct rows *rows, const struct filter *filter, velocity_visit visit,
                            void *context, struct problem *p);
