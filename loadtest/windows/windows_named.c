#include "loadtest/windows/windows_named.h"

#include <stdlib.h>

#include "runtime/memory.h"

struct named {
    struct row_key key;
    uint32_t row;
    int64_t uses;
};

// What the cells say of each row of the model.
struct row_uses {
    int64_t uses;
    bool is_live, is_folded;
};

static bool is_same_group(const struct row_key *a, const struct row_key *b) {
    return a->table == b->table && a->platform == b->platform && slice_equal(a->account, b->account);
}

static int named_compare(const void *left, const void *right) {
    const struct named *a = left, *b = right;
    if (a->key.table != b->key.table)
        return a->key.table < b->key.table ? -1 : 1;
    if (a->key.platform != b->key.platform)
        return a->key.platform < b->key.platform ? -1 : 1;
    int order = slice_compare(a->key.account, b->key.account);
    if (order == 0)
        order = (b->uses > a->uses) - (b->uses < a->uses);
    return order != 0 ? order : slice_compare(a->key.id, b->key.id);
}

// A kind's own counter, listed or not.
static bool is_use(const struct window_model *m, const struct window_cell *cell) {
    char name[FIELD_MAX];
    size_t length = field_write(name, window_model_field(m, cell));
    enum counter counter = counter_parse((struct slice){name, length});
    return counter != COUNTER_NONE ? counter_is_of_kind(counter)
                                   : length > 5 && memcmp(name, "kind_", 5) == 0;
}

static void uses_sum(const struct window_model *m, struct row_uses *rows) {
    for (uint32_t i = 0; i < m->cell_count; i++) {
        const struct window_cell *cell = &m->cells[i];
        struct row_uses *row = &rows[cell->row];
        row->is_live = row->is_live || cell->value != 0;
        if (is_use(m, cell))
            row->uses = (int64_t)((uint64_t)row->uses + (uint64_t)cell->value);
    }
}

// Marks the rows that do not stand by themselves; their keys' places are in the model.
static void rows_mark(const struct window_model *m, struct row_uses *rows) {
    struct named *all = memory_take((m->rows.count + 1) * sizeof(*all));
    size_t count = 0, rank = 0;
    for (uint32_t row = 0; row < m->rows.count; row++) {
        struct row_key key = window_row_read(m->rows.at[row]);
        if (rows[row].is_live && (key.table == TABLE_TAG || key.table == TABLE_TOPIC))
            all[count++] = (struct named){key, row, rows[row].uses};
    }
    qsort(all, count, sizeof(*all), named_compare);
    for (size_t i = 0; i < count; i++) {
        rank = i > 0 && is_same_group(&all[i - 1].key, &all[i].key) ? rank + 1 : 0;
        rows[all[i].row].is_folded = rank >= ROWS_NAMED_MAX;
    }
    free(all);
}

void windows_named_fold(struct window_model *m) {
    struct row_uses *rows = memory_take((m->rows.count + 1) * sizeof(*rows));
    uint32_t cells = m->cell_count;
    uses_sum(m, rows);
    rows_mark(m, rows);
    for (uint32_t i = 0; i < cells; i++) {
        const struct window_cell cell = m->cells[i];
        if (!rows[cell.row].is_folded)
            continue;
        struct row_key key = window_row_read(m->rows.at[cell.row]);
        key.id = (struct slice){"", 0};
        m->cells[i].value = 0;
        window_model_count(m, &key, window_model_field(m, &cell), cell.value);
    }
    free(rows);
}
