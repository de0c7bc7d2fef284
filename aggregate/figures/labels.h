// The names of what figures are told by: origins and formats are event.proto's, without their prefix. Pure.
#pragma once

#include "schemas/rows/rows.h"

enum { LABEL_MAX = 40 };

// "brand", "short_video"; "unknown" is 0, a number that is not listed "origin_7". `out` holds LABEL_MAX
// bytes.
const char *label_origin(char out[LABEL_MAX], uint32_t origin);
const char *label_format(char out[LABEL_MAX], uint32_t format);
// "instagram", "platform_77".
const char *label_platform(char out[LABEL_MAX], uint32_t platform);
const char *label_paid(bool paid); // "paid", "organic"

// "totals", "content"...
const char *label_table(enum table table);
