// The lists of rivals of a version. The inside of the rules.
#pragma once

#include "runtime/config/document.h"
#include "runtime/config/rules.h"

// What a version says itself, while it is read.
struct tracked_lists {
    struct rules_tracked *at;
    size_t count;
};

// Adds an account's list, a sequence of scalars; false where the version has given one before. Texts are
// copied.
bool tracked_add(struct tracked_lists *lists, struct arena *names, const char *account,
                 const struct document_node *brands);
// Gives them to the version, which has those of the version before; frees `lists`.
void tracked_settle(struct tracked_lists *lists, struct arena *names, struct rules *version);

// A number for all lists of a version, however they were written.
uint64_t tracked_hash(const struct rules *version);
