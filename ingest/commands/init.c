// init: writes what a deployment fixes for life into every shard's meta, and nothing where there is something
// already (ingest/startup/deployment.h).
#include <stdlib.h>
#include <unistd.h>

#include "ingest/commands/commands.h"
#include "ingest/startup/deployment.h"
#include "runtime/check.h"
#include "runtime/memory.h"
#include "runtime/output.h"

static const char usage[] = "clameur-ingest init [--from earliest|latest] [-o FORMAT]";

enum { SUMMARY_FIELDS = 9 };

struct init_flags {
    const char *from;
    const char *output;
};

static const struct option_row flag_rows[] = {
    {"from", OPTION_CHOICE, offsetof(struct init_flags, from), "earliest", 0, 0, 0,
     "[earliest|latest] where counting starts: with what the log holds, or with what comes"},
    {"output", OPTION_STRING, offsetof(struct init_flags, output), "", 0, 0, 0,
     "table|json|jsonl|csv|tsv; by itself a table on a terminal, JSON lines elsewhere"},
};
enum { FLAG_ROWS = sizeof(flag_rows) / sizeof(flag_rows[0]) };

struct init {
    struct startup startup;
    struct startup_walk walk;
    struct init_flags flags;
    enum output_format format;
};

// --- Telling it

static const char *field_value(const struct deployment_field fields[DEPLOYMENT_FIELDS], const char *name) {
    for (int i = 0; i < DEPLOYMENT_FIELDS; i++) {
        if (strcmp(fields[i].name, name) == 0)
            return fields[i].value;
    }
    CHECK_UNREACHABLE("meta has no such field");
}

// A line a field for people, one object for programs.
static void summary_print(const struct init *in, const struct deployment_field fields[DEPLOYMENT_FIELDS]) {
    static const struct output_column wide[SUMMARY_FIELDS] = {
        {"deployment", false}, {"prefix", false}, {"topic", false},
        {"partitions", true},  {"starts", false}, {"shards", true},
        {"dedup_span", true},  {"layout", true},  {"rules_hash", false}};
    static const struct output_column tall[] = {{"field", false}, {"value", false}};
    bool table = in->format == OUTPUT_TABLE;
    struct output_cell row[SUMMARY_FIELDS];
    struct output o;
    output_init(&o, in->format, table ? tall : wide, table ? 2 : SUMMARY_FIELDS);
    for (size_t i = 0; i < SUMMARY_FIELDS; i++) {
        bool prefix = strcmp(wide[i].name, "prefix") == 0;
        row[i] = output_text(slice_of(prefix ? in->startup.keys.prefix : field_value(fields, wide[i].name)));
        if (table)
            output_row(&o, (struct output_cell[]){output_text(slice_of(wide[i].name)), row[i]});
    }
    if (!table)
        output_row(&o, row);
    output_print(&o, stdout);
    output_fini(&o);
}

static enum status initialise(struct init *in, struct problem *p) {
    struct meta *meta = memory_take(sizeof(*meta));
    struct deployment_bounds *bounds = memory_take(sizeof(*bounds));
    bool latest = strcmp(in->flags.from, "latest") == 0;
    enum status status = deployment_place_check(&in->walk, p);
    if (status == STATUS_OK)
        status = deployment_meta_make(meta, bounds, &in->walk, latest, p);
    if (status == STATUS_OK) {
        struct deployment_field fields[DEPLOYMENT_FIELDS];
        deployment_fields_make(fields, meta, &in->startup.keys);
        status = deployment_write(&in->walk, fields, p);
        if (status == STATUS_OK)
            summary_print(in, fields);
        deployment_fields_free(fields);
    }
    free(bounds);
    free(meta);
    return status;
}

static enum status init_all(struct init *in, int argc, char **argv) {
    struct config_request request = {0};
    enum status status = startup_read(&in->startup, argc, argv, flag_rows, FLAG_ROWS, &in->flags, &request);
    if (status != STATUS_OK)
        return status;
    if (request.help) {
        printf("usage: %s\n\n", usage);
        config_print_options(stdout, flag_rows, FLAG_ROWS);
        return STATUS_OK;
    }
    if (request.argument_count > 0 ||
        !output_format_parse(&in->format, in->flags.output, isatty(STDOUT_FILENO) == 1)) {
        fprintf(stderr, "usage: %s\n", usage);
        return STATUS_USAGE;
    }
    startup_walk_begin(&in->walk, &in->startup, walk_print_trouble, NULL);
    status = startup_walk(&in->walk, STARTUP_KAFKA | STARTUP_REDIS, false);
    if (status != STATUS_OK)
        return status;
    struct problem p;
    status = initialise(in, &p);
    if (status != STATUS_OK)
        problem_print(&p);
    return status;
}

int command_init(int argc, char **argv) {
    struct init *in = memory_take(sizeof(*in));
    enum status status = init_all(in, argc, argv);
    startup_walk_end(&in->walk);
    startup_fini(&in->startup);
    free(in);
    return (int)status;
}
