// How fast hashtags go, and whether faster than before.
#include "aggregate/figures/velocity.h"
#include "tests/unit/book_fixture.h"

static void use_at(struct tag_uses *uses, const char *account, uint32_t platform, const char *tag,
                   enum counter counter, int64_t value) {
    const struct row_key key = {
        .table = TABLE_TAG, .platform = platform, .account = slice_of(account), .id = slice_of(tag)};
    rows_add(uses->sums.rows, rows_row(uses->sums.rows, &key), field_counter(counter), value);
}

static void use(struct tag_uses *uses, const char *tag, enum counter counter, int64_t value) {
    use_at(uses, "acme", PLATFORM_TIKTOK, tag, counter, value);
}

static void tell(void *context, const struct row_key *key, const struct kpi_figure *f) {
    char *text = context, numbers[2][24] = {"-", "-"};
    size_t length = strlen(text);
    if (f->has_numerator)
        snprintf(numbers[0], sizeof(numbers[0]), "%lld", (long long)f->numerator);
    if (f->has_denominator)
        snprintf(numbers[1], sizeof(numbers[1]), "%lld", (long long)f->denominator);
    snprintf(text + length, 512 - length, "%s%.*s %s %s/%s%s", length > 0 ? ", " : "", (int)key->id.length,
             key->id.at, f->kpi->name, numbers[0], numbers[1], f->is_null ? " null" : "");
}

static const char *told(const struct tag_uses *now, struct tag_uses *before) {
    static char text[512];
    text[0] = '\0';
    velocity_each(now, before, tell, text);
    return text;
}

static void begin(struct tag_uses *now, struct tag_uses *before, int64_t windows, int64_t windows_before) {
    sums_init(&now->sums, BY_TAG);
    sums_init(&before->sums, BY_TAG);
    now->windows = windows;
    before->windows = windows_before;
}

static void end(struct tag_uses *now, struct tag_uses *before) {
    sums_fini(&now->sums);
    sums_fini(&before->sums);
}

// Of 4 windows now and 2 before: 6 uses in an hour, 1 in half of one.
static void uses_are_told_by_hour_and_by_those_before(void **state) {
    struct tag_uses now, before;
    begin(&now, &before, 4, 2);
    use(&now, "spring", COUNTER_OF_LIKE, 5);
    use(&now, "spring", COUNTER_OF_VIEW, 1);
    use(&before, "spring", COUNTER_OF_LIKE, 1);
    use(&before, "autumn", COUNTER_OF_LIKE, 9);
    assert_string_equal(told(&now, &before),
                        "spring velocity 24/4, spring velocity_before 4/2, spring velocity_change 12/4");
    end(&now, &before);
}

static void a_tag_that_was_not_used_before_has_no_change(void **state) {
    struct tag_uses now, before;
    begin(&now, &before, 4, 2);
    use(&now, "new", COUNTER_OF_LIKE, 3);
    assert_string_equal(told(&now, &before),
                        "new velocity 12/4, new velocity_before 0/2, new velocity_change 6/0 null");
    end(&now, &before);
}

static void of_a_time_of_which_no_window_is_known_nothing_is_told(void **state) {
    struct tag_uses now, before;
    begin(&now, &before, 4, 0);
    use(&now, "spring", COUNTER_OF_LIKE, 3);
    assert_string_equal(
        told(&now, &before),
        "spring velocity 12/4, spring velocity_before -/0 null, spring velocity_change -/- null");
    end(&now, &before);
}

static void what_is_beyond_64_bits_is_not_told(void **state) {
    struct tag_uses now, before;
    begin(&now, &before, 1, 4);
    use(&now, "all", COUNTER_OF_LIKE, INT64_MAX / 2);
    use(&before, "all", COUNTER_OF_LIKE, 1);
    assert_string_equal(told(&now, &before),
                        "all velocity -/1 null, all velocity_before 4/4, all velocity_change -/1 null");
    end(&now, &before);
}

static void what_all_others_have_in_common_is_no_tag(void **state) {
    struct tag_uses now, before;
    begin(&now, &before, 4, 2);
    use(&now, "", COUNTER_OF_LIKE, 5);
    use(&before, "", COUNTER_OF_LIKE, 5);
    assert_string_equal(told(&now, &before), "");
    end(&now, &before);
}

// "new" may have been among the others before; "spring" was told.
static void of_a_tag_that_may_have_been_among_all_others_nobody_knows(void **state) {
    struct tag_uses now, before;
    begin(&now, &before, 4, 2);
    use(&now, "new", COUNTER_OF_LIKE, 3);
    use(&now, "spring", COUNTER_OF_LIKE, 3);
    use(&before, "", COUNTER_OF_LIKE, 5);
    use(&before, "spring", COUNTER_OF_LIKE, 1);
    assert_string_equal(told(&now, &before),
                        "new velocity 12/4, new velocity_before -/2 null, new velocity_change 6/- null, "
                        "spring velocity 12/4, spring velocity_before 4/2, spring velocity_change 6/4");
    end(&now, &before);
}

static void the_others_of_another_account_or_platform_hide_no_tag(void **state) {
    struct tag_uses now, before;
    begin(&now, &before, 4, 2);
    use(&now, "new", COUNTER_OF_LIKE, 3);
    use_at(&before, "bolt", PLATFORM_TIKTOK, "", COUNTER_OF_LIKE, 5);
    use_at(&before, "acme", PLATFORM_X, "", COUNTER_OF_LIKE, 5);
    assert_string_equal(told(&now, &before),
                        "new velocity 12/4, new velocity_before 0/2, new velocity_change 6/0 null");
    end(&now, &before);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(uses_are_told_by_hour_and_by_those_before),
        cmocka_unit_test(a_tag_that_was_not_used_before_has_no_change),
        cmocka_unit_test(of_a_time_of_which_no_window_is_known_nothing_is_told),
        cmocka_unit_test(what_all_others_have_in_common_is_no_tag),
        cmocka_unit_test(of_a_tag_that_may_have_been_among_all_others_nobody_knows),
        cmocka_unit_test(the_others_of_another_account_or_platform_hide_no_tag),
        cmocka_unit_test(what_is_beyond_64_bits_is_not_told),
    };
    return cmocka_run_group_tests(tests, book_open, book_close);
}
