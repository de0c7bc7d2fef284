// Which counters an export has defined so far, by their names.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "runtime/slice.h"

struct defined {
    char **names; // sorted
    size_t count, room;
};

// False where the name is there already; it is copied.
bool defined_add(struct defined *defined, struct slice name);
void defined_fini(struct defined *defined);
