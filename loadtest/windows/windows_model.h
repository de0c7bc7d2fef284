// What one window must hold: its rows by name, its purchases, what was read last, who came to live sessions,
// as the events make them. Pure: events in, sums out, by the recount's own reading of aggregate/README.md;
// nothing here is shared with the aggregator but the names of tables and counters.
//
// Sums are modulo 2^64, as a file's are. Zero and absent are equal.
#pragma once

#include "clameur/v1/event.pb-c.h"
#include "loadtest/recount/reading/measures.h"
#include "loadtest/recount/recount_table.h"
#include "loadtest/windows/windows_live.h"
#include "loadtest/windows/windows_read.h"
#include "loadtest/windows/windows_sketches.h"
#include "loadtest/windows/windows_sold.h"
#include "runtime/arena.h"
#include "schemas/rows/rows.h"

enum { RECOUNT_WINDOW_S = 900 };

enum { WINDOW_ROW_MAX = 32 + ROWS_ACCOUNT_MAX + ROWS_ID_MAX };

struct window_cell {
    uint32_t row, field; // numbers of `rows` and `fields`
    int64_t value;
    bool met; // by the comparison
};

// A copy of an order: what it says, in the model's memory.
struct window_copy {
    struct slice order; // account and order
    unsigned char hash[ORDER_SIZE], event_id[EVENT_ID_SIZE];
    int64_t occurred_at_ms;
    struct slice account;
    struct windows_whose whose;
    struct recount_increments increments;
    uint32_t next;  // of the same order
    uint64_t again; // the same time and event id besides
    bool met;
};

// A refund that names its order, and the window that the order was placed in.
struct window_refund {
    struct window_copy *of; // what it says of itself
    int64_t placed_s;
};

struct window_model {
    struct names rows;   // encoded by window_row_write
    struct names fields; // the bytes of a field_code
    struct pairs cell_of;
    struct window_cell *cells;
    uint32_t cell_count, cell_room;
    struct names orders;         // account and order
    struct names ranks;          // account, order, occurred_at, event_id
    struct window_copy **copies; // by rank
    uint32_t *first_copy;        // by order
    size_t copy_room, order_room;
    struct window_refund *refunds;
    size_t refund_count, refund_room;
    struct windows_read read;
    struct windows_live live;
    struct arena arena;
    struct window_sketches sketches;
    size_t memory; // about so many bytes
};

struct window_model *window_model_create(void);
void window_model_destroy(struct window_model **m);

// Counts an event that is valid and no duplicate. A purchase that comes in time waits for
// window_model_settle, a refund that names its order for window_model_refund.
void window_model_add(struct window_model *m, const Clameur__V1__Event *e, const struct rules *rules,
                      bool late);
// Of one that came in time: who watches, by what it says itself and what it moves besides.
void window_model_watch(struct window_model *m, const Clameur__V1__Event *e,
                        const struct windows_moves *moves);
// Sees whom it reached, and how long it says that something took. Of an event that came in time.
void window_model_see(struct window_model *m, const struct recount_keys *keys, int64_t time_ms,
                      const Clameur__V1__Event *e);
// Of the copies of each order the one of least (occurred_at, event_id) counts, each other one, and each time
// that one came again, is an `order_copies` of its row of TOTALS; where the order was sold before, all of
// them are. Once, after all events.
typedef bool (*window_model_sold)(void *context, struct slice order);
void window_model_settle(struct window_model *m, window_model_sold sold, void *context);
// Refunds count where the sale of their order does, else where they say themselves, and are unattributed
// then. Once, after all events.
typedef const struct windows_sale *(*window_model_sale)(void *context, struct slice order, int64_t placed_s);
void window_model_refund(struct window_model *m, window_model_sale sale, void *context);
// Adds to a counter of a row.
void window_model_count(struct window_model *m, const struct row_key *key, field_code field, int64_t value);
// What copies of one order have in common (window_copy.order): `out` has WINDOW_ORDER_MAX bytes.
enum { WINDOW_ORDER_MAX = ROWS_ACCOUNT_MAX + ORDER_SIZE };
struct slice window_order_write(char *out, const Clameur__V1__Event *purchase);

// A row's name by which the model knows it: `out` has WINDOW_ROW_MAX bytes.
struct slice window_row_write(char *out, const struct row_key *key);
// The key of a row of the model.
struct row_key window_row_read(struct slice name);

// NULL where nothing touched it.
struct window_cell *window_model_cell(const struct window_model *m, struct slice row, field_code field);
field_code window_model_field(const struct window_model *m, const struct window_cell *cell);
// NULL where there is no such copy.
struct window_copy *window_model_copy(const struct window_model *m, const struct order *order);
