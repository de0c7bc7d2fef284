#include "loadtest/windows/compare/windows_compare_sketches.h"

#include <inttypes.h>

#include "loadtest/windows/compare/windows_compare.h"

// Of hundreds of counts none is so many standard errors off by chance.
static const double errors_max = 5;
static const double standard_error = 1.04 / 128; // 128: the root of the number of registers

enum { COUNTER_TEXT = 48, COUNT_BITS = 48 };

struct comparison {
    struct windows_report *report;
    int64_t window_s;
    struct window_sketches *sketches;
    uint32_t row; // of `sketches`
    struct slice where;
};

static void differ(const struct comparison *c, const char *counter, uint64_t stored, uint64_t expected) {
    windows_report_number(c->report, c->window_s, c->where, counter, (int64_t)stored, (int64_t)expected);
}

// ---- reach

// Exact while a window's set is kept; beyond, by its registers.
static void compare_reached(const struct comparison *c, uint64_t stored, uint64_t members) {
    double off = stored > members ? (double)(stored - members) : (double)(members - stored);
    if (members <= SKETCH_EXACT_MAX || off > errors_max * standard_error * (double)members)
        differ(c, "reached", stored, members);
}

// Six bits each, the lowest bits first.
static unsigned register_of(const unsigned char *packed, uint32_t index) {
    uint32_t bit = 6 * index, byte = bit / 8;
    unsigned next = bit % 8 > 2 ? packed[byte + 1] : 0;
    return (packed[byte] | next << 8) >> bit % 8 & 0x3f;
}

// The first that differs says enough.
static void compare_registers(const struct comparison *c, const unsigned char *packed) {
    unsigned char expected[SKETCH_REGISTERS];
    char counter[COUNTER_TEXT];
    uint32_t i = 0;
    window_sketches_registers(c->sketches, c->row, expected);
    while (i < SKETCH_REGISTERS && register_of(packed, i) == expected[i])
        i++;
    if (i == SKETCH_REGISTERS)
        return;
    snprintf(counter, sizeof(counter), "register %" PRIu32, i);
    differ(c, counter, register_of(packed, i), expected[i]);
}

static void compare_reach(const struct comparison *c, const struct sketch *stored) {
    compare_reached(c, stored->reached, c->sketches->at[c->row].members);
    if (stored->reach.registers == NULL)
        windows_report_find(c->report, c->window_s, c->where, "", "names its members", "a sketch");
    else
        compare_registers(c, stored->reach.registers);
}

// ---- quantiles

static uint64_t bucket_take(const struct quantiles *q, uint32_t *at, uint32_t bucket) {
    if (*at == q->count || q->buckets[*at] >> COUNT_BITS != bucket)
        return 0;
    return q->buckets[(*at)++] & ((UINT64_C(1) << COUNT_BITS) - 1);
}

static void compare_quantiles(const struct comparison *c, const struct quantiles *stored) {
    uint64_t expected[SKETCH_BUCKETS];
    char counter[COUNTER_TEXT];
    uint32_t at = 0, i = 0;
    uint64_t taken = 0;
    window_sketches_buckets(c->sketches, c->row, expected);
    while (i < SKETCH_BUCKETS && (taken = bucket_take(stored, &at, i)) == expected[i])
        i++;
    if (i == SKETCH_BUCKETS)
        return;
    snprintf(counter, sizeof(counter), "durations of about %" PRId64 " ms",
             window_bucket_middle(c->sketches, i));
    differ(c, counter, taken, expected[i]);
}

// ---- all

static struct row_key key_of(const struct sketch *s) {
    return (struct row_key){.table = sketched_rows[s->of].table,
                            .platform = s->platform,
                            .account = s->account,
                            .id = slice_of(sketched_rows[s->of].name)};
}

static void compare_sketch(struct comparison *c, const struct sketch *stored) {
    char name[WINDOW_ROW_MAX], where[WINDOWS_WHERE_MAX];
    struct row_key key = key_of(stored);
    c->where = windows_row_text(where, &key);
    c->row = names_find(&c->sketches->rows, window_row_write(name, &key));
    c->report->sketches++;
    if (c->row == TABLE_NONE) {
        windows_report_find(c->report, c->window_s, c->where, "", "a sketch", "no sketch");
        return;
    }
    c->sketches->at[c->row].met = true;
    if (key.table == TABLE_REACH)
        compare_reach(c, stored);
    else
        compare_quantiles(c, &stored->quantiles);
}

void windows_compare_sketches(struct windows_report *r, int64_t window_s, const struct rows *rows,
                              struct window_sketches *sketches) {
    char where[WINDOWS_WHERE_MAX];
    struct comparison c = {.report = r, .window_s = window_s, .sketches = sketches};
    for (size_t i = 0; i < rows_sketch_count(rows); i++)
        compare_sketch(&c, rows_sketch(rows, i));
    for (uint32_t row = 0; row < sketches->rows.count; row++) {
        struct row_key key = window_row_read(sketches->rows.at[row]);
        if (!sketches->at[row].met)
            windows_report_find(r, window_s, windows_row_text(where, &key), "", "no sketch", "a sketch");
    }
}
