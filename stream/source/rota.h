// Whose turn it is to be asked about, of partitions that brokers are asked about together.
//
// Where one has no leader nobody gets an answer. So they take turns, and after a question that was not
// answered fewer are asked about at once, down to one: then the others get theirs. Pure.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rota {
    int32_t next;
    size_t most; // at once
};

static inline void rota_init(struct rota *r, size_t most) {
    *r = (struct rota){0, most};
}

// The partition that comes as the `place`th, of so many.
static inline int32_t rota_at(const struct rota *r, int32_t place, int32_t partitions) {
    return (int32_t)(((int64_t)r->next + place) % partitions);
}

// `count` were asked about, `last` at last; of so many there may be.
static inline void rota_asked(struct rota *r, int32_t last, size_t count, bool answered, size_t partitions) {
    r->next = last + 1;
    if (answered)
        r->most = r->most < partitions ? 2 * r->most : r->most;
    else
        r->most = count > 1 ? count / 2 : 1;
}
