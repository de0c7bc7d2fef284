// Files that are damaged, or forged: every one is refused with CLM-D3 and a word on what is wrong.
#include "snapshot_fixture.h"

#include <sodium.h>
#include <zstd.h>

#include "schemas/snapshot/snapshot_parts.h"
#include "tests/unit/rows_fixture.h"

static struct rows *rows_of_one(void *context, int64_t window_s) {
    return context;
}

static struct rows *rows_of_none(void *context, int64_t window_s) {
    return NULL;
}

// Reads a file into rows of its own. STATUS_OK, or STATUS_BAD_DATA with a problem that is checked for its
// form.
static enum status try_read(const char *bytes, size_t length, struct rows **rows, unsigned char *sum,
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

static enum status reads(const char *bytes, size_t length, struct problem *p) {
    struct rows *rows;
    unsigned char sum[SNAPSHOT_SUM_SIZE];
    enum status status = try_read(bytes, length, &rows, sum, p);
    rows_destroy(&rows);
    return status;
}

// A small file of all tables.
static struct rows *some_rows(void) {
    struct rows *r = rows_create();
    const struct slice tags[] = {slice_of("run"), slice_of("running")}, topic = slice_of("price");
    struct subject s = {.account = slice_of("acme"),
                        .platform = 2,
                        .origin = 1,
                        .format = 5,
                        .content = slice_of("7310"),
                        .campaign = slice_of("spring"),
                        .tags = tags,
                        .tag_count = 2,
                        .topics = &topic,
                        .topic_count = 1};
    struct increments like = increments_like(1);
    rows_add_subject(r, &s, &like);
    s.account = slice_of("zoo");
    s.content = slice_of("7311");
    s.paid = true;
    rows_add_subject(r, &s, &like);
    rows_add_late(r, &s, &like);
    struct order o = order_of("acme", 1, 1, 100, 5);
    o.subject = s;
    rows_add_order(r, &o);
    for (uint64_t nth = 0; nth < 3; nth++)
        add_reached(r, SKETCHED_ACTORS, "acme", 2, nth);
    add_reached(r, SKETCHED_PERSONS, "acme", 2, 9);
    add_duration(r, SKETCHED_WATCH_MS, slice_of("zoo"), 2, 1234);
    const struct latest_reading reading = reading_of("acme", "7310", "views", -123, 1700000200000, 7);
    rows_add_reading(r, &reading);
    add_live(r, "show", 1700000100, 7, 3, 1);
    add_live(r, "show", 1700000100, 300, 0, -1);
    return r;
}

static char *uncompress(const struct snapshot_bytes *file) {
    char *bytes = malloc(file->uncompressed);
    ZSTD_DCtx *zstd = ZSTD_createDCtx();
    assert_int_equal(ZSTD_decompressDCtx(zstd, bytes, file->uncompressed, file->at, file->length),
                     file->uncompressed);
    ZSTD_freeDCtx(zstd);
    return bytes;
}

static char *compress(const char *bytes, size_t length, size_t *packed) {
    size_t room = ZSTD_compressBound(length);
    char *out = malloc(room);
    *packed = ZSTD_compress(out, room, bytes, length, 1);
    assert_false(ZSTD_isError(*packed));
    return out;
}

// A flip that zstd does not feel (a larger window than needed, say) leaves the same file: the identity is of
// what is inside.
static void a_flip_of_any_bit_is_refused_or_changes_nothing(void **state) {
    struct rows *r = some_rows();
    struct snapshot_bytes file = written(&part_header, r);
    size_t unfelt = 0;
    for (size_t bit = 0; bit < 8 * file.length; bit++) {
        struct rows *got;
        struct problem p = {0};
        unsigned char sum[SNAPSHOT_SUM_SIZE];
        file.at[bit / 8] ^= (char)(1 << bit % 8);
        if (try_read(file.at, file.length, &got, sum, &p) == STATUS_OK) {
            assert_memory_equal(sum, file.sum, SNAPSHOT_SUM_SIZE);
            assert_same_rows(got, r);
            unfelt++;
        }
        rows_destroy(&got);
        file.at[bit / 8] ^= (char)(1 << bit % 8);
    }
    assert_in_range(unfelt, 0, 8 * file.length / 100);
    snapshot_bytes_fini(&file);
    rows_destroy(&r);
}

// Here the checksum stands alone: it has been seen letting flips of values through when it was not compared.
static void a_flip_below_zstd_is_refused_and_goes_red_without_the_checksum(void **state) {
    struct rows *r = some_rows();
    struct snapshot_bytes file = written(&part_header, r);
    char *bytes = uncompress(&file);
    unsigned by_sum = 0;
    for (size_t bit = 0; bit < 8 * file.uncompressed; bit++) {
        struct problem p = {0};
        size_t length;
        bytes[bit / 8] ^= (char)(1 << bit % 8);
        char *packed = compress(bytes, file.uncompressed, &length);
        assert_int_equal(reads(packed, length, &p), STATUS_BAD_DATA);
        by_sum += strstr(p.what, "its checksum is another") != NULL;
        free(packed);
        bytes[bit / 8] ^= (char)(1 << bit % 8);
    }
    assert_true(by_sum > file.uncompressed);
    free(bytes);
    snapshot_bytes_fini(&file);
    rows_destroy(&r);
}

static void a_file_that_is_cut_anywhere_is_refused(void **state) {
    struct rows *r = some_rows();
    struct snapshot_bytes file = written(&part_header, r);
    char *bytes = uncompress(&file);
    struct problem p = {0};
    for (size_t length = 0; length < file.length; length++)
        assert_int_equal(reads(file.at, length, &p), STATUS_BAD_DATA);
    for (size_t length = 0; length < file.uncompressed; length++) {
        size_t packed_length;
        char *packed = compress(bytes, length, &packed_length);
        assert_int_equal(reads(packed, packed_length, &p), STATUS_BAD_DATA);
        free(packed);
    }
    free(bytes);
    snapshot_bytes_fini(&file);
    rows_destroy(&r);
}

static void what_follows_the_end_is_refused(void **state) {
    struct rows *r = some_rows();
    struct snapshot_bytes file = written(&part_header, r);
    char *bytes = uncompress(&file), *longer = calloc(2, file.length + file.uncompressed + 64);
    struct problem p = {0};
    memcpy(longer, file.at, file.length);
    for (size_t more = 1; more < 8; more++)
        assert_int_equal(reads(longer, file.length + more, &p), STATUS_BAD_DATA);
    memcpy(longer + file.length, file.at, file.length);
    assert_int_equal(reads(longer, 2 * file.length, &p), STATUS_BAD_DATA);
    assert_non_null(strstr(p.what, "something follows it"));
    memcpy(longer, bytes, file.uncompressed);
    size_t length;
    char *packed = compress(longer, file.uncompressed + 1, &length);
    assert_int_equal(reads(packed, length, &p), STATUS_BAD_DATA);
    assert_non_null(strstr(p.what, "something follows it"));
    free(packed);
    free(longer);
    free(bytes);
    snapshot_bytes_fini(&file);
    rows_destroy(&r);
}

// A file whose sum is right, whatever it says.
struct forged {
    struct wire_out bytes;
};

static void forge_message(struct forged *f, unsigned number, struct wire_out *message) {
    wire_element(&f->bytes, number, wire_slice(message));
    free(message->at);
}

static void forge_header(struct forged *f, enum file_kind kind, const uint64_t table_rows[TABLES]) {
    struct wire_out message = {0};
    header_write(&message, &(struct header){.kind = kind, .topic = "t"}, table_rows);
    forge_message(f, SNAPSHOT_HEADER, &message);
}

static void forge_trailer(struct forged *f) {
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

static void assert_verdict(struct forged *f, const char *expected) {
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

static void forge_block(struct forged *f, const struct spec *spec) {
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

static void assert_block(const struct spec *spec, const char *expected) {
    struct forged f = {0};
    uint64_t table_rows[TABLES] = {0};
    if (spec->table < TABLES)
        table_rows[spec->table] = spec->rows;
    forge_header(&f, FILE_PART, table_rows);
    forge_block(&f, spec);
    forge_trailer(&f);
    assert_verdict(&f, expected);
}

static void a_forged_list_is_refused(void **state) {
    static const struct {
        unsigned list;
        struct slice bytes;
        const char *expected;
    } cases[] = {
        {BLOCK_ACCOUNT_ROWS, BYTES("\2\2"), "an account has more rows than the block"},
        {BLOCK_ACCOUNT_ROWS, BYTES("\1\1"), "fewer accounts than its rows need"},
        {BLOCK_ACCOUNT_ROWS, BYTES("\3\1"), "its rows are not sorted"},

        {BLOCK_ACCOUNT_ROWS, BYTES("\2\1\1"), "a list is longer than its rows"},
        {BLOCK_ACCOUNT_ROWS, BYTES("\0\3"), "an account has no rows"},
        {BLOCK_ACCOUNT_ROWS, BYTES("\2"), "an account has no rows"},
        {BLOCK_ACCOUNT_ROWS, {NULL, 0}, "an account has no rows"},
        {BLOCK_PLATFORMS, BYTES("\2\2"), "a list is shorter than its rows"},
        {BLOCK_PLATFORMS, BYTES("\2\2\1\1"), "a list is longer than its rows"},
        {BLOCK_PLATFORMS, BYTES("\2\1\1"), "its rows are not sorted"},
        {BLOCK_PLATFORMS, BYTES("\2\2\xff\xff\xff\xff\x1f"), "a number in it too large"},
        {BLOCK_PLATFORMS, BYTES("\2\2\xff"), "a list is shorter than its rows"},
        {BLOCK_ORIGINS, BYTES("\0\0\1"), "columns that are not of its table"},
        {BLOCK_FORMATS, BYTES("\0\0\1"), "columns that are not of its table"},
        {BLOCK_PAID, BYTES("\0\0\1"), "columns that are not of its table"},
        {BLOCK_ID_SHARED, BYTES("\1\2\1"), "an id shares more than the id before it has"},
        {BLOCK_ID_SHARED, BYTES("\0\3\1"), "an id shares more than the id before it has"},
        {BLOCK_ID_SHARED, BYTES("\0\2\4"), "an id shares more than the id before it has"},
        {BLOCK_ID_SHARED, BYTES("\0\2"), "a list is shorter than its rows"},
        {BLOCK_ID_LENGTHS, BYTES("\2\1"), "a list is shorter than its rows"},
        {BLOCK_ID_LENGTHS, BYTES("\2\0\3"), "its rows are not sorted, or one comes twice"},
        {BLOCK_ID_LENGTHS, BYTES("\2\1\3"), "the ids are shorter than they say"},
        {BLOCK_ID_LENGTHS, BYTES("\2\1\1"), "a list is longer than its rows"},
        {BLOCK_ID_LENGTHS, BYTES("\xff\xff\xff\xff\xf\1\2"), "the ids are shorter than they say"},
        {BLOCK_ID_REST, BYTES("p12a"), "the ids are shorter than they say"},
        {BLOCK_ID_REST, {NULL, 0}, "the ids are shorter than they say"},
        {BLOCK_ID_SHARED, BYTES("\0\1\1"), ""},
        {BLOCK_ID_REST, BYTES("p1\0aa"), ""},
        {BLOCK_ACCOUNT_ROWS, BYTES("\x82\0\1"), ""},
    };
    assert_block(&good, "");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct spec spec = good;
        spec.lists[cases[i].list] = cases[i].bytes;
        assert_block(&spec, cases[i].expected);
    }
}

static void a_forged_column_is_refused(void **state) {
    static const struct {
        int column, part;
        struct slice bytes;
        const char *expected;
    } cases[] = {
        {0, 0, BYTES("lykes"), "a name that is none of a counter"},
        {0, 0, BYTES("kind_"), "a name that is none of a counter"},
        {0, 0, BYTES("kind_007"), "a name that is none of a counter"},
        {0, 0, BYTES("kind_4294967296"), "a name that is none of a counter"},
        {0, 0, BYTES("gross_micros:eur"), "a name that is none of a counter"},
        {0, 0, BYTES("gross_micros:EURO"), "a name that is none of a counter"},
        {0, 0, BYTES(":EUR"), "a name that is none of a counter"},
        {0, 0, BYTES(""), "a name that is none of a counter"},
        {0, 0, BYTES("views"), "its columns are not sorted, or one comes twice"},
        {0, 0, BYTES("watch_ms"), "its columns are not sorted, or one comes twice"},
        {0, 0, BYTES("gross_micros:EUR"), ""},
        {0, 0, BYTES("kind_4294967295"), ""},
        {0, 0, BYTES("kind_20"), ""}, // of a file from before the kind was listed
        {0, 1, BYTES("\0\3"), "steps past the last row"},
        {0, 1, BYTES("\0\xff\xff\xff\xff\xf"), "steps past the last row"},
        {0, 1, BYTES("\3"), "steps past the last row"},
        {0, 1, BYTES("\0\0"), "stays at one"},
        {0, 1, BYTES("\0\1"), "a row has no cell"},
        {0, 1, BYTES("\0\1\1"), "fewer values than steps"},
        {0, 1, BYTES("\0\xff"), "fewer values than steps, or they are damaged"},
        {0, 1, {NULL, 0}, "a column is damaged"},
        {0, 2, BYTES("\2\0"), "a cell is 0"},
        {0, 2, BYTES("\2"), "fewer values than steps"},
        {0, 2, BYTES("\2\2\2"), "more values than steps"},
        {0, 2, BYTES("\2\xff\xff\xff\xff\xff\xff\xff\xff\xff\2"),
         "fewer values than steps, or they are damaged"},
        {0, 2, BYTES("\2\xff\xff\xff\xff\xff\xff\xff\xff\xff\1"), ""},
        {0, 2, {NULL, 0}, "a column is damaged"},
        {1, 0, {NULL, 0}, "a row has no cell"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct spec spec = good;
        spec.columns[cases[i].column][cases[i].part] = cases[i].bytes;
        assert_block(&spec, cases[i].expected);
    }
}

static void a_block_that_says_too_much_is_refused(void **state) {
    static const struct {
        uint64_t table, window, rows;
        struct slice more;
        const char *expected;
    } cases[] = {
        {TABLES, 0, 3, {NULL, 0}, "a table that this program does not know"},
        {UINT64_MAX, 0, 3, {NULL, 0}, "a table that this program does not know"},
        {1, 900, 3, {NULL, 0}, "which only blocks of checkpoints do"},
        {1, 0, 0, {NULL, 0}, "it has no rows, or more than a block may have"},
        {1, 0, SNAPSHOT_BLOCK_ROWS + 1, {NULL, 0}, "it has no rows, or more than a block may have"},
        {1, 0, UINT64_MAX, {NULL, 0}, "it has no rows, or more than a block may have"},
        {1, 0, SNAPSHOT_BLOCK_ROWS, {NULL, 0}, "fewer accounts than its rows need"},
        {1, 0, 2, {NULL, 0}, "more accounts than its rows need"},
        {0, 0, 3, {NULL, 0}, "columns that are not of its table"},
        {TABLE_ORDERS, 0, 3, {NULL, 0}, "another number of orders than it says"},
        {1, 0, 3, BYTES("\x7a\1a"), "it has sketches, which are not of its table"},
        {1, 0, 3, BYTES("\x82\1\1\5"), "columns that are not of its table"}, // how many were reached
        {1, 0, 3, BYTES("\x32\0"), "a list comes twice"},                    // platforms again
        {1, 0, 3, BYTES("\x30\1"), "another type than its own"},             // platforms, not packed
        {1, 0, 3, BYTES("\x08"), "it is damaged"},                           // a tag without a value
        {1, 0, 3, BYTES("\xa2\6\5abcd"), "it is damaged"},                   // past the end
        {1, 0, 3, BYTES("\xa3\6"), "it is damaged"},                         // a group
        {1, 0, 3, BYTES("\0\0"), "it is damaged"},                           // the field 0
        {1, 0, 3, BYTES("\xff\xff\xff\xff\xff\1\0"), "it is damaged"},       // a tag beyond 32 bits
        {1, 0, 3,
         BYTES("\xa2\6\2ab\xa0\6\7\xa5\6"
               "1234"),
         ""}, // fields of the future
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct spec spec = good;
        spec.table = cases[i].table;
        spec.window = cases[i].window;
        spec.rows = cases[i].rows;
        spec.more = cases[i].more;
        assert_block(&spec, cases[i].expected);
    }
    struct spec spec = good;
    char long_account[ROWS_ACCOUNT_MAX + 1];
    memset(long_account, 'a', sizeof(long_account));
    spec.accounts[0] = sized(long_account, ROWS_ACCOUNT_MAX);
    assert_block(&spec, "");
    spec.accounts[0].length++;
    assert_block(&spec, "an account is longer than it may be");
    spec.accounts[0] = slice_of("zoo");
    assert_block(&spec, "its rows are not sorted");
}

static void an_id_is_as_long_as_it_may_be_and_no_longer(void **state) {
    char rest[ROWS_ID_MAX + 8];
    memset(rest, 'p', sizeof(rest));
    struct spec spec = good;
    spec.lists[BLOCK_ID_SHARED] = sized("\0\2\2", 3);
    spec.lists[BLOCK_ID_LENGTHS] = sized("\2\xfe\3\1", 4); // 2, 510, 1
    spec.lists[BLOCK_ID_REST] = sized(rest, 513);
    assert_block(&spec, "");
    spec.lists[BLOCK_ID_LENGTHS] = sized("\2\xff\3\1", 4);
    spec.lists[BLOCK_ID_REST] = sized(rest, 514);
    assert_block(&spec, "an id is longer than it may be");
}

// Two blocks, one after the other.
static void assert_blocks(enum file_kind kind, const struct spec *a, const struct spec *b,
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

#define SET_OF_ONE "\1ABCDEFGHIJKLMNOP"
#define ONE_MEMBER "\2\1" // register 0 is 1

static void a_forged_sketch_is_refused(void **state) {
    static const struct {
        enum file_kind kind;
        enum table table;
        const char *id;
        struct slice sketches[2], reached, more;
        const char *expected;
    } cases[] = {
        {FILE_PART, TABLE_REACH, "actors", {BYTES(SET_OF_ONE)}, {NULL, 0}, {NULL, 0}, ""},
        {FILE_PART, TABLE_REACH, "persons", {BYTES(ONE_MEMBER)}, {NULL, 0}, {NULL, 0}, ""},
        {FILE_WINDOW, TABLE_REACH, "actors", {BYTES(ONE_MEMBER)}, BYTES("\1"), {NULL, 0}, ""},
        {FILE_PART, TABLE_QUANTILES, "watch_ms", {BYTES("\1\5\2")}, {NULL, 0}, {NULL, 0}, ""},
        {FILE_WINDOW, TABLE_QUANTILES, "watch_ms", {BYTES("\1\5\2")}, {NULL, 0}, {NULL, 0}, ""},
        {FILE_WINDOW,
         TABLE_REACH,
         "actors",
         {BYTES(SET_OF_ONE)},
         BYTES("\1"),
         {NULL, 0},
         "names its members"},
        {FILE_SPAN, TABLE_REACH, "actors", {BYTES(SET_OF_ONE)}, BYTES("\1"), {NULL, 0}, "names its members"},
        {FILE_SPAN,
         TABLE_REACH,
         "acted",
         {BYTES("\4"
                "0123456789abcdef"
                "\1\0")},
         BYTES("\1"),
         {NULL, 0},
         "classes of actors, which only parts"},
        {FILE_WINDOW, TABLE_REACH, "actors", {BYTES(ONE_MEMBER)}, {NULL, 0}, {NULL, 0}, "or does not"},
        {FILE_PART, TABLE_REACH, "actors", {BYTES(ONE_MEMBER)}, BYTES("\1"), {NULL, 0}, "or does not"},
        {FILE_WINDOW, TABLE_REACH, "actors", {BYTES(ONE_MEMBER)}, BYTES("\0"), {NULL, 0}, "does not say how"},
        {FILE_WINDOW,
         TABLE_REACH,
         "actors",
         {BYTES(ONE_MEMBER)},
         BYTES("\1\1"),
         {NULL, 0},
         "a list is longer"},
        {FILE_WINDOW,
         TABLE_QUANTILES,
         "watch_ms",
         {BYTES("\1\5\2")},
         BYTES("\1"),
         {NULL, 0},
         "not of its table"},
        {FILE_PART, TABLE_REACH, "watch_ms", {BYTES(ONE_MEMBER)}, {NULL, 0}, {NULL, 0}, "does not know"},
        {FILE_PART, TABLE_QUANTILES, "actors", {BYTES("\1\5\2")}, {NULL, 0}, {NULL, 0}, "does not know"},
        {FILE_PART, TABLE_REACH, "actor", {BYTES(ONE_MEMBER)}, {NULL, 0}, {NULL, 0}, "does not know"},
        {FILE_PART, TABLE_REACH, "actors", {BYTES("\1")}, {NULL, 0}, {NULL, 0}, "a sketch is damaged, empty"},
        {FILE_PART,
         TABLE_REACH,
         "actors",
         {BYTES("\1ABC")},
         {NULL, 0},
         {NULL, 0},
         "a sketch is damaged, empty"},
        {FILE_PART,
         TABLE_REACH,
         "actors",
         {{NULL, 0}},
         {NULL, 0},
         {NULL, 0},
         "a sketch is damaged, empty or not"},
        {FILE_PART,
         TABLE_QUANTILES,
         "watch_ms",
         {BYTES("\1\5\0")},
         {NULL, 0},
         {NULL, 0},
         "a sketch is damaged"},
        {FILE_PART,
         TABLE_REACH,
         "actors",
         {BYTES(ONE_MEMBER), BYTES(ONE_MEMBER)},
         {NULL, 0},
         {NULL, 0},
         "more sketches"},
        {FILE_PART,
         TABLE_REACH,
         "actors",
         {BYTES(ONE_MEMBER)},
         {NULL, 0},
         BYTES("\x6a\0"),
         "not of its table"},
        {FILE_PART,
         TABLE_REACH,
         "actors",
         {BYTES(ONE_MEMBER)},
         {NULL, 0},
         BYTES("\x72\0"),
         "not of its table"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct forged f = {0};
        struct wire_out block = {0};
        uint64_t table_rows[TABLES] = {0};
        const char length = (char)strlen(cases[i].id);
        table_rows[cases[i].table] = 1;
        forge_header(&f, cases[i].kind, table_rows);
        wire_uint(&block, BLOCK_TABLE, cases[i].table);
        wire_uint(&block, BLOCK_ROWS, 1);
        wire_element(&block, BLOCK_ACCOUNTS, slice_of("acme"));
        wire_element(&block, BLOCK_ACCOUNT_ROWS, sized("\1", 1));
        wire_element(&block, BLOCK_ID_LENGTHS, sized(&length, 1));
        wire_element(&block, BLOCK_ID_REST, slice_of(cases[i].id));
        for (int k = 0; k < 2 && cases[i].sketches[k].at != NULL; k++)
            wire_element(&block, BLOCK_SKETCHES, cases[i].sketches[k]);
        if (cases[i].reached.at != NULL)
            wire_element(&block, BLOCK_REACHED, cases[i].reached);
        wire_append(&block, cases[i].more);
        forge_message(&f, SNAPSHOT_BLOCK, &block);
        forge_trailer(&f);
        assert_verdict(&f, cases[i].expected);
    }
}

// Of a reading its bytes, one field of which is another's.
static struct slice reading_bytes(char *room, unsigned field, struct slice forged) {
    struct wire_out bytes = {0};
    const struct latest_reading reading = reading_of("acme", "7310", "views", 5, 77, 1);
    if (field == 0) {
        reading_write(&bytes, &reading);
    } else {
        struct latest_reading other = reading;
        other.account.length *= field != READING_ACCOUNT;
        other.content.length *= field != READING_CONTENT;
        other.counter.length *= field != READING_COUNTER;
        other.platform *= field != READING_PLATFORM;
        other.read_at_ms *= field != READING_READ_AT;
        reading_write(&bytes, &other);
        wire_append(&bytes, forged);
    }
    memcpy(room, bytes.at, bytes.length);
    free(bytes.at);
    return sized(room, bytes.length);
}

static void assert_readings(const struct slice *readings, size_t count, uint32_t said, const char *expected) {
    struct forged f = {0};
    struct wire_out block = {0};
    forge_header(&f, FILE_PART, (const uint64_t[TABLES]){[TABLE_READINGS] = said});
    wire_uint(&block, BLOCK_TABLE, TABLE_READINGS);
    wire_uint(&block, BLOCK_ROWS, said);
    for (size_t i = 0; i < count; i++)
        wire_element(&block, BLOCK_READINGS, readings[i]);
    forge_message(&f, SNAPSHOT_BLOCK, &block);
    forge_trailer(&f);
    assert_verdict(&f, expected);
}

static void a_forged_reading_is_refused(void **state) {
    static const struct {
        unsigned field;
        struct slice bytes;
        const char *expected;
    } cases[] = {
        {0, {NULL, 0}, ""},
        {READING_ACCOUNT, {NULL, 0}, ""},
        {READING_CONTENT, {NULL, 0}, ""},
        {READING_COUNTER, {NULL, 0}, "no name of a counter"},
        {READING_COUNTER, BYTES("\x22\5Views"), "no name of a counter"},
        {READING_COUNTER, BYTES("\x22\4a\0bc"), "no name of a counter"},
        {READING_COUNTER, BYTES("\x22\60aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeee"), ""},
        {READING_COUNTER, BYTES("\x22\61aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeee"), "no name of"},
        {READING_PLATFORM, BYTES("\x10\xff\xff\xff\xff\xf"), ""},
        {READING_PLATFORM, BYTES("\x10\x80\x80\x80\x80\x10"), "a number of a reading is too large"},
        {READING_READ_AT, {NULL, 0}, "was never read"},
        {READING_READ_AT, BYTES("\x30\xff\xff\xff\xff\xff\xff\xff\xff\xff\1"), "was never read"},
        {READING_EVENT_ID, BYTES("\x3a\0"), "the event id of a reading is of another length"},
        {READING_EVENT_ID, BYTES("\x3a\21ABCDEFGHIJKLMNOPQ"), "the event id of a reading is of another"},
        {READING_VALUE, BYTES("\x28\xff"), "a reading is damaged"},
    };
    char room[1024], longer[ROWS_ID_MAX + 4];
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct slice bytes = reading_bytes(room, cases[i].field, cases[i].bytes);
        assert_readings(&bytes, 1, 1, cases[i].expected);
    }
    memset(longer, 'p', sizeof(longer));
    memcpy(longer, "\x1a\x80\4", 3); // 512
    struct slice bytes = reading_bytes(room, READING_CONTENT, sized(longer, 3 + ROWS_ID_MAX));
    assert_readings(&bytes, 1, 1, "");
    longer[1]++;
    bytes = reading_bytes(room, READING_CONTENT, sized(longer, 3 + ROWS_ID_MAX + 1));
    assert_readings(&bytes, 1, 1, "an id of a reading is longer than it may be");
    memcpy(longer, "\xa\x81\2", 3); // 257
    bytes = reading_bytes(room, READING_ACCOUNT, sized(longer, 3 + ROWS_ACCOUNT_MAX + 1));
    assert_readings(&bytes, 1, 1, "an id of a reading is longer than it may be");
}

static void readings_are_sorted_and_as_many_as_is_said(void **state) {
    char rooms[2][256];
    const struct slice whole = reading_bytes(rooms[0], 0, sized(NULL, 0)),
                       no_content = reading_bytes(rooms[1], READING_CONTENT, sized(NULL, 0));
    assert_readings((struct slice[]){no_content, whole}, 2, 2, "");
    assert_readings((struct slice[]){whole, no_content}, 2, 2,
                    "its readings are not sorted, or one comes twice");
    assert_readings((struct slice[]){whole, whole}, 2, 2, "its readings are not sorted, or one comes twice");
    assert_readings((struct slice[]){no_content, whole}, 2, 1, "another number of readings than it says");
    assert_readings((struct slice[]){no_content, whole}, 1, 2, "another number of readings than it says");
}

static void assert_live(const struct live_session *live, size_t count, uint32_t said, const char *expected) {
    struct forged f = {0};
    struct wire_out block = {0}, part = {0}, scratch = {0};
    forge_header(&f, FILE_PART, (const uint64_t[TABLES]){[TABLE_LIVE] = said});
    wire_uint(&block, BLOCK_TABLE, TABLE_LIVE);
    wire_uint(&block, BLOCK_ROWS, said);
    for (size_t i = 0; i < count; i++) {
        part.length = 0;
        live_write(&part, &live[i], &scratch);
        wire_element(&block, BLOCK_LIVE, wire_slice(&part));
    }
    free(scratch.at);
    free(part.at);
    forge_message(&f, SNAPSHOT_BLOCK, &block);
    forge_trailer(&f);
    assert_verdict(&f, expected);
}

static void live_sessions_are_sorted_and_as_many_as_is_said(void **state) {
    const struct live_session first = {.platform = 2,
                                       .account = slice_of("acme"),
                                       .session = slice_of("show"),
                                       .start_s = 900,
                                       .watch_ms = 1};
    struct live_session second = first;
    second.start_s = 1800;
    assert_live((struct live_session[]){first, second}, 2, 2, "");
    assert_live((struct live_session[]){second, first}, 2, 2, "its live sessions are not sorted, or one");
    assert_live((struct live_session[]){first, first}, 2, 2,
                "its live sessions are not sorted, or one comes");
    assert_live((struct live_session[]){first, second}, 2, 1, "another number of live sessions than it says");
    assert_live((struct live_session[]){first, second}, 1, 2, "another number of live sessions than it says");
    second.session = slice_of("");
    assert_live(&second, 1, 1, "has no name");
}

// A viewer as bytes: `key` of so many bytes, then what else it says.
static void assert_viewers(enum file_kind kind, int64_t window_s, const struct slice *viewers, size_t count,
                           uint32_t said, const char *expected) {
    struct forged f = {0};
    struct wire_out block = {0};
    forge_header(&f, kind, (const uint64_t[TABLES]){[TABLE_VIEWERS] = said});
    wire_uint(&block, BLOCK_TABLE, TABLE_VIEWERS);
    wire_int(&block, BLOCK_WINDOW, window_s);
    wire_uint(&block, BLOCK_ROWS, said);
    for (size_t i = 0; i < count; i++)
        wire_element(&block, BLOCK_VIEWERS, viewers[i]);
    forge_message(&f, SNAPSHOT_BLOCK, &block);
    forge_trailer(&f);
    assert_verdict(&f, expected);
}

static void viewers_are_of_checkpoints_and_sorted(void **state) {
    static const struct slice a = {"\xa\20aaaaaaaaaaaaaaaa\x10\1\x18\2\x20\1", 24},
                              b = {"\xa\20aaaaaaaaaaaaaaab", 18};
    assert_viewers(FILE_CHECKPOINT, 0, (struct slice[]){a, b}, 2, 2, "");
    assert_viewers(FILE_PART, 0, &a, 1, 1, "it has viewers, which only checkpoints do");
    assert_viewers(FILE_WINDOW, 0, &a, 1, 1, "it has viewers, which only checkpoints do");
    assert_viewers(FILE_CHECKPOINT, 900, &a, 1, 1, "which only checkpoints do, and of no window");
    assert_viewers(FILE_CHECKPOINT, 0, (struct slice[]){b, a}, 2, 2, "its viewers are not sorted");
    assert_viewers(FILE_CHECKPOINT, 0, (struct slice[]){a, a}, 2, 2, "or one comes twice");
    assert_viewers(FILE_CHECKPOINT, 0, &a, 1, 2, "another number of viewers than it says");
    assert_viewers(FILE_CHECKPOINT, 0, (struct slice[]){a, b}, 2, 1, "another number of viewers");
}

static void a_forged_viewer_is_refused(void **state) {
#define KEY "\xa\20aaaaaaaaaaaaaaaa"
    static const struct {
        struct slice bytes;
        const char *expected;
    } cases[] = {
        {BYTES(KEY "\x30\x80\xdd\xdb\1"), ""}, // an hour
        {BYTES(KEY "\x30\x81\xdd\xdb\1"), "a viewer may be silent for longer than can be"},
        {BYTES(KEY "\x10\xff\xff\xff\xff\xff\xff\xff\xf"), ""}, // the last that is a time
        {BYTES(KEY "\x10\x80\x80\x80\x80\x80\x80\x80\x10"), "a viewer was heard at no time"},
        {BYTES(KEY "\x10\xff\xff\xff\xff\xff\xff\xff\xff\xff\1"), "a viewer was heard at no time"},
        {BYTES("\xa\17aaaaaaaaaaaaaaa"), "a viewer is damaged, or has no key"},
        {BYTES("\xa\21aaaaaaaaaaaaaaaaa"), "a viewer is damaged, or has no key"},
        {BYTES("\x10\1"), "a viewer is damaged, or has no key"},
        {BYTES(KEY "\x10\xff"), "a viewer is damaged, or has no key"},
        {BYTES(KEY "\x40\1\x4a\1?"), ""}, // of a newer program
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_viewers(FILE_CHECKPOINT, 0, &cases[i].bytes, 1, 1, cases[i].expected);
}

static void blocks_are_sorted(void **state) {
    struct spec a = good, b = good;
    assert_blocks(FILE_PART, &a, &b, "block 2: its rows are not sorted, or one comes twice");
    b.accounts[0] = slice_of("zoo");
    b.accounts[1] = slice_of("zoology");
    b.lists[BLOCK_PLATFORMS] = sized("\1\2\3", 3);
    b.lists[BLOCK_ID_REST] = sized("pb2aa", 5);
    assert_blocks(FILE_PART, &a, &b, "");
    b.lists[BLOCK_ID_SHARED] = sized("\1\2\1", 3); // of the block before
    assert_blocks(FILE_PART, &a, &b, "block 2: an id shares more");
    b = good;
    b.table = TABLE_TAG;
    assert_blocks(FILE_PART, &a, &b, "");
    assert_blocks(FILE_PART, &b, &a, "block 2: the blocks are not sorted");
    b.table = TABLE_CONTENT;
    a.window = 900;
    b.window = 1800;
    assert_blocks(FILE_CHECKPOINT, &a, &b, "");
    assert_blocks(FILE_CHECKPOINT, &b, &a, "block 2: the blocks are not sorted");
    assert_blocks(FILE_WINDOW, &a, &b, "which only blocks of checkpoints do");
}

static void the_counts_of_the_header_are_held_to(void **state) {
    for (int t = 0; t < TABLES; t++) {
        struct forged f = {0};
        uint64_t table_rows[TABLES] = {[TABLE_CONTENT] = 3};
        table_rows[t]++;
        forge_header(&f, FILE_PART, table_rows);
        forge_block(&f, &good);
        forge_trailer(&f);
        assert_verdict(&f, "another number of rows than its header says");
    }
}

static void a_forged_file_is_refused(void **state) {
    static const struct {
        struct slice bytes;
        const char *expected;
    } cases[] = {
        {BYTES(""), "it is empty"},
        {BYTES("\x12\0"), "it does not begin with a header"},
        {BYTES("\x1a\0"), "it does not begin with a header"},
        {BYTES("\xa\xff\xff\xff\xff\xf"), "its header is cut short, or too long"},
        {BYTES("\xa\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\1"), "its header is cut short, or too long"},
        {BYTES("\xa\4\10\1\20"), "its header is cut short"},
        {BYTES("\xa\0"), "a format version that this program does not read"},
        {BYTES("\xa\4\10\2\20\1"), "a format version that this program does not read"},
        {BYTES("\xa\2\10\1"), "a kind that this program does not read"},
        {BYTES("\xa\4\10\1\20\7"), "a kind that this program does not read"},
        {BYTES("\xa\6\10\1\20\1\30\1"), "it ends before it starts"},
        {BYTES("\xa\7\10\1\20\1\52\1\0"), "a text holds a zero byte"},
        {BYTES("\xa\10\10\1\20\1\122\2\10\xff"), "a partition's coverage is damaged"},
        {BYTES("\xa\14\10\1\20\1\122\2\10\1\122\2\10\1"), "the partitions are not sorted"},
        {BYTES("\xa\7\10\1\20\4\132\1\10"), "the progress is damaged"},
        {BYTES("\xa\10\10\1\20\4\132\2\132\0"), ""}, // one line, of the window 0
        {BYTES("\xa\12\10\1\20\4\132\4\132\0\132\0"), "the lines of windows are not sorted"},
        {BYTES("\xa\10\10\1\20\4\132\0\132\0"), "its progress comes twice"},
        {BYTES("\xa\7\10\1\20\2\152\1\10"), "earlier orders are damaged"},
        {BYTES("\xa\10\10\1\20\2\152\0\152\0"), "the earlier orders are not sorted"},
        {BYTES("\xa\7\10\1\20\1\142\1\1"), "its counts of rows are damaged"},
        {BYTES("\xa\16\10\1\20\1\142\10\0\0\0\0\0\0\0\0"), "its counts of rows are damaged"}, // an 8th of 0
        {BYTES("\xa\25\10\1\20\1\142\17\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1"),
         "tables that this program does not know"},
        {BYTES("\xa\4\10\1\20\1\42\0"), "here is neither a block nor the trailer"},
        {BYTES("\xa\4\10\1\20\1\12\0"), "here is neither a block nor the trailer"},
        {BYTES("\xa\4\10\1\20\1\22\5\10\1"), "a block is cut short"},
        {BYTES("\xa\4\10\1\20\1\22\x81\x80\x80\x20"), "a block is cut short, or too long"},
        {BYTES("\xa\4\10\1\20\1\22\0"), "it has no rows"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct forged f = {0};
        wire_append(&f.bytes, cases[i].bytes);
        if (cases[i].expected[0] == '\0')
            forge_trailer(&f);
        assert_verdict(&f, cases[i].expected);
    }
    struct forged f = {0};
    forge_header(&f, FILE_PART, (const uint64_t[TABLES]){0});
    assert_verdict(&f, "it has no trailer");
}

// A header of so many coverages or lines, each of its own partition or window.
static void forge_long_header(struct forged *f, unsigned field, uint64_t count) {
    struct wire_out header = {0}, progress = {0}, element = {0};
    wire_uint(&header, 1, SNAPSHOT_FORMAT_VERSION);
    wire_uint(&header, 2, FILE_CHECKPOINT);
    for (uint64_t i = 0; i < count; i++) {
        element.length = 0;
        wire_uint(&element, 1, i);
        wire_element(field == 10 ? &header : &progress, field, wire_slice(&element));
    }
    if (field != 10)
        wire_element(&header, 11, wire_slice(&progress));
    forge_message(f, SNAPSHOT_HEADER, &header);
    forge_trailer(f);
    free(element.at);
    free(progress.at);
}

static void a_header_is_bounded(void **state) {
    const struct {
        unsigned field;
        uint64_t count;
        const char *expected;
    } cases[] = {
        {10, HEADER_PARTITIONS_MAX, ""},
        {10, HEADER_PARTITIONS_MAX + 1, "the header: more partitions than can be"},
        {11, HEADER_LINES_MAX, ""},
        {11, HEADER_LINES_MAX + 1, "the header: more lines of windows than can be"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct forged f = {0};
        forge_long_header(&f, cases[i].field, cases[i].count);
        assert_verdict(&f, cases[i].expected);
    }
    struct forged f = {0};
    wire_append(&f.bytes, sized("\xa\x8\x8\1\x10\1\x38\x81\x80\4", 10)); // of 65,537 partitions
    assert_verdict(&f, "the header: more partitions than can be");
}

// A header with one number that no file of ours has.
static const struct header *header_with(size_t which, int64_t number) {
    static struct header header;
    static struct progress progress;
    static struct line line;
    static struct coverage coverage;
    static struct earlier_orders earlier;
    int64_t *const numbers[] = {&header.start_s,
                                &header.end_s,
                                &coverage.start,
                                &coverage.to,
                                &coverage.orders_to,
                                &earlier.start_s,
                                &earlier.to,
                                &progress.sealed_s,
                                &progress.settled_before_s,
                                &progress.watermark_ms,
                                &progress.start,
                                &progress.offset,
                                &progress.after,
                                &progress.last_end,
                                &line.start_s,
                                &line.to,
                                &line.orders_to};
    coverage = (struct coverage){0};
    earlier = (struct earlier_orders){0};
    line = (struct line){0};
    progress = (struct progress){.lines = &line, .line_count = 1};
    header = (struct header){.kind = FILE_THROUGH,
                             .coverage = &coverage,
                             .coverage_count = 1,
                             .earlier = &earlier,
                             .earlier_count = 1,
                             .progress = &progress};
    if (which >= sizeof(numbers) / sizeof(numbers[0]))
        return NULL;
    *numbers[which] = number;
    return &header;
}

static enum status reads_header(const struct header *header) {
    struct snapshot_bytes bytes;
    struct problem p;
    snapshot_write(&bytes, header, NULL, 0);
    enum status status = reads(bytes.at, bytes.length, &p);
    snapshot_bytes_fini(&bytes);
    return status;
}

// Times and places of files are added to and subtracted from wherever they are read.
static void numbers_of_a_header_are_such_as_can_be__goes_red_if_they_may_overflow(void **state) {
    size_t count = 0;
    const struct header *header;
    while ((header = header_with(count++, -EVENT_TIME_END_MS * 2)) != NULL)
        assert_int_equal(reads_header(header), STATUS_BAD_DATA);
    assert_int_equal(count, 18);
    static const size_t times[] = {0, 1, 5, 7, 8, 9, 14};
    for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++)
        assert_int_equal(reads_header(header_with(times[i], INT64_MAX)), STATUS_BAD_DATA);
}

static void forge_orders(struct forged *f, const struct order *const *orders, size_t count, size_t said) {
    struct wire_out block = {0}, order = {0}, scratch = {0};
    wire_uint(&block, BLOCK_TABLE, TABLE_ORDERS);
    wire_uint(&block, BLOCK_ROWS, said);
    for (size_t i = 0; i < count; i++) {
        order.length = 0;
        order_write(&order, orders[i], &scratch);
        wire_element(&block, BLOCK_ORDERS, wire_slice(&order));
    }
    forge_header(f, FILE_PART, (const uint64_t[TABLES]){[TABLE_ORDERS] = said});
    forge_message(f, SNAPSHOT_BLOCK, &block);
    forge_trailer(f);
    free(order.at);
    free(scratch.at);
}

static void assert_orders(const struct order *a, const struct order *b, size_t said, const char *expected) {
    struct forged f = {0};
    forge_orders(&f, (const struct order *[]){a, b}, b != NULL ? 2 : 1, said);
    assert_verdict(&f, expected);
}

static void forged_orders_are_refused(void **state) {
    const struct order a = order_of("acme", 1, 1, 100, 5), later = order_of("acme", 1, 1, 101, 5);
    const struct order other = order_of("acme", 1, 2, 100, 5), next = order_of("acme", 2, 1, 100, 5);
    const struct order *growing[] = {&a, &other, &later, &next};
    for (int i = 0; i < 4; i++) {
        for (int k = 0; k < 4; k++)
            assert_orders(growing[i], growing[k], 2,
                          i < k ? "" : "its orders are not sorted, or one comes twice");
    }
    assert_orders(&a, NULL, 1, "");
    assert_orders(&a, NULL, 2, "another number of orders than it says");
    assert_orders(&a, &next, 1, "another number of orders than it says");
    struct order bad = a;
    bad.increments.count = 0;
    assert_orders(&bad, NULL, 1, "an order is damaged, or adds nothing");
    char id[ROWS_ID_MAX + 1] = {0};
    memset(id, 'p', sizeof(id));
    bad = a;
    bad.subject.account = sized(id, ROWS_ACCOUNT_MAX + 1);
    assert_orders(&bad, NULL, 1, "an id of an order is longer than it may be");
    bad = a;
    bad.subject.content = sized(id, ROWS_ID_MAX + 1);
    assert_orders(&bad, NULL, 1, "an id of an order is longer than it may be");
    struct slice names[ROWS_NAMES_MAX + 1];
    for (int i = 0; i <= ROWS_NAMES_MAX; i++)
        names[i] = slice_of("x");
    bad = a;
    bad.subject.tags = bad.subject.topics = names;
    bad.subject.tag_count = bad.subject.topic_count = ROWS_NAMES_MAX;
    assert_orders(&bad, NULL, 1, "");
    bad.subject.topic_count++;
    assert_orders(&bad, NULL, 1, "more tags or topics than can be");
    names[3] = sized(id, sizeof(id));
    bad.subject.topic_count--;
    assert_orders(&bad, NULL, 1, "more tags or topics than can be, or longer ones");
}

// A file of one order whose message is given.
static void assert_order_bytes(struct slice bytes, const char *expected) {
    struct forged f = {0};
    struct wire_out block = {0};
    forge_header(&f, FILE_PART, (const uint64_t[TABLES]){[TABLE_ORDERS] = 1});
    wire_uint(&block, BLOCK_TABLE, TABLE_ORDERS);
    wire_uint(&block, BLOCK_ROWS, 1);
    wire_element(&block, BLOCK_ORDERS, bytes);
    forge_message(&f, SNAPSHOT_BLOCK, &block);
    forge_trailer(&f);
    assert_verdict(&f, expected);
}

static void the_parts_of_an_order_are_held_to_their_sizes(void **state) {
    assert_order_bytes(sized("", 0), "adds nothing");
    assert_order_bytes(slice_of("\x12\x01x"), "the hash of an order is of another length");
    assert_order_bytes(slice_of("\x22\x01x"), "the event id of an order is of another length");
    assert_order_bytes(slice_of("\x28\xff\xff\xff\xff\x1f"), "a number of an order is too large");
    assert_order_bytes(slice_of("\x6a\x07\x0a\x05lykes"), "an increment of an order is damaged");
    assert_order_bytes(slice_of("\x6a\x02\x10\x02"), "an increment of an order is damaged");
    char many[9 * (INCREMENTS_MAX + 1) + 1] = "";
    for (int i = 0; i <= INCREMENTS_MAX; i++)
        strcat(many, "\x6a\x07\x0a\x05likes");
    assert_order_bytes(sized(many, 9 * INCREMENTS_MAX), "");
    assert_order_bytes(slice_of(many), "or one too many");
}

static struct refund refund_of(const char *account, unsigned char order, int64_t placed_ms, uint32_t platform,
                               const char *currency) {
    struct refund refund = {
        .order_occurred_at_ms = placed_ms,
        .subject = {.account = slice_of(account), .platform = platform},
        .increments = {2,
                       true,
                       {{field_counter(COUNTER_OF_REFUND), 1},
                        {field_currency(field_counter(COUNTER_REFUNDED_MICROS), slice_of(currency)), 5}}}};
    refund.order[0] = order;
    return refund;
}

// In one block, or, where `apart`, each in its own.
static void assert_refunds(enum file_kind kind, const struct refund *refunds, size_t count, bool apart,
                           size_t said, const char *expected) {
    struct forged f = {0};
    struct wire_out block = {0}, refund = {0}, scratch = {0};
    forge_header(&f, kind, (const uint64_t[TABLES]){[TABLE_REFUNDS] = apart ? count : said});
    for (size_t i = 0; i < count; i++) {
        if (i == 0 || apart) {
            block.length = 0;
            wire_uint(&block, BLOCK_TABLE, TABLE_REFUNDS);
            wire_uint(&block, BLOCK_ROWS, apart ? 1 : said);
        }
        refund.length = 0;
        refund_write(&refund, &refunds[i], &scratch);
        wire_element(&block, BLOCK_REFUNDS, wire_slice(&refund));
        if (i + 1 < count && !apart)
            continue;
        struct wire_out message = {0};
        wire_append(&message, wire_slice(&block));
        forge_message(&f, SNAPSHOT_BLOCK, &message);
    }
    forge_trailer(&f);
    assert_verdict(&f, expected);
    free(block.at);
    free(refund.at);
    free(scratch.at);
}

static void forged_refunds_are_refused(void **state) {
    const struct refund growing[] = {
        refund_of("acme", 1, 0, 0, "EUR"),   refund_of("acme", 1, 100, 0, "EUR"),
        refund_of("acme", 1, 100, 0, "USD"), refund_of("acme", 1, 100, 2, "EUR"),
        refund_of("acme", 2, 5, 0, "EUR"),   refund_of("zoo", 1, 5, 0, "EUR"),
    };
    for (int i = 0; i < 6; i++) {
        for (int k = 0; k < 6; k++) {
            const struct refund two[] = {growing[i], growing[k]};
            const char *verdict = i < k ? "" : "its refunds are not sorted, or one comes twice";
            assert_refunds(FILE_PART, two, 2, false, 2, verdict);
            assert_refunds(FILE_PART, two, 2, true, 2, verdict);
        }
    }
    assert_refunds(FILE_PART, growing, 2, false, 3, "another number of refunds than it says");
    assert_refunds(FILE_WINDOW, growing, 1, false, 1, "it has refunds, which in published files");
    assert_refunds(FILE_SPAN, growing, 1, false, 1, "it has refunds, which in published files");
    struct refund bad = refund_of("acme", 1, -1, 0, "EUR");
    assert_refunds(FILE_PART, &bad, 1, false, 1, "of no time that an event can have");
    bad.order_occurred_at_ms = EVENT_TIME_END_MS;
    assert_refunds(FILE_PART, &bad, 1, false, 1, "of no time that an event can have");
    bad.order_occurred_at_ms--;
    assert_refunds(FILE_PART, &bad, 1, false, 1, "");
    bad.increments.at[0].value = bad.increments.at[1].value = 0;
    assert_refunds(FILE_PART, &bad, 1, false, 1, "");
}

static void what_is_not_zstd_is_refused(void **state) {
    struct problem p = {0};
    assert_int_equal(reads("plain text, and more of it", 26, &p), STATUS_BAD_DATA);
    assert_non_null(strstr(p.what, "after 0 bytes: Unknown frame descriptor"));
    assert_int_equal(reads("", 0, &p), STATUS_BAD_DATA);
    assert_non_null(strstr(p.what, "it is empty"));
}

// Packed so that unpacking would take more memory than a file is worth.
static void a_window_of_zstd_that_is_too_large_is_refused(void **state) {
    ZSTD_CCtx *zstd = ZSTD_createCCtx();
    size_t size = (size_t)80 << 20, room = ZSTD_compressBound(size);
    char *zeroes = calloc(1, size), *packed = malloc(room);
    ZSTD_CCtx_setParameter(zstd, ZSTD_c_windowLog, 27);
    ZSTD_outBuffer out = {packed, room, 0};
    ZSTD_inBuffer in = {zeroes, size - 1, 0};
    ZSTD_compressStream2(zstd, &out, &in, ZSTD_e_continue);
    assert_int_equal(ZSTD_compressStream2(zstd, &out, &in, ZSTD_e_end), 0);
    struct problem p = {0};
    assert_int_equal(reads(packed, out.pos, &p), STATUS_BAD_DATA);
    assert_non_null(strstr(p.what, "Frame requires too much memory"));
    ZSTD_freeCCtx(zstd);
    free(zeroes);
    free(packed);
}

// A thousandfold of nothing: what a block may be is bounded before it is read.
static void a_bomb_is_refused(void **state) {
    struct forged f = {0};
    struct wire_out block = {0};
    static char zeroes[1 << 20];
    for (int i = 0; i < SNAPSHOT_BLOCK_BYTES >> 20; i++)
        wire_append(&block, sized(zeroes, sizeof(zeroes)));
    wire_varint(&block, 0);
    forge_header(&f, FILE_PART, (const uint64_t[TABLES]){0});
    forge_message(&f, SNAPSHOT_BLOCK, &block);
    forge_trailer(&f);
    assert_verdict(&f, "a block is cut short, or too long");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_flip_of_any_bit_is_refused_or_changes_nothing),
        cmocka_unit_test(a_flip_below_zstd_is_refused_and_goes_red_without_the_checksum),
        cmocka_unit_test(a_file_that_is_cut_anywhere_is_refused),
        cmocka_unit_test(what_follows_the_end_is_refused),
        cmocka_unit_test(a_forged_list_is_refused),
        cmocka_unit_test(a_forged_column_is_refused),
        cmocka_unit_test(a_block_that_says_too_much_is_refused),
        cmocka_unit_test(an_id_is_as_long_as_it_may_be_and_no_longer),
        cmocka_unit_test(a_forged_sketch_is_refused),
        cmocka_unit_test(a_forged_reading_is_refused),
        cmocka_unit_test(readings_are_sorted_and_as_many_as_is_said),
        cmocka_unit_test(live_sessions_are_sorted_and_as_many_as_is_said),
        cmocka_unit_test(viewers_are_of_checkpoints_and_sorted),
        cmocka_unit_test(a_forged_viewer_is_refused),
        cmocka_unit_test(blocks_are_sorted),
        cmocka_unit_test(the_counts_of_the_header_are_held_to),
        cmocka_unit_test(a_forged_file_is_refused),
        cmocka_unit_test(a_header_is_bounded),
        cmocka_unit_test(numbers_of_a_header_are_such_as_can_be__goes_red_if_they_may_overflow),
        cmocka_unit_test(forged_orders_are_refused),
        cmocka_unit_test(the_parts_of_an_order_are_held_to_their_sizes),
        cmocka_unit_test(forged_refunds_are_refused),
        cmocka_unit_test(what_is_not_zstd_is_refused),
        cmocka_unit_test(a_window_of_zstd_that_is_too_large_is_refused),
        cmocka_unit_test(a_bomb_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
