// Start-up's question whether this deployment has been counted by the rules and the pseudonym keys that the
// worker has: what the claim of every shard would say, asked before anything is claimed.
#include <stdlib.h>

#include "ingest/flush.h"
#include "ingest/startup/redis_ask.h"
#include "ingest/startup/startup_steps.h"

static void ask_all(const struct startup_walk *walk) {
    const struct startup *s = walk->s;
    struct flush_sender sender = startup_sender(s);
    struct flush_call call = {0};
    for (uint32_t shard = 0; shard < s->keys.shards; shard++) {
        flush_encode_rules(&call, &s->keys, shard, &sender);
        redis_client_send(walk->redis, key_shard_slot(shard), call.bytes, call.length);
    }
    flush_call_fini(&call);
}

static enum status judge(const redisReply *reply, uint32_t shard, struct problem *p) {
    size_t count;
    char error[256];
    switch (flush_parse_claim(NULL, 0, &count, reply, error)) {
    case FLUSH_APPLIED:
        return STATUS_OK;
    case FLUSH_RULES:
        return flush_rules_problem(p, shard, error);
    case FLUSH_UNINITIALISED:
        return problem_set(p, STATUS_BAD_DATA, "CLM-M1", "restore the newest backup of this Redis",
                           "shard %u has just lost its meta", shard);
    case FLUSH_REPEATED:
    case FLUSH_GAP:
    case FLUSH_FENCED:
    case FLUSH_KEYS:
    case FLUSH_NO_FUNCTION:
    case FLUSH_REFUSED:
    case FLUSH_VERDICTS:
        break;
    }
    return problem_set(p, STATUS_UNAVAILABLE, "", "see what Redis answers",
                       "shard %u: the rules cannot be judged", shard);
}

enum status startup_step_rules(struct startup_walk *walk) {
    const struct startup *s = walk->s;
    struct problem p = {0};
    enum status status = STATUS_OK;
    ask_all(walk);
    for (uint32_t shard = 0; shard < s->keys.shards; shard++) {
        redisReply *reply;
        enum status one =
            redis_ask_answer(walk->redis, &reply, "FCALL " FUNCTION_RULES, status == STATUS_OK ? &p : NULL);
        if (status == STATUS_OK)
            status = one == STATUS_OK ? judge(reply, shard, &p) : one;
        freeReplyObject(reply);
    }
    if (status != STATUS_OK)
        return startup_trouble(walk, &p);
    startup_found(walk, "version %zu the last, pseudonym key %zu", s->rules.count,
                  startup_sender(s).key_count);
    return STATUS_OK;
}
