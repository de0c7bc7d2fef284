// Files beside the store, read whole.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "runtime/status.h"

bool local_file_is_there(const char *path);
// The caller frees `*bytes`. STATUS_NO_INPUT, STATUS_NOT_ALLOWED.
enum status local_file_read(const char *path, char **bytes, size_t *length, struct problem *p);
