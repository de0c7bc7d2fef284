#include "runtime/memory.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "runtime/check.h"

enum {
    HUGE_PAGE = 2 * 1024 * 1024,
    PAGE = 4096,
    MAPPED = 256 * 1024, // bytes from which on an array has pages of its own
};

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

static size_t whole_pages(size_t size) {
    return (size + PAGE - 1) & ~(size_t)(PAGE - 1);
}

static void *pages_take(size_t size) {
    void *block = mmap(NULL, whole_pages(size), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(block != MAP_FAILED);
    return block;
}

static void *pages_move(void *old, size_t old_size, size_t size) {
    void *block = mremap(old, whole_pages(old_size), whole_pages(size), MREMAP_MAYMOVE);
    CHECK(block != MAP_FAILED);
    return block;
}

static void *pages_begin(void *old, size_t old_size, size_t size) {
    void *block = pages_take(size);
    if (old_size > 0)
        memcpy(block, old, old_size);
    free(old);
    return block;
}

void *memory_extend(void *old, size_t old_size, size_t size) {
    CHECK(size >= old_size);
    if (size < MAPPED)
        return memory_grow(old, size, 1);
    void *block = old_size < MAPPED ? pages_begin(old, old_size, size) : pages_move(old, old_size, size);
    if (size >= HUGE_PAGE) // of all of it: parts would no longer move as one
        madvise(block, whole_pages(size), MADV_HUGEPAGE);
    return block;
}

void memory_release(void *block, size_t size) {
    if (size < MAPPED)
        free(block);
    else
        CHECK(munmap(block, whole_pages(size)) == 0);
}

char *memory_text(const char *text) {
    char *copy = strdup(text);
    CHECK(copy != NULL);
    return copy;
}
