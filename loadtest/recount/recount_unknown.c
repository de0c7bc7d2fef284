#include "loadtest/recount/recount_unknown.h"

#include <stdlib.h>

struct search {
    const struct recount_compare *c;
    const bool *settled;
    int64_t now_s;
    struct names system;  // meta, mark, faults and rules of every shard
    struct names suspect; // keys that the model does not have, or that should have expired
};

static bool is_settled(const struct search *s, struct slice key) {
    const struct key_space *space = &s->c->redis->space;
    size_t prefix = strlen(space->prefix);
    for (uint32_t shard = 0; shard < space->shards; shard++) {
        char tag[SHARD_TAG_MAX + 4];
        int length = snprintf(tag, sizeof(tag), ":{%s}:", space->tags[shard]);
        if (key.length > prefix + (size_t)length && memcmp(key.at + prefix, tag, (size_t)length) == 0)
            return s->settled[shard];
    }
    return true;
}

static void key_found(void *context, struct slice name) {
    struct search *s = context;
    uint32_t key = recount_model_key(s->c->model, name);
    bool over = key != TABLE_NONE && s->c->model->keys[key].expire_max_s != 0 &&
                s->c->model->keys[key].expire_max_s <= s->now_s;
    bool expected = (key != TABLE_NONE && !over) || names_find(&s->system, name) != TABLE_NONE;
    if (!expected && is_settled(s, name))
        names_put(&s->suspect, name);
}

static redisReply *ask(const struct search *s, const char *command, struct slice name) {
    const char *words[] = {command, name.at, "0", "-1", "WITHSCORES"};
    const size_t lengths[] = {strlen(command), name.length, 1, 2, 10};
    recount_redis_send(s->c->redis, strcmp(command, "ZRANGE") == 0 ? 5 : 2, words, lengths);
    return recount_redis_answer(s->c->redis);
}

// Fields and values, or members and scores: are all values 0?
static bool is_zero(const redisReply *reply) {
    bool zero = reply->type == REDIS_REPLY_ARRAY && reply->elements > 0;
    for (size_t i = 1; zero && i < reply->elements; i += 2)
        zero = strcmp(reply->element[i]->str, "0") == 0 || strcmp(reply->element[i]->str, "-0") == 0;
    return zero;
}

static enum status judge(const struct search *s, struct slice name, struct problem *problem) {
    static const char *const commands[] = {"HGETALL", "ZRANGE"};
    for (size_t i = 0; i < 2; i++) {
        redisReply *reply = ask(s, commands[i], name);
        if (reply == NULL)
            return recount_redis_lost(s->c->redis, problem);
        bool zero = is_zero(reply), gone = reply->type == REDIS_REPLY_ARRAY && reply->elements == 0;
        freeReplyObject(reply);
        if (zero || gone)
            return STATUS_OK;
    }
    bool over = recount_model_key(s->c->model, name) != TABLE_NONE;
    recount_report_difference(s->c->report, name, slice_of(""), slice_of("a key"),
                              over ? slice_of("expired") : slice_of("no such key"));
    return STATUS_OK;
}

static void name_system_keys(struct search *s) {
    static const enum key_family families[] = {KEY_MARK, KEY_FAULTS, KEY_RULES, KEY_META};
    const struct key_space *space = &s->c->redis->space;
    for (uint32_t shard = 0; shard < space->shards; shard++) {
        for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++) {
            char name[KEY_MAX];
            struct key_parts parts = {0};
            names_put(&s->system, (struct slice){name, key_write(name, space, families[i], shard, &parts)});
        }
    }
}

enum status recount_unknown_search(const struct recount_compare *c, const bool *settled,
                                   struct problem *problem) {
    struct search s = {.c = c, .settled = settled};
    enum status status = recount_redis_time(c->redis, &s.now_s, problem);
    if (status != STATUS_OK)
        return status;
    names_init(&s.system);
    names_init(&s.suspect);
    name_system_keys(&s);
    status = recount_redis_scan(c->redis, key_found, &s, problem);
    for (uint32_t i = 0; status == STATUS_OK && i < s.suspect.count; i++)
        status = judge(&s, s.suspect.at[i], problem);
    names_fini(&s.system);
    names_fini(&s.suspect);
    return status;
}
