// A program of several commands: which one is asked for, what else it answers, and how it ends.
#pragma once

#include <stddef.h>

// Takes its own argv, of which argv[0] is its name, and returns the exit code (enum status).
struct program_command {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *doc;
};

// A reference table: help NAME.
struct program_topic {
    const char *name;
    const char *doc;
    void (*print)(void);
};

struct program {
    const char *name;
    const char *flags; // behind COMMAND, in the usage
    const struct program_command *commands;
    size_t command_count;
    const struct program_topic *topics;
    size_t topic_count;
};

// Runs the command that argv[1] names. Also answers nothing, -h, --help, --version (the command "version"),
// help, help TOPIC and help COMMAND; of others the nearest name is told. STATUS_CANT_CREATE where standard
// output did not take all that the command printed; where its reader has gone, the process ends as others do,
// by SIGPIPE.
int program_run(const struct program *program, int argc, char **argv);

// The topic "errors", and a row of the topic "metrics" (`label` NULL: none).
void program_help_errors(void);
void program_help_metric(const char *name, const char *label, const char *doc);
