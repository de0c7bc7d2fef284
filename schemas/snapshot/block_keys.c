#include "schemas/snapshot/block_keys.h"

#include <string.h>

// Each list must be one of the table's.
static const char *lists_fit(const struct block_keys *k, enum table table) {
    for (unsigned i = BLOCK_ORIGINS; i <= BLOCK_ID_REST; i++) {
        if (k->is_there[i] && table_has_id(table) != (i >= BLOCK_ID_SHARED))
            return "it has columns that are not of its table";
    }
    return k->is_there[BLOCK_REACHED] && table != TABLE_REACH ? "it has columns that are not of its table"
                                                              : NULL;
}

const char *block_keys_begin(struct block_keys *k, const struct block *b) {
    *k = (struct block_keys){.block = wire_in(b->bytes), .key.table = b->table, .is_first = true};
    for (unsigned i = 0; i < BLOCK_FIELDS; i++) {
        if (b->lists[i].at == NULL)
            continue;
        k->lists[i] = wire_in(b->lists[i]);
        k->is_there[i] = true;
    }
    return lists_fit(k, b->table);
}

static bool next_number(struct block_keys *k, enum block_field list, uint32_t *value) {
    *value = 0;
    return !k->is_there[list] || wire_read_32(&k->lists[list], value);
}

// The next account and how many rows are its.
static const char *next_account(struct block_keys *k) {
    struct wire_field field = {0};
    while (field.number != BLOCK_ACCOUNTS) {
        if (!wire_next(&k->block, &field))
            return "it has fewer accounts than its rows need";
    }
    k->key.account = field.bytes;
    if (k->key.account.length > ROWS_ACCOUNT_MAX)
        return "an account is longer than it may be";
    if (!next_number(k, BLOCK_ACCOUNT_ROWS, &k->left) || k->left == 0)
        return "an account has no rows";
    return NULL;
}

// A row's own bytes of its id: `rest`, after `shared` ones of the id before.
struct id_part {
    uint32_t shared;
    struct slice rest;
};

static const char *next_id(struct block_keys *k, size_t before, struct id_part *id) {
    uint32_t length;
    if (!next_number(k, BLOCK_ID_SHARED, &id->shared) || !next_number(k, BLOCK_ID_LENGTHS, &length))
        return "a list is shorter than its rows";
    if (id->shared > before)
        return "an id shares more than the id before it has";
    struct wire_in *rest = &k->lists[BLOCK_ID_REST];
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
    int differs = slice_compare((struct slice){last->account, last->account_length}, key->account);
    if (differs == 0)
        differs = number_order(last->platform, key->platform);
    if (differs == 0)
        differs = number_order(last->origin, key->origin);
    if (differs == 0)
        differs = number_order(last->format, key->format);
    if (differs == 0)
        differs = number_order(last->paid, key->paid);
    if (differs == 0)
        differs =
            slice_compare((struct slice){last->id + id->shared, last->id_length - id->shared}, id->rest);
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

const char *block_keys_next(struct block_reader *reader, struct block_keys *k) {
    struct last_row *last = &reader->last;
    struct row_key *key = &k->key;
    struct id_part id;
    uint32_t paid;
    const char *wrong = k->left == 0 ? next_account(k) : NULL;
    if (wrong != NULL)
        return wrong;
    k->left--;
    if (!next_number(k, BLOCK_PLATFORMS, &key->platform) || !next_number(k, BLOCK_ORIGINS, &key->origin) ||
        !next_number(k, BLOCK_FORMATS, &key->format) || !next_number(k, BLOCK_PAID, &paid) || paid > 1)
        return "a list is shorter than its rows, or a number in it too large";
    key->paid = paid != 0;
    wrong = next_id(k, k->is_first ? 0 : last->id_length, &id);
    if (wrong != NULL)
        return wrong;
    if (last->is_any && last_order(last, key, &id) >= 0)
        return "its rows are not sorted, or one comes twice";
    remember(last, key, &id);
    key->id = (struct slice){last->id, last->id_length};
    k->is_first = false;
    return NULL;
}

// All lists must have come to their ends with the last row.
const char *block_keys_end(struct block_keys *k) {
    struct wire_field field;
    while (wire_next(&k->block, &field)) {
        if (field.number == BLOCK_ACCOUNTS)
            return "it has more accounts than its rows need";
    }
    for (unsigned i = 0; i < BLOCK_FIELDS; i++) {
        if (!wire_is_at_end(&k->lists[i]))
            return "a list is longer than its rows";
    }
    return k->left == 0 ? NULL : "an account has more rows than the block";
}
