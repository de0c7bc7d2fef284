// Allocation that cannot fail: the process stops (CHECK) when memory has run out, and counts exactly after
// its restart, because no state of its own was worth saving.
#pragma once

#include <stddef.h>

void *memory_take(size_t size);                             // zeroed
void *memory_grow(void *old, size_t count, size_t element); // as reallocarray; the new part is not zeroed
char *memory_text(const char *text);                        // a copy
