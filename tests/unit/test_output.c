#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "runtime/output.h"

static const struct output_column columns[] = {{"id", false}, {"n", true}};

// One row, printed; the caller frees.
static char *printed(enum output_format format, struct slice id, const char *number, const char *shown) {
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    struct output o;
    output_init(&o, format, columns, 2);
    output_row(&o, (struct output_cell[]){
                       output_text(id),
                       {number != NULL ? slice_of(number) : (struct slice){NULL, 0},
                        shown != NULL ? slice_of(shown) : (struct slice){NULL, 0}},
                   });
    output_print(&o, out);
    output_fini(&o);
    fclose(out);
    return text;
}

// Two rows, each printed as it comes.
static char *printed_in_pieces(enum output_format format, const char *first, const char *second) {
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    struct output o;
    output_init(&o, format, columns, 2);
    output_flush(&o, out);
    output_row(&o, (struct output_cell[]){output_text(slice_of(first)), output_text(slice_of("1"))});
    output_flush(&o, out);
    output_row(&o, (struct output_cell[]){output_text(slice_of(second)), output_text(slice_of("2"))});
    output_print(&o, out);
    output_fini(&o);
    fclose(out);
    return text;
}

static void test_pieces_have_one_heading_and_columns_only_widen(void **state) {
    static const struct {
        enum output_format format;
        const char *text;
    } rows[] = {
        {OUTPUT_TABLE, "id  n\nacme  1\na     2\n"},
        {OUTPUT_JSON, "[\n{\"id\":\"acme\",\"n\":1},\n{\"id\":\"a\",\"n\":2}\n]\n"},
        {OUTPUT_JSONL, "{\"id\":\"acme\",\"n\":1}\n{\"id\":\"a\",\"n\":2}\n"},
        {OUTPUT_CSV, "id,n\r\nacme,1\r\na,2\r\n"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char *text = printed_in_pieces(rows[i].format, "acme", "a");
        assert_string_equal(text, rows[i].text);
        free(text);
    }
}

static void
test_columns_that_got_wider_stand_under_their_heading_again__red_if_it_is_not_printed(void **state) {
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    struct output o;
    output_init(&o, OUTPUT_TABLE, columns, 2);
    o.again = true;
    static const char *const ids[] = {"a", "acme", "bolt", "zenith"};
    for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
        output_row(&o, (struct output_cell[]){output_text(slice_of(ids[i])), output_text(slice_of("1"))});
        output_flush(&o, out);
    }
    output_print(&o, out);
    output_fini(&o);
    fclose(out);
    assert_string_equal(text, "id  n\na   1\n\nid    n\nacme  1\nbolt  1\n\nid      n\nzenith  1\n");
    free(text);
}

// Rows of three columns, of which the second is the same, printed in two pieces to so many characters.
static char *printed_narrow(size_t width) {
    static const struct output_column three[] = {{"id", false}, {"zone", false}, {"n", true}};
    static const char *const cells[][3] = {{"a", "Europe/Berlin", "1"}, {"bb", "Europe/Berlin", "22"}};
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    struct output o;
    output_init(&o, OUTPUT_TABLE, three, 3);
    output_fit(&o, out); // no terminal: as wide as it gets
    assert_int_equal(o.fit, 0);
    o.fit = width;
    for (int piece = 0; piece < 2; piece++) {
        for (int i = 0; i < 2 - piece; i++)
            output_row(&o, (struct output_cell[]){output_text(slice_of(cells[i][0])),
                                                  output_text(slice_of(cells[i][1])),
                                                  output_text(slice_of(cells[i][2]))});
        output_flush(&o, out);
    }
    output_print(&o, out);
    output_fini(&o);
    fclose(out);
    return text;
}

static void test_a_table_keeps_to_the_width_of_the_terminal(void **state) {
    static const char wide[] = "id  zone            n\n"
                               "a   Europe/Berlin   1\n"
                               "bb  Europe/Berlin  22\n"
                               "a   Europe/Berlin   1\n";
    static const char above[] = "zone  Europe/Berlin\n"
                                "\n"
                                "id   n\n"
                                "a    1\n"
                                "bb  22\n"
                                "\n"
                                "id    a\n"
                                "zone  Europe/Berlin\n"
                                "n     1\n";
    static const char records[] = "zone  Europe/Berlin\n"
                                  "\n"
                                  "id    a\n"
                                  "n     1\n"
                                  "\n"
                                  "id    bb\n"
                                  "n     22\n"
                                  "\n"
                                  "id    a\n"
                                  "zone  Europe/Berlin\n"
                                  "n     1\n";
    static const struct {
        size_t width;
        const char *text;
    } rows[] = {{0, wide}, {21, wide}, {20, above}, {6, above}, {5, records}, {1, records}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char *text = printed_narrow(rows[i].width);
        assert_string_equal(text, rows[i].text);
        free(text);
    }
}

// Two rows and three columns, the second sparse, to so many characters.
static char *printed_sparse(size_t width, const char *const zones[2]) {
    static const struct output_column three[] = {{"id", false}, {"zone", false}, {"n", true}};
    static const bool sparse[] = {false, true, false};
    static const char *const ids[] = {"a", "bb"};
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    struct output o;
    output_init(&o, OUTPUT_TABLE, three, 3);
    o.sparse = sparse;
    o.fit = width;
    for (int i = 0; i < 2; i++) {
        struct output_cell zone = {{NULL, 0}, {NULL, 0}};
        if (zones[i] != NULL)
            zone = output_text(slice_of(zones[i]));
        output_row(&o,
                   (struct output_cell[]){output_text(slice_of(ids[i])), zone, output_text(slice_of("1"))});
    }
    output_print(&o, out);
    output_fini(&o);
    fclose(out);
    return text;
}

static void test_what_some_rows_lack_is_said_once_where_nothing_else_does(void **state) {
    static const struct {
        size_t width;
        const char *zones[2];
        const char *text;
    } rows[] = {
        {14, {NULL, "Europe/Berlin"}, "zone  Europe/Berlin, or -\nn     1\n\nid\na\nbb\n"},
        {19, {NULL, "Europe/Berlin"}, "n     1\n\nid  zone\na   -\nbb  Europe/Berlin\n"},
        {8, {"UTC", "Asia/Tokyo"}, "n     1\n\nid    a\nzone  UTC\n\nid    bb\nzone  Asia/Tokyo\n"},
        {1, {NULL, "UTC"}, "n     1\n\nid    a\nzone  -\n\nid    bb\nzone  UTC\n"},
        {4, {NULL, NULL}, "zone  -\nn     1\n\nid\na\nbb\n"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char *text = printed_sparse(rows[i].width, rows[i].zones);
        if (strcmp(text, rows[i].text) != 0)
            fail_msg("row %zu: %s", i, text);
        free(text);
    }
}

static void test_every_format_is_safe_for_its_reader(void **state) {
    static const struct {
        enum output_format format;
        const char *id, *number, *shown, *text;
    } rows[] = {
        {OUTPUT_TABLE, "acme", "12", NULL, "id     n\nacme  12\n"},
        {OUTPUT_TABLE, "a", "1500000", "1.50 EUR", "id         n\na   1.50 EUR\n"},
        {OUTPUT_TABLE, "a", NULL, NULL, "id  n\na   -\n"},
        {OUTPUT_TABLE, "\x1b[2J", "1", NULL, "id       n\n\\x1B[2J  1\n"},
        {OUTPUT_TABLE, "\xc2\x9b", "1", NULL, "id        n\n\\xC2\\x9B  1\n"},
        {OUTPUT_TABLE, "\xff\xc3", "1", NULL, "id        n\n\\xFF\\xC3  1\n"},
        {OUTPUT_TABLE, "h\xc3\xa9", "1", NULL, "id  n\nh\xc3\xa9  1\n"},
        {OUTPUT_JSONL, "a\"\\\n\xff", "12", "shown", "{\"id\":\"a\\\"\\\\\\u000a\\ufffd\",\"n\":12}\n"},
        {OUTPUT_JSONL, "h\xc3\xa9", "-9223372036854775808", NULL,
         "{\"id\":\"h\xc3\xa9\",\"n\":-9223372036854775808}\n"},
        {OUTPUT_JSONL, "a", "007", NULL, "{\"id\":\"a\",\"n\":\"007\"}\n"},
        {OUTPUT_JSONL, "a", "-0.25", NULL, "{\"id\":\"a\",\"n\":-0.25}\n"},
        {OUTPUT_JSONL, "a", "1.5e-07", NULL, "{\"id\":\"a\",\"n\":1.5e-07}\n"},
        {OUTPUT_JSONL, "a", "1e+20", NULL, "{\"id\":\"a\",\"n\":1e+20}\n"},
        {OUTPUT_JSONL, "a", "1.", NULL, "{\"id\":\"a\",\"n\":\"1.\"}\n"},
        {OUTPUT_JSONL, "a", ".5", NULL, "{\"id\":\"a\",\"n\":\".5\"}\n"},
        {OUTPUT_JSONL, "a", "1e", NULL, "{\"id\":\"a\",\"n\":\"1e\"}\n"},
        {OUTPUT_JSONL, "a", "1x", NULL, "{\"id\":\"a\",\"n\":\"1x\"}\n"},
        {OUTPUT_JSONL, "a", "nan", NULL, "{\"id\":\"a\",\"n\":\"nan\"}\n"},
        {OUTPUT_JSONL, "a", NULL, NULL, "{\"id\":\"a\",\"n\":null}\n"},
        {OUTPUT_JSON, "a", "1", NULL, "[\n{\"id\":\"a\",\"n\":1}\n]\n"},
        {OUTPUT_CSV, "a,\"b\"", "-3", NULL, "id,n\r\n\"a,\"\"b\"\"\",-3\r\n"},
        {OUTPUT_CSV, "=1+1", "-3", NULL, "id,n\r\n\"'=1+1\",-3\r\n"},
        {OUTPUT_CSV, "@x", NULL, NULL, "id,n\r\n\"'@x\",\r\n"},
        {OUTPUT_CSV, "plain", "1", NULL, "id,n\r\nplain,1\r\n"},
        {OUTPUT_TSV, "a\tb\n\\", "1", NULL, "id\tn\na\\tb\\n\\\\\t1\n"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char *text = printed(rows[i].format, slice_of(rows[i].id), rows[i].number, rows[i].shown);
        assert_string_equal(text, rows[i].text);
        free(text);
    }
}

static void test_a_zero_byte_ends_no_id(void **state) {
    char *text = printed(OUTPUT_TABLE, (struct slice){"a\0b", 3}, "1", NULL);
    assert_string_equal(text, "id      n\na\\x00b  1\n");
    free(text);
}

static void test_the_format_follows_the_terminal(void **state) {
    static const struct {
        const char *name;
        bool terminal, known;
        enum output_format format;
    } rows[] = {{"", true, true, OUTPUT_TABLE},       {"", false, true, OUTPUT_JSONL},
                {"table", false, true, OUTPUT_TABLE}, {"json", true, true, OUTPUT_JSON},
                {"csv", true, true, OUTPUT_CSV},      {"tsv", true, true, OUTPUT_TSV},
                {"jsonl", true, true, OUTPUT_JSONL},  {"xml", true, false, OUTPUT_TABLE}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        enum output_format format;
        assert_int_equal(output_format_parse(&format, rows[i].name, rows[i].terminal), rows[i].known);
        assert_int_equal(format, rows[i].format);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_format_is_safe_for_its_reader),
        cmocka_unit_test(test_pieces_have_one_heading_and_columns_only_widen),
        cmocka_unit_test(
            test_columns_that_got_wider_stand_under_their_heading_again__red_if_it_is_not_printed),
        cmocka_unit_test(test_a_table_keeps_to_the_width_of_the_terminal),
        cmocka_unit_test(test_what_some_rows_lack_is_said_once_where_nothing_else_does),
        cmocka_unit_test(test_a_zero_byte_ends_no_id),
        cmocka_unit_test(test_the_format_follows_the_terminal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
