#include "aggregate/figures/difference/difference.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aggregate/figures/difference/difference_internal.h"
#include "runtime/check.h"
#include "runtime/memory.h"

void comparison_tell(struct comparison *c, const struct row_key *key, const char *name, int64_t left,
                     int64_t right) {
    c->count++;
    c->visit(c->context, &(struct difference){*key, name, strlen(name), left, right});
}

static void difference_walk(struct comparison *c, const struct rows *left, const struct rows *right,
                            const struct walk *walk) {
    uint32_t *numbers[] = {memory_take((walk->room(left) + 1) * sizeof(uint32_t)),
                           memory_take((walk->room(right) + 1) * sizeof(uint32_t))};
    size_t counts[] = {walk->sort(left, numbers[0]), walk->sort(right, numbers[1])}, l = 0, r = 0;
    while (l < counts[0] || r < counts[1]) {
        const void *a = l < counts[0] ? walk->at(left, numbers[0][l]) : NULL;
        const void *b = r < counts[1] ? walk->at(right, numbers[1][r]) : NULL;
        int order = a == NULL ? 1 : b == NULL ? -1 : walk->order(a, b);
        walk->compare(c, order <= 0 ? a : NULL, order >= 0 ? b : NULL);
        l += order <= 0;
        r += order >= 0;
    }
    free(numbers[0]);
    free(numbers[1]);
}

// ---- order

static int number_compare(uint64_t a, uint64_t b) {
    return (a > b) - (a < b);
}

int row_key_compare(const struct row_key *a, const struct row_key *b) {
    int order = number_compare(a->table, b->table);
    if (order == 0)
        order = slice_compare(a->account, b->account);
    if (order == 0)
        order = number_compare(a->platform, b->platform);
    if (order == 0)
        order = number_compare(a->origin, b->origin);
    if (order == 0)
        order = number_compare(a->format, b->format);
    if (order == 0)
        order = number_compare(a->paid, b->paid);
    return order != 0 ? order : slice_compare(a->id, b->id);
}

static int field_compare(field_code a, field_code b) {
    char texts[2][FIELD_MAX];
    size_t lengths[] = {field_write(texts[0], a), field_write(texts[1], b)};
    return slice_compare((struct slice){texts[0], lengths[0]}, (struct slice){texts[1], lengths[1]});
}

static int cell_compare(const void *left, const void *right) {
    return field_compare(((const struct cell *)left)->field, ((const struct cell *)right)->field);
}

struct cell *cells_sorted(const struct rows *rows, uint32_t row, size_t *count) {
    struct cell *cells = NULL, cell;
    size_t room = 0;
    *count = 0;
    uint32_t at = rows_next_cell(rows, row, ROWS_FIRST, &cell);
    for (; at != ROWS_END; at = rows_next_cell(rows, row, at, &cell)) {
        if (*count == room) {
            room = room == 0 ? 16 : 2 * room;
            cells = memory_grow(cells, room, sizeof(*cells));
        }
        if (cell.value != 0)
            cells[(*count)++] = cell;
    }
    if (*count > 1)
        qsort(cells, *count, sizeof(*cells), cell_compare);
    return cells;
}

// ---- rows

static void tell(struct comparison *c, const struct row_key *key, field_code field, int64_t left,
                 int64_t right) {
    char name[FIELD_MAX];
    if (left == right)
        return;
    const struct difference d = {*key, name, field_write(name, field), left, right};
    c->count++;
    c->visit(c->context, &d);
}

// Both sorted by the names of their fields; either may be NULL where its count is 0.
static void cells_compare(struct comparison *c, const struct row_key *key, const struct cell *left,
                          size_t left_count, const struct cell *right, size_t right_count) {
    size_t l = 0, r = 0;
    while (l < left_count || r < right_count) {
        int order = l == left_count    ? 1
                    : r == right_count ? -1
                                       : field_compare(left[l].field, right[r].field);
        tell(c, key, order <= 0 ? left[l].field : right[r].field, order <= 0 ? left[l].value : 0,
             order >= 0 ? right[r].value : 0);
        l += order <= 0;
        r += order >= 0;
    }
}

// `left` or `right` ROWS_END: the row is in the other alone.
static void row_compare(struct comparison *c, const struct rows *left, uint32_t left_row,
                        const struct rows *right, uint32_t right_row) {
    size_t counts[2] = {0, 0};
    struct row_key key = left_row != ROWS_END ? rows_key(left, left_row) : rows_key(right, right_row);
    struct cell *cells[2] = {
        left_row != ROWS_END ? cells_sorted(left, left_row, &counts[0]) : NULL,
        right_row != ROWS_END ? cells_sorted(right, right_row, &counts[1]) : NULL,
    };
    cells_compare(c, &key, cells[0], counts[0], cells[1], counts[1]);
    free(cells[0]);
    free(cells[1]);
}

static void tables_compare(struct comparison *c, const struct rows *left, const struct rows *right) {
    size_t counts[] = {rows_count(left), rows_count(right)}, l = 0, r = 0;
    uint32_t *numbers[] = {memory_take((counts[0] + 1) * sizeof(uint32_t)),
                           memory_take((counts[1] + 1) * sizeof(uint32_t))};
    rows_sort(left, numbers[0]);
    rows_sort(right, numbers[1]);
    while (l < counts[0] || r < counts[1]) {
        int order = l == counts[0] ? 1 : r == counts[1] ? -1 : 0;
        if (order == 0) {
            struct row_key keys[] = {rows_key(left, numbers[0][l]), rows_key(right, numbers[1][r])};
            order = row_key_compare(&keys[0], &keys[1]);
        }
        row_compare(c, left, order <= 0 ? numbers[0][l] : ROWS_END, right,
                    order >= 0 ? numbers[1][r] : ROWS_END);
        l += order <= 0;
        r += order >= 0;
    }
    free(numbers[0]);
    free(numbers[1]);
}

// ---- orders

static size_t orders_sort(const struct rows *r, uint32_t *numbers) {
    rows_sort_orders(r, numbers);
    return rows_order_count(r);
}

static const void *order_at(const struct rows *r, uint32_t number) {
    return rows_order(r, number);
}

static int order_compare(const void *left, const void *right) {
    const struct order *a = left, *b = right;
    int order = slice_compare(a->subject.account, b->subject.account);
    if (order == 0)
        order = memcmp(a->order, b->order, ORDER_SIZE);
    if (order == 0)
        order = (a->occurred_at_ms > b->occurred_at_ms) - (a->occurred_at_ms < b->occurred_at_ms);
    return order != 0 ? order : memcmp(a->event_id, b->event_id, EVENT_ID_SIZE);
}

static void hex_write(char *out, const unsigned char *bytes, size_t count) {
    for (size_t i = 0; i < count; i++)
        snprintf(out + 2 * i, 3, "%02x", bytes[i]);
}

static int64_t increment_of(const struct order *order, field_code field) {
    uint64_t sum = 0; // what a file says need not fit
    for (uint32_t i = 0; order != NULL && i < order->increments.count; i++)
        sum += order->increments.at[i].field == field ? (uint64_t)order->increments.at[i].value : 0;
    return (int64_t)sum;
}

static void increments_compare(struct comparison *c, const struct row_key *key, const struct order *of,
                               const struct order *left, const struct order *right, bool only_new) {
    for (uint32_t i = 0; i < of->increments.count; i++) {
        field_code field = of->increments.at[i].field;
        if (!only_new || increment_of(left, field) == 0)
            tell(c, key, field, increment_of(left, field), increment_of(right, field));
    }
}

static void one_order_compare(struct comparison *c, const void *a, const void *b) {
    const struct order *left = a, *right = b;
    char id[2 * ORDER_SIZE + 1 + 2 * EVENT_ID_SIZE + 1];
    const struct order *any = left != NULL ? left : right;
    CHECK(any != NULL);
    hex_write(id, any->order, ORDER_SIZE);
    id[2 * ORDER_SIZE] = '/';
    hex_write(id + 2 * ORDER_SIZE + 1, any->event_id, EVENT_ID_SIZE);
    const struct row_key key = {.table = TABLE_ORDERS,
                                .platform = any->subject.platform,
                                .origin = any->subject.origin,
                                .format = any->subject.format,
                                .paid = any->subject.paid,
                                .account = any->subject.account,
                                .id = slice_of(id)};
    if (left != NULL && right != NULL) {
        if (left->again != right->again)
            tell(c, &key, field_counter(COUNTER_ORDER_COPIES), (int64_t)left->again, (int64_t)right->again);
        increments_compare(c, &key, left, left, right, false);
        increments_compare(c, &key, right, left, right, true);
        return;
    }
    comparison_tell(c, &key, "copies", left != NULL, right != NULL);
}

static const struct walk orders = {rows_order_count, orders_sort, order_at, order_compare, one_order_compare};

// ---- refunds

static const void *refund_at(const struct rows *r, uint32_t number) {
    return rows_refund(r, number);
}

static int refund_order(const void *left, const void *right) {
    return rows_refund_order(left, right);
}

// They are sums: of one that is NULL all are 0. Two that are one in order have the same counters.
static void one_refund_compare(struct comparison *c, const void *a, const void *b) {
    const struct refund *left = a, *right = b, *any = left != NULL ? left : right;
    char id[2 * ORDER_SIZE + 24];
    CHECK(any != NULL);
    hex_write(id, any->order, ORDER_SIZE);
    snprintf(id + 2 * ORDER_SIZE, sizeof(id) - 2 * ORDER_SIZE, "/%" PRId64, any->order_occurred_at_ms);
    const struct row_key key = {.table = TABLE_REFUNDS,
                                .platform = any->subject.platform,
                                .origin = any->subject.origin,
                                .format = any->subject.format,
                                .paid = any->subject.paid,
                                .account = any->subject.account,
                                .id = slice_of(id)};
    for (uint32_t i = 0; i < any->increments.count; i++)
        tell(c, &key, any->increments.at[i].field, left != NULL ? left->increments.at[i].value : 0,
             right != NULL ? right->increments.at[i].value : 0);
}

static const struct walk refunds = {rows_refund_count, rows_sort_refunds, refund_at, refund_order,
                                    one_refund_compare};

// ---- readings

static void read_tell(struct comparison *c, const struct latest_reading *of, const char *what, int64_t left,
                      int64_t right) {
    char name[ROWS_READ_COUNTER_MAX + 16];
    const struct row_key key = {
        .table = TABLE_READINGS, .platform = of->platform, .account = of->account, .id = of->content};
    if (left == right)
        return;
    snprintf(name, sizeof(name), "%.*s.%s", (int)of->counter.length, of->counter.at, what);
    comparison_tell(c, &key, name, left, right);
}

static size_t readings_sort(const struct rows *r, uint32_t *numbers) {
    rows_sort_readings(r, numbers);
    return rows_reading_count(r);
}

static const void *reading_at(const struct rows *r, uint32_t number) {
    return rows_reading(r, number);
}

static int reading_order(const void *left, const void *right) {
    return latest_reading_order(left, right);
}

// NULL: never read.
static void one_reading_compare(struct comparison *c, const void *left, const void *right) {
    static const struct latest_reading never;
    const struct latest_reading *any = left != NULL ? left : right, *a = left != NULL ? left : &never,
                                *b = right != NULL ? right : &never;
    CHECK(any != NULL);
    int ids = memcmp(a->event_id, b->event_id, EVENT_ID_SIZE);
    read_tell(c, any, "read", a->value, b->value);
    read_tell(c, any, "read_at", a->read_at_ms, b->read_at_ms);
    if (left != NULL && right != NULL)
        read_tell(c, any, "read_id", ids > 0, ids < 0);
}

static const struct walk readings = {rows_reading_count, readings_sort, reading_at, reading_order,
                                     one_reading_compare};

// ---- sketches

static struct row_key sketch_key(const struct sketch *s) {
    return (struct row_key){.table = sketched_rows[s->of].table,
                            .platform = s->platform,
                            .account = s->account,
                            .id = slice_of(sketched_rows[s->of].name)};
}

static void reach_compare(struct comparison *c, const struct row_key *key, const struct sketch *left,
                          const struct sketch *right) {
    uint64_t reached[] = {rows_sketch_reached(left), rows_sketch_reached(right)};
    if (reached[0] != reached[1] || !reach_equal(&left->reach, &right->reach) ||
        !classes_equal(&left->classes, &right->classes))
        comparison_tell(c, key, "reached", (int64_t)reached[0], (int64_t)reached[1]);
}

static void quantiles_compare(struct comparison *c, const struct row_key *key, const struct quantiles *left,
                              const struct quantiles *right) {
    static const struct {
        const char *name;
        unsigned permille;
    } told[] = {{"p50_ms", 500}, {"p90_ms", 900}, {"p99_ms", 990}};
    if (quantiles_equal(left, right))
        return;
    comparison_tell(c, key, "durations", (int64_t)quantiles_count(left), (int64_t)quantiles_count(right));
    for (size_t i = 0; i < sizeof(told) / sizeof(told[0]); i++) {
        int64_t values[2];
        if (quantiles_at(left, told[i].permille, &values[0]) &&
            quantiles_at(right, told[i].permille, &values[1]) && values[0] != values[1])
            comparison_tell(c, key, told[i].name, values[0], values[1]);
    }
}

static size_t sketches_sort(const struct rows *r, uint32_t *numbers) {
    return rows_sort_sketches(r, numbers);
}

static const void *sketch_at(const struct rows *r, uint32_t number) {
    return rows_sketch(r, number);
}

static int sketch_order(const void *left, const void *right) {
    const struct row_key keys[] = {sketch_key(left), sketch_key(right)};
    return row_key_compare(&keys[0], &keys[1]);
}

static void sketch_compare(struct comparison *c, const void *left, const void *right) {
    static const struct sketch nothing;
    CHECK(left != NULL || right != NULL);
    const struct row_key key = sketch_key(left != NULL ? left : right);
    const struct sketch *a = left != NULL ? left : &nothing, *b = right != NULL ? right : &nothing;
    if (key.table == TABLE_REACH)
        reach_compare(c, &key, a, b);
    else
        quantiles_compare(c, &key, &a->quantiles, &b->quantiles);
}

static const struct walk sketches = {rows_sketch_count, sketches_sort, sketch_at, sketch_order,
                                     sketch_compare};

size_t difference_each(const struct rows *left, const struct rows *right, difference_visit visit,
                       void *context) {
    struct comparison c = {visit, context, 0};
    tables_compare(&c, left, right);
    difference_walk(&c, left, right, &orders);
    difference_walk(&c, left, right, &readings);
    difference_walk(&c, left, right, &sketches);
    difference_walk(&c, left, right, &live_walk);
    difference_walk(&c, left, right, &refunds);
    return c.count;
}
