// What a row makes of a text: the inside of runtime/config/config.c, which other strict readers may share.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "runtime/config/config.h"

enum { CONFIG_WHY_MAX = 320 };

// Parses `text` by the row's type and bounds into the field of `target` (a text is kept, not copied). False:
// `why` (CONFIG_WHY_MAX bytes) says what is wrong, as what follows the name: `is "250"; a duration needs its
// unit: 250ms, 250s, 250m, 250h or 250d`. A secret is not shown.
bool config_value_store(void *target, const struct option_row *row, const char *text, char *why);

// Thousandths as a decimal without needless zeros: 2500 is 2.5. None is negative.
void config_decimal_write(char *out, size_t size, int64_t thousandths);

// The row of that name, or NULL.
const struct option_row *config_row_find(const struct option_row *rows, size_t count, const char *name);
