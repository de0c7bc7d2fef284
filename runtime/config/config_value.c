#include "runtime/config/config_value.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct unit {
    const char *name;
    int64_t factor;
};

// The larger first: a bound is shown in the largest unit that divides it.
static const struct unit duration_units[] = {
    {"d", 86400000}, {"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1}};
static const struct unit size_units[] = {
    {"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"GB", 1000000000},
    {"MB", 1000000},  {"KB", 1000},     {"B", 1}};
enum { DURATION_UNITS = 5, SIZE_UNITS = 7 };

// Digits without needless zeros (010 is octal to some, ten to others). Returns the first byte after them, or
// NULL.
static const char *digits_parse(const char *text, int64_t *value) {
    int64_t sum = 0;
    const char *at = text;
    for (; *at >= '0' && *at <= '9'; at++)
        if (__builtin_mul_overflow(sum, 10, &sum) || __builtin_add_overflow(sum, *at - '0', &sum))
            return NULL;
    if (at == text || (text[0] == '0' && at > text + 1))
        return NULL;
    *value = sum;
    return at;
}

static bool quantity_parse(const char *text, const struct unit *units, size_t count, int64_t *value) {
    int64_t number = 0;
    const char *unit = digits_parse(text, &number);
    if (unit == NULL)
        return false;
    if (unit[0] == '\0' && number == 0) {
        *value = 0;
        return true;
    }
    for (size_t i = 0; i < count; i++)
        if (strcmp(unit, units[i].name) == 0)
            return !__builtin_mul_overflow(number, units[i].factor, value);
    return false;
}

bool config_parse_duration(const char *text, int64_t *ms) {
    return quantity_parse(text, duration_units, DURATION_UNITS, ms);
}

bool config_parse_size(const char *text, int64_t *bytes) {
    return quantity_parse(text, size_units, SIZE_UNITS, bytes);
}

bool config_parse_int(const char *text, int64_t *value) {
    bool negative = text[0] == '-';
    int64_t number = 0;
    const char *end = digits_parse(text + negative, &number);
    if (end == NULL || *end != '\0')
        return false;
    *value = negative ? -number : number;
    return true;
}

enum { THOUSAND = 1000, PLACES = 3 };

static bool decimal_parse(const char *text, int64_t *thousandths) {
    int64_t whole = 0, part = 0;
    const char *at = digits_parse(text, &whole);
    if (at == NULL || __builtin_mul_overflow(whole, THOUSAND, &whole))
        return false;
    int places = 0;
    if (*at == '.') {
        for (at++; *at >= '0' && *at <= '9' && places < PLACES; at++, places++)
            part = 10 * part + (*at - '0');
        if (places == 0)
            return false;
    }
    for (; places < PLACES; places++)
        part *= 10;
    return *at == '\0' && !__builtin_add_overflow(whole, part, thousandths);
}

void config_decimal_write(char *out, size_t size, int64_t thousandths) {
    int length =
        snprintf(out, size, "%" PRId64 ".%03" PRId64, thousandths / THOUSAND, thousandths % THOUSAND);
    while (length > 0 && out[length - 1] == '0')
        out[--length] = '\0';
    if (length > 0 && out[length - 1] == '.')
        out[length - 1] = '\0';
}

static void bound_write(char *out, size_t size, const struct option_row *row, int64_t value) {
    const struct unit *units = row->type == OPTION_DURATION ? duration_units : size_units;
    size_t count = row->type == OPTION_DURATION ? DURATION_UNITS : row->type == OPTION_SIZE ? SIZE_UNITS : 0;
    if (row->type == OPTION_DECIMAL) {
        config_decimal_write(out, size, value);
        return;
    }
    for (size_t i = 0; i < count && value != 0; i++)
        if (value % units[i].factor == 0) {
            snprintf(out, size, "%" PRId64 "%s", value / units[i].factor, units[i].name);
            return;
        }
    snprintf(out, size, "%" PRId64, value);
}

static const char *shown(const struct option_row *row, const char *text) {
    return (row->flags & OPTION_SECRET) != 0 ? "***" : text;
}

static const char *or_off(const struct option_row *row) {
    return (row->flags & OPTION_OFF) != 0 ? ", or off" : "";
}

static bool all_digits(const char *text) {
    return text[0] != '\0' && text[strspn(text, "0123456789")] == '\0';
}

static bool refuse_number(const struct option_row *row, const char *text, char *why) {
    if (row->type == OPTION_INT)
        snprintf(why, CONFIG_WHY_MAX, "is \"%.100s\"; it takes a whole number%s", shown(row, text),
                 or_off(row));
    else if (row->type == OPTION_DECIMAL)
        snprintf(why, CONFIG_WHY_MAX, "is \"%.100s\"; it takes a number of at most three places, as in 2.5%s",
                 shown(row, text), or_off(row));
    else if (row->type == OPTION_DURATION && all_digits(text))
        snprintf(why, CONFIG_WHY_MAX,
                 "is \"%.30s\"; a duration needs its unit: ms, s, m, h or d, as in 10s%s", shown(row, text),
                 or_off(row));
    else if (row->type == OPTION_DURATION)
        snprintf(why, CONFIG_WHY_MAX,
                 "is \"%.100s\"; a duration is a whole number and ms, s, m, h or d, as in 250ms%s",
                 shown(row, text), or_off(row));
    else if (all_digits(text))
        snprintf(why, CONFIG_WHY_MAX, "is \"%.30s\"; a size needs its unit: B, KiB, MiB, GiB, KB, MB or GB%s",
                 shown(row, text), or_off(row));
    else
        snprintf(why, CONFIG_WHY_MAX,
                 "is \"%.100s\"; a size is a whole number and B, KiB, MiB, GiB, KB, MB or GB, as in 64KiB%s",
                 shown(row, text), or_off(row));
    return false;
}

static bool number_parse(const struct option_row *row, const char *text, int64_t *value) {
    if (row->type == OPTION_INT)
        return config_parse_int(text, value);
    if (row->type == OPTION_DECIMAL)
        return decimal_parse(text, value);
    if (row->type == OPTION_SIZE)
        return config_parse_size(text, value);
    return config_parse_duration(text, value);
}

static bool number_store(int64_t *field, const struct option_row *row, const char *text, char *why) {
    if ((row->flags & OPTION_OFF) != 0 && strcmp(text, "off") == 0) {
        *field = -1;
        return true;
    }
    int64_t value = 0;
    if (!number_parse(row, text, &value))
        return refuse_number(row, text, why);
    bool bounded = row->min != 0 || row->max != 0;
    if (bounded && (value < row->min || value > row->max)) {
        char low[32], high[32];
        bound_write(low, sizeof(low), row, row->min);
        bound_write(high, sizeof(high), row, row->max);
        snprintf(why, CONFIG_WHY_MAX, "is %.100s; it takes %s to %s%s", shown(row, text), low, high,
                 or_off(row));
        return false;
    }
    *field = value;
    return true;
}

// The names between the brackets of the row's doc, each cut out by `|`.
static bool choice_holds(const char *choices, const char *text) {
    size_t length = strlen(text);
    for (const char *at = choices; *at != '\0' && *at != ']'; at += strcspn(at, "|]") + 1) {
        size_t name = strcspn(at, "|]");
        if (name == length && memcmp(at, text, length) == 0)
            return true;
        if (at[name] != '|')
            return false;
    }
    return false;
}

static bool choice_check(const struct option_row *row, const char *text, char *why) {
    const char *choices = strchr(row->doc, '[');
    if (choices != NULL && choice_holds(choices + 1, text))
        return true;
    int length = choices == NULL ? 0 : (int)strcspn(choices + 1, "]");
    snprintf(why, CONFIG_WHY_MAX, "is \"%.100s\"; it takes one of %.*s", shown(row, text), length,
             choices == NULL ? "" : choices + 1);
    return false;
}

static bool bool_store(bool *field, const struct option_row *row, const char *text, char *why) {
    bool truth = strcmp(text, "true") == 0;
    if (!truth && strcmp(text, "false") != 0) {
        snprintf(why, CONFIG_WHY_MAX, "is \"%.100s\"; it takes true or false", shown(row, text));
        return false;
    }
    *field = truth;
    return true;
}

bool config_value_store(void *target, const struct option_row *row, const char *text, char *why) {
    void *field = (char *)target + row->offset;
    switch (row->type) {
    case OPTION_CHOICE:
        if (!choice_check(row, text, why))
            return false;
        *(const char **)field = text;
        return true;
    case OPTION_STRING:
        *(const char **)field = text;
        return true;
    case OPTION_BOOL:
        return bool_store(field, row, text, why);
    case OPTION_INT:
    case OPTION_SIZE:
    case OPTION_DURATION:
    case OPTION_DECIMAL:
        break;
    }
    return number_store(field, row, text, why);
}

const struct option_row *config_row_find(const struct option_row *rows, size_t count, const char *name) {
    for (size_t i = 0; i < count; i++)
        if (strcmp(rows[i].name, name) == 0)
            return &rows[i];
    return NULL;
}

enum { NEAREST_MAX = 128 };

static size_t least(size_t a, size_t b) {
    return a < b ? a : b;
}

// Insertions, deletions, replacements and swaps of neighbours, each once (optimal string alignment).
static size_t edit_distance(const char *a, size_t a_length, const char *b, size_t b_length) {
    size_t rows[3][NEAREST_MAX + 1];
    size_t *before = rows[0], *last = rows[1], *row = rows[2];
    for (size_t j = 0; j <= b_length; j++)
        last[j] = j;
    for (size_t i = 1; i <= a_length; i++) {
        row[0] = i;
        for (size_t j = 1; j <= b_length; j++) {
            row[j] = least(least(last[j], row[j - 1]) + 1, last[j - 1] + (a[i - 1] != b[j - 1]));
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                row[j] = least(row[j], before[j - 2] + 1);
        }
        size_t *oldest = before;
        before = last;
        last = row;
        row = oldest;
    }
    return last[b_length];
}

const char *config_nearest(const char *word, const char *const *names, size_t count) {
    size_t length = strlen(word), bound = length / 3 + 1;
    const char *nearest = NULL;
    if (length > NEAREST_MAX)
        return NULL;
    for (size_t i = 0; i < count; i++) {
        size_t name_length = strlen(names[i]);
        if (name_length > NEAREST_MAX)
            continue;
        size_t distance = edit_distance(word, length, names[i], name_length);
        if (distance < bound) {
            bound = distance;
            nearest = names[i];
        }
    }
    return nearest;
}
