// Two nodes may disagree for a while about who serves a slot; each MOVED asks for the table again soon, and a
// slot that was redirected REDIRECTS_MAX times in a row is left to the caller, who waits.

#include "runtime/redis/redis_router_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/check.h"
#include "runtime/hash.h"
#include "runtime/memory.h"

enum {
    ASKING_MS = 1000, // whoever was told ASK sends again within it, or asks anew
    REDIRECTS_MAX = 5,
};

struct request {
    struct member *member;
    int slot;
    uint64_t bytes; // their hash
    redis_callback callback;
    void *context;
};

// ---- sending

// True where the caller is to send again. To a node that ASK names it cannot be told to wait for its
// connection.
static bool redirected(struct redis_router *r, const struct redis_redirect *redirect, uint64_t bytes) {
    size_t slot = (size_t)redirect->slot;
    size_t number = redis_router_member_take(r, &redirect->address);
    if (number == REDIS_NO_NODE)
        return false;
    bool again = ++r->redirects[slot] < REDIRECTS_MAX;
    if (!again)
        r->redirects[slot] = 0;
    if (redirect->ask) {
        again = again && redis_link_up(r->members[number]->node.link);
        r->asking[slot] =
            (struct asking){bytes, r->now_ms + ASKING_MS, again ? (uint16_t)number : REDIS_NO_NODE};
    } else {
        redis_router_owner_set(r, slot, number);
        redis_router_refresh_by(r, MOVED_MS);
    }
    return again;
}

static void asking_answered(void *context, enum redis_outcome outcome, const redisReply *reply) {
    struct member *m = context;
    if (outcome == REDIS_LINK_REPLY && reply->type == REDIS_REPLY_ERROR)
        snprintf(m->refusal, sizeof(m->refusal), "%s", reply->str);
}

// The node has turned the command away, as it does without ASKING: the reply is why that was refused.
static void tell_refusal(const struct request *request, char *refusal) {
    redisReply why = {.type = REDIS_REPLY_ERROR, .str = refusal, .len = strlen(refusal)};
    request->callback(request->context, REDIS_LINK_REPLY, &why);
}

static void follow(struct redis_router *r, const struct request *request,
                   const struct redis_redirect *redirect, const redisReply *reply) {
    bool again = redirected(r, redirect, request->bytes);
    request->callback(request->context, again ? REDIS_LINK_DOWN : REDIS_LINK_REPLY, again ? NULL : reply);
}

static void answered(void *context, enum redis_outcome outcome, const redisReply *reply) {
    struct request request = *(struct request *)context;
    free(context);
    struct member *m = request.member;
    struct redis_router *r = m->router;
    struct redis_redirect redirect;
    char refusal[REFUSAL_MAX];
    memcpy(refusal, m->refusal, sizeof(refusal));
    m->refusal[0] = '\0';
    m->waiting--;
    if (outcome == REDIS_LINK_REPLY && redis_redirect_read(&redirect, reply, &m->node.address)) {
        if (refusal[0] != '\0')
            tell_refusal(&request, refusal);
        else
            follow(r, &request, &redirect, reply);
        return;
    }
    if (outcome == REDIS_LINK_REPLY && reply->type == REDIS_REPLY_ERROR &&
        strncmp(reply->str, "CLUSTERDOWN", 11) == 0)
        redis_router_refresh_by(r, MENDING_MS);
    else
        r->redirects[request.slot] = 0;
    request.callback(request.context, outcome, reply);
}

// Where these bytes go; NULL: nowhere.
static struct member *way_of(struct redis_router *r, int slot, uint64_t bytes) {
    struct asking *asking = &r->asking[slot];
    if (asking->number != REDIS_NO_NODE && asking->bytes == bytes) {
        struct member *m = r->members[asking->number];
        bool is_valid = asking->until_ms >= r->now_ms && redis_link_up(m->node.link);
        asking->number = REDIS_NO_NODE;
        if (is_valid) {
            redis_link_command(m->node.link, 1, (const char *[]){"ASKING"}, (const size_t[]){6},
                               asking_answered, m);
            return m;
        }
    }
    return r->owner[slot] == REDIS_NO_NODE ? NULL : r->members[r->owner[slot]];
}

void redis_router_send(struct redis_router *r, int slot, const char *bytes, size_t length,
                       redis_callback callback, void *context) {
    CHECK(slot >= 0 && slot < REDIS_SLOTS);
    if (!r->cluster) {
        redis_link_send(r->members[0]->node.link, bytes, length, callback, context);
        return;
    }
    uint64_t hash = hash_bytes(bytes, length, 0);
    struct member *m = way_of(r, slot, hash);
    if (m == NULL) {
        callback(context, REDIS_LINK_DOWN, NULL);
        return;
    }
    struct request *request = memory_take(sizeof(*request));
    *request = (struct request){m, slot, hash, callback, context};
    m->waiting++;
    redis_link_send(m->node.link, bytes, length, answered, request);
}

void redis_router_command(struct redis_router *r, int slot, int count, const char *const *words,
                          const size_t *lengths, redis_callback callback, void *context) {
    char *bytes = NULL;
    // The cast: hiredis 0.14 forgot the second const.
    long long length = redisFormatCommandArgv(&bytes, count, (const char **)(uintptr_t)words, lengths);
    CHECK(length > 0);
    redis_router_send(r, slot, bytes, (size_t)length, callback, context);
    redisFreeCommand(bytes);
}

// ---- the router itself

struct redis_router *redis_router_create(struct loop *l, const struct redis_seeds *seeds, bool cluster,
                                         const struct redis_login *login, int timeout_ms,
                                         void (*on_change)(void *context), void *context) {
    CHECK(seeds->count > 0 && (cluster || seeds->count == 1));
    struct redis_router *r = memory_take(sizeof(*r));
    r->loop = l;
    r->cluster = cluster;
    r->seeds = *seeds;
    if (login != NULL)
        r->login = *login;
    r->timeout_ms = timeout_ms;
    r->now_ms = loop_now_ms(l);
    for (size_t i = 0; i < REDIS_SLOTS; i++)
        r->owner[i] = r->asking[i].number = REDIS_NO_NODE;
    for (size_t i = 0; i < seeds->count; i++)
        redis_router_member_take(r, &seeds->at[i]);
    if (!cluster) {
        for (size_t i = 0; i < REDIS_SLOTS; i++)
            redis_router_owner_set(r, i, 0);
    }
    r->on_change = on_change; // not told of what is made here
    r->context = context;
    return r;
}

void redis_router_destroy(struct redis_router **router) {
    struct redis_router *r = *router;
    if (r == NULL)
        return;
    *router = NULL;
    r->on_change = NULL;
    for (size_t i = 0; i < REDIS_NODES_MAX; i++) {
        if (r->members[i] != NULL)
            redis_link_destroy(&r->members[i]->node.link);
    }
    for (size_t i = 0; i < REDIS_NODES_MAX; i++)
        free(r->members[i]);
    explicit_bzero(&r->login, sizeof(r->login));
    free(r);
}

void redis_router_login(struct redis_router *r, const struct redis_login *login) {
    r->login = *login;
    for (size_t i = 0; i < REDIS_NODES_MAX; i++) {
        if (r->members[i] != NULL)
            redis_link_login(r->members[i]->node.link, login);
    }
}

size_t redis_router_node_of(const struct redis_router *r, int slot) {
    return r->owner[slot];
}

bool redis_router_up(const struct redis_router *r, int slot) {
    return r->owner[slot] != REDIS_NO_NODE && redis_link_up(r->members[r->owner[slot]]->node.link);
}

size_t redis_router_numbers(const struct redis_router *r) {
    return r->numbers;
}

const struct redis_node *redis_router_node(const struct redis_router *r, size_t number) {
    CHECK(number < REDIS_NODES_MAX);
    const struct member *m = r->members[number];
    return m != NULL && m->node.slots > 0 ? &m->node : NULL;
}

bool redis_router_routes(const struct redis_router *r) {
    return r->cluster;
}

const char *redis_router_error(const struct redis_router *r) {
    return r->error;
}
