#include "stream/startup/walk_table.h"

#include <stdlib.h>
#include <unistd.h>

#include "runtime/config/findings.h"
#include "runtime/memory.h"

static const struct output_column columns[] = {{"step", false}, {"result", false},  {"detail", false},
                                               {"code", false}, {"problem", false}, {"do", false}};

static void print_line(const char *result, const char *step, const char *detail,
                       const struct problem *problem) {
    printf("%-8s %-18s %s%s%s%s\n", result, step, detail, problem != NULL ? problem->code : "",
           problem != NULL && problem->code[0] != '\0' ? " " : "", problem != NULL ? problem->what : "");
    if (problem != NULL && problem->remedy[0] != '\0')
        printf("%-27s do: %s\n", "", problem->remedy);
    fflush(stdout);
}

static void print_step(struct walk_table *t, const char *step, const char *detail,
                       const struct problem *problem) {
    const char *result = problem == NULL ? "ok" : problem->status == STATUS_OK ? "warning" : "error";
    if (problem != NULL && problem->status == STATUS_OK)
        t->warnings++;
    if (t->table) {
        print_line(result, step, detail, problem);
        return;
    }
    output_row(&t->output,
               (struct output_cell[]){output_text(slice_of(step)), output_text(slice_of(result)),
                                      output_text(slice_of(detail)),
                                      output_text(slice_of(problem != NULL ? problem->code : "")),
                                      output_text(slice_of(problem != NULL ? problem->what : "")),
                                      output_text(slice_of(problem != NULL ? problem->remedy : ""))});
}

// Of findings_redirect.
static void keep_finding(void *context, const struct problem *finding) {
    struct walk_table *t = context;
    t->findings = memory_grow(t->findings, t->finding_count + 1, sizeof(*t->findings));
    t->findings[t->finding_count++] = *finding;
}

// A problem without words stands for the findings before it.
void walk_table_report(void *context, const char *step, const char *detail, const struct problem *problem) {
    struct walk_table *t = context;
    for (size_t i = 0; i < t->finding_count; i++)
        print_step(t, step, detail, &t->findings[i]);
    if (t->finding_count == 0 || problem == NULL || problem->what[0] != '\0')
        print_step(t, step, detail, problem);
    t->finding_count = 0;
}

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

void walk_table_begin(struct walk_table *t, int argc, char **argv) {
    enum output_format format = format_look(argc, argv);
    *t = (struct walk_table){.table = format == OUTPUT_TABLE};
    output_init(&t->output, format, columns, sizeof(columns) / sizeof(columns[0]));
    findings_redirect(keep_finding, t);
}

void walk_table_end(struct walk_table *t) {
    findings_redirect(NULL, NULL);
    free(t->findings);
    if (!t->table && t->output.row_count > 0)
        output_print(&t->output, stdout);
    output_fini(&t->output);
}
