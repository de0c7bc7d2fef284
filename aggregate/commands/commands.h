// The commands of clameur-aggregate: each takes its own argv (argv[0] its name) and returns the exit code
// (enum status).
#pragma once

#include "runtime/program.h"

int command_run(int argc, char **argv);    // the aggregator: windows of the topic, until told to stop
int command_check(int argc, char **argv);  // what a start would find
int command_list(int argc, char **argv);   // what a store holds
int command_show(int argc, char **argv);   // KPIs of published windows
int command_export(int argc, char **argv); // the same and all counters, into files
int command_verify(int argc, char **argv); // is every file whole, and does everything add up?
int command_merge(int argc, char **argv);  // windows into a span
int command_diff(int argc, char **argv);   // where two snapshots differ
int command_schema(int argc, char **argv); // the format of the files, as a descriptor set
int command_version(int argc, char **argv);

// The reference tables.
extern const struct program_topic help_topics[];
extern const size_t help_topic_count;
