// Files of snapshots: written from rows, read back into rows. The format is snapshot.proto's; README.md of
// this floor says it for a second implementation.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/status.h"
#include "schemas/rows/rows.h"

enum {
    SNAPSHOT_FORMAT_VERSION = 1,
    SNAPSHOT_SUM_SIZE = 32,
    SNAPSHOT_BLOCK_ROWS = 65536,
    SNAPSHOT_BLOCK_BYTES = 64 << 20, // a larger one is refused
    SNAPSHOT_EARLIER_MAX = 1 << 20,  // orders of earlier windows that a header names
    SNAPSHOT_LEVEL = 1,              // zstd's: hardly larger than by 3, in a fifth of the time
};

enum file_kind { FILE_PART = 1, FILE_WINDOW, FILE_SPAN, FILE_CHECKPOINT, FILE_THROUGH, FILE_ORDERS };

struct coverage {
    uint32_t partition;
    int64_t start, to;
    uint64_t counted, late;
    bool missing;
    int64_t orders_to; // one past the last record that is an order of the window; 0: none
};

// Orders of an earlier window that those of this one were held against, or in which a refund's was looked up.
struct earlier_orders {
    int64_t start_s;
    uint32_t partition;
    int64_t to; // 0: none, of a refund's window
    bool gone;  // they had left the store, and were not read
};

struct line {
    int64_t start_s;
    uint64_t counted, late;
    int64_t to;
    bool open;
    int64_t orders_to;
    int64_t part_to; // of what stands apart: `to` of the part that it is to be added to
};

// How a viewer of a live session stands: a row of TABLE_VIEWERS, in checkpoints alone. The rules are the
// aggregator's.
enum { VIEWER_KEY_SIZE = 16, VIEWER_TIMEOUT_MAX_MS = 3600 * 1000 };
struct viewer {
    unsigned char key[VIEWER_KEY_SIZE]; // a hash: nobody is named
    int64_t heard_ms;
    int64_t joined; // joins that are open
    uint64_t heard_event;
    uint32_t timeout_ms;
    bool armed, assumed;
    bool changed; // not in files
};

struct progress {
    uint32_t partition;
    int64_t start, offset;
    int64_t watermark_ms; // INT64_MIN: none; written as 0
    int64_t sealed_s;
    uint64_t read, rejected, duplicate;
    uint64_t settled_counted, settled_late;
    int64_t settled_before_s;
    int64_t last_end; // one past the last record before `offset`; 0: none
    uint64_t last_fingerprint;
    struct line *lines; // by start_s
    size_t line_count;
    struct line *apart; // what windows have gained whose part cannot be read, by start_s
    size_t apart_count;
    int64_t after;
    bool segment;
    uint64_t viewer_events;
    const struct viewer *viewers; // by key; to be written, while what is read goes to snapshot_viewers_to
    size_t viewer_count;
};

// The line of a window; NULL: there is none. Lines are by start. A partition without a record (`progress`
// NULL) has no lines.
const struct line *progress_line(const struct progress *progress, int64_t start_s);

// Texts and arrays of a header that was read live as long as the file.
struct header {
    enum file_kind kind;
    int64_t start_s, end_s;
    const char *topic, *topic_id, *rules_hash, *kpis_hash;
    uint32_t partitions;
    const struct coverage *coverage; // by partition
    size_t coverage_count;
    const struct earlier_orders *earlier; // by (start_s, partition)
    size_t earlier_count;
    const struct progress *progress; // NULL: none
};

// How many partitions a window was published without; one that lacks none is complete.
static inline uint32_t header_missing(const struct header *h) {
    uint32_t missing = 0;
    for (size_t i = 0; i < h->coverage_count; i++)
        missing += h->coverage[i].missing;
    return missing;
}

// Bytes of a file that is being written; the owner frees `at`.
struct snapshot_bytes {
    char *at;
    size_t length, room;
    uint64_t uncompressed;
    unsigned char sum[SNAPSHOT_SUM_SIZE]; // of the uncompressed bytes: the file's identity
};

// Rows and orders of one window, as a writer takes them. Files of one window have one, checkpoints several,
// by start.
struct snapshot_window {
    int64_t start_s;
    const struct rows *rows;
};

// Blocks of checkpoints name their windows. Deterministic: the same header and rows give the same
// uncompressed bytes. Any thread, where nobody changes the rows meanwhile.
void snapshot_write(struct snapshot_bytes *out, const struct header *header,
                    const struct snapshot_window *windows, size_t count);
void snapshot_bytes_fini(struct snapshot_bytes *bytes);

// A file being read: the header first, then its blocks into rows. Nothing of it is trusted: sizes are
// bounded, rows must be sorted and whole, the trailer's sum must be that of the bytes.
struct snapshot;

// `name` is what problems call the file. STATUS_BAD_DATA (CLM-D3) with what is wrong and where.
enum status snapshot_open(struct snapshot **opened, const char *name, const char *bytes, size_t length,
                          struct problem *p);
const struct header *snapshot_header(const struct snapshot *s);

// Reads all blocks to the trailer. `rows_of` gives the rows of a window (its start; 0 in files of one window)
// to put them into, or NULL to pass them over. Cells are added. CLM-D3 as above: the rows may hold a part
// then.
typedef struct rows *(*snapshot_rows_of)(void *context, int64_t window_s);
// Before snapshot_read: where it gives viewers; else they are read, and passed over.
typedef void (*snapshot_take_viewer)(void *context, const struct viewer *viewer);
void snapshot_viewers_to(struct snapshot *s, snapshot_take_viewer take, void *context);
enum status snapshot_read(struct snapshot *s, snapshot_rows_of rows_of, void *context, struct problem *p);
// The same, but of other tables than those whose bits (1 << table) are set nothing is put anywhere.
enum status snapshot_read_tables(struct snapshot *s, uint32_t tables, snapshot_rows_of rows_of, void *context,
                                 struct problem *p);
// After snapshot_read: the identity.
const unsigned char *snapshot_sum(const struct snapshot *s);
uint64_t snapshot_uncompressed(const struct snapshot *s);
void snapshot_close(struct snapshot **s);
