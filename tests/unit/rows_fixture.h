// A member, or a duration, added to a sketch in one step.
#pragma once

#include "schemas/rows/rows.h"

static inline void add_member(struct rows *r, enum sketched of, struct slice account, uint32_t platform,
                              const unsigned char pseudonym[PSEUDONYM_SIZE]) {
    rows_add_reached(r, rows_sketch_number(r, of, account, platform), pseudonym);
}

static inline void add_acted(struct rows *r, bool paid, uint32_t origin, struct slice account,
                             uint32_t platform, const unsigned char pseudonym[PSEUDONYM_SIZE]) {
    rows_add_acted(r, rows_sketch_number(r, SKETCHED_ACTED, account, platform), sketched_class(paid, origin),
                   pseudonym);
}

static inline void add_duration(struct rows *r, enum sketched of, struct slice account, uint32_t platform,
                                int64_t duration_ms) {
    rows_add_duration(r, rows_sketch_number(r, of, account, platform), duration_ms);
}
