// Reader commands whose settings are refused. The configuration says where each value came from by the rows
// it was read with: under the sanitizers, those must still be there.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "capture.h"
#include "ingest/commands/commands.h"
#include "runtime/status.h"

static void settings_that_do_not_fit_are_refused_by_name(void **state) {
    static const struct {
        int (*command)(int argc, char **argv);
        const char *words[4];
        int count;
    } rows[] = {
        {command_counters, {"counters", "acme", "--counters.families=foo"}, 3},
        {command_top, {"top", "acme", "--counters.families=foo"}, 3},
        {command_tap, {"tap", "--counters.families=foo"}, 2},
        {command_status, {"status", "--counters.families=foo"}, 2},
        {command_dlq, {"dlq", "list", "--counters.families=foo"}, 3},
        {command_explain, {"explain", "event.json", "--counters.families=foo"}, 3},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        static struct capture said;
        char *words[5] = {NULL};
        for (int w = 0; w < rows[i].count; w++)
            words[w] = strdup(rows[i].words[w]);
        capture_begin(&said);
        int status = rows[i].command(rows[i].count, words);
        capture_end(&said);
        if (status != STATUS_CONFIG || strstr(said.text, "counters.families") == NULL)
            fail_msg("%s: %d, %s", words[0], status, said.text);
        for (int w = 0; w < rows[i].count; w++)
            free(words[w]);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(settings_that_do_not_fit_are_refused_by_name)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
