#include "stream/store/s3_xml.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct said {
    char text[1024];
    int until; // elements after which it says no
};

static bool note(void *context, const char *path, const char *text) {
    struct said *said = context;
    size_t at = strlen(said->text);
    snprintf(said->text + at, sizeof(said->text) - at, "%s=%s;", path, text);
    return --said->until != 0;
}

static bool reads(const char *xml, struct said *said) {
    said->text[0] = '\0';
    return s3_xml_read(xml, strlen(xml), note, said);
}

static void elements_come_with_their_path_and_their_text(void **state) {
    struct said said = {0};
    assert_true(reads(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<L xmlns=\"http://s3\"><C><K>a&amp;b</K> <K/></C>\n"
        "<P>x<![CDATA[<&]]></P></L>",
        &said));
    assert_string_equal(said.text, "L/C/K=a&b;L/C/K=;L/C=;L/P=x<&;L=;");
}

static void what_says_no_ends_the_reading(void **state) {
    struct said said = {.until = 2};
    assert_false(reads("<a><b>1</b><b>2</b><b>3</b></a>", &said));
    assert_string_equal(said.text, "a/b=1;a/b=2;");
}

static void what_is_no_answer_of_s3_is_refused(void **state) {
    static const char *const cases[] = {
        "",
        "hello",
        "<a>",
        "<a></b>",
        "<a/><b/>",
        "<a>&undefined;</a>",
        "<a>\x01</a>",
        "<a>\xff</a>",
        "<!DOCTYPE a><a/>",
        "<!DOCTYPE a [<!ENTITY x \"y\">]><a>&x;</a>",
        "<!DOCTYPE a SYSTEM \"file:///etc/passwd\"><a/>",
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct said said = {0};
        if (reads(cases[i], &said))
            fail_msg("%s", cases[i]);
    }
}

// `count` times `text`, between two others.
static char *repeated(const char *before, const char *text, size_t count, const char *after) {
    char *out = malloc(strlen(before) + count * strlen(text) + strlen(after) + 1);
    char *at = stpcpy(out, before);
    while (count-- > 0)
        at = stpcpy(at, text);
    stpcpy(at, after);
    return out;
}

static void depth_names_and_texts_are_bounded(void **state) {
    static const struct {
        const char *before, *text;
        size_t count;
        const char *after;
        bool good;
    } cases[] = {
        {"<a>", "x", 4095, "</a>", true},
        {"<a>", "x", 4096, "</a>", false},
        {"<a>", "x", 1 << 20, "</a>", false},
        {"", "<a>", 128, "", false},
        {"", "<a>", 100000, "", false},
        {"<", "n", 255, "/>", true},
        {"<", "n", 256, "/>", false},
        {"<a>", "<b>x</b>", 100000, "</a>", true},
        {"<a>", "<!-- x -->", 1000, "</a>", true},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct said said = {0};
        char *xml = repeated(cases[i].before, cases[i].text, cases[i].count, cases[i].after);
        if (reads(xml, &said) != cases[i].good)
            fail_msg("case %zu", i);
        free(xml);
    }
}

static void one_text_is_found(void **state) {
    static const char xml[] =
        "<Error><Code>SlowDown</Code><Code>Other</Code><Message>Please</Message></Error>";
    char out[64];
    s3_xml_find(xml, strlen(xml), "Error/Code", out, sizeof(out));
    assert_string_equal(out, "SlowDown");
    s3_xml_find(xml, strlen(xml), "Error/Code", out, 5);
    assert_string_equal(out, "Slow");
    s3_xml_find(xml, strlen(xml), "Code", out, sizeof(out));
    assert_string_equal(out, "");
    s3_xml_find(NULL, 0, "Error/Code", out, sizeof(out));
    assert_string_equal(out, "");
    // Found before it breaks off: it is what the store said.
    s3_xml_find(xml, 40, "Error/Code", out, sizeof(out));
    assert_string_equal(out, "SlowDown");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(elements_come_with_their_path_and_their_text),
        cmocka_unit_test(what_says_no_ends_the_reading),
        cmocka_unit_test(what_is_no_answer_of_s3_is_refused),
        cmocka_unit_test(depth_names_and_texts_are_bounded),
        cmocka_unit_test(one_text_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
