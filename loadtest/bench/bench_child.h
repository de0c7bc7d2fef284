// A child process, and what it took.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "runtime/status.h"

struct bench_child {
    pid_t pid;    // 0: none
    int output;   // the reading end of its standard output, -1: none
    char log[64]; // the file that takes its standard error
};

struct bench_usage {
    int64_t cpu_ns; // user and system
    int64_t max_rss_bytes;
    int exit_code; // 128 + signal where one ended it
};

// Starts `argv` (NULL-terminated, argv[0] a path), on one core if `pin`. From the main thread: where this
// process dies, of whatever, the child gets SIGTERM.
enum status bench_child_start(struct bench_child *child, char *const argv[], bool pin,
                              struct problem *problem);
// The CPU it has taken until now; 0 where it has ended.
int64_t bench_child_cpu_ns(const struct bench_child *child);
// Has it ended? Then *usage is filled and the child is none.
bool bench_child_ended(struct bench_child *child, struct bench_usage *usage);
// Waits up to `timeout_ms`, asks to stop then, and kills 30 s later.
void bench_child_wait(struct bench_child *child, int64_t timeout_ms, struct bench_usage *usage);
void bench_child_stop(struct bench_child *child); // SIGTERM
// Reads what it wrote to standard output, terminated; what does not fit is left out. After its end.
void bench_child_read(struct bench_child *child, char *out, size_t size);
// Shows the last lines of its standard error.
void bench_child_show(const struct bench_child *child);
// Closes and deletes what is left of it.
void bench_child_forget(struct bench_child *child);
