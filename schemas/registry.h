// The registries: platforms, kinds and counters, as rows of platforms.def, kinds.def and counters.def.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/slice.h"

enum platform {
#define PLATFORM(number, id, name) PLATFORM_##id = number,
#include "schemas/platforms.def"
#undef PLATFORM
};

enum kind {
#define KIND(number, id, name, counter, weight) KIND_##id = number,
#include "schemas/kinds.def"
#undef KIND
};

// One number for every counter: first those of the kinds (a kind without a counter has its number all the
// same, unused).
enum counter {
    COUNTER_NONE = 0,
#define KIND(number, id, name, counter, weight) COUNTER_OF_##id,
#include "schemas/kinds.def"
#undef KIND
#define COUNTER(id, name, by_currency, doc) COUNTER_##id,
#include "schemas/counters.def"
#undef COUNTER
    COUNTER_COUNT,
};

struct counter_row {
    const char *name; // "" for a kind that counts nothing by itself
    const char *doc;
    bool by_currency;
};

struct kind_row {
    const char *name;
    enum counter counter; // COUNTER_NONE: counts nothing by itself
    int32_t weight;       // in `top`, unless the rules say otherwise
};

const struct counter_row *counter_row(enum counter counter);
// Are its values millionths of a currency's unit? Such counters are named so: gross_micros. What is by
// currency may be a count as well.
bool counter_is_money(enum counter counter);
// Is it what a kind counts by itself, and no measure?
bool counter_is_of_kind(enum counter counter);

// NULL where the number is not listed.
const struct kind_row *kind_find(uint32_t number);

// The listed name, or NULL.
const char *platform_name(uint32_t number);

// The listed name, else "platform_<number>": what stands in keys. `out` holds at least PLATFORM_NAME_MAX
// bytes. Returns the length.
enum { PLATFORM_NAME_MAX = 32 };
size_t platform_write(char *out, uint32_t number);

// 0 where no platform is called so (also understands "platform_<number>").
uint32_t platform_parse(const char *name, size_t length);

// 0 where no kind is called so.
uint32_t kind_parse(const char *name, size_t length);

// COUNTER_NONE where no counter is called so: neither a kind's nor a row of counters.def.
enum counter counter_parse(struct slice name);
