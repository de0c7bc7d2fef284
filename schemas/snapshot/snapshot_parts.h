// The parts of a file, shared by its writer and its reader: the numbers of snapshot.proto, and the messages.
//
// What reads returns NULL, or a few words on what is wrong, of static life.
#pragma once

#include "runtime/arena.h"
#include "schemas/layout.h"
#include "schemas/rows/rows_table.h"
#include "schemas/snapshot/snapshot.h"
#include "schemas/snapshot/wire.h"

enum snapshot_field { SNAPSHOT_HEADER = 1, SNAPSHOT_BLOCK = 2, SNAPSHOT_TRAILER = 3 };
enum trailer_field { TRAILER_SUM = 1 };

enum block_field {
    BLOCK_TABLE = 1,
    BLOCK_WINDOW = 2,
    BLOCK_ROWS = 3,
    BLOCK_ACCOUNTS = 4,
    BLOCK_ACCOUNT_ROWS = 5,
    BLOCK_PLATFORMS = 6,
    BLOCK_ORIGINS = 7,
    BLOCK_FORMATS = 8,
    BLOCK_PAID = 9,
    BLOCK_ID_SHARED = 10,
    BLOCK_ID_LENGTHS = 11,
    BLOCK_ID_REST = 12,
    BLOCK_COLUMNS = 13,
    BLOCK_ORDERS = 14,
    BLOCK_SKETCHES = 15,
    BLOCK_REACHED = 16,
    BLOCK_READINGS = 17,
    BLOCK_LIVE = 18,
    BLOCK_REFUNDS = 19,
    BLOCK_VIEWERS = 20,
    BLOCK_FIELDS,
};

enum column_field { COLUMN_COUNTER = 1, COLUMN_STEPS = 2, COLUMN_VALUES = 3 };
enum increment_field { INCREMENT_COUNTER = 1, INCREMENT_VALUE = 2 };

// Of a refund, too: ORDER_OCCURRED_AT is its order's time, and it has no EVENT_ID and no AGAIN.
enum order_field {
    ORDER_ACCOUNT = 1,
    ORDER_ORDER = 2,
    ORDER_OCCURRED_AT = 3,
    ORDER_EVENT_ID = 4,
    ORDER_PLATFORM = 5,
    ORDER_ORIGIN = 6,
    ORDER_FORMAT = 7,
    ORDER_PAID = 8,
    ORDER_CONTENT = 9,
    ORDER_CAMPAIGN = 10,
    ORDER_TAGS = 11,
    ORDER_TOPICS = 12,
    ORDER_INCREMENTS = 13,
    ORDER_AGAIN = 14,
};

enum reading_field {
    READING_ACCOUNT = 1,
    READING_PLATFORM = 2,
    READING_CONTENT = 3,
    READING_COUNTER = 4,
    READING_VALUE = 5,
    READING_READ_AT = 6,
    READING_EVENT_ID = 7,
};

enum live_field {
    LIVE_ACCOUNT = 1,
    LIVE_PLATFORM = 2,
    LIVE_SESSION = 3,
    LIVE_START = 4,
    LIVE_JOINS = 5,
    LIVE_LEAVES = 6,
    LIVE_WATCH = 7,
    LIVE_STEPS = 8,
    LIVE_CHANGES = 9,
    LIVE_EXPIRED = 10,
    LIVE_RETURNED = 11,
};

enum viewer_field {
    VIEWER_KEY = 1,
    VIEWER_HEARD = 2,
    VIEWER_JOINED = 3,
    VIEWER_ARMED = 4,
    VIEWER_ASSUMED = 5,
    VIEWER_TIMEOUT = 6,
    VIEWER_HEARD_EVENT = 7,
};

// Of so many tables every header counts the rows, if of any.
enum { TABLES_FIRST = TABLE_ORDERS + 1 };

// A header's bounds, whatever it says. One of a window has room for all that it may cover (of a partition at
// most 60 bytes) and for all earlier orders that it may name (of each at most 26).
enum { HEADER_BYTES_MAX = 32 << 20, HEADER_PARTITIONS_MAX = PARTITIONS_MAX, HEADER_LINES_MAX = 1 << 20 };
_Static_assert(60 * HEADER_PARTITIONS_MAX + 26 * SNAPSHOT_EARLIER_MAX < HEADER_BYTES_MAX - 65536, "room");

void header_write(struct wire_out *w, const struct header *header, const uint64_t table_rows[TABLES]);
// Texts and arrays are put into the arena.
const char *header_read(struct slice bytes, struct arena *arena, struct header *header,
                        uint64_t table_rows[TABLES]);

void order_write(struct wire_out *w, const struct order *order, struct wire_out *scratch);

void refund_write(struct wire_out *w, const struct refund *refund, struct wire_out *scratch);

// Room for what an order's slices lead to; `order` points into it and into the bytes.
struct order_room {
    struct slice tags[ROWS_NAMES_MAX], topics[ROWS_NAMES_MAX];
};
const char *order_read(struct slice bytes, struct order *order, struct order_room *room);

void reading_write(struct wire_out *w, const struct latest_reading *reading);

void live_write(struct wire_out *w, const struct live_session *live, struct wire_out *scratch);

// Room for a live session's changes; `live` points into it and into the bytes.
struct live_room {
    struct live_change changes[ROWS_LIVE_S];
};
const char *live_read(struct slice bytes, struct live_session *live, struct live_room *room);

void viewer_write(struct wire_out *w, const struct viewer *viewer);

// What a row, an order, a reading, a live session or a viewer sorts by among all of a file; `id` is in
// `id_bytes`.
struct last_row {
    bool is_any;
    enum table table;
    int64_t window_s;
    size_t account_length;
    char account[ROWS_ACCOUNT_MAX];
    uint32_t platform, origin, format;
    bool paid;
    size_t id_length;
    char id[ROWS_ID_MAX];
    struct order order; // its rank and number alone
    size_t counter_length;
    char counter[ROWS_READ_COUNTER_MAX]; // of a reading, whose content is the id
    int64_t live_start_s;                // of a live session, whose name is the id
};

// The key of a row that is being looked for.
struct waiting_key {
    struct row_key key;
    uint32_t account, hash;
    char id[ROWS_ID_MAX];
};

// Reads blocks one after the other.
struct block_reader {
    bool is_checkpoint;
    bool is_published; // a file of WINDOW or SPAN: orders are settled, members of sketches forgotten
    struct last_row last;
    struct wire_out last_refund; // the last refund's message
    uint64_t table_rows[TABLES]; // read so far
    uint32_t tables;             // whose rows are wanted, by their bits
    snapshot_rows_of rows_of;
    void *context;
    snapshot_take_viewer take_viewer; // NULL: nobody wants them
    void *viewers;
    uint32_t *numbers; // of the rows of the block
    bool *has_cell;
    struct waiting_key waiting[ROWS_AHEAD]; // a ring
};

const char *block_read(struct block_reader *reader, struct slice bytes);
const char *block_read_columns(struct block_reader *reader, struct slice bytes, uint32_t count,
                               struct rows *rows);
const char *block_read_orders(struct block_reader *reader, struct slice bytes, uint32_t count,
                              struct rows *rows);
const char *block_read_refunds(struct block_reader *reader, struct slice bytes, uint32_t count,
                               struct rows *rows);
const char *block_read_readings(struct block_reader *reader, struct slice bytes, uint32_t count,
                                struct rows *rows);
const char *block_read_live(struct block_reader *reader, struct slice bytes, uint32_t count,
                            struct rows *rows);
const char *block_read_viewers(struct block_reader *reader, struct slice bytes, uint32_t count);
