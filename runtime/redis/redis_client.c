#include "runtime/redis/redis_client_internal.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "runtime/check.h"
#include "runtime/clock.h"
#include "runtime/memory.h"

enum { PAUSE_MS = 50, PENDING_ROOM = 64 };

static void pause_ms(int64_t ms) {
    struct timespec pause = {ms / 1000, ms % 1000 * 1000000};
    nanosleep(&pause, NULL);
}

// ---- nodes

uint16_t redis_client_node_take(struct redis_client *c, const struct redis_address *address) {
    for (uint16_t i = 0; i < c->count; i++) {
        if (redis_address_equal(&c->nodes[i]->address, address))
            return i;
    }
    if (c->count == REDIS_NODES_MAX)
        return REDIS_NO_NODE;
    struct node *node = c->nodes[c->count] = memory_take(sizeof(*node));
    node->address = *address;
    redis_address_write(node->name, address);
    return c->count++;
}

enum status redis_client_connect(struct redis_client *c, redisContext **context, const struct node *node,
                                 struct problem *p) {
    if (*context != NULL && (*context)->err == 0)
        return STATUS_OK;
    if (*context != NULL)
        redisFree(*context);
    *context = NULL;
    return redis_connect(context, &node->address, &c->login, c->timeout_ms, p);
}

// ---- the table of slots

void redis_client_table_take(struct redis_client *c) {
    uint16_t numbers[REDIS_NODES_MAX];
    for (size_t i = 0; i < c->table.count; i++)
        numbers[i] = redis_client_node_take(c, &c->table.nodes[i]);
    for (size_t i = 0; i < REDIS_SLOTS; i++)
        c->owner[i] = c->table.owner[i] == REDIS_NO_NODE ? REDIS_NO_NODE : numbers[c->table.owner[i]];
}

redisReply *redis_client_slots_ask(redisContext *context) {
    return redisCommandArgv(context, 2, (const char *[]){"CLUSTER", "SLOTS"}, NULL);
}

// Asks whoever answers. A table as it was where nobody does.
static void table_refresh(struct redis_client *c) {
    bool done = false;
    for (uint16_t i = 0; i < c->count && !done; i++) {
        if (redis_client_connect(c, &c->nodes[i]->aside, c->nodes[i], NULL) != STATUS_OK)
            continue;
        redisReply *reply = redis_client_slots_ask(c->nodes[i]->aside);
        done = reply != NULL && redis_slots_read(&c->table, reply, &c->nodes[i]->address);
        freeReplyObject(reply);
    }
    if (done)
        redis_client_table_take(c);
}

static enum status unserved(int slot, struct problem *p) {
    return problem_set(p, STATUS_TRY_AGAIN, "CLM-R5",
                       "redis-cli --cluster check HOST:PORT says what is amiss",
                       "no node of the Redis Cluster serves slot %d", slot);
}

// The slot's master, connected to. While nobody is there somebody may be about to take over.
static enum status master_reach(struct redis_client *c, int slot, uint16_t *number, struct problem *p) {
    int64_t until_ms = clock_monotonic_ms() + c->timeout_ms;
    for (;;) {
        *number = c->owner[slot];
        enum status status = *number == REDIS_NO_NODE
                                 ? unserved(slot, p)
                                 : redis_client_connect(c, &c->nodes[*number]->main, c->nodes[*number], p);
        bool passing = status == STATUS_UNAVAILABLE || status == STATUS_TRY_AGAIN;
        if (!c->cluster || !passing || clock_monotonic_ms() >= until_ms)
            return status;
        pause_ms(PAUSE_MS);
        table_refresh(c);
    }
}

static void pending_forget(struct redis_client *c) {
    for (; c->pending_count > 0; c->pending_count--, c->first++)
        free(c->cluster ? c->pending[c->first].bytes : NULL);
}

void redis_client_close(struct redis_client **client) {
    struct redis_client *c = *client;
    *client = NULL;
    if (c == NULL)
        return;
    for (uint16_t i = 0; i < c->count; i++) {
        if (c->nodes[i]->main != NULL)
            redisFree(c->nodes[i]->main);
        if (c->nodes[i]->aside != NULL)
            redisFree(c->nodes[i]->aside);
        free(c->nodes[i]);
    }
    pending_forget(c);
    free(c->pending);
    explicit_bzero(&c->login, sizeof(c->login));
    free(c);
}

// ---- sending

static void lose(struct redis_client *c, const struct node *node, const redisContext *context) {
    problem_set(&c->lost, STATUS_UNAVAILABLE, "CLM-R3", "check that Redis runs, and redis.timeout",
                "the connection to Redis at %s was lost: %s", node->name, context->errstr);
}

static void pending_add(struct redis_client *c, uint16_t number, int slot, const char *bytes, size_t length) {
    if (c->first + c->pending_count == c->pending_room && c->first > 0) {
        memmove(c->pending, c->pending + c->first, c->pending_count * sizeof(*c->pending));
        c->first = 0;
    }
    if (c->pending_count == c->pending_room) {
        c->pending_room = c->pending_room == 0 ? PENDING_ROOM : 2 * c->pending_room;
        c->pending = memory_grow(c->pending, c->pending_room, sizeof(*c->pending));
    }
    struct pending *one = &c->pending[c->first + c->pending_count++];
    *one = (struct pending){number, slot, memory_take(length), length};
    memcpy(one->bytes, bytes, length);
}

void redis_client_send(struct redis_client *c, int slot, const char *bytes, size_t length) {
    uint16_t number = c->cluster ? REDIS_NO_NODE : c->owner[0];
    c->flushed = false;
    if (c->cluster && c->lost.status == STATUS_OK)
        master_reach(c, slot, &number, &c->lost);
    if (c->lost.status == STATUS_OK &&
        redisAppendFormattedCommand(c->nodes[number]->main, bytes, length) != REDIS_OK)
        lose(c, c->nodes[number], c->nodes[number]->main);
    if (c->cluster)
        pending_add(c, number, slot, bytes, length);
    else
        c->pending_count++;
}

void redis_client_command(struct redis_client *c, int slot, int count, const char *const *words,
                          const size_t *lengths) {
    char *bytes = NULL;
    // The cast: hiredis 0.14 forgot the second const.
    long long length = redisFormatCommandArgv(&bytes, count, (const char **)(uintptr_t)words, lengths);
    CHECK(length > 0);
    redis_client_send(c, slot, bytes, (size_t)length);
    redisFreeCommand(bytes);
}

size_t redis_client_pending(const struct redis_client *c) {
    return c->pending_count;
}

// ---- answers

// To all nodes, so that none waits for what another has to say.
static void flush(struct redis_client *c) {
    for (uint16_t i = 0; i < c->count; i++) {
        int done = c->nodes[i]->main == NULL;
        while (!done && redisBufferWrite(c->nodes[i]->main, &done) == REDIS_OK)
            continue;
        if (!done)
            lose(c, c->nodes[i], c->nodes[i]->main);
    }
    c->flushed = true;
}

// NULL where the node is not to be had: *problem says why.
static redisReply *aside_ask(struct redis_client *c, uint16_t number, bool asking, const struct pending *one,
                             struct problem *problem) {
    struct node *node = c->nodes[number];
    void *reply = NULL;
    if (redis_client_connect(c, &node->aside, node, problem) != STATUS_OK)
        return NULL;
    redisReply *asked = asking ? redisCommandArgv(node->aside, 1, (const char *[]){"ASKING"}, NULL) : NULL;
    if (asked != NULL && asked->type == REDIS_REPLY_ERROR)
        return asked;
    freeReplyObject(asked);
    if (redisAppendFormattedCommand(node->aside, one->bytes, one->length) == REDIS_OK &&
        redisGetReply(node->aside, &reply) == REDIS_OK)
        return reply;
    lose(c, node, node->aside);
    return NULL;
}

static bool is_passing(const redisReply *reply) {
    return reply->type == REDIS_REPLY_ERROR &&
           (strncmp(reply->str, "TRYAGAIN", 8) == 0 || strncmp(reply->str, "CLUSTERDOWN", 11) == 0);
}

// Where what was turned away belongs.
static uint16_t belongs(struct redis_client *c, const struct redis_redirect *redirect) {
    uint16_t number = redis_client_node_take(c, &redirect->address);
    if (!redirect->ask && number != REDIS_NO_NODE)
        c->owner[redirect->slot] = number;
    return number;
}

// The answer in the end. A node that cannot be reached has not heard the command: another may have its place.
static redisReply *follow(struct redis_client *c, const struct pending *one, redisReply *reply) {
    int64_t until_ms = clock_monotonic_ms() + c->timeout_ms;
    uint16_t number = one->number;
    struct problem problem = {0};
    for (int tries = 0; c->lost.status == STATUS_OK; tries++) {
        struct redis_redirect redirect = {0};
        bool redirected = reply != NULL && redis_redirect_read(&redirect, reply, &c->nodes[number]->address);
        bool again = reply == NULL || redirected || is_passing(reply);
        if (!again || (clock_monotonic_ms() >= until_ms && reply != NULL))
            return reply;
        if (tries > 0 || !redirected)
            pause_ms(PAUSE_MS);
        if (!redirected)
            table_refresh(c);
        number = redirected ? belongs(c, &redirect) : c->owner[one->slot];
        freeReplyObject(reply);
        reply = NULL;
        if (number == REDIS_NO_NODE)
            unserved(one->slot, &problem);
        else
            reply = aside_ask(c, number, redirect.ask, one, &problem);
        if (reply == NULL && c->lost.status == STATUS_OK && clock_monotonic_ms() >= until_ms)
            c->lost = problem;
        number = number == REDIS_NO_NODE ? one->number : number;
    }
    freeReplyObject(reply);
    return NULL;
}

redisReply *redis_client_answer(struct redis_client *c) {
    CHECK(c->pending_count > 0);
    c->pending_count--;
    struct pending one = {.number = c->owner[0]};
    if (c->cluster)
        one = c->pending[c->first++];
    void *reply = NULL;
    if (c->lost.status == STATUS_OK && !c->flushed)
        flush(c);
    if (c->lost.status == STATUS_OK && redisGetReply(c->nodes[one.number]->main, &reply) != REDIS_OK)
        lose(c, c->nodes[one.number], c->nodes[one.number]->main);
    if (c->cluster && reply != NULL)
        reply = follow(c, &one, reply);
    free(one.bytes);
    if (c->pending_count == 0)
        c->first = 0;
    return reply;
}

enum status redis_client_lost(const struct redis_client *c, struct problem *p) {
    if (c->lost.status != STATUS_OK && p != NULL)
        *p = c->lost;
    return c->lost.status;
}

// ---- what is known

bool redis_client_routes(const struct redis_client *c) {
    return c->cluster;
}

size_t redis_client_masters(const struct redis_client *c, uint16_t numbers[REDIS_NODES_MAX]) {
    bool serves[REDIS_NODES_MAX] = {false};
    size_t count = 0;
    for (size_t i = 0; i < REDIS_SLOTS; i++) {
        if (c->owner[i] != REDIS_NO_NODE)
            serves[c->owner[i]] = true;
    }
    for (uint16_t i = 0; i < c->count; i++) {
        if (serves[i])
            numbers[count++] = i;
    }
    return count;
}

uint16_t redis_client_master_of(const struct redis_client *c, int slot) {
    return c->owner[slot];
}

const char *redis_client_name(const struct redis_client *c, uint16_t number) {
    CHECK(number < c->count);
    return c->nodes[number]->name;
}

enum status redis_client_node(struct redis_client *c, uint16_t number, redisContext **context,
                              struct problem *p) {
    CHECK(number < c->count && c->pending_count == 0);
    enum status status = redis_client_connect(c, &c->nodes[number]->main, c->nodes[number], p);
    *context = c->nodes[number]->main;
    return status;
}

enum status redis_client_master(struct redis_client *c, int slot, redisContext **context, struct problem *p) {
    uint16_t number;
    CHECK(c->pending_count == 0);
    enum status status = master_reach(c, slot, &number, p);
    *context = status == STATUS_OK ? c->nodes[number]->main : NULL;
    return status;
}
