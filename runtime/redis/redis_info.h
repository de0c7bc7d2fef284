// What Redis answers to INFO: lines `name:value`.
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum { REDIS_INFO_VALUE_MAX = 64 };

// The value of a name; "unknown" and false where the text has none. What a managed Redis hides is unknown.
bool redis_info_value(const char *info, const char *name, char out[REDIS_INFO_VALUE_MAX]);

// The same for a number; -1 where it is unknown.
int64_t redis_info_number(const char *info, const char *name);
