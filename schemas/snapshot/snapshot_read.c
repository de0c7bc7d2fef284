// A file into rows: bytes out of zstd, as they come; the header, the blocks, the trailer; and then nothing
// more.
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include "runtime/check.h"
#include "runtime/sha256.h"
#include "schemas/snapshot/snapshot_parts.h"

enum { WINDOW_LOG_MAX = 25 }; // zstd's memory: 32 MiB; level 19 has 8

#define TRAILER_TAG   (SNAPSHOT_TRAILER << 3 | WIRE_BYTES)
#define TRAILER_INNER (TRAILER_SUM << 3 | WIRE_BYTES)

struct snapshot {
    char *name;
    ZSTD_DCtx *zstd;
    ZSTD_inBuffer in;
    bool is_frame_open;
    char *window; // uncompressed: `taken` of `filled` bytes were taken
    size_t taken, filled;
    const char *broken; // zstd: why no more can be read; static
    uint64_t uncompressed;
    struct sha256 state;
    unsigned char sum[SNAPSHOT_SUM_SIZE];
    struct arena arena;
    struct header header;
    uint64_t table_rows[TABLES]; // as the header says
    snapshot_take_viewer take_viewer;
    void *viewers;
    struct wire_out message;
    size_t blocks;
};

#define REMEDY "put a whole copy back from a backup; clameur-aggregate verify tells of all, and which may go"

// The fact, and where: before the first block it is the header's.
static enum status damaged(const struct snapshot *s, struct problem *p, const char *wrong) {
    if (s->blocks == 0)
        return problem_set(p, STATUS_BAD_DATA, "CLM-D3", REMEDY, "%s: the header: %s", s->name, wrong);
    return problem_set(p, STATUS_BAD_DATA, "CLM-D3", REMEDY, "%s: block %zu: %s", s->name, s->blocks, wrong);
}

static enum status broken(const struct snapshot *s, struct problem *p, const char *wrong) {
    return problem_set(p, STATUS_BAD_DATA, "CLM-D3", REMEDY, "%s: after %llu bytes: %s", s->name,
                       (unsigned long long)s->uncompressed, s->broken != NULL ? s->broken : wrong);
}

// Uncompresses some more. False at the end, and where zstd cannot go on (`broken`).
static bool refill(struct snapshot *s) {
    ZSTD_outBuffer out = {s->window, ZSTD_DStreamOutSize(), 0};
    while (out.pos == 0 && s->broken == NULL) {
        size_t before = s->in.pos;
        size_t left = ZSTD_decompressStream(s->zstd, &out, &s->in);
        if (ZSTD_isError(left))
            s->broken = ZSTD_getErrorName(left);
        else if (out.pos == 0 && s->in.pos == before && s->in.pos == s->in.size)
            break;
        else
            s->is_frame_open = left != 0;
    }
    s->taken = 0;
    s->filled = s->broken == NULL ? out.pos : 0;
    if (s->filled == 0 && s->broken == NULL && s->is_frame_open)
        s->broken = "it ends in the middle of a frame of zstd";
    return s->filled > 0;
}

// Takes up to `count` bytes; fewer only at the end.
static size_t take(struct snapshot *s, char *to, size_t count) {
    size_t got = 0;
    while (got < count && (s->taken < s->filled || refill(s))) {
        size_t some = s->filled - s->taken < count - got ? s->filled - s->taken : count - got;
        memcpy(to + got, s->window + s->taken, some);
        s->taken += some;
        got += some;
    }
    s->uncompressed += got;
    return got;
}

static void add_to_sum(struct snapshot *s, const char *bytes, size_t count) {
    sha256_add(&s->state, (struct slice){bytes, count});
}

static bool take_length(struct snapshot *s, uint64_t *length) {
    char bytes[WIRE_VARINT_MAX];
    size_t count = 0;
    do {
        if (count == sizeof(bytes) || take(s, bytes + count, 1) == 0)
            return false;
        count++;
    } while ((bytes[count - 1] & 0x80) != 0);
    add_to_sum(s, bytes, count);
    struct wire_in in = {bytes, bytes + count};
    return wire_read(&in, length);
}

// Reads a message into `message`: as its bytes come, for its length alone is no reason to hold so much.
static bool take_message(struct snapshot *s, size_t bound) {
    uint64_t length;
    if (!take_length(s, &length) || length > bound)
        return false;
    s->message.length = 0;
    while (s->message.length < length) {
        size_t some = length - s->message.length;
        some = some < ZSTD_DStreamOutSize() ? some : ZSTD_DStreamOutSize();
        wire_reserve(&s->message, some);
        size_t got = take(s, s->message.at + s->message.length, some);
        if (got == 0)
            return false;
        s->message.length += got;
    }
    add_to_sum(s, s->message.at, s->message.length);
    return true;
}

static enum status read_header(struct snapshot *s, struct problem *p) {
    char tag;
    if (take(s, &tag, 1) == 0)
        return broken(s, p, "it is empty");
    if (tag != (SNAPSHOT_HEADER << 3 | WIRE_BYTES))
        return broken(s, p, "it does not begin with a header");
    add_to_sum(s, &tag, 1);
    if (!take_message(s, HEADER_BYTES_MAX))
        return broken(s, p, "its header is cut short, or too long");
    const char *wrong = header_read(wire_slice(&s->message), &s->arena, &s->header, s->table_rows);
    return wrong == NULL ? STATUS_OK : damaged(s, p, wrong);
}

enum status snapshot_open(struct snapshot **opened, const char *name, const char *bytes, size_t length,
                          struct problem *p) {
    struct snapshot *s = memory_take(sizeof(*s));
    s->name = memory_text(name);
    s->zstd = ZSTD_createDCtx();
    CHECK(s->zstd != NULL);
    CHECK(!ZSTD_isError(ZSTD_DCtx_setParameter(s->zstd, ZSTD_d_windowLogMax, WINDOW_LOG_MAX)));
    s->in = (ZSTD_inBuffer){bytes, length, 0};
    s->window = memory_grow(NULL, ZSTD_DStreamOutSize(), 1);
    arena_init(&s->arena, 4096);
    sha256_init(&s->state);
    enum status status = read_header(s, p);
    if (status != STATUS_OK)
        snapshot_close(&s);
    *opened = s;
    return status;
}

void snapshot_close(struct snapshot **s) {
    struct snapshot *gone = *s;
    *s = NULL;
    if (gone == NULL)
        return;
    free(gone->message.at);
    arena_fini(&gone->arena);
    free(gone->window);
    sha256_fini(&gone->state);
    ZSTD_freeDCtx(gone->zstd);
    free(gone->name);
    free(gone);
}

const struct header *snapshot_header(const struct snapshot *s) {
    return &s->header;
}

static enum status read_trailer(struct snapshot *s, const struct block_reader *reader, struct problem *p) {
    char bytes[3 + SNAPSHOT_SUM_SIZE + 1];
    const char head[] = {2 + SNAPSHOT_SUM_SIZE, TRAILER_INNER, SNAPSHOT_SUM_SIZE};
    size_t got = take(s, bytes, sizeof(bytes));
    if (s->broken != NULL)
        return broken(s, p, "");
    if (got != sizeof(bytes) - 1 || memcmp(bytes, head, sizeof(head)) != 0)
        return broken(s, p, "its trailer is cut short, or something follows it");
    sha256_end(&s->state, s->sum);
    if (memcmp(bytes + sizeof(head), s->sum, SNAPSHOT_SUM_SIZE) != 0)
        return broken(s, p, "its checksum is another than that of its bytes");
    if (memcmp(reader->table_rows, s->table_rows, sizeof(s->table_rows)) != 0)
        return broken(s, p, "it holds another number of rows than its header says");
    return STATUS_OK;
}

static enum status read_blocks(struct snapshot *s, struct block_reader *reader, struct problem *p) {
    char tag;
    while (take(s, &tag, 1) == 1) {
        if (tag == TRAILER_TAG)
            return read_trailer(s, reader, p);
        if (tag != (SNAPSHOT_BLOCK << 3 | WIRE_BYTES))
            return broken(s, p, "here is neither a block nor the trailer");
        s->blocks++;
        add_to_sum(s, &tag, 1);
        if (!take_message(s, SNAPSHOT_BLOCK_BYTES))
            return broken(s, p, "a block is cut short, or too long");
        const char *wrong = block_read(reader, wire_slice(&s->message));
        if (wrong != NULL)
            return damaged(s, p, wrong);
    }
    return broken(s, p, "it has no trailer");
}

void snapshot_viewers_to(struct snapshot *s, snapshot_take_viewer take_viewer, void *context) {
    s->take_viewer = take_viewer;
    s->viewers = context;
}

enum status snapshot_read(struct snapshot *s, snapshot_rows_of rows_of, void *context, struct problem *p) {
    return snapshot_read_tables(s, UINT32_MAX, rows_of, context, p);
}

enum status snapshot_read_tables(struct snapshot *s, uint32_t tables, snapshot_rows_of rows_of, void *context,
                                 struct problem *p) {
    struct block_reader *reader = memory_take(sizeof(*reader));
    reader->is_checkpoint = s->header.kind == FILE_CHECKPOINT;
    reader->is_published = s->header.kind == FILE_WINDOW || s->header.kind == FILE_SPAN;
    reader->tables = tables;
    reader->rows_of = rows_of;
    reader->context = context;
    reader->take_viewer = s->take_viewer;
    reader->viewers = s->viewers;
    reader->numbers = memory_grow(NULL, SNAPSHOT_BLOCK_ROWS, sizeof(*reader->numbers));
    reader->has_cell = memory_grow(NULL, SNAPSHOT_BLOCK_ROWS, sizeof(*reader->has_cell));
    enum status status = read_blocks(s, reader, p);
    free(reader->last_refund.at);
    free(reader->has_cell);
    free(reader->numbers);
    free(reader);
    return status;
}

const unsigned char *snapshot_sum(const struct snapshot *s) {
    return s->sum;
}

uint64_t snapshot_uncompressed(const struct snapshot *s) {
    return s->uncompressed;
}
