// check [--connect] [--strict]: the very steps that a worker goes through before it counts, each with its
// outcome.
#include <stdio.h>

#include "ingest/commands/commands.h"
#include "ingest/startup/startup.h"
#include "stream/startup/walk_table.h"

static const char usage[] = "clameur-ingest check [--connect] [--strict] [-o FORMAT]";

struct check_flags {
    bool connect;
    bool strict;
    const char *output;
};

static const struct option_row flag_rows[] = {
    {"connect", OPTION_BOOL, offsetof(struct check_flags, connect), "false", 0, 0, 0,
     "ask Kafka and Redis too, and load the Functions"},
    {"strict", OPTION_BOOL, offsetof(struct check_flags, strict), "false", 0, 0, 0,
     "a warning is a failure (exit 1)"},
    {"output", OPTION_STRING, offsetof(struct check_flags, output), "", 0, 0, 0,
     "table|json|jsonl|csv|tsv; by itself a table on a terminal, JSON lines elsewhere"},
};
enum { FLAG_ROWS = sizeof(flag_rows) / sizeof(flag_rows[0]) };

static enum status check_all(struct walk_table *t, struct startup *s, int argc, char **argv) {
    struct check_flags flags = {0};
    struct config_request request = {0};
    enum status status =
        startup_read_steps(s, argc, argv, flag_rows, FLAG_ROWS, &flags, &request, walk_table_report, t);
    if (status == STATUS_OK && request.help) {
        printf("usage: %s\n\n", usage);
        config_print_options(stdout, flag_rows, FLAG_ROWS);
        return STATUS_OK;
    }
    enum output_format format;
    if (status == STATUS_OK &&
        (request.argument_count > 0 || !output_format_parse(&format, flags.output, false))) {
        fprintf(stderr, "usage: %s\n", usage);
        return STATUS_USAGE;
    }
    // Configuration is what everything else stands on; a bad rules file or key does not keep Kafka from being
    // asked.
    if (flags.connect && s->basis.config != NULL && s->keys.shards > 0) {
        enum status connected = startup_connect(s, true, walk_table_report, t);
        status = status == STATUS_OK ? connected : status;
    }
    return status == STATUS_OK && flags.strict && t->warnings > 0 ? STATUS_NO : status;
}

int command_check(int argc, char **argv) {
    struct walk_table table;
    struct startup s = {0};
    walk_table_begin(&table, argc, argv);
    enum status status = check_all(&table, &s, argc, argv);
    walk_table_end(&table);
    startup_fini(&s);
    return (int)status;
}
