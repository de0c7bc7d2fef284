#include "loadtest/recount/recount_reach.h"

#include <stdlib.h>

#include "runtime/memory.h"

enum {
    WAITING_MAX = 100000,
    ELEMENTS = 500,
    DELETE_CHUNK = 500,
    SCRATCH_NAME_MAX = KEY_MAX + 2 * KEY_PREFIX_MAX
};

struct reach_actor {
    uint32_t key;
    unsigned char actor[16];
};

void recount_reach_init(struct recount_reach *r, struct recount_redis *redis,
                        const struct recount_model *model, int64_t now_s) {
    *r = (struct recount_reach){.redis = redis, .model = model, .now_s = now_s};
    r->waiting = memory_take(WAITING_MAX * sizeof(*r->waiting));
}

void recount_reach_fini(struct recount_reach *r) {
    free(r->waiting);
    *r = (struct recount_reach){0};
}

size_t recount_reach_name(const struct recount_redis *redis, char *out, size_t size, struct slice key) {
    size_t prefix = strlen(redis->space.prefix);
    int length = snprintf(out, size, "%s%.*s", redis->scratch, (int)(key.length - prefix), key.at + prefix);
    return (size_t)length;
}

static int by_key_and_actor(const void *a, const void *b) {
    const struct reach_actor *left = a, *right = b;
    if (left->key != right->key)
        return left->key < right->key ? -1 : 1;
    return memcmp(left->actor, right->actor, sizeof(left->actor));
}

// PFADD of the actors [first, end), which are of one key, and the key's end.
static void send_actors(struct recount_reach *r, size_t first, size_t end) {
    char name[SCRATCH_NAME_MAX], keep[16];
    size_t length =
        recount_reach_name(r->redis, name, sizeof(name), r->model->key_names.at[r->waiting[first].key]);
    const char *words[2 + ELEMENTS] = {"PFADD", name};
    size_t lengths[2 + ELEMENTS] = {5, length};
    int count = 2;
    for (size_t i = first; i < end; i++) {
        words[count] = (const char *)r->waiting[i].actor;
        lengths[count++] = sizeof(r->waiting[i].actor);
    }
    recount_redis_send(r->redis, count, words, lengths);
    int digits = snprintf(keep, sizeof(keep), "%d", SCRATCH_KEEP_S);
    const char *expire[] = {"EXPIRE", name, keep};
    const size_t expire_lengths[] = {6, length, (size_t)digits};
    recount_redis_send(r->redis, 3, expire, expire_lengths);
}

static void read_answers(struct recount_reach *r) {
    while (recount_redis_pending(r->redis) > 0) {
        redisReply *reply = recount_redis_answer(r->redis);
        if (reply != NULL && reply->type == REDIS_REPLY_ERROR && !r->refused) {
            r->refused = true;
            snprintf(r->refusal, sizeof(r->refusal), "%s", reply->str);
        }
        freeReplyObject(reply);
    }
}

static void send_all(struct recount_reach *r) {
    qsort(r->waiting, r->count, sizeof(*r->waiting), by_key_and_actor);
    for (size_t first = 0; first < r->count;) {
        size_t end = first + 1;
        while (end < r->count && end - first < ELEMENTS && r->waiting[end].key == r->waiting[first].key)
            end++;
        send_actors(r, first, end);
        first = end;
    }
    r->count = 0;
    read_answers(r);
}

void recount_reach_add(void *reach, uint32_t key, const unsigned char actor[16]) {
    struct recount_reach *r = reach;
    if (r->model->keys[key].expire_max_s <= r->now_s)
        return;
    if (r->count == WAITING_MAX)
        send_all(r);
    r->waiting[r->count].key = key;
    memcpy(r->waiting[r->count++].actor, actor, 16);
}

enum status recount_reach_flush(struct recount_reach *r, struct problem *problem) {
    send_all(r);
    if (recount_redis_broken(r->redis))
        return recount_redis_lost(r->redis, problem);
    if (r->refused)
        return problem_set(
            problem, STATUS_NOT_ALLOWED, "CLM-A1",
            "grant the user of the recount writing under PREFIX-recount*, and see that Redis is writable",
            "Redis refuses the recount's own sketches: %s", r->refusal);
    return STATUS_OK;
}

void recount_reach_delete(struct recount_reach *r) {
    if (recount_redis_broken(r->redis))
        return;
    for (uint32_t key = 0; key < r->model->key_names.count; key++) {
        enum key_family family = r->model->keys[key].family;
        if (family != KEY_REACH && family != KEY_TAG_REACH)
            continue;
        char name[SCRATCH_NAME_MAX];
        const char *words[] = {"UNLINK", name};
        const size_t lengths[] = {
            6, recount_reach_name(r->redis, name, sizeof(name), r->model->key_names.at[key])};
        recount_redis_send(r->redis, 2, words, lengths);
        if (recount_redis_pending(r->redis) >= DELETE_CHUNK)
            read_answers(r);
    }
    read_answers(r);
}
