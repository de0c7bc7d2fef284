#include "schemas/registry.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "schemas/weighable.h"

static void platform_is_written(uint32_t number, const char *name) {
    char out[PLATFORM_NAME_MAX];
    size_t length = platform_write(out, number);
    assert_int_equal(length, strlen(name));
    assert_memory_equal(out, name, length);
    assert_int_equal(platform_parse(out, length), number);
}

static void platforms_are_written_and_read_back(void **state) {
    platform_is_written(PLATFORM_INSTAGRAM, "instagram");
    platform_is_written(PLATFORM_X, "x");
    platform_is_written(PLATFORM_INSTAGRAM_DIRECT, "instagram_direct");
    platform_is_written(PLATFORM_TWITTER, "twitter");
    platform_is_written(24, "platform_24");
    platform_is_written(1000, "platform_1000");
    platform_is_written(UINT32_MAX, "platform_4294967295");
#define PLATFORM(number, id, name) platform_is_written(number, name);
#include "schemas/platforms.def"
#undef PLATFORM
}

static void a_platform_has_one_name(void **state) {
    static const char *const no_names[] = {
        "",
        "TikTok",
        "tiktok ",
        "tikto",
        "tiktoks",
        "platform_",
        "platform",
        "platform_0",
        "platform_2",
        "platform_0777",
        "platform_+7",
        "platform_1000x",
        "platform_ 7",
        "platform_4294967296",
        "platform_99999999999999999999999",
    };
    for (size_t i = 0; i < sizeof(no_names) / sizeof(no_names[0]); i++) {
        if (platform_parse(no_names[i], strlen(no_names[i])) != 0)
            fail_msg("\"%s\" was taken for a platform", no_names[i]);
    }
    assert_null(platform_name(0));
    assert_null(platform_name(24));
    assert_string_equal(platform_name(2), "tiktok");
}

static void kinds_are_found_by_number_and_name(void **state) {
    size_t rows = 0;
#define KIND(number, id, kind_name, counter_name, its_weight)                                                \
    {                                                                                                        \
        const struct kind_row *row = kind_find(number);                                                      \
        assert_non_null(row);                                                                                \
        assert_string_equal(row->name, kind_name);                                                           \
        assert_int_equal(row->weight, its_weight);                                                           \
        assert_string_equal(counter_row(row->counter)->name, counter_name);                                  \
        assert_int_equal(kind_parse(kind_name, strlen(kind_name)), number);                                  \
        rows++;                                                                                              \
    }
#include "schemas/kinds.def"
#undef KIND
    assert_true(rows > 80);
    static const uint32_t unlisted[] = {0, 44, 139, 141, 777, UINT32_MAX};
    for (size_t i = 0; i < sizeof(unlisted) / sizeof(unlisted[0]); i++)
        assert_null(kind_find(unlisted[i]));
    assert_int_equal(kind_parse("Like", 4), 0);
    assert_int_equal(kind_parse("likes", 5), 0);
    assert_int_equal(kind_parse("", 0), 0);
}

static void kinds_without_a_counter_count_nothing(void **state) {
    assert_int_equal(kind_find(KIND_SPEND)->counter, COUNTER_NONE);
    assert_int_equal(kind_find(KIND_READING)->counter, COUNTER_NONE);
    assert_int_equal(kind_find(KIND_LIKE)->counter, COUNTER_OF_LIKE);
    assert_string_equal(counter_row(COUNTER_NONE)->name, "");
}

// A reading's counter obeys the same rule (1..48 of a-z 0-9 _), so `x.read` finds its `x`; and no name may be
// mistaken for an unlisted kind's.
static void counter_names_are_plain_and_unique(void **state) {
    for (unsigned i = 1; i < COUNTER_COUNT; i++) {
        const char *name = counter_row((enum counter)i)->name;
        assert_true(strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") == strlen(name) &&
                    strlen(name) <= 48);
        assert_int_not_equal(strncmp(name, "kind_", 5), 0);
        assert_true(counter_row((enum counter)i)->doc[0] != '\0');
        for (unsigned j = 1; name[0] != '\0' && j < i; j++) {
            if (strcmp(name, counter_row((enum counter)j)->name) == 0)
                fail_msg("two counters are called %s", name);
        }
    }
    assert_true(counter_row(COUNTER_GROSS_MICROS)->by_currency);
    assert_false(counter_row(COUNTER_WATCH_MS)->by_currency);
}

static void every_counter_is_found_by_its_name(void **state) {
    for (unsigned i = 1; i < COUNTER_COUNT; i++) {
        const char *name = counter_row((enum counter)i)->name;
        if (name[0] != '\0')
            assert_int_equal(counter_parse(slice_of(name)), i);
    }
    assert_int_equal(counter_parse(slice_of("likes")), COUNTER_OF_LIKE);
    assert_int_equal(counter_parse(slice_of("gross_micros")), COUNTER_GROSS_MICROS);
    // Kinds without a counter have none of no name.
    static const char *const no_names[] = {
        "", "like", "Likes", "likes ", "like\xC5\xA1", "gross_micros:EUR", "kind_777", "spend"};
    for (size_t i = 0; i < sizeof(no_names) / sizeof(no_names[0]); i++)
        assert_int_equal(counter_parse(slice_of(no_names[i])), COUNTER_NONE);
    assert_int_equal(counter_parse((struct slice){NULL, 0}), COUNTER_NONE);
    assert_int_equal(counter_parse((struct slice){"likes\0", 6}), COUNTER_NONE);
}

static void names_of_platforms_and_kinds_are_unique(void **state) {
    static const char *const names[][2] = {
#define PLATFORM(number, id, name) {"platform", name},
#include "schemas/platforms.def"
#undef PLATFORM
#define KIND(number, id, name, counter, weight) {"kind", name},
#include "schemas/kinds.def"
#undef KIND
    };
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        assert_int_not_equal(strncmp(names[i][1], "platform_", 9), 0);
        for (size_t j = 0; j < i; j++) {
            if (strcmp(names[i][0], names[j][0]) == 0 && strcmp(names[i][1], names[j][1]) == 0)
                fail_msg("two rows say %s %s", names[i][0], names[i][1]);
        }
    }
}

static void rules_weigh_the_kinds(void **state) {
    struct rules_kinds kinds;
    schemas_rules_kinds(&kinds);
    assert_int_equal(kinds.defaults[KIND_LIKE], 1);
    assert_int_equal(kinds.defaults[KIND_PURCHASE], 5);
    assert_int_equal(kinds.defaults[KIND_VIEW], 0);
    assert_int_equal(kinds.defaults[255], 0);
    assert_int_equal(kinds.parse("share", 5), KIND_SHARE);
    assert_int_equal(kinds.parse("shares", 6), 0);
    assert_string_equal(kinds.name_at(0), "impression");
    size_t count = 0;
    for (; kinds.name_at(count) != NULL; count++)
        assert_int_not_equal(kinds.parse(kinds.name_at(count), strlen(kinds.name_at(count))), 0);
    assert_string_equal(kinds.name_at(count - 1), "other");
    assert_null(kinds.name_at(count + 1000));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(platforms_are_written_and_read_back),
        cmocka_unit_test(a_platform_has_one_name),
        cmocka_unit_test(kinds_are_found_by_number_and_name),
        cmocka_unit_test(kinds_without_a_counter_count_nothing),
        cmocka_unit_test(counter_names_are_plain_and_unique),
        cmocka_unit_test(every_counter_is_found_by_its_name),
        cmocka_unit_test(names_of_platforms_and_kinds_are_unique),
        cmocka_unit_test(rules_weigh_the_kinds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
