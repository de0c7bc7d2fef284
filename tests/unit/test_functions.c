// The library that Redis runs is told from others by its name alone: a worker uses the one of that name that
// is there, and never replaces it.
#include "ingest/functions.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "runtime/hash.h"

// The text as it was when this name was given. Where the name has been released, a change takes the next one:
// the library's in clameur.lua and those of its functions there and in functions.h. Then the hash follows.
#define NAME "#!lua name=clameur_v1\n"
#define HASH UINT64_C(0xffa6bca96931b167)

static void the_library_has_not_changed_under_its_name(void **state) {
    struct slice code = functions_writer();
    uint64_t hash = XXH3_64bits(code.at, code.length);
    assert_true(code.length > strlen(NAME) && memcmp(code.at, NAME, strlen(NAME)) == 0);
    if (hash != HASH)
        fail_msg(
            "ingest/functions/clameur.lua is another under the name it had: if that name was released, take "
            "the next one; then HASH is 0x%016" PRIx64,
            hash);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_library_has_not_changed_under_its_name)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
