#include "runtime/utf8.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static const struct {
    const char *text;
    size_t length;
    bool valid;
} cases[] = {
    {"", 0, true},
    {"a", 1, true},
    {"a\0b", 3, true},
    {"\x7f", 1, true},
    {"\xc3\xa9", 2, true},         // U+00E9
    {"\xe0\xa0\x80", 3, true},     // U+0800
    {"\xed\x9f\xbf", 3, true},     // U+D7FF
    {"\xee\x80\x80", 3, true},     // U+E000
    {"\xef\xbf\xbf", 3, true},     // U+FFFF
    {"\xf0\x90\x80\x80", 4, true}, // U+10000
    {"\xf4\x8f\xbf\xbf", 4, true}, // U+10FFFF
    {"\x80", 1, false},            // a continuation alone
    {"\xc3", 1, false},            // cut
    {"\xc3(", 2, false},
    {"\xc0\x80", 2, false}, // overlong zero
    {"\xc1\xbf", 2, false},
    {"\xe0\x9f\xbf", 3, false}, // overlong
    {"\xe2\x82", 2, false},
    {"\xe2(\xa1", 3, false},
    {"\xe2\x82(", 3, false},
    {"\xed\xa0\x80", 3, false}, // a surrogate
    {"\xed\xbf\xbf", 3, false},
    {"\xf0\x8f\xbf\xbf", 4, false}, // overlong
    {"\xf0\x90\x80", 3, false},
    {"\xf4\x90\x80\x80", 4, false}, // U+110000
    {"\xf5\x80\x80\x80", 4, false},
    {"\xff", 1, false},
};

static void test_sequences(void **state) {
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        if (utf8_valid(cases[i].text, cases[i].length) != cases[i].valid)
            fail_msg("case %zu", i);
    }
}

// The eight-byte steps must look at every byte, whatever stands around it, and at none beyond.
static void test_sequences_at_every_place_of_texts_of_every_length(void **state) {
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        for (size_t length = cases[i].length; length < 40; length++) {
            for (size_t at = 0; at + cases[i].length <= length; at++) {
                char *text = malloc(length > 0 ? length : 1);
                memset(text, 'x', length);
                memcpy(text + at, cases[i].text, cases[i].length);
                if (utf8_valid(text, length) != cases[i].valid)
                    fail_msg("case %zu at %zu of %zu", i, at, length);
                free(text);
            }
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sequences),
        cmocka_unit_test(test_sequences_at_every_place_of_texts_of_every_length),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
