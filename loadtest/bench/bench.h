// `clameur-loadtest bench`: what an event costs the worker, beside what merely consuming it costs.
//
// On a topic that already holds the events: (a) the floor, a child that consumes and discards the whole topic
// with the worker's own librdkafka settings; (b) the worker, a child that counts the whole topic into a fresh
// prefix of Redis, which is deleted afterwards. CPU and memory are the kernel's account of the child (wait4).
// The two take turns; figures are the median of the runs.
//
//     bench             the command, its flags             bench_trial    a deployment of our own
//     bench_throughput  floor and worker in turns          bench_figure   what figures there are; medians
//     bench_floor       (a), in its own process            bench_report   the table and the JSON
//     bench_worker      (b): start, marks, metrics         bench_child    children, measured
#pragma once

// argv[0] is the subcommand's name. Returns the exit code: 1 where the ratio is above --max-ratio, else
// sysexits.h.
int bench_main(int argc, char **argv);
