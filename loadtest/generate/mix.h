// What the generated stream is made of: kinds with their weights, where each happens, and what its body
// holds. A mix is a .def.
#pragma once

#include "loadtest/generate/bodies.h"

// Platforms on which a kind happens. A content decides by its own number on which of them it lies.
struct mix_place {
    const uint32_t *platforms;
    size_t count;
};

struct mix_row {
    uint32_t kind;
    uint32_t weight;
    const struct mix_place *place;
    body_writer write_body;
};

struct mix {
    const char *name;
    const char *doc;
    const struct mix_row *rows;
    size_t count;
    // Everything the contract can say: persons, tags, campaigns, live shows, odd ids, deltas. Else the lean
    // shape of a benchmark.
    bool rich;
};

extern const struct mix mixes[];
extern const size_t mix_count;

const struct mix *mix_find(const char *name); // NULL where there is none

uint64_t mix_weight(const struct mix *mix);
// The row that `ticket` (0 .. mix_weight - 1) falls on.
const struct mix_row *mix_row_at(const struct mix *mix, uint64_t ticket);
