// The stages that the aggregator puts its windows on top of, alone: what they cost without it.
#pragma once

#include "loadtest/bench/bench_run.h"

// In its own process: consumes the topic as the floor does, and takes each record through a stage, "decode"
// or "dedup" (decoded, validated, judged a duplicate or not). Prints messages, events and milliseconds.
// Returns the exit code.
int bench_stage_child(struct bench *b, const char *stage);
// Runs that process.
enum status bench_stage_run(struct bench *b, const char *stage, struct bench_take *take,
                            struct problem *problem);
