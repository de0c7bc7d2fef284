// clameur-aggregate run: the aggregator. check [--connect] [--strict]: the very steps that it goes through
// before it reads, each with its outcome.

#include <stdio.h>

#include "aggregate/commands/commands.h"
#include "aggregate/pipeline/pipeline.h"
#include "aggregate/startup.h"
#include "stream/startup/walk_log.h"
#include "stream/startup/walk_table.h"

static void print_help(void) {
    printf("usage: clameur-aggregate run --store.url=file:///PATH [-c FILE] [--option=value]...\n\n"
           "Keeps the topic's event-time windows in the store, and publishes them as they are sealed, until "
           "SIGTERM or\n"
           "SIGINT: then everything read is kept, the group is left, exit 0. As many as wanted share the "
           "partitions.\n\n");
    config_print_options(stdout, settings_options, settings_option_count);
}

static enum status connect_and_run(struct basis *basis, struct problem *problem) {
    enum status status = startup_connect(basis, false, walk_log_step, NULL);
    if (status != STATUS_OK)
        return status;
    status = pipeline_run(basis, problem);
    if (status != STATUS_OK)
        problem_print(problem);
    return status;
}

int command_run(int argc, char **argv) {
    static struct basis basis;
    struct config_request request;
    struct problem problem;
    enum status status = startup_read(&basis, argc, argv, NULL, 0, NULL, &request, walk_log_reading, &basis);
    if (status == STATUS_OK && request.help)
        print_help();
    else if (status == STATUS_OK)
        status = connect_and_run(&basis, &problem);
    basis_fini(&basis);
    return (int)status;
}

// ---- check

static const char check_usage[] = "clameur-aggregate check [--connect] [--strict] [-o FORMAT]";

struct check_flags {
    bool connect;
    bool strict;
    const char *output;
};

static const struct option_row check_rows[] = {
    {"connect", OPTION_BOOL, offsetof(struct check_flags, connect), "false", 0, 0, 0, "ask Kafka too"},
    {"strict", OPTION_BOOL, offsetof(struct check_flags, strict), "false", 0, 0, 0,
     "a warning is a failure (exit 1)"},
    {"output", OPTION_STRING, offsetof(struct check_flags, output), "", 0, 0, 0,
     "table|json|jsonl|csv|tsv; by itself a table on a terminal, JSON lines elsewhere"},
};
enum { CHECK_ROWS = sizeof(check_rows) / sizeof(check_rows[0]) };

static enum status check_all(struct walk_table *t, struct basis *basis, int argc, char **argv) {
    struct check_flags flags = {0};
    struct config_request request = {0};
    enum output_format format;
    enum status status =
        startup_read(basis, argc, argv, check_rows, CHECK_ROWS, &flags, &request, walk_table_report, t);
    if (status == STATUS_OK && request.help) {
        printf("usage: %s\n\n", check_usage);
        config_print_options(stdout, check_rows, CHECK_ROWS);
        return STATUS_OK;
    }
    if (status == STATUS_OK &&
        (request.argument_count > 0 || !output_format_parse(&format, flags.output, false))) {
        fprintf(stderr, "usage: %s\n", check_usage);
        return STATUS_USAGE;
    }
    // A store that may not be written does not keep Kafka from being asked.
    if (flags.connect && basis->config != NULL) {
        enum status connected = startup_connect(basis, true, walk_table_report, t);
        status = status == STATUS_OK ? connected : status;
    }
    return status == STATUS_OK && flags.strict && t->warnings > 0 ? STATUS_NO : status;
}

int command_check(int argc, char **argv) {
    static struct basis basis;
    struct walk_table table;
    walk_table_begin(&table, argc, argv);
    enum status status = check_all(&table, &basis, argc, argv);
    walk_table_end(&table);
    basis_fini(&basis);
    return (int)status;
}
