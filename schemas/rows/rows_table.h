// What rows.h keeps to itself, for the files of this folder: they read a million rows at once.
//
// Rows and the blocks of their cells (rows_cells.c) stand in growing arrays. Ids and orders lie in an arena;
// accounts and fields are kept once and numbered.
#pragma once

#include "runtime/arena.h"
#include "schemas/rows/rows.h"
#include "schemas/rows/slots.h"

enum row_flag { ROW_PAID = 1 };

struct row {
    union {
        const char *id;
        struct {
            uint32_t origin, format;
        } of; // of TOTALS and LATE, which have no id
    };
    uint32_t platform;
    uint32_t account;
    uint32_t cells; // where its block begins, among the words
    uint32_t cell_count;
    uint16_t id_length;
    uint8_t table;
    uint8_t flags;
    uint8_t room_bits; // 2^room_bits cells have room in the block; 0: there is none
};

struct row_cell {
    uint32_t field;
    int64_t value;
};

union row_word {
    int64_t value;
    uint32_t fields[2];
};

enum { ROWS_ROOMS = 32 };

// Rows that are fetched ahead: each step finds in the cache what the one before it fetched, so many rows ago.
enum { ROWS_AHEAD = 16, ROWS_STEP = 5 };
// Of a row's cells mostly the first few are added to, which are behind all of its fields: among these.
enum { ROWS_FIRST_VALUES = 4 };

// `order` is cut short after its last increment.
struct kept_order {
    struct order *order;
    uint32_t account;
    bool settled;
};

// `refund` is cut short likewise.
struct kept_refund {
    struct refund *refund;
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

// `live.changes` are the `changes`, of which there may be so many.
struct kept_live {
    struct live_session live;
    struct live_change *changes;
    uint32_t room;
};

// A growing array.
#define ROWS_ARRAY(type)                                                                                     \
    struct {                                                                                                 \
        type *at;                                                                                            \
        uint32_t count, room;                                                                                \
    }

// Grows it to room for so many in all, which are more than it has.
#define rows_reserve(array, wanted)                                                                          \
    do {                                                                                                     \
        uint64_t new_room = (wanted);                                                                        \
        CHECK(new_room < ROWS_FIRST);                                                                        \
        (array)->at = memory_extend((array)->at, (array)->room * sizeof(*(array)->at),                       \
                                    new_room * sizeof(*(array)->at));                                        \
        (array)->room = (uint32_t)new_room;                                                                  \
    } while (0)

#define rows_array_fini(array) memory_release((array)->at, (array)->room * sizeof(*(array)->at))

#define rows_append(array, ...)                                                                              \
    do {                                                                                                     \
        if ((array)->count == (array)->room)                                                                 \
            rows_reserve(array, (uint64_t)(array)->room + (array)->room / 4 + 64);                           \
        (array)->at[(array)->count++] = (__VA_ARGS__);                                                       \
    } while (0)

struct rows {
    struct arena ids;
    ROWS_ARRAY(struct row) rows;
    ROWS_ARRAY(union row_word) words;
    uint32_t spare_blocks[ROWS_ROOMS]; // by their room's bits, each naming the next; ROWS_END: none
    ROWS_ARRAY(field_code) fields;
    ROWS_ARRAY(struct slice) accounts;
    ROWS_ARRAY(struct kept_order) orders;
    ROWS_ARRAY(struct kept_refund) refunds;
    ROWS_ARRAY(struct kept_sketch) sketches;
    ROWS_ARRAY(struct sketch_set) sketch_sets;
    ROWS_ARRAY(struct latest_reading) readings;
    ROWS_ARRAY(struct kept_live) live;
    size_t sketch_bytes; // held by the sketches themselves
    size_t live_bytes;   // and by the changes of live sessions
    struct slots row_slots, field_slots, account_slots;
    struct slots order_slots;   // by account, order, occurred_at, event id
    struct slots least_slots;   // by account and order: the least of the copies
    struct slots refund_slots;  // by account, order and its time
    struct slots sketch_slots;  // of sketch_sets
    struct slots reading_slots; // by account, platform, content, counter
    struct slots live_slots;    // by account, platform, session, window
    uint32_t last_account;
    uint32_t last_set;          // of sketch_sets, the one that was looked up last; ROWS_END: none
    uint32_t ahead[ROWS_AHEAD]; // hashes of rows that are being fetched, in a ring
    unsigned ahead_next;
};

// Else its rows are orders, refunds, sketches...
static inline bool table_has_counters(unsigned table) {
    return table < TABLE_ORDERS || table == TABLE_COHORT;
}

static inline bool table_has_id(unsigned table) {
    return table != TABLE_TOTALS && table != TABLE_LATE;
}

// The number of an account, made where it is new.
uint32_t rows_account(struct rows *r, struct slice account);
// ROWS_END where it is not known.
uint32_t rows_account_find(const struct rows *r, struct slice account);
uint32_t rows_field(struct rows *r, field_code field);
// ROWS_END where it is not known.
uint32_t rows_field_find(const struct rows *r, field_code field);

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
    if (row->cell_count > 0)
        __builtin_prefetch(&r->words.at[row->cells]);
}

static inline uint32_t row_room(const struct row *row) {
    return row->room_bits > 0 ? UINT32_C(1) << row->room_bits : 0;
}

static inline uint32_t row_field(const union row_word *block, uint32_t place) {
    return block[place / 2].fields[place % 2];
}

// A cell by its place, below row->cell_count; by field they are ascending.
static inline struct row_cell row_cell(const struct rows *r, const struct row *row, uint32_t place) {
    const union row_word *block = &r->words.at[row->cells];
    return (struct row_cell){row_field(block, place), block[row_room(row) / 2 + place].value};
}

// One that is not 0?
static inline bool row_has_cells(const struct rows *r, const struct row *row) {
    uint32_t place = 0;
    while (place < row->cell_count && row_cell(r, row, place).value == 0)
        place++;
    return place < row->cell_count;
}

void rows_cells_init(struct rows *r);
void rows_add_cell(struct rows *r, uint32_t row, uint32_t field, int64_t value); // of 0: nothing
// Of one field to many rows, at most so many, which are fetched together.
enum { ROWS_CELLS_AT_ONCE = 32 };
void rows_add_cells(struct rows *r, uint32_t field, const uint32_t *numbers, const int64_t *values,
                    uint32_t count);

struct slice rows_keep(struct rows *r, struct slice text);

// `settled`: its increments stand in the rows already.
void rows_keep_order(struct rows *r, const struct order *order, bool settled);
// The least copy that `r` (may be NULL) holds of an order; NULL: none.
const struct order *rows_least_order(const struct rows *r, struct slice account,
                                     const unsigned char order[ORDER_SIZE]);
// The sign says how they sort.
int rows_rank_order(const struct order *a, const struct order *b);
int rows_subject_order(const struct subject *a, const struct subject *b); // of one account
// Copies the names of `s` into the table; the account is one of its own.
void rows_keep_subject(struct rows *r, struct subject *s, uint32_t account);

void rows_sketches_fini(struct rows *r);
void rows_live_fini(struct rows *r);

// Sorts rows, given by their numbers.
void rows_sort_numbers(const struct rows *r, uint32_t *numbers, size_t count);
