#include "runtime/memory.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "runtime/check.h"

enum { HUGE_PAGE = 2 * 1024 * 1024 };

// Large tables are looked at in no order at all; in huge pages, where the system has them, that costs a
// fraction.
static void advise_huge(void *block, size_t size) {
    uintptr_t first = ((uintptr_t)block + HUGE_PAGE - 1) & ~(uintptr_t)(HUGE_PAGE - 1);
    uintptr_t end = ((uintptr_t)block + size) & ~(uintptr_t)(HUGE_PAGE - 1);
    if (first < end)
        madvise((void *)first, end - first, MADV_HUGEPAGE);
}

void *memory_take(size_t size) {
    void *block = calloc(1, size);
    CHECK(block != NULL);
    advise_huge(block, size);
    return block;
}

void *memory_grow(void *old, size_t count, size_t element) {
    void *block = reallocarray(old, count, element);
    CHECK(block != NULL);
    advise_huge(block, count * element);
    return block;
}

char *memory_text(const char *text) {
    char *copy = strdup(text);
    CHECK(copy != NULL);
    return copy;
}
