// The cells of a block: a column for each counter, read from bytes that are not trusted.
#include <string.h>

#include "schemas/snapshot/snapshot_parts.h"

// A column's parts as they lie in its bytes.
struct column {
    struct slice name;
    struct wire_in steps, values;
};

static const char *split_column(struct slice bytes, struct column *column) {
    struct wire_in in = wire_in(bytes);
    struct wire_field field;
    unsigned seen = 0;
    while (wire_next(&in, &field)) {
        if (field.number > COLUMN_VALUES)
            continue;
        if (field.type != WIRE_BYTES || (seen & 1u << field.number) != 0)
            return "a field of a column has another type than its own, or comes twice";
        seen |= 1u << field.number;
        if (field.number == COLUMN_COUNTER)
            column->name = field.bytes;
        else if (field.number == COLUMN_STEPS)
            column->steps = wire_in(field.bytes);
        else
            column->values = wire_in(field.bytes);
    }
    return wire_is_at_end(&in) && seen == 14 ? NULL : "a column is damaged";
}

// As many of a column's cells as are added at once.
struct cells {
    uint32_t count;
    uint32_t rows[ROWS_CELLS_AT_ONCE];
    int64_t values[ROWS_CELLS_AT_ONCE];
};

static void add_cells(struct cells *cells, struct rows *rows, uint32_t field) {
    if (rows != NULL)
        rows_add_cells(rows, field, cells->rows, cells->values, cells->count);
    cells->count = 0;
}

static const char *read_cells(struct block_reader *reader, uint32_t count, struct column *column,
                              struct rows *rows, uint32_t field) {
    struct cells cells = {.count = 0};
    uint64_t row = 0;
    for (bool is_first = true; !wire_is_at_end(&column->steps); is_first = false) {
        uint32_t step;
        uint64_t value;
        if (!wire_read_32(&column->steps, &step) || !wire_read(&column->values, &value))
            return "a column has fewer values than steps, or they are damaged";
        row += step;
        if ((step == 0 && !is_first) || row >= count)
            return "a column steps past the last row, or stays at one";
        if (value == 0)
            return "a cell is 0";
        reader->has_cell[row] = true;
        cells.rows[cells.count] = reader->numbers[row];
        cells.values[cells.count++] = wire_unzigzag(value);
        if (cells.count == ROWS_CELLS_AT_ONCE)
            add_cells(&cells, rows, field);
    }
    add_cells(&cells, rows, field);
    return wire_is_at_end(&column->values) ? NULL : "a column has more values than steps";
}

const char *block_read_columns(struct block_reader *reader, struct slice bytes, uint32_t count,
                               struct rows *rows) {
    struct wire_in in = wire_in(bytes);
    struct wire_field field;
    struct slice last = {"", 0};
    while (wire_next(&in, &field)) {
        if (field.number == BLOCK_SKETCHES)
            return "it has sketches, which are not of its table";
        if (field.number != BLOCK_COLUMNS)
            continue;
        struct column column = {0};
        const char *wrong = split_column(field.bytes, &column);
        if (wrong != NULL)
            return wrong;
        field_code code;
        if (!field_parse(&code, column.name))
            return "a column has a name that is none of a counter";
        if (slice_compare(last, column.name) >= 0)
            return "its columns are not sorted, or one comes twice";
        last = column.name;
        wrong = read_cells(reader, count, &column, rows, rows != NULL ? rows_field(rows, code) : 0);
        if (wrong != NULL)
            return wrong;
    }
    for (uint32_t i = 0; i < count; i++) {
        if (!reader->has_cell[i])
            return "a row has no cell";
    }
    return NULL;
}
