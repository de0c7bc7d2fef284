// Money for people: exact micros (millionths of the currency's unit) shown with the currency's own digits.
// Only pages and tables round; whatever a program reads stays in micros.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "runtime/slice.h"

enum { MONEY_TEXT_MAX = 32, MONEY_CURRENCY_LENGTH = 3 };

// Three capitals, listed or not.
bool money_is_currency(struct slice text);

// Digits after the point: JPY 0, EUR 2, KWD 3 (currencies.def); 2 for a code that is not listed there.
int money_digits(struct slice currency);

// "182311.40", rounded half to even, terminated; returns the length. What rounds to zero has no sign.
size_t money_write(char out[MONEY_TEXT_MAX], int64_t micros, struct slice currency);
