// The simulated Redis: shards of keys, the commands that the functions use, and the functions themselves, the
// text of ingest/functions/clameur.lua, run by Lua 5.1 as Redis does.
//
// Time passes where the world says so, and sim_redis_expire is called: not within a call.
#pragma once

#include "schemas/keys.h"
#include "tests/sim/keyspace.h"

enum { REDIS_SHARDS_MAX = 4, REDIS_WORDS_MAX = 1 << 16 };

// What a command answers. Texts are borrowed until the next command.
struct answer {
    enum { ANSWER_NIL, ANSWER_INTEGER, ANSWER_TEXT, ANSWER_LIST, ANSWER_ERROR } kind;
    int64_t integer;
    struct slice text;
    const struct slice *list; // .at NULL: nil
    size_t count;
};

struct sim_redis {
    struct key_space names;
    struct keyspace shards[REDIS_SHARDS_MAX];
    bool functions_loaded;
    int64_t now_s;
    uint64_t random; // state, of HRANDFIELD
};

void sim_redis_init(struct sim_redis *r, uint32_t shards, uint64_t seed);
void sim_redis_fini(struct sim_redis *r);

// Takes off the keys whose time is over. True where there were any.
bool sim_redis_expire(struct sim_redis *r, uint32_t shard);

// One command on one shard.
void sim_redis_command(struct sim_redis *r, uint32_t shard, const struct slice *words, size_t count,
                       struct answer *answer);

// FCALL function numkeys key... arg...
void sim_redis_fcall(struct sim_redis *r, uint32_t shard, const struct slice *words, size_t count,
                     struct answer *answer);

// The words of a request in RESP, borrowed from it; `words` has room for REDIS_WORDS_MAX.
size_t sim_redis_words(const char *bytes, struct slice *words);
// A request in RESP, answered in RESP into `out` (grown, owned by the caller). Which shard it is for: see
// sim_redis_shard; UINT32_MAX is none.
uint32_t sim_redis_shard(const struct sim_redis *r, const char *bytes, size_t length);
void sim_redis_serve(struct sim_redis *r, uint32_t shard, const char *bytes, size_t length, char **out,
                     size_t *out_length);

// Register and rank of an element, as Redis' HyperLogLog has them.
void sketch_place(struct slice element, uint32_t *place, uint32_t *rank);
