// clameur-ingest: counts a topic of engagement events into Redis, exactly.

#include "ingest/commands/commands.h"
#include "runtime/program.h"

static const struct program_command commands[] = {
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
};

int main(int argc, char **argv) {
    const struct program program = {
        .name = "clameur-ingest",
        .flags = "[-c FILE] [--option=value]...",
        .commands = commands,
        .command_count = sizeof(commands) / sizeof(commands[0]),
        .topics = help_topics,
        .topic_count = help_topic_count,
    };
    return program_run(&program, argc, argv);
}
