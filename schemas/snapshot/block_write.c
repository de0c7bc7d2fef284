#include "schemas/snapshot/block_write.h"

#include "runtime/check.h"

// A field's cells in the block: how many rows each is after the one before, and what it holds.
struct block_column {
    struct wire_out steps, values;
    uint32_t row; // of the last one
};

struct block_writer {
    block_put put;
    void *context;
    const struct rows *rows;      // whose fields these are
    uint32_t *by_name;            // fields
    struct block_column *columns; // by field
    uint32_t column_count;
    struct wire_out block, part, nested;
    struct wire_out lists[BLOCK_FIELDS];
    bool is_list_used[BLOCK_FIELDS]; // something in it is not 0
    unsigned char *classes_bytes;    // CLASSES_BYTES_MAX, once there are classes
};

struct block_writer *block_writer_create(block_put put, void *context) {
    struct block_writer *w = memory_take(sizeof(*w));
    w->put = put;
    w->context = context;
    return w;
}

void block_writer_destroy(struct block_writer **w) {
    struct block_writer *gone = *w;
    *w = NULL;
    for (int i = 0; i < BLOCK_FIELDS; i++)
        free(gone->lists[i].at);
    free(gone->classes_bytes);
    free(gone->nested.at);
    free(gone->part.at);
    free(gone->block.at);
    for (uint32_t i = 0; i < gone->column_count; i++) {
        free(gone->columns[i].values.at);
        free(gone->columns[i].steps.at);
    }
    free(gone->columns);
    free(gone->by_name);
    free(gone);
}

static int field_order(const void *a, const void *b, void *rows) {
    const struct rows *r = rows;
    char x[FIELD_MAX], y[FIELD_MAX];
    size_t x_length = field_write(x, r->fields.at[*(const uint32_t *)a]);
    size_t y_length = field_write(y, r->fields.at[*(const uint32_t *)b]);
    return slice_compare((struct slice){x, x_length}, (struct slice){y, y_length});
}

static void columns_reserve(struct block_writer *w, uint32_t count) {
    if (count <= w->column_count)
        return;
    w->columns = memory_grow(w->columns, count, sizeof(*w->columns));
    memset(w->columns + w->column_count, 0, (count - w->column_count) * sizeof(*w->columns));
    w->column_count = count;
}

// Sorts the fields by name, where these are other rows than those before.
static void take_rows(struct block_writer *w, const struct rows *r) {
    if (w->rows == r)
        return;
    w->rows = r;
    w->by_name = memory_grow(w->by_name, r->fields.count + 1, sizeof(*w->by_name));
    for (uint32_t i = 0; i < r->fields.count; i++)
        w->by_name[i] = i;
    qsort_r(w->by_name, r->fields.count, sizeof(*w->by_name), field_order, (void *)(uintptr_t)r);
    columns_reserve(w, r->fields.count);
}

static void list_add(struct block_writer *w, enum block_field list, uint64_t value) {
    wire_varint(&w->lists[list], value);
    w->is_list_used[list] |= value != 0;
}

static void lists_clear(struct block_writer *w) {
    for (int i = 0; i < BLOCK_FIELDS; i++) {
        w->lists[i].length = 0;
        w->is_list_used[i] = false;
    }
}

static void lists_write(struct block_writer *w, enum block_field first, enum block_field last) {
    for (unsigned i = first; i <= last; i++) {
        if (w->is_list_used[i])
            wire_element(&w->block, i, wire_slice(&w->lists[i]));
    }
}

static void add_id(struct block_writer *w, struct slice id, size_t shared) {
    list_add(w, BLOCK_ID_SHARED, shared);
    list_add(w, BLOCK_ID_LENGTHS, id.length - shared);
    wire_append(&w->lists[BLOCK_ID_REST], (struct slice){id.at + shared, id.length - shared});
    w->is_list_used[BLOCK_ID_REST] |= id.length > shared;
}

static size_t common_length(struct slice a, struct slice b) {
    size_t length = 0;
    while (length < a.length && length < b.length && a.at[length] == b.at[length])
        length++;
    return length;
}

static void add_key(struct block_writer *w, const struct row *row, const struct row *before) {
    list_add(w, BLOCK_PLATFORMS, row->platform);
    if (!table_has_id(row->table)) {
        list_add(w, BLOCK_ORIGINS, row->of.origin);
        list_add(w, BLOCK_FORMATS, row->of.format);
        list_add(w, BLOCK_PAID, (row->flags & ROW_PAID) != 0);
        return;
    }
    struct slice id = {row->id, row->id_length};
    size_t shared = before != NULL ? common_length((struct slice){before->id, before->id_length}, id) : 0;
    add_id(w, id, shared);
}

static void write_accounts(struct block_writer *w, const uint32_t *numbers, size_t count) {
    const struct rows *r = w->rows;
    for (size_t from = 0, to; from < count; from = to) {
        uint32_t account = r->rows.at[numbers[from]].account;
        for (to = from + 1; to < count && r->rows.at[numbers[to]].account == account; to++)
            rows_fetch(r, numbers, count, to);
        wire_element(&w->block, BLOCK_ACCOUNTS, r->accounts.at[account]);
        list_add(w, BLOCK_ACCOUNT_ROWS, to - from);
    }
}

static void write_keys(struct block_writer *w, const uint32_t *numbers, size_t count) {
    const struct row *before = NULL;
    lists_clear(w);
    write_accounts(w, numbers, count);
    for (size_t i = 0; i < count; i++) {
        rows_fetch(w->rows, numbers, count, i);
        const struct row *row = &w->rows->rows.at[numbers[i]];
        add_key(w, row, before);
        before = row;
    }
    lists_write(w, BLOCK_ACCOUNT_ROWS, BLOCK_ID_REST);
}

static void add_cell(struct block_column *column, uint32_t row, int64_t value) {
    wire_varint(&column->steps, row - column->row);
    wire_varint(&column->values, wire_zigzag(value));
    column->row = row;
}

static void fill_columns(struct block_writer *w, const uint32_t *numbers, size_t count) {
    const struct rows *r = w->rows;
    for (uint32_t i = 0; i < count; i++) {
        rows_fetch(r, numbers, count, i);
        const struct row *row = &r->rows.at[numbers[i]];
        for (uint32_t place = 0; place < row->cell_count; place++) {
            struct row_cell cell = row_cell(r, row, place);
            if (cell.value != 0)
                add_cell(&w->columns[cell.field], i, cell.value);
        }
    }
}

static void write_column(struct block_writer *w, uint32_t field) {
    const struct block_column *column = &w->columns[field];
    char name[FIELD_MAX];
    w->part.length = 0;
    wire_bytes(&w->part, COLUMN_COUNTER, (struct slice){name, field_write(name, w->rows->fields.at[field])});
    wire_element(&w->part, COLUMN_STEPS, wire_slice(&column->steps));
    wire_element(&w->part, COLUMN_VALUES, wire_slice(&column->values));
    wire_element(&w->block, BLOCK_COLUMNS, wire_slice(&w->part));
}

// Writes them by the names of their fields, and leaves them empty.
static void write_columns(struct block_writer *w) {
    for (uint32_t i = 0; i < w->rows->fields.count; i++) {
        struct block_column *column = &w->columns[w->by_name[i]];
        if (column->steps.length > 0)
            write_column(w, w->by_name[i]);
        column->steps.length = column->values.length = column->row = 0;
    }
}

static void begin_block(struct block_writer *w, enum table table, int64_t window_s, size_t count) {
    w->block.length = 0;
    wire_uint(&w->block, BLOCK_TABLE, table);
    wire_int(&w->block, BLOCK_WINDOW, window_s);
    wire_uint(&w->block, BLOCK_ROWS, count);
}

// How many of `count` rows make a block: as many as may be, or, after a block that was too large, half of
// those.
static size_t block_share(size_t count) {
    return count < SNAPSHOT_BLOCK_ROWS ? count : SNAPSHOT_BLOCK_ROWS;
}

static bool is_too_large(const struct block_writer *w, size_t count) {
    CHECK(w->block.length <= SNAPSHOT_BLOCK_BYTES || count > 1);
    return w->block.length > SNAPSHOT_BLOCK_BYTES;
}

void block_write_rows(struct block_writer *w, const struct rows *r, int64_t window_s, const uint32_t *numbers,
                      size_t count) {
    take_rows(w, r);
    for (size_t from = 0, share; from < count; from += share) {
        share = block_share(count - from);
        for (;; share /= 2) {
            begin_block(w, (enum table)r->rows.at[numbers[from]].table, window_s, share);
            write_keys(w, numbers + from, share);
            fill_columns(w, numbers + from, share);
            write_columns(w);
            if (!is_too_large(w, share))
                break;
        }
        w->put(w->context, wire_slice(&w->block));
    }
}

// Writes one of a table of messages into `part`.
typedef void (*message_write)(struct block_writer *w, const struct rows *r, uint32_t number);

static void write_messages(struct block_writer *w, const struct rows *r, enum table table,
                           enum block_field field, int64_t window_s, const uint32_t *numbers, size_t count,
                           message_write write) {
    for (size_t from = 0, share; from < count; from += share) {
        share = block_share(count - from);
        for (;; share /= 2) {
            begin_block(w, table, window_s, share);
            for (size_t i = 0; i < share; i++) {
                w->part.length = 0;
                write(w, r, numbers[from + i]);
                wire_element(&w->block, field, wire_slice(&w->part));
            }
            if (!is_too_large(w, share))
                break;
        }
        w->put(w->context, wire_slice(&w->block));
    }
}

static void write_order(struct block_writer *w, const struct rows *r, uint32_t number) {
    order_write(&w->part, r->orders.at[number].order, &w->nested);
}

static void write_reading(struct block_writer *w, const struct rows *r, uint32_t number) {
    reading_write(&w->part, &r->readings.at[number]);
}

static void write_live(struct block_writer *w, const struct rows *r, uint32_t number) {
    live_write(&w->part, &r->live.at[number].live, &w->nested);
}

static void write_refund(struct block_writer *w, const struct rows *r, uint32_t number) {
    refund_write(&w->part, r->refunds.at[number].refund, &w->nested);
}

void block_write_orders(struct block_writer *w, const struct rows *r, int64_t window_s,
                        const uint32_t *numbers, size_t count) {
    write_messages(w, r, TABLE_ORDERS, BLOCK_ORDERS, window_s, numbers, count, write_order);
}

void block_write_readings(struct block_writer *w, const struct rows *r, int64_t window_s,
                          const uint32_t *numbers, size_t count) {
    write_messages(w, r, TABLE_READINGS, BLOCK_READINGS, window_s, numbers, count, write_reading);
}

void block_write_live(struct block_writer *w, const struct rows *r, int64_t window_s, const uint32_t *numbers,
                      size_t count) {
    write_messages(w, r, TABLE_LIVE, BLOCK_LIVE, window_s, numbers, count, write_live);
}

void block_write_viewers(struct block_writer *w, const struct viewer *viewers, size_t count) {
    for (size_t from = 0, share; from < count; from += share) {
        share = block_share(count - from);
        begin_block(w, TABLE_VIEWERS, 0, share); // never too large: a viewer is of few bytes
        for (size_t i = 0; i < share; i++) {
            w->part.length = 0;
            viewer_write(&w->part, &viewers[from + i]);
            wire_element(&w->block, BLOCK_VIEWERS, wire_slice(&w->part));
        }
        w->put(w->context, wire_slice(&w->block));
    }
}

void block_write_refunds(struct block_writer *w, const struct rows *r, int64_t window_s,
                         const uint32_t *numbers, size_t count) {
    write_messages(w, r, TABLE_REFUNDS, BLOCK_REFUNDS, window_s, numbers, count, write_refund);
}

static struct slice sketched_name(const struct kept_sketch *kept) {
    const char *name = sketched_rows[kept->sketch.of].name;
    return (struct slice){name, strlen(name)};
}

static void write_sketch_accounts(struct block_writer *w, const struct rows *r, const uint32_t *numbers,
                                  size_t count) {
    for (size_t from = 0, to; from < count; from = to) {
        uint32_t account = r->sketches.at[numbers[from]].account;
        for (to = from + 1; to < count && r->sketches.at[numbers[to]].account == account; to++)
            continue;
        wire_element(&w->block, BLOCK_ACCOUNTS, r->accounts.at[account]);
        list_add(w, BLOCK_ACCOUNT_ROWS, to - from);
    }
}

static void write_sketch_keys(struct block_writer *w, const struct rows *r, const uint32_t *numbers,
                              size_t count) {
    struct slice before = {"", 0};
    lists_clear(w);
    write_sketch_accounts(w, r, numbers, count);
    for (size_t i = 0; i < count; i++) {
        const struct kept_sketch *kept = &r->sketches.at[numbers[i]];
        struct slice id = sketched_name(kept);
        list_add(w, BLOCK_PLATFORMS, kept->sketch.platform);
        add_id(w, id, common_length(before, id));
        before = id;
    }
    lists_write(w, BLOCK_ACCOUNT_ROWS, BLOCK_ID_REST);
}

static void write_reach(struct block_writer *w, const struct sketch *s, bool is_published) {
    unsigned char bytes[REACH_BYTES_MAX];
    size_t length = is_published ? reach_write_forgotten(&s->reach, bytes) : reach_write(&s->reach, bytes);
    wire_element(&w->block, BLOCK_SKETCHES, (struct slice){(const char *)bytes, length});
    if (is_published)
        list_add(w, BLOCK_REACHED, rows_sketch_reached(s));
}

static void write_quantiles(struct block_writer *w, const struct sketch *s) {
    unsigned char bytes[QUANTILES_BYTES_MAX];
    size_t length = quantiles_write(&s->quantiles, bytes);
    wire_element(&w->block, BLOCK_SKETCHES, (struct slice){(const char *)bytes, length});
}

static void write_classes(struct block_writer *w, const struct sketch *s) {
    if (w->classes_bytes == NULL)
        w->classes_bytes = memory_take(CLASSES_BYTES_MAX);
    size_t length = classes_write(&s->classes, w->classes_bytes);
    wire_element(&w->block, BLOCK_SKETCHES, (struct slice){(const char *)w->classes_bytes, length});
}

// Published files have no classes: rows_unite has come before.
static void write_sketch(struct block_writer *w, const struct sketch *s, bool is_published) {
    CHECK(s->of != SKETCHED_ACTED || !is_published);
    if (s->of == SKETCHED_ACTED)
        write_classes(w, s);
    else if (sketched_rows[s->of].table == TABLE_REACH)
        write_reach(w, s, is_published);
    else
        write_quantiles(w, s);
}

void block_write_sketches(struct block_writer *w, const struct rows *r, int64_t window_s,
                          const uint32_t *numbers, size_t count, bool is_published) {
    for (size_t from = 0, share; from < count; from += share) {
        share = block_share(count - from);
        for (;; share /= 2) {
            enum sketched of = r->sketches.at[numbers[from]].sketch.of;
            begin_block(w, sketched_rows[of].table, window_s, share);
            write_sketch_keys(w, r, numbers + from, share);
            for (size_t i = 0; i < share && w->block.length <= SNAPSHOT_BLOCK_BYTES; i++)
                write_sketch(w, &r->sketches.at[numbers[from + i]].sketch, is_published);
            lists_write(w, BLOCK_REACHED, BLOCK_REACHED);
            if (!is_too_large(w, share))
                break;
        }
        w->put(w->context, wire_slice(&w->block));
    }
}
