// help TOPIC: the reference tables, from the .def files that the program itself is made of.
#include <stdio.h>
#include <string.h>

#include "ingest/commands/commands.h"
#include "runtime/config/config.h"
#include "runtime/status.h"
#include "schemas/registry.h"
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
#include "ingest/metrics.def"
#undef METRIC
}

static void help_keys(void) {
#define KEY(id, family, type, name, doc) printf("<prefix>:{<tag>}:%s\n    %s: %s\n", name, type, doc);
#include "schemas/keys.def"
#undef KEY
}

static void help_rejects(void) {
#define REJECT(id, name, doc) printf("%-17s %s\n", name, doc);
#include "schemas/rejects.def"
#undef REJECT
}

static void help_counters(void) {
    for (int i = 1; i < COUNTER_COUNT; i++) {
        const struct counter_row *row = counter_row((enum counter)i);
        if (row->name[0] != '\0')
            printf("%-24s %s%s\n", row->name, row->doc,
                   row->by_currency ? " (one field a currency: name:EUR)" : "");
    }
}

static void help_platforms(void) {
#define PLATFORM(number, id, name) printf("%4d  %s\n", number, name);
#include "schemas/platforms.def"
#undef PLATFORM
}

static void help_kinds(void) {
#define KIND(number, id, name, counter, weight)                                                              \
    printf("%4d  %-16s counts %-18s weighs %d\n", number, name, counter[0] != '\0' ? counter : "-", weight);
#include "schemas/kinds.def"
#undef KIND
}

static const struct {
    const char *name;
    const char *doc;
    void (*print)(void);
} topics[] = {
    {"errors", "codes, exit codes and remedies", help_errors},
    {"options", "the configuration: file, CLAMEUR_<NAME>, --name=value", help_options},
    {"metrics", "what /metrics says, and what to do about it", help_metrics},
    {"keys", "the names of keys in Redis", help_keys},
    {"rejects", "why an event goes to the dead-letter topic", help_rejects},
    {"counters", "what the fields of a hash count", help_counters},
    {"platforms", "the platforms that have a name", help_platforms},
    {"kinds", "the kinds of events, their counters and weights", help_kinds},
};
enum { TOPICS = sizeof(topics) / sizeof(topics[0]) };

static void help_topics(FILE *out) {
    for (size_t i = 0; i < TOPICS; i++)
        fprintf(out, "clameur-ingest help %-10s %s\n", topics[i].name, topics[i].doc);
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
    if (argc < 2) {
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
