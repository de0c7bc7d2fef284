// Which events were there before, the recount's own way: of every id of a partition the newest offset it was
// seen at. An event is a duplicate where its id was seen, counted or not, at an offset of at least its own
// less the span.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct recount_dedup {
    struct recount_seen *slots;
    size_t room; // a power of two, or 0
    size_t used;
};

// Only for valid events, in the log's order. Notes the id; true where it is a duplicate.
bool recount_dedup_seen(struct recount_dedup *d, const unsigned char id[16], int64_t offset, int64_t span);
void recount_dedup_fini(struct recount_dedup *d);
