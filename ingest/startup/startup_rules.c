// Start-up's question whether this deployment has been counted by the rules and the pseudonym keys that the
// worker has: what the claim of every shard would say, asked before anything is claimed. And whether what is
// new can be claimed in every shard before it is in force: a shard that workers count past its `since`
// meanwhile, by the old versions, refuses it for ever, and those that have been claimed by then refuse the
// old ones.
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ingest/flush.h"
#include "ingest/startup/redis_ask.h"
#include "ingest/startup/startup_steps.h"
#include "runtime/clock.h"

// The highest numbers that any shard has been claimed by; 0: none.
struct stored {
    size_t rules, keys;
};

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

// --- Is there time for what is new?

static void stored_take(struct stored *stored, const redisReply *fields) {
    for (size_t i = 0; fields->type == REDIS_REPLY_ARRAY && i < fields->elements; i++) {
        const char *field = redis_ask_text(fields->element[i]).at;
        bool is_key = strncmp(field, "key:", 4) == 0;
        size_t *highest = is_key ? &stored->keys : &stored->rules;
        size_t number = (size_t)strtoul(is_key ? field + 4 : field, NULL, 10);
        *highest = number > *highest ? number : *highest;
    }
}

static enum status stored_read(const struct startup_walk *walk, struct stored *stored, struct problem *p) {
    const struct key_space *keys = &walk->s->keys;
    enum status first = STATUS_OK;
    *stored = (struct stored){0};
    for (uint32_t shard = 0; shard < keys->shards; shard++) {
        char key[KEY_MAX];
        size_t length = key_write(key, keys, KEY_RULES, shard, &(struct key_parts){0});
        redis_client_command(walk->redis, key_shard_slot(shard), 2, (const char *[]){"HKEYS", key},
                             (size_t[]){5, length});
    }
    for (uint32_t shard = 0; shard < keys->shards; shard++) {
        redisReply *reply;
        enum status status = redis_ask_answer(walk->redis, &reply, "HKEYS", first == STATUS_OK ? p : NULL);
        if (status == STATUS_OK)
            stored_take(stored, reply);
        first = first == STATUS_OK ? status : first;
        freeReplyObject(reply);
    }
    return first;
}

// A group is joined within the session timeout of a member that is gone; then each shard is claimed.
static enum status judge_since(const struct startup *s, const char *what, size_t number, int64_t since_ms,
                               struct problem *p) {
    int64_t takes_ms = s->basis.settings.kafka_session_timeout_ms + s->basis.settings.redis_timeout_ms;
    int64_t ahead_ms = since_ms - clock_wall_ms();
    char when[64] = "has passed";
    if (ahead_ms >= takes_ms)
        return STATUS_OK;
    if (ahead_ms > 0)
        snprintf(when, sizeof(when), "lies %.1f s ahead", (double)ahead_ms / 1000);
    return problem_set(p, STATUS_CONFIG, "CLM-M5",
                       "give it a later since: minutes after the last worker has been started with it",
                       "%s %zu is new to every shard, and its since %s; claiming them all may take %.1f s "
                       "(kafka.session.timeout and redis.timeout)",
                       what, number, when, (double)takes_ms / 1000);
}

// Where nothing was claimed nothing is counted by other versions meanwhile.
static enum status judge_new(const struct startup *s, const struct stored *stored, struct problem *p) {
    struct flush_sender sender = startup_sender(s);
    enum status status = STATUS_OK;
    if (stored->rules == 0)
        return STATUS_OK;
    for (size_t i = stored->rules; i < s->basis.rules.count && status == STATUS_OK; i++)
        status = judge_since(s, "version of the rules", i + 1, s->basis.rules.versions[i].since_ms, p);
    for (size_t i = stored->keys > 0 ? stored->keys : 1; i < sender.key_count && status == STATUS_OK; i++)
        status = judge_since(s, "pseudonym key", i + 1, sender.keys[i].since_ms, p);
    return status;
}

enum status startup_step_rules(struct walk *base) {
    const struct startup_walk *walk = startup_walk_of(base);
    const struct startup *s = walk->s;
    struct problem p = {0};
    struct stored stored;
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
    if (status == STATUS_OK)
        status = stored_read(walk, &stored, &p);
    if (status == STATUS_OK)
        status = judge_new(s, &stored, &p);
    if (status != STATUS_OK)
        return walk_trouble(base, &p);
    walk_found(base, "version %zu the last, pseudonym key %zu", s->basis.rules.count,
               startup_sender(s).key_count);
    return STATUS_OK;
}
