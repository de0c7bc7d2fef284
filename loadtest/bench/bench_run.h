// One run of the floor, and one of the worker.
#pragma once

#include "loadtest/bench/bench_child.h"
#include "loadtest/deployment.h"
#include "loadtest/recount/recount_log.h"

struct bench_options {
    const char *worker;
    const char *json;
    const char *max_ratio;
    const char *output;
    int64_t runs;
    int64_t timeout_ms;
    bool pin;
    bool floor; // this process is the child that is the floor
};

struct bench {
    struct deployment deployment;
    struct bench_options options;
    double max_ratio; // 0: none
    char **forwarded; // the words of the command line that are the deployment's, for the children;
                      // NULL-terminated
    size_t forwarded_count;
    char program[4096]; // this program
    char worker[4096];
    struct recount_log log; // partitions and bounds alone
};

// One run. What a run of the floor does not have is 0.
struct bench_figures {
    struct bench_usage usage;
    int64_t wall_ms; // from the first record to the last
    uint64_t messages;
    uint64_t events;
    uint64_t updates; // of Redis
    int64_t redis_cpu_us;
};

// The child's own part: consumes and discards, then prints messages and milliseconds. Returns the exit code.
int bench_floor_child(struct bench *b);
// Runs that child.
enum status bench_floor_run(struct bench *b, struct bench_figures *figures, struct problem *problem);

// Counts the whole topic under the prefix bench-<pid>-<run>, and deletes it again.
enum status bench_worker_run(struct bench *b, int64_t run, struct bench_figures *figures,
                             struct problem *problem);
