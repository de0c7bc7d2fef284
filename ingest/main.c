// clameur-ingest: counts a topic of engagement events into Redis, exactly.

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "ingest/commands/commands.h"
#include "runtime/status.h"

struct command {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *doc;
};

static const struct command commands[] = {
    {"run", command_run, "count the topic into Redis until told to stop"},
    {"init", command_init, "begin a deployment: write its meta (refuses to overwrite)"},
    {"rebuild", command_rebuild, "count the log anew under a fresh prefix, up to its end"},
    {"check", command_check, "go through every step of a start and say what is wrong"},
    {"config", command_config, "show what is in force and where it stands; schema; reference"},
    {"counters", command_counters, "live counters of an account, a platform, a content"},
    {"top", command_top, "live rankings"},
    {"status", command_status, "how far the counting is behind, and what holds it"},
    {"tap", command_tap, "events as they arrive in the topic, decoded, with their fate"},
    {"explain", command_explain, "what becomes of an event, and why; what a counter is"},
    {"dlq", command_dlq, "dead letters: list, show, and put back into the topic"},
    {"version", command_version, "version of this program and of its libraries"},
    {"help", command_help, "this text; or: help options|errors|metrics|keys|rejects"},
};

enum { COMMANDS = sizeof(commands) / sizeof(commands[0]) };

static void print_usage(FILE *out) {
    fprintf(out, "usage: clameur-ingest COMMAND [-c FILE] [--option=value]...\n\n");
    for (size_t i = 0; i < COMMANDS; i++)
        fprintf(out, "  %-10s %s\n", commands[i].name, commands[i].doc);
    fprintf(out, "\n`clameur-ingest COMMAND --help` shows a command's options.\n");
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
        fprintf(stderr, "clameur-ingest: no command \"%s\"; see clameur-ingest --help\n", argv[1]);
        return STATUS_USAGE;
    }
    return command->run(argc - 1, argv + 1);
}
