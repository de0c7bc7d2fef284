// The many hashtags and topics of an account: those that are used most keep their rows, the tail becomes one.
#include "runtime/check.h"
#include "schemas/rows/rows_table.h"

// A row among those of its table, account and platform; `place` is by the bytes of the id.
struct named {
    int64_t uses;
    uint32_t row, place;
};

static bool is_use(field_code field) {
    enum counter counter;
    char currency[4];
    return !field_split(field, &counter, currency) || counter_is_of_kind(counter);
}

static int64_t uses_of(const struct rows *r, uint32_t row) {
    uint64_t uses = 0;
    for (uint32_t place = 0; place < r->rows.at[row].cell_count; place++) {
        struct row_cell cell = row_cell(r, &r->rows.at[row], place);
        uses += is_use(r->fields.at[cell.field]) ? (uint64_t)cell.value : 0;
    }
    return (int64_t)uses;
}

static bool is_named(const struct row *row) {
    return (row->table == TABLE_TAG || row->table == TABLE_TOPIC) && row->id_length > 0;
}

static int named_order(const void *a, const void *b) {
    const struct named *x = a, *y = b;
    if (x->uses != y->uses)
        return x->uses > y->uses ? -1 : 1;
    return (x->place > y->place) - (x->place < y->place);
}

// All its cells go to the row without an id.
static void row_fold(struct rows *r, uint32_t number) {
    const struct row row = r->rows.at[number];
    const struct row_key key = {.table = (enum table)row.table, .platform = row.platform, .id = {"", 0}};
    uint32_t other = rows_row_of(r, row.account, &key, rows_hash(row.account, &key));
    for (uint32_t place = 0; place < row.cell_count; place++) {
        struct row_cell cell = row_cell(r, &row, place);
        rows_add_cell(r, other, cell.field, cell.value);
        rows_add_cell(r, number, cell.field, (int64_t)(0 - (uint64_t)cell.value));
    }
}

// Rows of one table, account and platform, by their ids.
static size_t group_fold(struct rows *r, const uint32_t *numbers, size_t count) {
    if (count <= ROWS_NAMED_MAX)
        return 0;
    struct named *all = memory_grow(NULL, count, sizeof(*all));
    for (uint32_t i = 0; i < count; i++)
        all[i] = (struct named){uses_of(r, numbers[i]), numbers[i], i};
    qsort(all, count, sizeof(*all), named_order);
    for (size_t i = ROWS_NAMED_MAX; i < count; i++)
        row_fold(r, all[i].row);
    free(all);
    return count - ROWS_NAMED_MAX;
}

static bool is_same_group(const struct row *a, const struct row *b) {
    return a->table == b->table && a->account == b->account && a->platform == b->platform;
}

size_t rows_fold(struct rows *r) {
    size_t count = 0, folded = 0;
    uint32_t *numbers = memory_grow(NULL, r->rows.count + 1, sizeof(*numbers));
    for (uint32_t i = 0; i < r->rows.count; i++) {
        if (is_named(&r->rows.at[i]) && row_has_cells(r, &r->rows.at[i]))
            numbers[count++] = i;
    }
    if (count > ROWS_NAMED_MAX)
        rows_sort_numbers(r, numbers, count);
    for (size_t from = 0, to; count > ROWS_NAMED_MAX && from < count; from = to) {
        const struct row first = r->rows.at[numbers[from]];
        for (to = from + 1; to < count && is_same_group(&first, &r->rows.at[numbers[to]]); to++)
            continue;
        folded += group_fold(r, numbers + from, to - from);
    }
    free(numbers);
    return folded;
}
