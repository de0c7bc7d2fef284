// Files and blocks that are forged byte by byte: whole, but for what they say.
#pragma once

#include <sodium.h>
#include <zstd.h>

#include "schemas/snapshot/snapshot_parts.h"
#include "tests/unit/snapshot_fixture.h"

static inline struct rows *rows_of_one(void *context, int64_t window_s) {
    return context;
}

static inline struct rows *rows_of_none(void *context, int64_t window_s) {
    return NULL;
}

// Reads a file into rows of its own. STATUS_OK, or STATUS_BAD_DATA with a problem that is checked for its
// form.
static inline enum status try_read(const char *bytes, size_t length, struct rows **rows, unsigned char *sum,
                                   struct problem *p) {
    struct snapshot *s = NULL;
    *rows = rows_create();
    enum status status = snapshot_open(&s, "some/file", bytes, length, p);
    if (status == STATUS_OK) {
        status = snapshot_read(s, rows_of_one, *rows, p);
        memcpy(sum, snapshot_sum(s), SNAPSHOT_SUM_SIZE);
        snapshot_close(&s);
    }
    assert_null(s);
    if (status == STATUS_OK)
        return status;
    assert_int_equal(status, STATUS_BAD_DATA);
    assert_string_equal(p->code, "CLM-D3");
    assert_non_null(strstr(p->what, "some/file: "));
    assert_true(p->remedy[0] != '\0');
    return status;
}

static inline enum status reads(const char *bytes, size_t length, struct problem *p) {
    struct rows *rows;
    unsigned char sum[SNAPSHOT_SUM_SIZE];
    enum status status = try_read(bytes, length, &rows, sum, p);
    rows_destroy(&rows);
    return status;
}

static inline char *compress(const char *bytes, size_t length, size_t *packed) {
    size_t room = ZSTD_compressBound(length);
    char *out = malloc(room);
    *packed = ZSTD_compress(out, room, bytes, length, 1);
    assert_false(ZSTD_isError(*packed));
    return out;
}

// A file whose sum is right, whatever it says.
struct forged {
    struct wire_out bytes;
};

static inline void forge_message(struct forged *f, unsigned number, struct wire_out *message) {
    wire_element(&f->bytes, number, wire_slice(message));
    free(message->at);
}

static inline void forge_header(struct forged *f, enum file_kind kind, const uint64_t table_rows[TABLES]) {
    struct wire_out message = {0};
    header_write(&message, &(struct header){.kind = kind, .topic = "t"}, table_rows);
    forge_message(f, SNAPSHOT_HEADER, &message);
}

static inline void forge_trailer(struct forged *f) {
    unsigned char sum[SNAPSHOT_SUM_SIZE];
    struct wire_out message = {0};
    crypto_hash_sha256(sum, (const unsigned char *)f->bytes.at, f->bytes.length);
    wire_bytes(&message, TRAILER_SUM, sized((const char *)sum, sizeof(sum)));
    forge_message(f, SNAPSHOT_TRAILER, &message);
}

// Reads it, takes it away, and says what was wrong; "" where nothing was.
static const char *verdict(struct forged *f) {
    static struct problem p;
    size_t length;
    char *packed = compress(f->bytes.at, f->bytes.length, &length);
    p = (struct problem){0};
    reads(packed, length, &p);
    // What is passed over is read no less.
    struct snapshot *s;
    struct problem other = {0};
    if (snapshot_open(&s, "some/file", packed, length, &other) == STATUS_OK) {
        snapshot_read(s, rows_of_none, NULL, &other);
        snapshot_close(&s);
    }
    assert_string_equal(other.what, p.what);
    free(packed);
    free(f->bytes.at);
    return p.what;
}

static inline void assert_verdict(struct forged *f, const char *expected) {
    const char *what = verdict(f);
    if (expected[0] == '\0' ? what[0] != '\0' : strstr(what, expected) == NULL)
        fail_msg("expected \"%s\", not \"%s\"", expected, what);
}

#define BYTES(literal)                                                                                       \
    { literal, sizeof(literal) - 1 }

// A block of CONTENT of three rows, as its lists' bytes; a case changes some. NULL leaves a list out.
struct spec {
    uint64_t table, window, rows;
    struct slice accounts[3];
    struct slice lists[BLOCK_FIELDS];
    struct slice columns[3][3]; // counter, steps, values
    struct slice more;          // after all that
};

static const struct spec good = {
    .table = TABLE_CONTENT,
    .rows = 3,
    .accounts = {BYTES("acme"), BYTES("zoo")},
    .lists = {[BLOCK_ACCOUNT_ROWS] = BYTES("\2\1"),
              [BLOCK_PLATFORMS] = BYTES("\2\2\1"),
              [BLOCK_ID_SHARED] = BYTES("\0\2\1"),
              [BLOCK_ID_LENGTHS] = BYTES("\2\1\2"),
              [BLOCK_ID_REST] = BYTES("p12aa")},
    .columns = {{BYTES("likes"), BYTES("\0\2"), BYTES("\2\2")}, {BYTES("views"), BYTES("\1"), BYTES("\1")}},
};

static inline void forge_block(struct forged *f, const struct spec *spec) {
    struct wire_out block = {0}, column = {0};
    wire_uint(&block, BLOCK_TABLE, spec->table);
    wire_uint(&block, BLOCK_WINDOW, spec->window);
    wire_uint(&block, BLOCK_ROWS, spec->rows);
    for (int i = 0; i < 3 && spec->accounts[i].at != NULL; i++)
        wire_element(&block, BLOCK_ACCOUNTS, spec->accounts[i]);
    for (unsigned i = 0; i < BLOCK_FIELDS; i++) {
        if (spec->lists[i].at != NULL)
            wire_element(&block, i, spec->lists[i]);
    }
    for (int i = 0; i < 3 && spec->columns[i][0].at != NULL; i++) {
        column.length = 0;
        for (unsigned k = 0; k < 3; k++) {
            if (spec->columns[i][k].at != NULL)
                wire_element(&column, k + 1, spec->columns[i][k]);
        }
        wire_element(&block, BLOCK_COLUMNS, wire_slice(&column));
    }
    wire_append(&block, spec->more);
    forge_message(f, SNAPSHOT_BLOCK, &block);
    free(column.at);
}

static inline void assert_block(const struct spec *spec, const char *expected) {
    struct forged f = {0};
    uint64_t table_rows[TABLES] = {0};
    if (spec->table < TABLES)
        table_rows[spec->table] = spec->rows;
    forge_header(&f, FILE_PART, table_rows);
    forge_block(&f, spec);
    forge_trailer(&f);
    assert_verdict(&f, expected);
}

// Two blocks, one after the other.
static inline void assert_blocks(enum file_kind kind, const struct spec *a, const struct spec *b,
                                 const char *expected) {
    struct forged f = {0};
    uint64_t table_rows[TABLES] = {0};
    table_rows[a->table] = a->rows;
    table_rows[b->table] += b->rows;
    forge_header(&f, kind, table_rows);
    forge_block(&f, a);
    forge_block(&f, b);
    forge_trailer(&f);
    assert_verdict(&f, expected);
}
