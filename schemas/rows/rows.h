// Exact sums by dimension, in memory: what a window of a partition counts, what a merge adds up, what a
// reader gets.
//
// A row is a table and what names it there; a cell is one counter of a row. Adding is exact and in any order
// the same: integers, modulo 2^64. Purchases are kept apart, with what they would add, until rows_settle:
// which of the copies of an order counts is known only where all of them are. So are refunds that name their
// order, until rows_settle_refunds: where they count is known only where the order is. Beside rows there are
// sketches: of what is no sum, whom an account reached on a platform, and how long things took there. And
// readings: what a platform told as an absolute value, of which the last stands, and which is in no sum. And
// live sessions: when their viewers came and went.
//
// Everything that is handed in is copied. Not for threads to share.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/slice.h"
#include "schemas/increments.h"
#include "schemas/keys.h"
#include "schemas/sketch/classes.h"
#include "schemas/sketch/quantiles.h"
#include "schemas/sketch/reach.h"

// The numbers are snapshot.proto's.
enum table {
    TABLE_TOTALS,
    TABLE_CONTENT,
    TABLE_CAMPAIGN,
    TABLE_TAG,
    TABLE_TOPIC,
    TABLE_LATE,
    TABLE_ORDERS,
    TABLE_REACH, // this one and the next hold sketches, and no rows of counters
    TABLE_QUANTILES,
    TABLE_READINGS, // the last of what was read, and no rows of counters
    TABLE_LIVE,     // when viewers came and went, and no rows of counters
    TABLE_COHORT,
    TABLE_REFUNDS, // by order, and no rows of counters
    TABLE_VIEWERS, // of no rows: how viewers of live sessions stand, in checkpoints
    TABLES,
};

struct row_key {
    enum table table; // one with counters: not one from ORDERS to LIVE, nor REFUNDS
    uint32_t platform;
    uint32_t origin; // with `format` and `paid`: of TOTALS and LATE, else 0
    uint32_t format;
    bool paid;
    struct slice account;
    struct slice id; // of CONTENT, CAMPAIGN, TAG, TOPIC, COHORT; empty: of what rows_fold has added up
};

// Whose an event's increments are: the rows it touches. TOTALS always, CONTENT and CAMPAIGN where the event
// names one, TAG and TOPIC for each that is not repeated. A tag gets the counter of the kind alone.
struct subject {
    struct slice account;
    uint32_t platform, origin, format;
    bool paid;
    struct slice content, campaign;
    const struct slice *tags;
    uint32_t tag_count;
    const struct slice *topics;
    uint32_t topic_count;
};

enum { ORDER_SIZE = 16, EVENT_ID_SIZE = 16 };

// A purchase. Its rank is (occurred_at_ms, event_id); the least of the copies counts.
struct order {
    unsigned char order[ORDER_SIZE]; // XXH3-128 of the order id, big endian
    unsigned char event_id[EVENT_ID_SIZE];
    int64_t occurred_at_ms;
    uint64_t again; // how often the same purchase was there besides: under other keys, past the dedup span
    struct subject subject;
    struct increments increments;
};

// Refunds of an order that say the same of themselves, summed: its increments are the counters of their kind
// and measures, in that order, with the sums of all of them.
struct refund {
    unsigned char order[ORDER_SIZE];
    int64_t order_occurred_at_ms; // as they tell it, 0 or later
    struct subject subject;       // their own
    struct increments increments;
};

// What sketches are of: rows of sketches.def.
enum sketched {
#define SKETCH(id, table, name, doc) SKETCHED_##id,
#include "schemas/sketches.def"
#undef SKETCH
    SKETCHED_COUNT,
};

struct sketched_row {
    enum table table; // REACH or QUANTILES
    const char *name; // as files have it
};

extern const struct sketched_row sketched_rows[SKETCHED_COUNT];

// The class of SKETCHED_ACTED that the actor of an event is added to.
unsigned sketched_class(bool paid, uint32_t origin);
// Which actors_* are those of an origin (not 0); false where it is none that is listed.
bool sketched_of_origin(enum sketched *of, uint32_t origin);

struct sketch {
    enum sketched of;
    uint32_t platform;
    struct slice account;
    struct classes classes; // of SKETCHED_ACTED
    struct reach reach;     // of all other REACH
    // Of REACH as a published file said it, for its sketch tells only about how many there are; 0 where
    // another was merged since, or members came. Read rows_sketch_reached.
    uint64_t reached;
    struct quantiles quantiles; // of QUANTILES
};

// The last that was read of a counter of a content, or of an account on a platform as a whole: that of the
// greatest (read_at_ms, event_id). Two that are equal in both bear one event id: of those the greater value
// stands, whichever came first.
struct latest_reading {
    uint32_t platform;
    struct slice account;
    struct slice content; // "": of the account
    struct slice counter; // as the event calls it, be it one of counters.def or not
    int64_t value;
    int64_t read_at_ms; // above 0
    unsigned char event_id[EVENT_ID_SIZE];
};

// By how many the viewers of a live session are more, or fewer, after a second.
struct live_change {
    uint32_t second; // past the window's start; an event may also change what comes after its window
    int64_t change;
};

// A live session in one window.
struct live_session {
    uint32_t platform;
    struct slice account;
    struct slice session; // not empty
    int64_t start_s;      // of the window
    int64_t joins, leaves, watch_ms;
    int64_t expired, returned;         // the changes sum to joins - leaves - expired + returned
    const struct live_change *changes; // by second, each once; some may be 0
    uint32_t change_count;
};

// Ids are bounded as the contract of events bounds them; more is a bug of the caller.
enum {
    ROWS_ACCOUNT_MAX = 256,
    ROWS_ID_MAX = 512,
    ROWS_READ_COUNTER_MAX = 48,
    ROWS_ACCOUNTS_MAX = 1 << 29,
    ROWS_NAMES_MAX = 32, // tags of an order, and topics
    ROWS_WINDOW_S = 900,
    // So many seconds past a window's start its events change a live session: who is silent leaves an hour
    // after the last that was heard of him at most, and that may lie an hour after an event.
    ROWS_LIVE_S = ROWS_WINDOW_S + 2 * 3600,
};

struct rows;

struct rows *rows_create(void);
void rows_destroy(struct rows **r);

// Finds the row, or makes it. The number holds as long as the table.
uint32_t rows_row(struct rows *r, const struct row_key *key);
void rows_add(struct rows *r, uint32_t row, field_code field, int64_t value);

// All increments to all rows of a subject.
void rows_add_subject(struct rows *r, const struct subject *subject, const struct increments *increments);
// The same to its row of LATE alone.
void rows_add_late(struct rows *r, const struct subject *subject, const struct increments *increments);

// Keeps a purchase, whose increments begin with its kind's. One with the same order, time and event id is
// there once, and says how often it came again: if the two say different things, the same one of them stays
// in whatever order they came.
void rows_add_order(struct rows *r, const struct order *order);
// Of each order the least copy's increments are added to its rows; each other copy adds one `order_copies` to
// its row of TOTALS, and so does each time that one came again. Orders that `earlier` (may be NULL) holds
// with a lesser rank are copies, all of them. The orders stay, marked settled: settling again adds nothing.
// Those read from a published file (WINDOW, SPAN) are settled.
void rows_settle(struct rows *r, const struct rows *earlier);

// Adds refunds to those of the same order and time, subject and counters. Their increments begin with their
// kind's.
void rows_add_refund(struct rows *r, const struct refund *refund);
// A refund of an order that is not known: its increments to the rows of its own subject, and besides
// `refunds_unattributed` and `unattributed_micros`.
void rows_add_unattributed(struct rows *r, const struct subject *subject,
                           const struct increments *increments);
// The starts of the windows in which the orders of kept refunds were placed, ascending, each once; the caller
// frees *starts.
size_t rows_refund_windows(const struct rows *r, int64_t **starts);
// Refunds of orders that were placed in the window that starts there: of those that `sold` holds (the orders
// of that window from all partitions; NULL: none; `r` itself) the increments are added to the rows of the
// order's subject, the least copy's; the others are unattributed. They are no longer kept then.
void rows_settle_refunds(struct rows *r, int64_t start_s, const struct rows *sold);

// Of TAG and of TOPIC, by account and platform, the rows of most uses stay (the counters of kinds, summed; of
// equal ones the lesser id), and the cells of all others are added to one row with an empty id, which no tag
// and no topic has. So much of each is told of a window; what windows are made from is whole. Of settled
// rows; returns how many were added up.
enum { ROWS_NAMED_MAX = 1000 };
size_t rows_fold(struct rows *r);

// Of each account on a platform the unions of the classes of `acted` are added to actors and actors_*, and
// `acted` is left empty. So much is told of a window; what windows are made from has the classes.
void rows_unite(struct rows *r);

// The sketch's number, found or made; it holds as long as the table.
uint32_t rows_sketch_number(struct rows *r, enum sketched of, struct slice account, uint32_t platform);
// Adds a member to a class of SKETCHED_ACTED, to any other sketch of REACH, or a duration to one of
// QUANTILES.
void rows_add_acted(struct rows *r, uint32_t sketch, unsigned class,
                    const unsigned char pseudonym[PSEUDONYM_SIZE]);
void rows_add_reached(struct rows *r, uint32_t sketch, const unsigned char pseudonym[PSEUDONYM_SIZE]);
void rows_add_duration(struct rows *r, uint32_t sketch, int64_t duration_ms);
// Fetch, first the sketch, then what adding to it will touch.
void rows_prefetch_sketch(const struct rows *r, uint32_t sketch);
void rows_prefetch_reached(const struct rows *r, uint32_t sketch,
                           const unsigned char pseudonym[PSEUDONYM_SIZE]);
void rows_prefetch_acted(const struct rows *r, uint32_t sketch, unsigned class,
                         const unsigned char pseudonym[PSEUDONYM_SIZE]);
void rows_prefetch_duration(const struct rows *r, uint32_t sketch, int64_t duration_ms);

// Merges a sketch into that of the same key; what it holds stays the caller's.
void rows_keep_sketch(struct rows *r, const struct sketch *sketch);

// Keeps a reading unless one is there that was read later.
void rows_add_reading(struct rows *r, const struct latest_reading *reading);

// Adds to what is known of the session in its window, second by second. The changes may be in any order.
void rows_add_live(struct rows *r, const struct live_session *live);

// Adds all rows, refunds and live sessions, keeps all orders and readings and merges all sketches of `from`.
void rows_merge(struct rows *r, const struct rows *from);

size_t rows_count(const struct rows *r); // of counters alone
size_t rows_order_count(const struct rows *r);
size_t rows_refund_count(const struct rows *r); // those that were settled among them
size_t rows_sketch_count(const struct rows *r);
size_t rows_reading_count(const struct rows *r);
size_t rows_live_count(const struct rows *r);
size_t rows_memory(const struct rows *r); // bytes held

// The row's key; its slices live as long as the table.
struct row_key rows_key(const struct rows *r, uint32_t row);
// The order ends with its last increment: read it where it is. It lives as long as the table.
const struct order *rows_order(const struct rows *r, size_t number);
// The refund ends with its last increment, as an order does. NULL: it was settled.
const struct refund *rows_refund(const struct rows *r, size_t number);
// The sign says how they sort: by account, order, its time, subject, names of counters. 0: they are summed.
int rows_refund_order(const struct refund *a, const struct refund *b);
// In no order, some may be empty; it lives as long as the table.
const struct sketch *rows_sketch(const struct rows *r, size_t number);
// NULL: there is none.
const struct sketch *rows_sketch_find(const struct rows *r, enum sketched of, struct slice account,
                                      uint32_t platform);
// In no order; it lives until another is added.
const struct latest_reading *rows_reading(const struct rows *r, size_t number);
// The last of a counter of the account on the platform as a whole. NULL: it was not read.
const struct latest_reading *rows_reading_find(const struct rows *r, struct slice account, uint32_t platform,
                                               struct slice counter);
// The sign says how they sort: by account, platform, content, counter.
int latest_reading_order(const struct latest_reading *a, const struct latest_reading *b);
// In no order, one for each of its windows; it lives as long as the table, and until the next is added.
const struct live_session *rows_live(const struct rows *r, size_t number);
// Nothing of it is to be told: what came was taken back. A file has no such one.
bool live_session_is_empty(const struct live_session *live);
// The sign says how they sort: by account, platform, session, window.
int live_session_order(const struct live_session *a, const struct live_session *b);
// How many there are: exactly up to REACH_EXACT_MAX in one window, else as the sketch tells (reach.h).
uint64_t rows_sketch_reached(const struct sketch *s);
int64_t rows_value(const struct rows *r, uint32_t row, field_code field); // 0 where there is no cell

// Cells of a row, in no order: next_cell(ROWS_FIRST), until ROWS_END.
enum { ROWS_FIRST = UINT32_MAX - 1, ROWS_END = UINT32_MAX };
struct cell {
    field_code field;
    int64_t value;
};
uint32_t rows_next_cell(const struct rows *r, uint32_t row, uint32_t cell, struct cell *out);

// Row numbers sorted as files have them (snapshot.proto); `out` holds rows_count. Likewise orders and
// readings.
void rows_sort(const struct rows *r, uint32_t *out);
void rows_sort_orders(const struct rows *r, uint32_t *out);
void rows_sort_readings(const struct rows *r, uint32_t *out);
// Of sketches and of live sessions those that are not empty; return how many, at most rows_sketch_count and
// rows_live_count.
size_t rows_sort_sketches(const struct rows *r, uint32_t *out);
size_t rows_sort_live(const struct rows *r, uint32_t *out);
// Of refunds those that are not settled; returns how many, at most rows_refund_count.
size_t rows_sort_refunds(const struct rows *r, uint32_t *out);

// Fetches what adding to a subject's rows of TOTALS, CONTENT and CAMPAIGN will touch: for events that are
// known ahead, one after the other. Each call also goes on with those before it, so that the last few calls
// before adding have fetched less.
void rows_prefetch_subject(struct rows *r, const struct subject *subject);
