// Rows in memory and in files, without Kafka: what windows of many contents weigh, how fast they are sealed
// and merged, and how small a file is beside the same rows written one by one.
#pragma once

#include "loadtest/bench/bench_run.h"
#include "schemas/rows/rows.h"

struct bench_rows_take {
    int64_t max_rss_bytes;
    double rows;       // of one window
    double seal_ms;    // to sort and write it
    double merge_rate; // rows a second, of its parts into one
    double bytes_per_row;
};

// In its own process: as many windows of as many contents as the options say, held at once; then one of them
// is sealed, and merged from parts. Prints what it took. Returns the exit code.
int bench_rows_child(struct bench *b);
enum status bench_rows_run(struct bench *b, struct bench_rows_take *take, struct problem *problem);

// The rows of a table set, without orders: bytes when written row by row and compressed by zstd at the
// snapshots' level.
struct bench_sizes {
    uint64_t rows;
    uint64_t protobuf, json;
};
void bench_rows_sizes(const struct rows *rows, struct bench_sizes *sizes);
