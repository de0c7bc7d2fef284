// What rows.h keeps to itself, for the files of this folder: they read a million rows at once.
//
// Rows and cells are small and stand in growing arrays; the cells of a row are linked. Ids and orders lie in
// an arena; accounts and fields are kept once and numbered.
#pragma once

#include "runtime/arena.h"
#include "schemas/snapshot/rows.h"
#include "schemas/snapshot/slots.h"

// The cells of a row are found along their links; of a row that has more than so many (ROW_LONG), by an
// index.
enum { ROW_WALK = 8 };

enum row_flag { ROW_PAID = 1, ROW_LONG = 2 };

struct row {
    union {
        const char *id;
        struct {
            uint32_t origin, format;
        } of; // of TOTALS and LATE, which have no id
    };
    uint32_t platform;
    uint32_t account;
    uint32_t first_cell; // ROWS_END: none
    uint16_t id_length;
    uint8_t table;
    uint8_t flags;
};

struct row_cell {
    int64_t value;
    uint32_t field;
    uint32_t next;
};

// Rows that are fetched ahead: each step finds in the cache what the one before it fetched, so many rows ago.
enum { ROWS_AHEAD = 16, ROWS_STEP = 5 };

// A cell of a row that is long.
struct long_cell {
    uint32_t row, cell;
};

// `order` is cut short after its last increment.
struct kept_order {
    struct order *order;
    uint32_t account;
    bool settled;
};

struct kept_sketch {
    struct sketch sketch;
    uint32_t account;
};

// The sketches of an account on a platform, by what they are of: their number + 1; 0: none.
struct sketch_set {
    uint32_t account, platform;
    uint32_t numbers[SKETCHED_COUNT];
};

// A growing array.
#define ROWS_ARRAY(type)                                                                                     \
    struct {                                                                                                 \
        type *at;                                                                                            \
        uint32_t count, room;                                                                                \
    }

#define rows_append(array, ...)                                                                              \
    do {                                                                                                     \
        if ((array)->count == (array)->room) {                                                               \
            (array)->room += (array)->room / 4 + 64;                                                         \
            CHECK((array)->room > (array)->count);                                                           \
            (array)->at = memory_grow((array)->at, (array)->room, sizeof(*(array)->at));                     \
        }                                                                                                    \
        (array)->at[(array)->count++] = (__VA_ARGS__);                                                       \
    } while (0)

struct rows {
    struct arena ids;
    ROWS_ARRAY(struct row) rows;
    ROWS_ARRAY(struct row_cell) cells;
    ROWS_ARRAY(struct long_cell) long_cells;
    ROWS_ARRAY(field_code) fields;
    ROWS_ARRAY(struct slice) accounts;
    ROWS_ARRAY(struct kept_order) orders;
    ROWS_ARRAY(struct kept_sketch) sketches;
    ROWS_ARRAY(struct sketch_set) sketch_sets;
    size_t sketch_bytes; // held by the sketches themselves
    struct slots row_slots, field_slots, account_slots, long_slots;
    struct slots order_slots;  // by account, order, occurred_at, event id
    struct slots least_slots;  // by account and order: the least of the copies
    struct slots sketch_slots; // of sketch_sets
    uint32_t last_account;
    uint32_t ahead[ROWS_AHEAD]; // hashes of rows that are being fetched, in a ring
    unsigned ahead_next;
};

static inline bool table_has_id(unsigned table) {
    return table != TABLE_TOTALS && table != TABLE_LATE;
}

// As files sort them: by their bytes, the shorter first.
static inline int slice_order(struct slice a, struct slice b) {
    size_t common = a.length < b.length ? a.length : b.length;
    int differs = common > 0 ? memcmp(a.at, b.at, common) : 0;
    if (differs != 0)
        return differs;
    return (a.length > b.length) - (a.length < b.length);
}

// The number of an account, made where it is new.
uint32_t rows_account(struct rows *r, struct slice account);
// ROWS_END where it is not known.
uint32_t rows_account_find(const struct rows *r, struct slice account);
uint32_t rows_field(struct rows *r, field_code field);

uint32_t rows_hash(uint32_t account, const struct row_key *key);
uint32_t rows_row_of(struct rows *r, uint32_t account, const struct row_key *key, uint32_t hash);
// Begins to fetch the row of a hash, and goes on with those before.
void rows_prefetch(struct rows *r, uint32_t hash);
// Fetches rows that are known by number, in the order of `numbers`: called before each `at`.
static inline void rows_fetch(const struct rows *r, const uint32_t *numbers, size_t count, size_t at) {
    if (at + 2 * ROWS_AHEAD < count)
        __builtin_prefetch(&r->rows.at[numbers[at + 2 * ROWS_AHEAD]]);
    if (at + ROWS_AHEAD >= count)
        return;
    const struct row *row = &r->rows.at[numbers[at + ROWS_AHEAD]];
    if (table_has_id(row->table))
        __builtin_prefetch(row->id);
    if (row->first_cell != ROWS_END)
        __builtin_prefetch(&r->cells.at[row->first_cell]);
}
void rows_add_cell(struct rows *r, uint32_t row, uint32_t field, int64_t value); // of 0: nothing

struct slice rows_keep(struct rows *r, struct slice text);

// `settled`: its increments stand in the rows already.
void rows_keep_order(struct rows *r, const struct order *order, bool settled);

void rows_sketches_fini(struct rows *r);

// Sorts rows and orders, given by their numbers.
void rows_sort_numbers(const struct rows *r, uint32_t *numbers, size_t count);
void rows_sort_order_numbers(const struct rows *r, uint32_t *numbers, size_t count);
