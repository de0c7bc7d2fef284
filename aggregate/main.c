// clameur-aggregate: seals KPIs in event-time windows, and reads what was sealed.

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "aggregate/commands/commands.h"
#include "runtime/status.h"

struct command {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *doc;
};

static const struct command commands[] = {
    {"run", command_run, "keep the topic's windows and publish what is sealed, until told to stop"},
    {"show", command_show, "KPIs of published windows"},
    {"export", command_export, "KPIs and counters of any range into CSV, JSON lines or SQLite"},
    {"verify", command_verify, "is every file of the store whole, and does everything add up?"},
    {"merge", command_merge, "snapshots of several windows into one file"},
    {"diff", command_diff, "where two snapshots, or two revisions of a window, differ"},
    {"schema", command_schema, "the format of the files: a descriptor set, to standard output"},
    {"version", command_version, "version of this program and of its libraries"},
    {"help", command_help, "this text; or: help options|errors|metrics|kpis"},
};

enum { COMMANDS = sizeof(commands) / sizeof(commands[0]) };

static void print_usage(FILE *out) {
    fprintf(out, "usage: clameur-aggregate COMMAND [-c FILE] [--option=value]...\n\n");
    for (size_t i = 0; i < COMMANDS; i++)
        fprintf(out, "  %-10s %s\n", commands[i].name, commands[i].doc);
    fprintf(out, "\n`clameur-aggregate COMMAND --help` shows a command's options.\n");
}

static const struct command *find(const char *name) {
    for (size_t i = 0; i < COMMANDS; i++) {
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    }
    return NULL;
}

int main(int argc, char **argv) {
    if (argc < 2) {
        print_usage(stderr);
        return STATUS_USAGE;
    }
    bool asks_help = strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "--help") == 0;
    if (asks_help || (strcmp(argv[1], "help") == 0 && argc == 2)) {
        print_usage(stdout);
        return STATUS_OK;
    }
    const struct command *command = find(strcmp(argv[1], "--version") == 0 ? "version" : argv[1]);
    if (command == NULL) {
        fprintf(stderr, "clameur-aggregate: no command \"%s\"; see clameur-aggregate --help\n", argv[1]);
        return STATUS_USAGE;
    }
    return command->run(argc - 1, argv + 1);
}
