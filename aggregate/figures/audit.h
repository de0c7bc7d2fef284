// Does a file of the store say what its name says, and does what it says add up? Pure.
//
// Each returns true where it does, else false with what is wrong in `out`, for a person.
#pragma once

#include "aggregate/store/shelf.h"
#include "schemas/snapshot/snapshot.h"

enum { AUDIT_TEXT_MAX = 256 };

// `name` is the store's ("parts/1767225600/p0003-..."), or a path that ends with such a one. A name that is
// none of a store's says nothing, and is not wrong.
bool audit_name(const char *name, const struct header *header, char out[AUDIT_TEXT_MAX]);

// Is there such a kind of file? False for a name that nothing in a store has.
bool audit_is_name(const char *name);

// Of a sealed-through record, and of a checkpoint: read = rejected + duplicate + settled + the sum of the
// lines.
bool audit_balance(const struct progress *progress, char out[AUDIT_TEXT_MAX]);

// A window's line in the sealed-through record against its part, the one that ends where the line does (NULL:
// there is none, which is right while its rows are still in the checkpoint).
bool audit_line(uint32_t partition, const struct line *line, const struct coverage *part,
                char out[AUDIT_TEXT_MAX]);

// The orders of a part have a file of their own, up to `orders_to` of its line or of the window's coverage.
// `to` is that, or 0; `is_there`: the file is.
bool audit_orders(uint32_t partition, int64_t to, bool is_there, char out[AUDIT_TEXT_MAX]);

// What a published window covers of a partition, against the part that ends there (NULL: there is none).
bool audit_coverage(const struct coverage *coverage, const struct coverage *part, char out[AUDIT_TEXT_MAX]);
