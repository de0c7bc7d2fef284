// help TOPIC: the reference tables, from the .def files that the program itself is made of.
#include <stdio.h>
#include <string.h>

#include "aggregate/commands/commands.h"
#include "runtime/config/config.h"
#include "runtime/status.h"
#include "schemas/settings.h"

static void help_errors(void) {
    static const struct {
        const char *code;
        int exit;
        const char *situation, *remedy;
    } rows[] = {
#define ERROR(code, exit, situation, remedy) {"CLM-" #code, exit, situation, remedy},
#include "runtime/errors.def"
#undef ERROR
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char ending[24] = "goes on";
        if (rows[i].exit != 0)
            snprintf(ending, sizeof(ending), "exit %d", rows[i].exit);
        printf("%-8s %-8s %s\n                  do: %s\n", rows[i].code, ending, rows[i].situation,
               rows[i].remedy);
    }
}

static void help_options(void) {
    config_print_options(stdout, settings_options, settings_option_count);
}

static void print_metric(const char *name, const char *label, const char *doc) {
    if (label != NULL)
        printf("%s{%s}\n    %s\n", name, label, doc);
    else
        printf("%s\n    %s\n", name, doc);
}

static void help_metrics(void) {
#define METRIC(id, name, type, label, doc) print_metric(name, label, doc);
#include "aggregate/metrics.def"
#undef METRIC
}

static void print_kpi(const char *platform, const char *format, const char *name, const char *numerator,
                      const char *denominator, const char *unit, const char *doc) {
    printf("%-16s %-24s %s%s%s (%s)%s%s\n    %s\n", platform, name, numerator,
           denominator[0] != '\0' ? " / " : "", denominator, unit, format[0] != '\0' ? " of " : "", format,
           doc);
}

static void help_kpis(void) {
#define KPI(id, platform, format, name, version, numerator, denominator, objective, unit, doc)               \
    print_kpi(platform, format, name, numerator, denominator, unit, doc);
#include "schemas/kpis.def"
#undef KPI
}

static const struct {
    const char *name;
    const char *doc;
    void (*print)(void);
} topics[] = {
    {"errors", "codes, exit codes and remedies", help_errors},
    {"options", "the configuration: file, CLAMEUR_<NAME>, --name=value", help_options},
    {"metrics", "what /metrics says, and what to do about it", help_metrics},
    {"kpis", "the KPIs: of which platform (*: all others), numerator / denominator", help_kpis},
};
enum { TOPICS = sizeof(topics) / sizeof(topics[0]) };

static void help_topics(FILE *out) {
    for (size_t i = 0; i < TOPICS; i++)
        fprintf(out, "clameur-aggregate help %-10s %s\n", topics[i].name, topics[i].doc);
}

int command_help(int argc, char **argv) {
    const char *names[TOPICS];
    for (size_t i = 0; i < TOPICS; i++) {
        names[i] = topics[i].name;
        if (argc == 2 && strcmp(argv[1], names[i]) == 0) {
            topics[i].print();
            return STATUS_OK;
        }
    }
    if (argc < 2 || strcmp(argv[1], "--help") == 0) {
        help_topics(stdout);
        return STATUS_OK;
    }
    const char *nearest = config_nearest(argv[1], names, TOPICS);
    if (nearest != NULL)
        fprintf(stderr, "there is no help on \"%s\"; did you mean \"%s\"?\n", argv[1], nearest);
    else
        help_topics(stderr);
    return STATUS_USAGE;
}
