// A block, read from bytes that are not trusted: what it says of its size is held to what it holds.
#include <string.h>

#include "runtime/check.h"
#include "schemas/snapshot/snapshot_parts.h"

// A block's fields as they lie in its bytes. Lists that are left out are empty.
struct block {
    enum table table;
    int64_t window_s;
    uint32_t rows;
    struct slice bytes;
    struct slice lists[BLOCK_FIELDS];
};

// The lists of a block while its rows are read. A list that is left out gives zeroes.
struct cursors {
    struct wire_in block; // at the next account
    struct wire_in lists[BLOCK_FIELDS];
    bool is_there[BLOCK_FIELDS];
    uint32_t left; // rows of the account
    struct slice account;
};

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

static void cursors_init(struct cursors *c, const struct block *b) {
    *c = (struct cursors){.block = wire_in(b->bytes)};
    for (unsigned i = 0; i < BLOCK_FIELDS; i++) {
        if (b->lists[i].at == NULL)
            continue;
        c->lists[i] = wire_in(b->lists[i]);
        c->is_there[i] = true;
    }
}

static bool next_number(struct cursors *c, enum block_field list, uint32_t *value) {
    *value = 0;
    return !c->is_there[list] || wire_read_32(&c->lists[list], value);
}

// The next account and how many rows are its.
static const char *next_account(struct cursors *c) {
    struct wire_field field = {0};
    while (field.number != BLOCK_ACCOUNTS) {
        if (!wire_next(&c->block, &field))
            return "it has fewer accounts than its rows need";
    }
    c->account = field.bytes;
    if (c->account.length > ROWS_ACCOUNT_MAX)
        return "an account is longer than it may be";
    if (!next_number(c, BLOCK_ACCOUNT_ROWS, &c->left) || c->left == 0)
        return "an account has no rows";
    return NULL;
}

// All lists must have come to their ends with the last row.
static const char *end_lists(struct cursors *c) {
    struct wire_field field;
    while (wire_next(&c->block, &field)) {
        if (field.number == BLOCK_ACCOUNTS)
            return "it has more accounts than its rows need";
    }
    for (unsigned i = 0; i < BLOCK_FIELDS; i++) {
        if (!wire_is_at_end(&c->lists[i]))
            return "a list is longer than its rows";
    }
    return c->left == 0 ? NULL : "an account has more rows than the block";
}

// A row's own bytes of its id: `rest`, after `shared` ones of the id before.
struct id_part {
    uint32_t shared;
    struct slice rest;
};

static const char *next_id(struct cursors *c, size_t before, struct id_part *id) {
    uint32_t length;
    if (!next_number(c, BLOCK_ID_SHARED, &id->shared) || !next_number(c, BLOCK_ID_LENGTHS, &length))
        return "a list is shorter than its rows";
    if (id->shared > before)
        return "an id shares more than the id before it has";
    struct wire_in *rest = &c->lists[BLOCK_ID_REST];
    if (length > (size_t)(rest->end - rest->at))
        return "the ids are shorter than they say";
    if (id->shared + (uint64_t)length > ROWS_ID_MAX)
        return "an id is longer than it may be";
    id->rest = (struct slice){length > 0 ? rest->at : "", length};
    if (length > 0)
        rest->at += length;
    return NULL;
}

static int number_order(uint64_t a, uint64_t b) {
    return (a > b) - (a < b);
}

// How the last row of the file sorts against the next one.
static int last_order(const struct last_row *last, const struct row_key *key, const struct id_part *id) {
    int differs = slice_order((struct slice){last->account, last->account_length}, key->account);
    if (differs == 0)
        differs = number_order(last->platform, key->platform);
    if (differs == 0)
        differs = number_order(last->origin, key->origin);
    if (differs == 0)
        differs = number_order(last->format, key->format);
    if (differs == 0)
        differs = number_order(last->paid, key->paid);
    if (differs == 0)
        differs = slice_order((struct slice){last->id + id->shared, last->id_length - id->shared}, id->rest);
    return differs;
}

static void remember(struct last_row *last, const struct row_key *key, const struct id_part *id) {
    last->is_any = true;
    last->account_length = key->account.length;
    memcpy(last->account, key->account.at, key->account.length);
    last->platform = key->platform;
    last->origin = key->origin;
    last->format = key->format;
    last->paid = key->paid;
    memcpy(last->id + id->shared, id->rest.at, id->rest.length);
    last->id_length = id->shared + id->rest.length;
}

static const char *read_row(struct block_reader *reader, struct cursors *c, bool is_first,
                            struct row_key *key) {
    struct last_row *last = &reader->last;
    struct id_part id;
    uint32_t paid;
    const char *wrong = c->left == 0 ? next_account(c) : NULL;
    if (wrong != NULL)
        return wrong;
    c->left--;
    key->account = c->account;
    if (!next_number(c, BLOCK_PLATFORMS, &key->platform) || !next_number(c, BLOCK_ORIGINS, &key->origin) ||
        !next_number(c, BLOCK_FORMATS, &key->format) || !next_number(c, BLOCK_PAID, &paid) || paid > 1)
        return "a list is shorter than its rows, or a number in it too large";
    key->paid = paid != 0;
    wrong = next_id(c, is_first ? 0 : last->id_length, &id);
    if (wrong != NULL)
        return wrong;
    if (last->is_any && last_order(last, key, &id) >= 0)
        return "its rows are not sorted, or one comes twice";
    remember(last, key, &id);
    key->id = (struct slice){last->id, last->id_length};
    return NULL;
}

// Each list must be one of the table's.
static const char *lists_fit(const struct cursors *c, enum table table) {
    for (unsigned i = BLOCK_ORIGINS; i <= BLOCK_ID_REST; i++) {
        if (c->is_there[i] && table_has_id(table) != (i >= BLOCK_ID_SHARED))
            return "it has columns that are not of its table";
    }
    return c->is_there[BLOCK_REACHED] && table != TABLE_REACH ? "it has columns that are not of its table"
                                                              : NULL;
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
    struct cursors c;
    struct row_key key = {.table = b->table};
    uint32_t taken = 0;
    cursors_init(&c, b);
    const char *wrong = lists_fit(&c, b->table);
    for (uint32_t i = 0; wrong == NULL && i < b->rows; i++) {
        wrong = read_row(reader, &c, i == 0, &key);
        if (wrong != NULL)
            return wrong;
        reader->has_cell[i] = false;
        if (rows == NULL)
            continue;
        if (i - taken == ROWS_AHEAD)
            key_take(reader, rows, taken++);
        key_put(reader, rows, i, &key);
    }
    while (wrong == NULL && rows != NULL && taken < b->rows)
        key_take(reader, rows, taken++);
    return wrong != NULL ? wrong : end_lists(&c);
}

// The next field of a block that is a sketch; columns have no place beside them.
static const char *next_sketch(struct wire_in *in, struct slice *bytes) {
    struct wire_field field;
    while (wire_next(in, &field)) {
        if (field.number == BLOCK_COLUMNS || field.number == BLOCK_ORDERS)
            return "it has columns that are not of its table";
        if (field.number != BLOCK_SKETCHES)
            continue;
        *bytes = field.bytes;
        return NULL;
    }
    *bytes = (struct slice){NULL, 0};
    return NULL;
}

static bool sketched_parse(const struct row_key *key, enum sketched *of) {
    for (unsigned i = 0; i < SKETCHED_COUNT; i++) {
        const char *name = sketched_rows[i].name;
        *of = (enum sketched)i;
        if (sketched_rows[i].table == key->table && slice_equal(key->id, (struct slice){name, strlen(name)}))
            return true;
    }
    return false;
}

// In published files alone, and there with each reach.
static const char *read_reached(const struct block_reader *reader, struct cursors *c, struct sketch *s) {
    if (sketched_rows[s->of].table != TABLE_REACH)
        return NULL;
    if (c->is_there[BLOCK_REACHED] != reader->is_published)
        return "it says how many were reached, or does not, as only the other kinds of files do";
    if (reader->is_published && (!wire_read(&c->lists[BLOCK_REACHED], &s->reached) || s->reached == 0))
        return "a sketch does not say how many were reached";
    return reader->is_published && reach_is_exact(&s->reach) ? "a sketch names its members" : NULL;
}

// The form of what holds nothing is a byte.
static bool sketch_read(struct sketch *s, struct slice bytes) {
    if (bytes.length < 2)
        return false;
    if (s->of == SKETCHED_ACTED)
        return classes_read(&s->classes, bytes);
    return sketched_rows[s->of].table == TABLE_REACH ? reach_read(&s->reach, bytes)
                                                     : quantiles_read(&s->quantiles, bytes);
}

static const char *read_sketch(const struct block_reader *reader, struct cursors *c, struct wire_in *in,
                               const struct row_key *key, struct rows *rows) {
    struct sketch s = {.platform = key->platform, .account = key->account};
    struct slice bytes;
    const char *wrong = next_sketch(in, &bytes);
    if (wrong != NULL)
        return wrong;
    if (!sketched_parse(key, &s.of))
        return "it has sketches of what this program does not know";
    if (!sketch_read(&s, bytes))
        return "a sketch is damaged, empty or not there";
    if (s.of == SKETCHED_ACTED && reader->is_published)
        wrong = "it has classes of actors, which only parts and checkpoints have";
    else
        wrong = read_reached(reader, c, &s);
    if (wrong == NULL && rows != NULL)
        rows_keep_sketch(rows, &s);
    classes_fini(&s.classes);
    reach_fini(&s.reach);
    quantiles_fini(&s.quantiles);
    return wrong;
}

static const char *read_sketches(struct block_reader *reader, const struct block *b, struct rows *rows) {
    struct cursors c;
    struct row_key key = {.table = b->table};
    struct wire_in in = wire_in(b->bytes);
    struct slice more;
    cursors_init(&c, b);
    const char *wrong = lists_fit(&c, b->table);
    for (uint32_t i = 0; wrong == NULL && i < b->rows; i++) {
        wrong = read_row(reader, &c, i == 0, &key);
        if (wrong == NULL)
            wrong = read_sketch(reader, &c, &in, &key, rows);
    }
    if (wrong == NULL)
        wrong = next_sketch(&in, &more);
    if (wrong != NULL)
        return wrong;
    return more.at != NULL ? "it has more sketches than rows" : end_lists(&c);
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
        return read_sketches(reader, &b, rows);
    if (!table_has_counters(b.table))
        return "it is of a table that this program does not know";
    wrong = read_rows(reader, &b, rows);
    return wrong != NULL ? wrong : block_read_columns(reader, bytes, b.rows, rows);
}
