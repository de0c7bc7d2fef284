// Files that are damaged, and files whose header or order of blocks is forged: every one is refused with
// CLM-D3 and a word on what is wrong. (What a block says: test_block_damage.c and test_message_damage.c.)
#include "tests/unit/snapshot_forge.h"

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

// As snapshot.proto numbers them. Lines stand in the progress, which bears the same number in the header.
enum { FIELD_COVERAGE = 10, FIELD_LINES = 11, FIELD_EARLIER = 13 };

// A header of so many coverages, lines or earlier orders, each of its own partition or window.
static void forge_long_header(struct forged *f, unsigned field, uint64_t count) {
    struct wire_out header = {0}, progress = {0}, element = {0};
    wire_uint(&header, 1, SNAPSHOT_FORMAT_VERSION);
    wire_uint(&header, 2, FILE_CHECKPOINT);
    for (uint64_t i = 0; i < count; i++) {
        element.length = 0;
        wire_uint(&element, 1, i);
        wire_element(field == FIELD_LINES ? &progress : &header, field, wire_slice(&element));
    }
    if (field == FIELD_LINES)
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
        {FIELD_COVERAGE, HEADER_PARTITIONS_MAX, ""},
        {FIELD_COVERAGE, HEADER_PARTITIONS_MAX + 1, "the header: more partitions than can be"},
        {FIELD_LINES, HEADER_LINES_MAX, ""},
        {FIELD_LINES, HEADER_LINES_MAX + 1, "the header: more lines of windows than can be"},
        {FIELD_EARLIER, SNAPSHOT_EARLIER_MAX, ""},
        {FIELD_EARLIER, SNAPSHOT_EARLIER_MAX + 1, "the header: more partitions than can be"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct forged f = {0};
        forge_long_header(&f, cases[i].field, cases[i].count);
        assert_verdict(&f, cases[i].expected);
    }
    struct forged f = {0};
    wire_append(&f.bytes, sized("\xa\x7\x8\1\x10\1\x38\x81\x20", 9)); // of 4,097 partitions
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
        cmocka_unit_test(blocks_are_sorted),
        cmocka_unit_test(the_counts_of_the_header_are_held_to),
        cmocka_unit_test(a_forged_file_is_refused),
        cmocka_unit_test(a_header_is_bounded),
        cmocka_unit_test(numbers_of_a_header_are_such_as_can_be__goes_red_if_they_may_overflow),
        cmocka_unit_test(what_is_not_zstd_is_refused),
        cmocka_unit_test(a_window_of_zstd_that_is_too_large_is_refused),
        cmocka_unit_test(a_bomb_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
