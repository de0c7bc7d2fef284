// A deployment of our own: a fresh prefix of Redis and a fresh group, a worker in it, and all of it deleted
// again.
#pragma once

#include "loadtest/bench/bench_run.h"
#include "loadtest/recount/recount_redis.h"

enum { TRIAL_FLAG_MAX = KEY_PREFIX_MAX + 32 };

struct trial {
    struct bench *bench;
    struct settings settings; // those of the deployment, under our prefix
    char prefix[KEY_PREFIX_MAX];
    char prefix_flag[TRIAL_FLAG_MAX], group_flag[TRIAL_FLAG_MAX], listen_flag[TRIAL_FLAG_MAX];
    char static_flag[TRIAL_FLAG_MAX]; // "": a dynamic member of the group
    char families_flag[512];
    int port; // of the worker's metrics
    struct recount_redis redis;
    struct mark *marks; // of every shard and partition, as last read
};

// What the marks tell.
struct standing {
    bool begun;      // some mark has moved: the first counter is there
    bool done;       // every mark is at the end of the log
    int64_t counted; // offsets that every shard has behind it
};

// Begins the deployment with `clameur-ingest init`: counting starts with what the log holds, or with what
// comes (`latest`). To be closed also where it fails.
enum status trial_open(struct trial **trial, struct bench *b, const char *families, bool latest,
                       struct problem *problem);
// Deletes the keys and the group. Best effort: what is left is said.
void trial_close(struct trial **trial);

// Deletes a group of ours; best effort.
void bench_delete_group(struct bench *b, const char *name);

// Workers started from now on have a static id.
void trial_be_static(struct trial *t);

// Starts a worker.
enum status trial_start(struct trial *t, bool pinned, struct bench_child *child, struct problem *problem);
// Asks it to end, and waits. Anything but exit code 0 is a problem.
enum status trial_stop(struct trial *t, struct bench_child *child, struct bench_usage *usage,
                       struct problem *problem);
// The worker has ended by itself: shows its last messages.
enum status trial_ended(const struct bench_child *child, const struct bench_usage *usage,
                        struct problem *problem);

// GET of the worker's `path`: the answer's status, 0 where there is none; its text into `out`.
int trial_get(struct trial *t, const char *path, char *out, size_t size);

// Waits until /readyz says so.
enum status trial_ready(struct trial *t, struct bench_child *child, struct problem *problem);

// Reads the marks of every shard, in one round trip.
enum status trial_standing(struct trial *t, struct standing *standing, struct problem *problem);

// Has `value` stayed as it is for a minute? Begins with the first call on a zeroed watch. Then the worker's
// last messages are shown, and the problem says that it does not count.
struct standstill {
    int64_t value, since_ms;
};
enum status trial_watch_standstill(struct standstill *s, int64_t value, const struct bench_child *child,
                                   struct problem *problem);

// Microseconds of CPU that Redis has used, its own and its system's.
int64_t trial_redis_cpu_us(struct trial *t);
