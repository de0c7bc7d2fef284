// clameur-aggregate: seals KPIs in event-time windows, and reads what was sealed.

#include "aggregate/commands/commands.h"
#include "runtime/program.h"

static const struct program_command commands[] = {
    {"run", command_run, "keep the topic's windows and publish what is sealed, until told to stop"},
    {"check", command_check, "go through every step of a start and say what is wrong"},
    {"list", command_list, "what a store holds: windows by their state, partitions, files, keys"},
    {"show", command_show, "KPIs of published windows"},
    {"export", command_export, "KPIs and counters of any range into CSV, JSON lines or SQLite"},
    {"verify", command_verify, "is every file of the store whole, and does everything add up?"},
    {"merge", command_merge, "snapshots of several windows into one file"},
    {"diff", command_diff, "where two snapshots, or two revisions of a window, differ"},
    {"schema", command_schema, "the format of the files: a descriptor set, to standard output"},
    {"version", command_version, "version of this program and of its libraries"},
};

int main(int argc, char **argv) {
    const struct program program = {
        .name = "clameur-aggregate",
        .flags = "[-c FILE] [--option=value]...",
        .commands = commands,
        .command_count = sizeof(commands) / sizeof(commands[0]),
        .topics = help_topics,
        .topic_count = help_topic_count,
    };
    return program_run(&program, argc, argv);
}
