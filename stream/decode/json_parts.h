// Where the elements of an array stand within a JSON text; for decode alone.
#pragma once

#include "runtime/slice.h"

// Fills parts[0..count) with the texts of the elements of the array under the root's `key`, from their first
// byte to their last. The text has been parsed: its root is an object, and `key` its array of `count`
// elements.
void json_parts_find(struct slice text, const char *key, struct slice *parts, size_t count);
