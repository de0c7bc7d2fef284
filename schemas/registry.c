#include "schemas/registry.h"

#include <string.h>

#include "runtime/check.h"
#include "schemas/decimal.h"

#define UNLISTED_PLATFORM "platform_"

static const struct slice platforms[] = {
#define PLATFORM(number, id, name) [number] = {name, sizeof(name) - 1},
#include "schemas/platforms.def"
#undef PLATFORM
};
enum { PLATFORM_END = sizeof(platforms) / sizeof(platforms[0]) };

#define PLATFORM(number, id, name)                                                                           \
    _Static_assert(sizeof(name) <= PLATFORM_NAME_MAX, "platform name " name " is too long");
#include "schemas/platforms.def"
#undef PLATFORM

static const struct kind_row kinds[] = {
#define KIND(number, id, name, counter, weight)                                                              \
    [number] = {name, sizeof(counter) > 1 ? COUNTER_OF_##id : COUNTER_NONE, weight},
#include "schemas/kinds.def"
#undef KIND
};
enum { KIND_END = sizeof(kinds) / sizeof(kinds[0]) };

static const struct counter_row counters[] = {
    [COUNTER_NONE] = {"", "", false},
#define KIND(number, id, name, counter, weight)                                                              \
    [COUNTER_OF_##id] = {counter, "events of kind " name "; by delta", false},
#include "schemas/kinds.def"
#undef KIND
#define COUNTER(id, name, by_currency, doc) [COUNTER_##id] = {name, doc, by_currency},
#include "schemas/counters.def"
#undef COUNTER
};

const struct counter_row *counter_row(enum counter counter) {
    CHECK((unsigned)counter < COUNTER_COUNT);
    return &counters[counter];
}

bool counter_is_money(enum counter counter) {
    static const char ending[] = "_micros";
    const char *name = counter_row(counter)->name;
    size_t length = strlen(name), tail = sizeof(ending) - 1;
    return length > tail && strcmp(name + length - tail, ending) == 0;
}

bool counter_is_of_kind(enum counter counter) {
    enum {
        END = 1
#define KIND(number, id, name, counter, weight) +1
#include "schemas/kinds.def"
#undef KIND
    };
    return counter != COUNTER_NONE && (unsigned)counter < END;
}

enum counter counter_parse(struct slice name) {
    for (unsigned i = 1; name.length > 0 && i < COUNTER_COUNT; i++) {
        if (slice_equal(name, slice_of(counters[i].name)))
            return (enum counter)i;
    }
    return COUNTER_NONE;
}

const struct kind_row *kind_find(uint32_t number) {
    if (number >= KIND_END || kinds[number].name == NULL)
        return NULL;
    return &kinds[number];
}

uint32_t kind_parse(const char *name, size_t length) {
    struct slice wanted = {name, length};
    for (uint32_t number = 1; number < KIND_END; number++) {
        if (kinds[number].name != NULL && slice_equal(wanted, slice_of(kinds[number].name)))
            return number;
    }
    return 0;
}

const char *platform_name(uint32_t number) {
    return number < PLATFORM_END ? platforms[number].at : NULL;
}

size_t platform_write(char *out, uint32_t number) {
    if (number < PLATFORM_END && platforms[number].at != NULL) {
        memcpy(out, platforms[number].at, platforms[number].length);
        return platforms[number].length;
    }
    size_t length = sizeof(UNLISTED_PLATFORM) - 1;
    memcpy(out, UNLISTED_PLATFORM, length);
    return length + decimal_write(out + length, number);
}

// The number of "platform_<number>" exactly as platform_write writes it: a platform has one name, so a listed
// number, a leading zero or a number past 32 bits is none.
static uint32_t unlisted_parse(struct slice digits) {
    uint64_t number = 0;
    for (size_t i = 0; i < digits.length; i++) {
        if (digits.at[i] < '0' || digits.at[i] > '9' || (i == 0 && digits.at[i] == '0'))
            return 0;
        number = number * 10 + (uint64_t)(digits.at[i] - '0');
        if (number > UINT32_MAX)
            return 0;
    }
    return platform_name((uint32_t)number) == NULL ? (uint32_t)number : 0;
}

uint32_t platform_parse(const char *name, size_t length) {
    struct slice wanted = {name, length};
    for (uint32_t number = 1; number < PLATFORM_END; number++) {
        if (platforms[number].at != NULL && slice_equal(wanted, platforms[number]))
            return number;
    }
    size_t prefix = sizeof(UNLISTED_PLATFORM) - 1;
    if (length <= prefix || memcmp(name, UNLISTED_PLATFORM, prefix) != 0)
        return 0;
    return unlisted_parse((struct slice){name + prefix, length - prefix});
}
