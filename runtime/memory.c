#include "runtime/memory.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/check.h"

void *memory_take(size_t size) {
    void *block = calloc(1, size);
    CHECK(block != NULL);
    return block;
}

void *memory_grow(void *old, size_t count, size_t element) {
    void *block = reallocarray(old, count, element);
    CHECK(block != NULL);
    return block;
}

char *memory_text(const char *text) {
    char *copy = strdup(text);
    CHECK(copy != NULL);
    return copy;
}
