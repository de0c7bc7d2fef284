// The operator's commands: argv[0] is the command's name; the result is the process's exit code (enum
// status).
#pragma once

#include "runtime/program.h"

int command_run(int argc, char **argv);      // the worker: counts until told to stop
int command_init(int argc, char **argv);     // writes the meta of a new deployment; refuses to overwrite one
int command_rebuild(int argc, char **argv);  // counts the log anew under a fresh prefix
int command_check(int argc, char **argv);    // the steps of start-up, each with its outcome
int command_config(int argc, char **argv);   // the configuration in force, its schema, its table
int command_counters(int argc, char **argv); // live figures of an account, platform or content
int command_top(int argc, char **argv);      // rankings
int command_status(int argc, char **argv);   // how far the counting is behind, and what holds it
int command_tap(int argc, char **argv);      // events as they arrive in the topic, with their fate
int command_explain(int argc, char **argv);  // what becomes of an event, and why; what a counter is
int command_dlq(int argc, char **argv);      // dead letters: looked at, and put back
int command_version(int argc, char **argv);

// The reference tables.
extern const struct program_topic help_topics[];
extern const size_t help_topic_count;
