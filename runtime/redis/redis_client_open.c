// The beginning of a client: who answers at the seeds, one after the other, until one will do.
//
//     CLUSTER SLOTS is answered   with slots: it is a cluster; with none: nothing can be had there
//                   is refused    by an ACL: where INFO says cluster, that has to be granted
//                   is an error   it is a single Redis, which must be the only seed
#include <string.h>

#include "runtime/check.h"
#include "runtime/memory.h"
#include "runtime/redis/redis_client_internal.h"

static enum status refuse_list(const struct redis_client *c, const struct redis_address *a,
                               struct problem *p) {
    char name[REDIS_ADDRESS_TEXT];
    return problem_set(p, STATUS_CONFIG, "CLM-C1", "name its address alone, or nodes of one Redis Cluster",
                       "redis.url lists %zu addresses, but %s is a single Redis", c->seeds.count,
                       redis_address_write(name, a));
}

static bool is_denied(const redisReply *reply) {
    return reply->type == REDIS_REPLY_ERROR && strncmp(reply->str, "NOPERM", 6) == 0;
}

// Where nobody lets us ask for the slots, INFO may say that it would be needed.
static enum status judge_denied(redisContext *context, const char *name, struct problem *p) {
    redisReply *reply = redisCommandArgv(context, 2, (const char *[]){"INFO", "server"}, NULL);
    bool cluster = reply != NULL && reply->type == REDIS_REPLY_STRING &&
                   strstr(reply->str, "redis_mode:cluster") != NULL;
    freeReplyObject(reply);
    if (!cluster)
        return STATUS_OK;
    return problem_set(p, STATUS_NOT_ALLOWED, "CLM-A1", "grant it: ACL SETUSER NAME +cluster|slots",
                       "the Redis Cluster at %s does not let us ask for its slots", name);
}

// What answers at a seed: takes it as the single Redis, or as a node of a cluster.
static enum status seed_judge(struct redis_client *c, uint16_t number, redisContext *context,
                              struct problem *p) {
    const struct node *node = c->nodes[number];
    redisReply *reply = redis_client_slots_ask(context);
    enum status status = STATUS_OK;
    if (reply == NULL)
        status = problem_set(p, STATUS_UNAVAILABLE, "CLM-R3", "check redis.url, and that Redis runs",
                             "no Redis at %s: %s", node->name, context->errstr);
    else if (reply->type == REDIS_REPLY_ARRAY)
        c->cluster = true;
    else if (is_denied(reply))
        status = judge_denied(context, node->name, p);
    if (status == STATUS_OK && !c->cluster && c->seeds.count > 1)
        status = refuse_list(c, &node->address, p);
    if (status == STATUS_OK && c->cluster && !redis_slots_read(&c->table, reply, &node->address))
        status = problem_set(p, STATUS_UNAVAILABLE, "CLM-R5", "redis-cli --cluster create, or fix",
                             "the Redis Cluster at %s serves no slots", node->name);
    freeReplyObject(reply);
    if (status == STATUS_OK && c->cluster)
        redis_client_table_take(c);
    for (size_t i = 0; status == STATUS_OK && !c->cluster && i < REDIS_SLOTS; i++)
        c->owner[i] = number;
    return status;
}

static enum status seed_try(struct redis_client *c, const struct redis_address *address, struct problem *p) {
    uint16_t number = redis_client_node_take(c, address);
    CHECK(number != REDIS_NO_NODE);
    enum status status = redis_client_connect(c, &c->nodes[number]->main, c->nodes[number], p);
    return status == STATUS_OK ? seed_judge(c, number, c->nodes[number]->main, p) : status;
}

enum status redis_client_open(struct redis_client **client, const struct redis_seeds *seeds,
                              const struct redis_login *login, int timeout_ms, struct problem *p) {
    struct redis_client *c = memory_take(sizeof(*c));
    c->seeds = *seeds;
    c->timeout_ms = timeout_ms;
    if (login != NULL)
        c->login = *login;
    for (size_t i = 0; i < REDIS_SLOTS; i++)
        c->owner[i] = REDIS_NO_NODE;
    struct problem first = {0};
    enum status status = STATUS_UNAVAILABLE;
    for (size_t i = 0; i < seeds->count && status != STATUS_OK && status != STATUS_CONFIG; i++) {
        status = seed_try(c, &seeds->at[i], p);
        if (i == 0 && status != STATUS_OK)
            first = *p;
    }
    *client = c;
    if (status == STATUS_OK)
        return STATUS_OK;
    if (status != STATUS_CONFIG && seeds->count > 1)
        status = problem_set(p, first.status, first.code, first.remedy,
                             "%.300s; nor does any of the other %zu addresses of redis.url do", first.what,
                             seeds->count - 1);
    redis_client_close(client);
    return status;
}
