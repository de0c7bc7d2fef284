#include "stream/startup/walk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { FIRST = 1, SECOND = 2 };           // parts
enum { ROOT = 1, BRANCH = 2, FILES = 4 }; // what others may need

static char told[512];

static void tell(void *context, const char *step, const char *detail, const struct problem *problem) {
    size_t length = strlen(told);
    const char *how = problem == NULL ? "" : problem->status == STATUS_OK ? "?" : "!";
    snprintf(told + length, sizeof(told) - length, "%s%s%s; ", step, how,
             problem != NULL ? problem->what : detail);
}

static enum status passes(struct walk *walk) {
    walk_found(walk, " %d", 1);
    return STATUS_OK;
}

static enum status warns(struct walk *walk) {
    struct problem p;
    problem_set(&p, STATUS_OK, "", "", " may be");
    return walk_trouble(walk, &p);
}

static enum status fails(struct walk *walk) {
    struct problem p;
    problem_set(&p, STATUS_CONFIG, "", "", " bad");
    return walk_trouble(walk, &p);
}

static enum status fails_otherwise(struct walk *walk) {
    return walk_trouble_told(walk, STATUS_UNAVAILABLE);
}

static void assert_walk(const struct walk_step *steps, size_t count, unsigned parts, unsigned failed,
                        bool all, enum status expected, const char *said) {
    struct walk walk = {.report = tell};
    told[0] = '\0';
    assert_int_equal(walk_steps(&walk, steps, count, parts, &failed, all), expected);
    assert_string_equal(told, said);
}
#define COUNT(steps) (sizeof(steps) / sizeof((steps)[0]))

static const struct walk_step sound[] = {
    {"a", FIRST, ROOT, 0, passes}, {"b", SECOND, 0, ROOT, warns}, {"c", FIRST, 0, FILES, passes}};

static const struct walk_step broken[] = {{"a", FIRST, ROOT, 0, fails},
                                          {"b", FIRST, BRANCH, ROOT, passes},
                                          {"c", SECOND, 0, BRANCH, passes},
                                          {"d", FIRST, 0, 0, fails_otherwise},
                                          {"e", SECOND, 0, 0, passes}};

static void the_steps_of_the_parts_are_taken_in_order(void **state) {
    assert_walk(sound, COUNT(sound), FIRST | SECOND, 0, false, STATUS_OK, "a 1; b? may be; c 1; ");
    assert_walk(sound, COUNT(sound), FIRST, 0, true, STATUS_OK, "a 1; c 1; ");
    assert_walk(sound, COUNT(sound), SECOND, 0, true, STATUS_OK, "b? may be; ");
    assert_walk(sound, COUNT(sound), 0, 0, true, STATUS_OK, "");
}

static void the_first_failure_ends_it(void **state) {
    assert_walk(broken, COUNT(broken), FIRST | SECOND, 0, false, STATUS_CONFIG, "a! bad; ");
    assert_walk(broken + 3, 2, FIRST | SECOND, 0, false, STATUS_UNAVAILABLE, "d!; ");
}

// What needs a step that was passed over is not passed over: it has not failed.
static void with_all_only_what_needs_the_failed_is_passed_over(void **state) {
    assert_walk(broken, COUNT(broken), FIRST | SECOND, 0, true, STATUS_CONFIG, "a! bad; c 1; d!; e 1; ");
    assert_walk(broken, COUNT(broken), SECOND, BRANCH, true, STATUS_OK, "e 1; ");
}

static void what_failed_before_counts(void **state) {
    assert_walk(sound, COUNT(sound), FIRST | SECOND, FILES, false, STATUS_OK, "a 1; b? may be; ");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_steps_of_the_parts_are_taken_in_order),
        cmocka_unit_test(the_first_failure_ends_it),
        cmocka_unit_test(with_all_only_what_needs_the_failed_is_passed_over),
        cmocka_unit_test(what_failed_before_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
