// The cells of rows. A row's are one block of words, so that looking among them is one place in memory: first
// the fields, two a word, ascending, then the values. A block is full before one of twice the room takes its
// place; what was left serves the next row that needs as much.
#include "runtime/check.h"
#include "schemas/rows/rows_table.h"

enum { WALK = 16 }; // fields, below which going along them is faster than halving

void rows_cells_init(struct rows *r) {
    for (size_t i = 0; i < sizeof(r->spare_blocks) / sizeof(r->spare_blocks[0]); i++)
        r->spare_blocks[i] = ROWS_END;
}

static uint32_t words_of(unsigned room_bits) {
    uint32_t room = UINT32_C(1) << room_bits;
    return room / 2 + room;
}

// The words past all others.
static uint32_t words_take(struct rows *r, uint32_t count) {
    uint32_t first = r->words.count;
    if (r->words.room - first < count)
        rows_reserve(&r->words, (uint64_t)r->words.room + r->words.room / 4 + count + 64);
    r->words.count += count;
    return first;
}

static uint32_t block_take(struct rows *r, unsigned room_bits) {
    uint32_t spare = r->spare_blocks[room_bits];
    if (spare == ROWS_END)
        return words_take(r, words_of(room_bits));
    r->spare_blocks[room_bits] = r->words.at[spare].fields[0];
    return spare;
}

static void block_give(struct rows *r, uint32_t block, unsigned room_bits) {
    r->words.at[block].fields[0] = r->spare_blocks[room_bits];
    r->spare_blocks[room_bits] = block;
}

static void block_grow(struct rows *r, struct row *row) {
    unsigned bits = row->room_bits + 1u;
    CHECK(bits < ROWS_ROOMS);
    uint32_t block = block_take(r, bits);
    if (row->cell_count > 0) {
        union row_word *to = &r->words.at[block];
        const union row_word *from = &r->words.at[row->cells];
        uint32_t half = row->cell_count / 2; // it is full
        memcpy(to, from, half * sizeof(*to));
        memcpy(to + 2 * (size_t)half, from + half, row->cell_count * sizeof(*to));
        block_give(r, row->cells, row->room_bits);
    }
    row->cells = block;
    row->room_bits = (uint8_t)bits;
}

// The first place whose field is not before `field`.
static uint32_t cell_place(const union row_word *block, uint32_t count, uint32_t field) {
    uint32_t first = 0, end = count;
    while (end - first > WALK) {
        uint32_t middle = first + (end - first) / 2;
        if (row_field(block, middle) < field)
            first = middle + 1;
        else
            end = middle;
    }
    while (first < end && row_field(block, first) < field)
        first++;
    return first;
}

static union row_word *cell_make(struct rows *r, struct row *row, uint32_t place, uint32_t field) {
    if (row->cell_count == row_room(row))
        block_grow(r, row);
    union row_word *block = &r->words.at[row->cells], *values = block + row_room(row) / 2;
    for (uint32_t i = row->cell_count; i > place; i--) {
        block[i / 2].fields[i % 2] = row_field(block, i - 1);
        values[i] = values[i - 1];
    }
    block[place / 2].fields[place % 2] = field;
    values[place].value = 0;
    row->cell_count++;
    return &values[place];
}

static union row_word *cell_of(struct rows *r, struct row *row, uint32_t field) {
    union row_word *block = &r->words.at[row->cells];
    uint32_t place = row->cell_count > 0 ? cell_place(block, row->cell_count, field) : 0;
    if (place < row->cell_count && row_field(block, place) == field)
        return block + row_room(row) / 2 + place;
    return cell_make(r, row, place, field);
}

void rows_add_cell(struct rows *r, uint32_t row, uint32_t field, int64_t value) {
    if (value == 0)
        return;
    union row_word *cell = cell_of(r, &r->rows.at[row], field);
    cell->value = (int64_t)((uint64_t)cell->value + (uint64_t)value);
}

void rows_add_cells(struct rows *r, uint32_t field, const uint32_t *numbers, const int64_t *values,
                    uint32_t count) {
    for (uint32_t i = 0; i < count; i++)
        __builtin_prefetch(&r->rows.at[numbers[i]], 1);
    for (uint32_t i = 0; i < count; i++) {
        const struct row *row = &r->rows.at[numbers[i]];
        if (row->cell_count > 0)
            __builtin_prefetch(&r->words.at[row->cells], 1);
    }
    for (uint32_t i = 0; i < count; i++)
        rows_add_cell(r, numbers[i], field, values[i]);
}

void rows_add(struct rows *r, uint32_t row, field_code field, int64_t value) {
    CHECK(row < r->rows.count);
    rows_add_cell(r, row, rows_field(r, field), value);
}

int64_t rows_value(const struct rows *r, uint32_t row, field_code field) {
    CHECK(row < r->rows.count);
    const struct row *at = &r->rows.at[row];
    uint32_t number = rows_field_find(r, field);
    for (uint32_t i = 0; i < at->cell_count; i++) {
        if (row_cell(r, at, i).field == number)
            return row_cell(r, at, i).value;
    }
    return 0;
}

uint32_t rows_next_cell(const struct rows *r, uint32_t row, uint32_t cell, struct cell *out) {
    CHECK(row < r->rows.count);
    const struct row *at = &r->rows.at[row];
    uint32_t next = cell == ROWS_FIRST ? 0 : cell + 1;
    if (next >= at->cell_count)
        return ROWS_END;
    struct row_cell found = row_cell(r, at, next);
    *out = (struct cell){r->fields.at[found.field], found.value};
    return next;
}
