#include "aggregate/commands/export/defined.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/memory.h"

static int compare(const char *name, struct slice other) {
    int order = strncmp(name, other.at, other.length);
    return order != 0 ? order : (name[other.length] != '\0');
}

static size_t place(const struct defined *defined, struct slice name) {
    size_t low = 0, high = defined->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (compare(defined->names[middle], name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

bool defined_add(struct defined *defined, struct slice name) {
    size_t at = place(defined, name);
    if (at < defined->count && compare(defined->names[at], name) == 0)
        return false;
    if (defined->count == defined->room) {
        defined->room = defined->room == 0 ? 256 : 2 * defined->room;
        defined->names = memory_grow(defined->names, defined->room, sizeof(*defined->names));
    }
    memmove(defined->names + at + 1, defined->names + at, (defined->count - at) * sizeof(*defined->names));
    defined->names[at] = memory_take(name.length + 1);
    memcpy(defined->names[at], name.at, name.length);
    defined->names[at][name.length] = '\0';
    defined->count++;
    return true;
}

void defined_fini(struct defined *defined) {
    for (size_t i = 0; i < defined->count; i++)
        free(defined->names[i]);
    free(defined->names);
    *defined = (struct defined){0};
}
