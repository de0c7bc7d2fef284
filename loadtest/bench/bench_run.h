// What the forms of bench share, and one run of the floor and of the worker.
#pragma once

#include "loadtest/bench/bench_child.h"
#include "loadtest/bench/bench_report.h"
#include "loadtest/deployment.h"
#include "loadtest/recount/reading/recount_log.h"

struct bench_options {
    const char *worker;
    const char *json;
    const char *max_ratio;
    const char *baseline;
    const char *tolerance;
    const char *output;
    const char *pin; // no, yes, both
    const char *families;
    const char *rate; // "", "half" or a number
    int64_t for_ms;
    int64_t runs;
    int64_t timeout_ms;
    bool recovery;
    bool floor;        // this process is the child that is the floor
    const char *stage; // of `bench aggregate`: this process is a child: decode, dedup, rows; "" is none
    const char *store; // of `bench aggregate`: where its windows are left; "": nowhere
    int64_t contents, windows; // of `bench aggregate`: of the windows in memory
};

// What a case is measured under.
struct bench_setting {
    const char *families;
    bool pinned;
};

struct bench {
    struct deployment deployment;
    struct bench_options options;
    double max_ratio;               // 0: none
    double tolerance;               // -1: none
    json_t *baseline;               // NULL: none
    struct bench_setting *settings; // of --pin and --families; the unpinned ones first
    size_t setting_count;
    char **forwarded; // the words of the command line that are the deployment's, for the children;
                      // NULL-terminated
    size_t forwarded_count;
    char program[4096]; // this program
    char worker[4096];
    struct recount_log log; // partitions and bounds alone
    struct bench_report report;
};

// The forms of bench; each fills the report, --runs runs of each setting.
// Consumes and counts the topic: the floor and the workers take turns.
enum status bench_throughput(struct bench *b, struct problem *problem);
// Sends events at a steady rate, and watches how soon they are counted, and the worker's memory.
enum status bench_latency(struct bench *b, struct problem *problem);
// Kills a worker, and watches how soon another counts in its place; as a dynamic member of the group and with
// a static id.
enum status bench_recovery(struct bench *b, struct problem *problem);
// The aggregator: its windows' own cost beside the stages below them, its files, its memory.
enum status bench_aggregate(struct bench *b, struct problem *problem);

// What one run over the whole topic took.
struct bench_take {
    struct bench_usage usage;
    int64_t wall_ms;   // from the first record to the last
    int64_t first_ms;  // from the start of the process until the first counter is in Redis
    uint64_t messages; // the floor's
    uint64_t events;   // from here on the worker's
    uint64_t updates;  // of Redis
    int64_t redis_cpu_us;
};

// A part that is measured in a process of its own: this program again, called with `words` (NULL-terminated)
// and the deployment's. STATUS_OK: it has ended, and is to be forgotten.
struct bench_part {
    struct bench_child child;
    struct bench_usage usage;
    char line[512]; // what it wrote
};
enum status bench_part_run(const struct bench *b, const char *const *words, bool pin, struct bench_part *part,
                           struct problem *problem);
// Its line is not what it should be: shows what it complained of.
enum status bench_part_failed(const struct bench_part *part, const char *what, struct problem *problem);

// The floor's own part, in its process: consumes and discards, then prints messages and milliseconds. Returns
// the exit code.
int bench_floor_child(struct bench *b);
// Runs that process.
enum status bench_floor_run(struct bench *b, bool pinned, struct bench_take *take, struct problem *problem);

// Counts the whole topic in a deployment of its own, which is deleted again.
enum status bench_worker_run(struct bench *b, const char *families, bool pinned, struct bench_take *take,
                             struct problem *problem);
