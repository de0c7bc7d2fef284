// What was published with all that is known of it, so that nobody looks at it again until more is known.
#include <stdlib.h>
#include <string.h>

#include "aggregate/keep/publisher_internal.h"
#include "runtime/hash.h"
#include "runtime/memory.h"

static size_t done_place(const struct publisher *pub, int64_t start_s) {
    size_t low = 0, high = pub->done_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (pub->done[middle].start_s < start_s)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static uint64_t lines_hash(const struct publisher *pub, const struct done *done) {
    uint64_t hash = 0;
    for (uint32_t i = 0; i < pub->partitions; i++) {
        const struct line *line = progress_line(&pub->throughs[i].progress, done->start_s);
        if (waits_lacks(pub->waits, i, done->start_s))
            hash = hash_integer(hash ^ (UINT64_MAX - i));
        else if (line != NULL)
            hash = hash_bytes(&line->to, sizeof(line->to), hash_integer(hash + i));
    }
    if (done->has_orders)
        hash ^= earlier_hash(pub->earlier, done->start_s);
    for (size_t i = 0; i < done->looked_count; i++)
        hash = hash_integer(hash ^ earlier_hash_of(pub->earlier, done->looked[i]));
    return hash;
}

bool done_is(const struct publisher *pub, int64_t start_s) {
    size_t place = done_place(pub, start_s);
    if (place == pub->done_count || pub->done[place].start_s != start_s)
        return false;
    return !pub->done[place].is_held && pub->done[place].lines == lines_hash(pub, &pub->done[place]);
}

bool done_is_held(const struct publisher *pub, int64_t start_s) {
    size_t place = done_place(pub, start_s);
    return place < pub->done_count && pub->done[place].start_s == start_s && pub->done[place].is_held;
}

static struct done *done_of(struct publisher *pub, int64_t start_s) {
    size_t place = done_place(pub, start_s);
    if (place < pub->done_count && pub->done[place].start_s == start_s)
        return &pub->done[place];
    if (pub->done_count == pub->done_room) {
        pub->done_room = pub->done_room == 0 ? 64 : 2 * pub->done_room;
        pub->done = memory_grow(pub->done, pub->done_room, sizeof(*pub->done));
    }
    memmove(&pub->done[place + 1], &pub->done[place], (pub->done_count - place) * sizeof(*pub->done));
    pub->done_count++;
    pub->done[place] = (struct done){.start_s = start_s};
    return &pub->done[place];
}

void done_set(struct publisher *pub, int64_t start_s, const struct inputs *in) {
    struct done *done = done_of(pub, start_s);
    free(done->looked);
    done->looked_count = earlier_windows(in->earlier, in->earlier_count, &done->looked);
    done->is_held = false;
    done->has_orders = inputs_has_orders(pub, in);
    done->lines = lines_hash(pub, done);
}

void done_hold(struct publisher *pub, int64_t start_s) {
    done_of(pub, start_s)->is_held = true;
}

void done_doubt(struct publisher *pub) {
    done_forget(pub, INT64_MAX);
}

void done_forget(struct publisher *pub, int64_t before_s) {
    size_t gone = done_place(pub, before_s);
    for (size_t i = 0; i < gone; i++)
        free(pub->done[i].looked);
    pub->done_count -= gone;
    if (gone > 0)
        memmove(pub->done, pub->done + gone, pub->done_count * sizeof(*pub->done));
}

void done_fini(struct publisher *pub) {
    done_forget(pub, INT64_MAX);
    free(pub->done);
}
