// Blocks of rows and sketches that are forged: every one is refused with CLM-D3 and a word on what is wrong.
#include "tests/unit/snapshot_forge.h"

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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_forged_list_is_refused),
        cmocka_unit_test(a_forged_column_is_refused),
        cmocka_unit_test(a_block_that_says_too_much_is_refused),
        cmocka_unit_test(an_id_is_as_long_as_it_may_be_and_no_longer),
        cmocka_unit_test(a_forged_sketch_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
