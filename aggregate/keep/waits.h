// Whom windows wait for: which partitions have sealed them, which stand still, and whether a window has
// waited long enough to be published without those. Pure.
//
// A window has waited since its end, by the event time of the partition that is furthest ahead: that is the
// same for whoever asks. A partition stands still since its sealed-through record was seen to change last:
// one that an owner reads, be it far behind, does not.
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct waits;

// `after_ms`: how long a window waits for a partition that stands still; negative: for ever.
struct waits *waits_create(uint32_t partitions, int64_t after_ms);
void waits_destroy(struct waits **w);

// A partition's record as it is now; offset -1: it has none. `now_ms`: of a steady clock.
void waits_note(struct waits *w, uint32_t partition, int64_t offset, int64_t sealed_s, int64_t watermark_ms,
                int64_t now_ms);

// Has the partition not sealed the window?
bool waits_lacks(const struct waits *w, uint32_t partition, int64_t start_s);
// Do all that have not sealed the window stand still, and has it waited long enough? Also where all have.
bool waits_are_over(const struct waits *w, int64_t start_s);
bool waits_stands_still(const struct waits *w, uint32_t partition);
