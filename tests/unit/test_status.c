#include "runtime/status.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char said[512];

static void print(enum status status, const char *code) {
    struct problem p;
    FILE *file = tmpfile();
    int before = dup(STDERR_FILENO);
    assert_non_null(file);
    problem_set(&p, status, code, "a command", "%d things", 3);
    assert_true(dup2(fileno(file), STDERR_FILENO) >= 0);
    problem_print(&p);
    assert_true(dup2(before, STDERR_FILENO) >= 0);
    close(before);
    rewind(file);
    said[fread(said, 1, sizeof(said) - 1, file)] = '\0';
    fclose(file);
}

static void a_warning_says_that_it_is_one(void **state) {
    print(STATUS_OK, "CLM-R4");
    assert_string_equal(said, "warning: CLM-R4 3 things\n    do: a command\n");
    print(STATUS_OK, "");
    assert_string_equal(said, "warning: 3 things\n    do: a command\n");
    print(STATUS_CONFIG, "CLM-R4");
    assert_string_equal(said, "CLM-R4 3 things\n    do: a command\n");
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_warning_says_that_it_is_one)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
