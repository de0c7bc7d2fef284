// May a window's figures still change? Pure: from the partitions' sealed-through records alone.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "schemas/snapshot/snapshot.h"

// What all partitions have sealed.
struct seal {
    uint32_t partitions;
    uint32_t last;       // the partition that seals last, the first of several
    bool known;          // every partition has a record; else `last` is one that has none
    bool level;          // known, and none has sealed more than another: `last` holds up nothing
    int64_t sealed_s;    // every window that ends by then is sealed by all; 0: none
    int64_t watermark_s; // event time up to which all are thought complete; 0: none
};

// `of[i]` is the record of partition i, NULL where there is none.
struct seal seal_of(const struct progress *const *of, uint32_t partitions);

enum freshness {
    FRESH_SEALED,      // nothing but the late table may change
    FRESH_REVISED,     // the same; figures published before were others
    FRESH_PROVISIONAL, // published, and not yet past its lateness; or it lacks something that is known
    FRESH_INCOMPLETE,  // published without a partition, as its header says
};

// Does a published file lack what sealed-through records say that its window has, or that the orders have
// which it is held against, of 48 hours before, and in which its refunds are looked up, of the windows that
// it names?
bool freshness_is_short(const struct header *published, const struct progress *const *of,
                        uint32_t partitions);

// `revisions`: how many of the window were published. `missing`: partitions that the newest is without.
enum freshness freshness_of(const struct seal *seal, int64_t window_end_s, int64_t lateness_s,
                            uint32_t revisions, uint32_t missing, bool is_short);

// The state of a stretch of windows, gathered one by one.
struct freshness_sum {
    enum freshness worst;
    uint32_t revisions; // the most of any
};
void freshness_add(struct freshness_sum *sum, enum freshness freshness, uint32_t revisions);

// "incomplete", "provisional", "sealed", "revision 3".
enum { FRESHNESS_TEXT_MAX = 32 };
const char *freshness_write(char out[FRESHNESS_TEXT_MAX], const struct freshness_sum *sum);

// What is known of a window that has no snapshot.
enum absence {
    ABSENT_EMPTY,    // it has no event
    ABSENT_UNSEALED, // some partition has not sealed it
    ABSENT_MISSING,  // it has events, and all have sealed it; or nobody can say
};
// `has_events`: it has parts, or some partition's line.
enum absence absence_of(const struct seal *seal, int64_t start_s, bool has_events);
