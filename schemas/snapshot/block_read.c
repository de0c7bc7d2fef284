// A block, read from bytes that are not trusted: what it says of its size is held to what it holds.
#include <string.h>

#include "schemas/snapshot/block_keys.h"

static bool is_list(unsigned number) {
    return (number >= BLOCK_ACCOUNT_ROWS && number <= BLOCK_ID_REST) || number == BLOCK_REACHED;
}

static bool is_message(unsigned number) {
    return number == BLOCK_ACCOUNTS || number == BLOCK_COLUMNS || number == BLOCK_ORDERS ||
           number == BLOCK_SKETCHES || number == BLOCK_READINGS || number == BLOCK_LIVE ||
           number == BLOCK_REFUNDS || number == BLOCK_VIEWERS;
}

static const char *take_field(struct block *b, uint64_t *numbers, const struct wire_field *field) {
    if (field->number >= BLOCK_FIELDS)
        return NULL;
    if (is_list(field->number) || is_message(field->number)) {
        if (field->type != WIRE_BYTES)
            return "a field has another type than its own";
        if (is_list(field->number) && b->lists[field->number].at != NULL)
            return "a list comes twice";
        if (is_list(field->number))
            b->lists[field->number] = field->bytes;
        return NULL;
    }
    if (field->type != WIRE_VARINT)
        return "a field has another type than its own";
    numbers[field->number] = field->value;
    return NULL;
}

static const char *read_fields(struct slice bytes, struct block *b) {
    struct wire_in in = wire_in(bytes);
    struct wire_field field;
    uint64_t numbers[BLOCK_FIELDS] = {0};
    const char *wrong = NULL;
    *b = (struct block){.bytes = bytes};
    while (wrong == NULL && wire_next(&in, &field))
        wrong = take_field(b, numbers, &field);
    if (wrong != NULL)
        return wrong;
    if (!wire_is_at_end(&in))
        return "it is damaged";
    if (numbers[BLOCK_TABLE] >= TABLES)
        return "it is of a table that this program does not know";
    if (numbers[BLOCK_ROWS] == 0 || numbers[BLOCK_ROWS] > SNAPSHOT_BLOCK_ROWS)
        return "it has no rows, or more than a block may have";
    b->table = (enum table)numbers[BLOCK_TABLE];
    b->window_s = (int64_t)numbers[BLOCK_WINDOW];
    b->rows = (uint32_t)numbers[BLOCK_ROWS];
    return NULL;
}

// Blocks are sorted by table and window; where both are the same, the rows go on.
static const char *follow(struct block_reader *reader, const struct block *b) {
    struct last_row *last = &reader->last;
    if (!reader->is_checkpoint && b->window_s != 0)
        return "it names a window, which only blocks of checkpoints do";
    if (b->table < last->table || (b->table == last->table && b->window_s < last->window_s && last->is_any))
        return "the blocks are not sorted";
    if (b->table != last->table || b->window_s != last->window_s)
        last->is_any = false;
    last->table = b->table;
    last->window_s = b->window_s;
    return NULL;
}

// A key on its way to its row: it waits until what is looked at there has been fetched.
static void key_put(struct block_reader *reader, struct rows *rows, uint32_t index,
                    const struct row_key *key) {
    struct waiting_key *w = &reader->waiting[index % ROWS_AHEAD];
    memcpy(w->id, key->id.at, key->id.length);
    w->key = *key;
    w->key.id.at = w->id;
    w->account = rows_account(rows, key->account);
    w->hash = rows_hash(w->account, &w->key);
    rows_prefetch(rows, w->hash);
}

static void key_take(struct block_reader *reader, struct rows *rows, uint32_t index) {
    const struct waiting_key *w = &reader->waiting[index % ROWS_AHEAD];
    reader->numbers[index] = rows_row_of(rows, w->account, &w->key, w->hash);
}

static const char *read_rows(struct block_reader *reader, const struct block *b, struct rows *rows) {
    struct block_keys keys;
    uint32_t taken = 0;
    const char *wrong = block_keys_begin(&keys, b);
    for (uint32_t i = 0; wrong == NULL && i < b->rows; i++) {
        wrong = block_keys_next(reader, &keys);
        if (wrong != NULL)
            return wrong;
        reader->has_cell[i] = false;
        if (rows == NULL)
            continue;
        if (i - taken == ROWS_AHEAD)
            key_take(reader, rows, taken++);
        key_put(reader, rows, i, &keys.key);
    }
    while (wrong == NULL && rows != NULL && taken < b->rows)
        key_take(reader, rows, taken++);
    return wrong != NULL ? wrong : block_keys_end(&keys);
}

const char *block_read(struct block_reader *reader, struct slice bytes) {
    struct block b;
    const char *wrong = read_fields(bytes, &b);
    if (wrong == NULL)
        wrong = follow(reader, &b);
    if (wrong != NULL)
        return wrong;
    reader->table_rows[b.table] += b.rows;
    if (b.table == TABLE_VIEWERS)
        return block_read_viewers(reader, bytes, b.rows);
    bool is_wanted = (reader->tables >> b.table & 1) != 0;
    struct rows *rows = is_wanted ? reader->rows_of(reader->context, b.window_s) : NULL;
    if (b.table == TABLE_ORDERS)
        return block_read_orders(reader, bytes, b.rows, rows);
    if (b.table == TABLE_READINGS)
        return block_read_readings(reader, bytes, b.rows, rows);
    if (b.table == TABLE_LIVE)
        return block_read_live(reader, bytes, b.rows, rows);
    if (b.table == TABLE_REFUNDS)
        return block_read_refunds(reader, bytes, b.rows, rows);
    if (b.table == TABLE_REACH || b.table == TABLE_QUANTILES)
        return block_read_sketches(reader, &b, rows);
    if (!table_has_counters(b.table))
        return "it is of a table that this program does not know";
    wrong = read_rows(reader, &b, rows);
    return wrong != NULL ? wrong : block_read_columns(reader, bytes, b.rows, rows);
}
