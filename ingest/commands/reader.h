// What the commands that only read have in common: a configuration of which they need the Redis half, a
// connection, and calls of the reading Functions.
#pragma once

#include "ingest/startup/redis_ask.h"
#include "runtime/config/config.h"
#include "runtime/output.h"
#include "runtime/redis/redis_client.h"
#include "schemas/keys.h"
#include "schemas/settings.h"

struct reader_flags {
    const char *output;
    int64_t series_ms; // 0: none
    int64_t watch_ms;  // 0: once
    int64_t number;
    int64_t hours;
};

struct reader {
    struct settings settings;
    struct config *config;
    struct reader_flags flags;
    struct config_request request;
    enum output_format format;
    bool terminal;
    struct redis_client *redis;
    struct key_space keys; // of one shard, until reader_shards has asked how many there are
    bool shards_known;
    char **arguments;        // argv with its short flags spelt out
    struct option_row *rows; // which `config` points into: the settings', without what only a worker
                             // needs; the command's flags
    struct option_row *flag_rows;
};

// Reads the command line alone: the settings (what other programs must have is not required here), the flags
// that `names` lists (NULL ends it) and -o, and the command's own: rows of `own` that fill `own_target`,
// whose first member is a struct reader_flags (NULL, 0, NULL where there are none). `usage` is printed for
// --help, after which request.help is set and nothing else was done. reader_close in any case.
enum status reader_configure(struct reader *r, int argc, char **argv, const char *usage,
                             const char *const *names, const struct option_row *own, size_t own_count,
                             void *own_target);
// Connects to Redis. The problem has been printed when it fails.
enum status reader_connect(struct reader *r);

// Both, for a command without flags of its own. Problems have been printed when it fails.
enum status reader_open(struct reader *r, int argc, char **argv, const char *usage, const char *const *names);

// STATUS_CONFIG, printed, where no brokers are configured: what only reads Redis does without.
enum status reader_need_kafka(const struct reader *r);

void reader_close(struct reader *r);

// Calls a Function of clameur_read, loading the library where Redis lacks it. `account` is whose shard it
// reads; {NULL, 0}: shard 0's. Problems have been printed when it fails; the caller frees the reply.
enum status reader_call(struct reader *r, redisReply **reply, const char *function, struct slice account,
                        const struct slice *arguments, int count);

// The deployment's shards into r->keys, from its meta. Problems have been printed when it fails.
enum status reader_shards(struct reader *r);

// HGETALL of the same family of every shard, for what a Function cannot ask of several nodes; `take` gets
// each answer. Problems have been printed when it fails.
enum status reader_hashes(struct reader *r, enum key_family family, const struct key_parts *parts,
                          void (*take)(void *context, uint32_t shard, const redisReply *flat), void *context);

// Prints "usage: ..." for arguments that do not fit, and returns STATUS_USAGE.
enum status reader_usage(const char *usage);

// Refuses a platform that nothing is called, with the nearest name.
enum status reader_check_platform(const char *name);

// Runs `once` again and again as --watch says, the screen cleared in between on a terminal.
enum status reader_repeat(struct reader *r, enum status (*once)(struct reader *r));
