// `clameur-loadtest bench`: what an event costs the worker, beside what merely consuming it costs.
//
// On a topic that already holds the events: (a) the floor, a child that consumes and discards the whole topic
// with the worker's own librdkafka settings; (b) the worker, a child that counts the whole topic into a fresh
// prefix of Redis, which is deleted afterwards. CPU and memory are the kernel's account of the child (wait4).
// The two take turns; figures are the median of the runs.
//
// With --rate, on whatever topic: events are sent at a steady rate, each at its own due time, and an observer
// sees in Redis when each is counted. No coordinated omission: what falls behind is late, not left out.
// With --recovery: how soon a worker is ready, and another counts in the place of one that was killed.
//
// `bench aggregate`: what an event costs the aggregator beyond consuming and decoding it, how long its data
// thread stands still, what its files take beside the same rows otherwise, and what many windows weigh.
// Topics whose records have the producers' times, and events of the past: else nothing is sealed in time.
//
//     bench             the command, its flags             bench_latency     with --rate
//     bench_throughput  floor and worker in turns          bench_recovery    with --recovery
//     bench_floor       (a), in its own process            bench_feed        sends, open-loop
//     bench_worker      (b): start, marks, metrics         bench_watch       the observer's thread
//     bench_trial       a deployment of our own            bench_percentile  latencies
//     bench_child       children, measured                 bench_memory      is it flat?
//     bench_report      the table and the JSON             bench_figure      what figures there are; medians
//     bench_baseline    what changed since                 bench_http        asks a child over HTTP
//     bench_aggregate   the aggregator, its plan           bench_stage       consume and decode, and dedup
//     bench_rows        windows in memory and in files
#pragma once

// argv[0] is the subcommand's name. Returns the exit code: 1 beyond --max-ratio or --tolerance, else
// sysexits.h.
int bench_main(int argc, char **argv);
