// A file from rows: the header, the blocks table by table and window by window, the trailer.
#include <stdlib.h>
#include <zstd.h>

#include "runtime/check.h"
#include "runtime/sha256.h"
#include "schemas/snapshot/block_write.h"

// Where the uncompressed bytes go: into zstd, and into the sum.
struct sink {
    struct snapshot_bytes *out;
    ZSTD_CCtx *zstd;
    struct sha256 sum;
};

// Rows of a window as a file has them: the numbers of table t begin at starts[t].
struct window_rows {
    const struct rows *rows;
    int64_t start_s;
    uint32_t *numbers;
    size_t starts[TABLES], counts[TABLES];
};

static void compress(struct sink *s, struct slice bytes, ZSTD_EndDirective end) {
    ZSTD_inBuffer in = {bytes.at, bytes.length, 0};
    size_t left;
    do {
        struct snapshot_bytes *out = s->out;
        if (out->room - out->length < ZSTD_CStreamOutSize()) {
            out->room = out->room + out->room / 2 + ZSTD_CStreamOutSize();
            out->at = memory_grow(out->at, out->room, 1);
        }
        ZSTD_outBuffer to = {out->at, out->room, out->length};
        left = ZSTD_compressStream2(s->zstd, &to, &in, end);
        CHECK(!ZSTD_isError(left));
        out->length = to.pos;
    } while (in.pos < in.size || (end == ZSTD_e_end && left > 0));
    s->out->uncompressed += bytes.length;
}

static void put(struct sink *s, struct slice bytes) {
    sha256_add(&s->sum, bytes);
    compress(s, bytes, ZSTD_e_continue);
}

static void put_message(struct sink *s, enum snapshot_field number, struct slice message) {
    char bytes[2 * WIRE_VARINT_MAX];
    struct wire_out head = {bytes, 0, sizeof(bytes)}; // never grows
    wire_tag(&head, number, WIRE_BYTES);
    wire_varint(&head, message.length);
    put(s, wire_slice(&head));
    put(s, message);
}

static void put_block(void *sink, struct slice message) {
    put_message(sink, SNAPSHOT_BLOCK, message);
}

static void put_trailer(struct sink *s) {
    struct wire_out trailer = {0}, file = {0};
    sha256_end(&s->sum, s->out->sum);
    wire_bytes(&trailer, TRAILER_SUM, (struct slice){(const char *)s->out->sum, SNAPSHOT_SUM_SIZE});
    wire_element(&file, SNAPSHOT_TRAILER, wire_slice(&trailer));
    compress(s, wire_slice(&file), ZSTD_e_end);
    free(file.at);
    free(trailer.at);
}

static bool is_published(enum file_kind kind) {
    return kind == FILE_WINDOW || kind == FILE_SPAN;
}

// Selects and sorts what is to be written; `table_rows` grows by it. `numbers` are first those of all rows
// with counters, then of the others, both by their tables.
static void window_rows_init(struct window_rows *w, const struct snapshot_window *window,
                             uint64_t table_rows[TABLES]) {
    const struct rows *r = window->rows;
    *w = (struct window_rows){.rows = r, .start_s = window->start_s};
    size_t room = (size_t)r->rows.count + r->orders.count + r->sketches.count + r->readings.count +
                  r->live.count + r->refunds.count;
    w->numbers = memory_grow(NULL, room + 1, sizeof(uint32_t));
    size_t *counts = w->counts, count = 0;
    for (uint32_t i = 0; i < r->rows.count; i++) {
        if (!row_has_cells(r, &r->rows.at[i]))
            continue;
        w->numbers[count++] = i;
        counts[r->rows.at[i].table]++;
    }
    rows_sort_numbers(r, w->numbers, count);
    uint32_t *others = w->numbers + count;
    rows_sort_orders(r, others);
    counts[TABLE_ORDERS] = r->orders.count;
    others += r->orders.count;
    size_t sketches = rows_sort_sketches(r, others);
    for (size_t i = 0; i < sketches; i++)
        counts[sketched_rows[r->sketches.at[others[i]].sketch.of].table]++;
    others += sketches;
    rows_sort_readings(r, others);
    counts[TABLE_READINGS] = r->readings.count;
    others += r->readings.count;
    counts[TABLE_LIVE] = rows_sort_live(r, others);
    counts[TABLE_REFUNDS] = rows_sort_refunds(r, others + counts[TABLE_LIVE]);
    size_t next_row = 0, next_other = count;
    for (int t = 0; t < TABLES; t++) {
        size_t *next = table_has_counters((unsigned)t) ? &next_row : &next_other;
        w->starts[t] = *next;
        *next += counts[t];
        table_rows[t] += counts[t];
    }
}

static void write_blocks(struct block_writer *writer, const struct window_rows *w, int table,
                         enum file_kind kind) {
    const uint32_t *numbers = w->numbers + w->starts[table];
    size_t count = w->counts[table];
    int64_t window_s = kind == FILE_CHECKPOINT ? w->start_s : 0;
    if (table == TABLE_ORDERS)
        block_write_orders(writer, w->rows, window_s, numbers, count);
    else if (table == TABLE_READINGS)
        block_write_readings(writer, w->rows, window_s, numbers, count);
    else if (table == TABLE_LIVE)
        block_write_live(writer, w->rows, window_s, numbers, count);
    else if (table == TABLE_REFUNDS)
        block_write_refunds(writer, w->rows, window_s, numbers, count);
    else if (table == TABLE_REACH || table == TABLE_QUANTILES)
        block_write_sketches(writer, w->rows, window_s, numbers, count, is_published(kind));
    else
        block_write_rows(writer, w->rows, window_s, numbers, count);
}

static void write_all(struct sink *s, const struct header *header, const struct window_rows *windows,
                      size_t count, const uint64_t table_rows[TABLES]) {
    struct wire_out message = {0};
    header_write(&message, header, table_rows);
    CHECK(message.length <= HEADER_BYTES_MAX);
    put_message(s, SNAPSHOT_HEADER, wire_slice(&message));
    free(message.at);
    struct block_writer *writer = block_writer_create(put_block, s);
    for (int table = 0; table < TABLES; table++) {
        for (size_t i = 0; i < count; i++)
            write_blocks(writer, &windows[i], table, header->kind);
    }
    if (header->progress != NULL)
        block_write_viewers(writer, header->progress->viewers, header->progress->viewer_count);
    block_writer_destroy(&writer);
    put_trailer(s);
}

void snapshot_write(struct snapshot_bytes *out, const struct header *header,
                    const struct snapshot_window *windows, size_t count) {
    CHECK(count <= 1 || header->kind == FILE_CHECKPOINT);
    CHECK(header->progress == NULL || header->progress->viewer_count == 0 || header->kind == FILE_CHECKPOINT);
    uint64_t table_rows[TABLES] = {0};
    struct window_rows *sorted = memory_take((count + 1) * sizeof(*sorted));
    for (size_t i = 0; i < count; i++) {
        CHECK(i == 0 || windows[i - 1].start_s < windows[i].start_s);
        window_rows_init(&sorted[i], &windows[i], table_rows);
    }
    if (header->progress != NULL)
        table_rows[TABLE_VIEWERS] = header->progress->viewer_count;
    CHECK(!is_published(header->kind) || table_rows[TABLE_REFUNDS] == 0); // they are to be settled before
    *out = (struct snapshot_bytes){0};
    struct sink s = {.out = out, .zstd = ZSTD_createCCtx()};
    sha256_init(&s.sum);
    CHECK(s.zstd != NULL);
    CHECK(!ZSTD_isError(ZSTD_CCtx_setParameter(s.zstd, ZSTD_c_compressionLevel, SNAPSHOT_LEVEL)));
    write_all(&s, header, sorted, count, table_rows);
    sha256_fini(&s.sum);
    ZSTD_freeCCtx(s.zstd);
    for (size_t i = 0; i < count; i++)
        free(sorted[i].numbers);
    free(sorted);
}

void snapshot_bytes_fini(struct snapshot_bytes *bytes) {
    free(bytes->at);
    *bytes = (struct snapshot_bytes){0};
}
