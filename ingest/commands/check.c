// check [--connect] [--strict]: the very steps that a worker goes through before it counts, each with its
// outcome.
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "ingest/commands/commands.h"
#include "ingest/startup/startup.h"
#include "runtime/config/findings.h"
#include "runtime/memory.h"
#include "runtime/output.h"

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

static const struct output_column columns[] = {{"step", false}, {"result", false},  {"detail", false},
                                               {"code", false}, {"problem", false}, {"do", false}};

// Tables are printed step by step, because a broker that does not answer takes its time; other formats at the
// end.
struct checking {
    bool table;
    struct output output;
    int warnings;
    struct problem *findings; // of the files and flags, told before the step that they are of
    size_t finding_count;
};

static void print_line(const char *result, const char *step, const char *detail,
                       const struct problem *problem) {
    printf("%-8s %-18s %s%s%s%s\n", result, step, detail, problem != NULL ? problem->code : "",
           problem != NULL && problem->code[0] != '\0' ? " " : "", problem != NULL ? problem->what : "");
    if (problem != NULL && problem->remedy[0] != '\0')
        printf("%-27s do: %s\n", "", problem->remedy);
    fflush(stdout);
}

static void print_step(struct checking *c, const char *step, const char *detail,
                       const struct problem *problem) {
    const char *result = problem == NULL ? "ok" : problem->status == STATUS_OK ? "warning" : "error";
    if (problem != NULL && problem->status == STATUS_OK)
        c->warnings++;
    if (c->table) {
        print_line(result, step, detail, problem);
        return;
    }
    output_row(&c->output,
               (struct output_cell[]){output_text(slice_of(step)), output_text(slice_of(result)),
                                      output_text(slice_of(detail)),
                                      output_text(slice_of(problem != NULL ? problem->code : "")),
                                      output_text(slice_of(problem != NULL ? problem->what : "")),
                                      output_text(slice_of(problem != NULL ? problem->remedy : ""))});
}

// Of findings_redirect.
static void keep_finding(void *context, const struct problem *finding) {
    struct checking *c = context;
    c->findings = memory_grow(c->findings, c->finding_count + 1, sizeof(*c->findings));
    c->findings[c->finding_count++] = *finding;
}

// A problem without words stands for the findings before it.
static void report(void *context, const char *step, const char *detail, const struct problem *problem) {
    struct checking *c = context;
    for (size_t i = 0; i < c->finding_count; i++)
        print_step(c, step, detail, &c->findings[i]);
    if (c->finding_count == 0 || problem == NULL || problem->what[0] != '\0')
        print_step(c, step, detail, problem);
    c->finding_count = 0;
}

// The format stands on the command line, which the first step reads: so it is looked for beforehand.
static enum output_format format_look(int argc, char **argv) {
    bool terminal = isatty(STDOUT_FILENO) == 1;
    enum output_format format;
    output_format_parse(&format, "", terminal);
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "-o") == 0)
            argv[i] = (char *)"--output";
        if (strncmp(argv[i], "--output=", 9) == 0)
            output_format_parse(&format, argv[i] + 9, terminal);
        else if (strcmp(argv[i], "--output") == 0 && i + 1 < argc)
            output_format_parse(&format, argv[i + 1], terminal);
    }
    return format;
}

static enum status check_all(struct checking *c, struct startup *s, int argc, char **argv) {
    struct check_flags flags = {0};
    struct config_request request = {0};
    enum status status = startup_read_steps(s, argc, argv, flag_rows, FLAG_ROWS, &flags, &request, report, c);
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
        enum status connected = startup_connect(s, true, report, c);
        status = status == STATUS_OK ? connected : status;
    }
    return status == STATUS_OK && flags.strict && c->warnings > 0 ? STATUS_NO : status;
}

int command_check(int argc, char **argv) {
    struct checking c = {0};
    struct startup s = {0};
    enum output_format format = format_look(argc, argv);
    c.table = format == OUTPUT_TABLE;
    output_init(&c.output, format, columns, sizeof(columns) / sizeof(columns[0]));
    findings_redirect(keep_finding, &c);
    enum status status = check_all(&c, &s, argc, argv);
    findings_redirect(NULL, NULL);
    free(c.findings);
    if (!c.table && c.output.row_count > 0)
        output_print(&c.output, stdout);
    output_fini(&c.output);
    startup_fini(&s);
    return (int)status;
}
