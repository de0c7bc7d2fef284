// Events that must be refused, each for one reason.
#pragma once

#include "loadtest/generate/draft.h"
#include "loadtest/generate/random.h"
#include "schemas/reject.h"

struct spoil {
    const char *name;
    enum reject reason;             // what a reader must answer
    void (*write)(struct draft *d); // before packing; NULL: the bytes are spoilt
    size_t (*break_bytes)(uint8_t *bytes, size_t length, struct random *r); // after packing; NULL: as packed
};

extern const struct spoil spoils[];
extern const size_t spoil_count;

// A spoilt message that no reader can take apart stands alone: it would take the events of its batch with it.
static inline bool spoil_stands_alone(const struct spoil *s) {
    return s->break_bytes != NULL;
}
