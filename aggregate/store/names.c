#include "aggregate/store/names.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "schemas/event.h"
#include "schemas/rows/rows.h"

enum { OFFSET_DIGITS = 19, PARTITION_DIGITS = 4, HASH_DIGITS = 16 };

static void part_write(char out[NAME_MAX_LENGTH], const char *folder, const struct part_name *name) {
    snprintf(out, NAME_MAX_LENGTH, "%s/%" PRId64 "/p%04" PRIu32 "-%019" PRId64 "-%019" PRId64 ".zst", folder,
             name->start_s, name->partition, name->from, name->to);
}

void part_name_write(char out[NAME_MAX_LENGTH], const struct part_name *name) {
    part_write(out, "parts", name);
}

void orders_name_write(char out[NAME_MAX_LENGTH], const struct part_name *name) {
    part_write(out, "orders", name);
}

void through_name_write(char out[NAME_MAX_LENGTH], const struct through_name *name) {
    snprintf(out, NAME_MAX_LENGTH, "through/p%04" PRIu32 "-%019" PRId64 "-%019" PRId64 ".zst",
             name->partition, name->offset, name->sealed_s);
}

void checkpoint_name_write(char out[NAME_MAX_LENGTH], const struct checkpoint_name *name) {
    snprintf(out, NAME_MAX_LENGTH, "checkpoints/p%04" PRIu32 "-%019" PRId64 "-%019" PRId64 ".zst",
             name->partition, name->offset, name->after);
}

void snapshot_name_write(char out[NAME_MAX_LENGTH], const struct snapshot_name *name) {
    snprintf(out, NAME_MAX_LENGTH, "snapshots/%" PRId64 "/%019" PRId64 "-%016" PRIx64 ".zst", name->start_s,
             name->sum, name->hash);
}

void baseline_name_write(char out[NAME_MAX_LENGTH], int64_t start_s) {
    snprintf(out, NAME_MAX_LENGTH, "baselines/%019" PRId64 ".json", start_s);
}

// What is left of a name. `at` NULL: it was another one.
struct rest {
    const char *at;
};

static void take_text(struct rest *rest, const char *text) {
    size_t length = strlen(text);
    if (rest->at != NULL)
        rest->at = strncmp(rest->at, text, length) == 0 ? rest->at + length : NULL;
}

static unsigned digit_of(char c) {
    if (c >= '0' && c <= '9')
        return (unsigned)(c - '0');
    return c >= 'a' && c <= 'f' ? (unsigned)(c - 'a') + 10 : UINT32_MAX;
}

// All digits that come, `least` to `most` of them; more than `least` do not begin with 0, so that a number is
// written in one way only.
static uint64_t take_number(struct rest *rest, unsigned base, int least, int most, uint64_t max) {
    uint64_t number = 0;
    const char *from = rest->at;
    if (from == NULL)
        return 0;
    for (; digit_of(*rest->at) < base; rest->at++) {
        uint64_t digit = digit_of(*rest->at);
        if (rest->at - from == most || number > (max - digit) / base) {
            rest->at = NULL;
            return 0;
        }
        number = number * base + digit;
    }
    if (rest->at - from < least || (rest->at - from > least && from[0] == '0'))
        rest->at = NULL;
    return number;
}

static int64_t take_offset(struct rest *rest) {
    return (int64_t)take_number(rest, 10, OFFSET_DIGITS, OFFSET_DIGITS, INT64_MAX);
}

static bool take_end(struct rest *rest, const char *text) {
    take_text(rest, text);
    return rest->at != NULL && rest->at[0] == '\0';
}

// p0003-<a>-<b>.zst
static bool take_of_partition(const char *text, uint32_t *partition, int64_t *a, int64_t *b) {
    struct rest rest = {text};
    take_text(&rest, "p");
    *partition = (uint32_t)take_number(&rest, 10, PARTITION_DIGITS, 10, UINT32_MAX);
    take_text(&rest, "-");
    *a = take_offset(&rest);
    take_text(&rest, "-");
    *b = take_offset(&rest);
    return take_end(&rest, ".zst");
}

bool part_name_parse(struct part_name *name, int64_t start_s, const char *text) {
    name->start_s = start_s;
    return take_of_partition(text, &name->partition, &name->from, &name->to);
}

bool through_name_parse(struct through_name *name, const char *text) {
    return take_of_partition(text, &name->partition, &name->offset, &name->sealed_s);
}

bool checkpoint_name_parse(struct checkpoint_name *name, const char *text) {
    return take_of_partition(text, &name->partition, &name->offset, &name->after);
}

bool snapshot_name_parse(struct snapshot_name *name, int64_t start_s, const char *text) {
    struct rest rest = {text};
    name->start_s = start_s;
    name->sum = take_offset(&rest);
    take_text(&rest, "-");
    name->hash = take_number(&rest, 16, HASH_DIGITS, HASH_DIGITS, UINT64_MAX);
    return take_end(&rest, ".zst");
}

// Windows begin at quarters of an hour, and no event has one beyond: its end would be none of 64 bits.
static bool is_time(int64_t start_s) {
    return start_s < EVENT_TIME_END_MS / 1000 && start_s % ROWS_WINDOW_S == 0;
}

bool baseline_name_parse(int64_t *start_s, const char *text) {
    struct rest rest = {text};
    *start_s = take_offset(&rest);
    return take_end(&rest, ".json") && is_time(*start_s);
}

bool window_folder_parse(int64_t *start_s, const char *text) {
    struct rest rest = {text};
    *start_s = (int64_t)take_number(&rest, 10, 1, OFFSET_DIGITS, INT64_MAX);
    return take_end(&rest, "/") && is_time(*start_s);
}
