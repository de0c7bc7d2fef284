#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "aggregate/figures/nearest_account.h"
#include "schemas/registry.h"

enum { NAMES_MAX = 4 };

static struct rows *rows_with(const char *const names[NAMES_MAX]) {
    struct rows *rows = rows_create();
    for (size_t i = 0; i < NAMES_MAX && names[i] != NULL; i++) {
        struct row_key key = {
            .table = TABLE_TOTALS, .platform = PLATFORM_TIKTOK, .account = slice_of(names[i])};
        rows_add(rows, rows_row(rows, &key), field_counter(COUNTER_OF_LIKE), 1);
    }
    return rows;
}

static void the_account_that_was_probably_meant_is_found(void **state) {
    static const struct {
        const char *asked, *names[NAMES_MAX], *nearest; // NULL: none
    } cases[] = {
        {"acmee", {"bolt", "acme", "zenith"}, "acme"},
        {"ACME", {"acne", "acme", "bolt"}, "acme"},
        {"ACME", {"acme", "acmes", "ACMES"}, "acme"},
        {"ACMe", {"bolt", "ACME"}, "ACME"},
        {"zenit", {"zenita", "zenith", "bolt"}, "zenita"},
        {"nobody", {"bolt", "acme"}, NULL},
        {"acme", {"acmes", "acme", "ACME"}, NULL},
        {"acme", {NULL}, NULL},
        {NULL, {"acme"}, NULL},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct rows *rows = rows_with(cases[i].names);
        struct nearest_account nearest;
        struct slice asked = {NULL, 0};
        if (cases[i].asked != NULL)
            asked = slice_of(cases[i].asked);
        nearest_account_init(&nearest, asked);
        nearest_account_take(&nearest, rows);
        const char *name = nearest_account_name(&nearest);
        if ((name == NULL) != (cases[i].nearest == NULL) ||
            (name != NULL && strcmp(name, cases[i].nearest) != 0))
            fail_msg("case %zu: %s", i, name != NULL ? name : "none");
        nearest_account_fini(&nearest);
        rows_destroy(&rows);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_account_that_was_probably_meant_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
