// Allocation that cannot fail: the process stops (CHECK) when memory has run out, and counts exactly after
// its restart, because no state of its own was worth saving.
#pragma once

#include <stddef.h>

void *memory_take(size_t size);                             // zeroed
void *memory_grow(void *old, size_t count, size_t element); // as reallocarray; the new part is not zeroed
// An array that grows to many pages: they move, and are not copied. `size` and `old_size` in bytes, the
// latter as asked for before (0: nothing, then `old` is NULL); the new part is not zeroed. Give it back by
// memory_release, and not by free.
void *memory_extend(void *old, size_t old_size, size_t size);
void memory_release(void *block, size_t size);
char *memory_text(const char *text); // a copy
