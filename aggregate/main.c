// clameur-aggregate: seals event-time windows.

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
    const struct command *command = find(argv[1]);
    if (command == NULL) {
        fprintf(stderr, "clameur-aggregate: no command \"%s\"; see clameur-aggregate --help\n", argv[1]);
        return STATUS_USAGE;
    }
    return command->run(argc - 1, argv + 1);
}
