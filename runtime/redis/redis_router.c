// A node's way: added (a seed, the table, a redirection) -> serves slots by the table, or not -> when it
// serves none and nothing is awaited from it any more, its link is closed, at a turn: a link may not be
// destroyed from within its own callbacks.
//
// The table is replaced whole by each answer to CLUSTER SLOTS, and mended by MOVED. Two nodes may disagree
// for a while; each MOVED asks again soon, and a slot that was redirected REDIRECTS_MAX times in a row is
// left to the caller, who waits.

#include "runtime/redis/redis_router.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/check.h"
#include "runtime/hash.h"
#include "runtime/memory.h"

enum {
    REFRESH_MS = 30000, // nothing is amiss
    MENDING_MS = 1000,  // a slot has no connected node
    MOVED_MS = 100,     // a slot has moved: more may
    KEPT_MS = 60000,    // a node that serves no slot: a redirection may name it again
    ASKING_MS = 1000,   // whoever was told ASK sends again within it, or asks anew
    REDIRECTS_MAX = 5,
    REFUSAL_MAX = 256,
};

struct member {
    struct redis_node node;
    struct redis_router *router;
    size_t waiting; // requests that are not answered
    int64_t kept_until_ms;
    char
        refusal[REFUSAL_MAX]; // of an ASKING, until what was sent behind it is answered; "": it was permitted
};

// Which bytes go where behind ASKING, once. Of other commands it says nothing: what lies at the node that a
// slot is moving to is a part of it, and a command of one key that is not there yet would find it empty.
struct asking {
    uint64_t bytes; // their hash
    int64_t until_ms;
    uint16_t number; // of the member; REDIS_NO_NODE: none
};

struct redis_router {
    struct loop *loop;
    bool cluster;
    struct redis_seeds seeds;
    struct redis_login login;
    int timeout_ms;
    void (*on_change)(void *context);
    void *context;

    struct member *members[REDIS_NODES_MAX];
    size_t numbers; // all that were given are below
    uint64_t last_id;
    uint16_t owner[REDIS_SLOTS]; // number of the member
    struct asking asking[REDIS_SLOTS];
    uint8_t redirects[REDIS_SLOTS];

    bool refreshing;
    size_t asked;          // the member that was asked last
    int64_t refresh_at_ms; // 0: at once
    int64_t now_ms;
    char error[256];
    struct redis_slots table; // scratch
};

struct request {
    struct member *member;
    int slot;
    uint64_t bytes; // their hash
    redis_callback callback;
    void *context;
};

static void tell_change(struct redis_router *r) {
    if (r->on_change != NULL)
        r->on_change(r->context);
}

static void refresh_by(struct redis_router *r, int64_t delay_ms) {
    int64_t at_ms = r->now_ms + delay_ms;
    if (at_ms < r->refresh_at_ms)
        r->refresh_at_ms = at_ms;
}

// ---- members

static void link_changed(void *context) {
    struct member *m = context;
    if (m->router->cluster)
        refresh_by(m->router, MOVED_MS);
    tell_change(m->router);
}

static size_t member_find(const struct redis_router *r, const struct redis_address *address) {
    for (size_t i = 0; i < REDIS_NODES_MAX; i++) {
        if (r->members[i] != NULL && redis_address_equal(&r->members[i]->node.address, address))
            return i;
    }
    return REDIS_NO_NODE;
}

// The number of the node at the address, connected to from now on; REDIS_NO_NODE where there are too many.
static size_t member_take(struct redis_router *r, const struct redis_address *address) {
    size_t number = member_find(r, address);
    for (size_t i = 0; number == REDIS_NO_NODE && i < REDIS_NODES_MAX; i++) {
        if (r->members[i] != NULL)
            continue;
        number = i;
        struct member *m = r->members[i] = memory_take(sizeof(*m));
        m->router = r;
        m->node.id = ++r->last_id;
        m->node.number = i;
        r->numbers = i < r->numbers ? r->numbers : i + 1;
        m->node.address = *address;
        m->node.link = redis_link_create(r->loop, address, &r->login, r->timeout_ms, link_changed, m);
    }
    if (number != REDIS_NO_NODE)
        r->members[number]->kept_until_ms = r->now_ms + KEPT_MS;
    return number;
}

static bool is_done_with(const struct redis_router *r, const struct member *m) {
    return m->node.slots == 0 && m->waiting == 0 && m->kept_until_ms <= r->now_ms;
}

// Its link's last callbacks may still look for the member.
static void member_remove(struct redis_router *r, size_t number) {
    struct member *m = r->members[number];
    redis_link_destroy(&m->node.link);
    r->members[number] = NULL;
    free(m);
    for (size_t i = 0; i < REDIS_SLOTS; i++) {
        if (r->asking[i].number == number)
            r->asking[i].number = REDIS_NO_NODE;
    }
}

static void members_sweep(struct redis_router *r) {
    for (size_t i = 0; i < REDIS_NODES_MAX; i++) {
        if (r->members[i] != NULL && is_done_with(r, r->members[i]))
            member_remove(r, i);
    }
}

// ---- the table

static void owner_set(struct redis_router *r, size_t slot, size_t number) {
    uint16_t before = r->owner[slot];
    if (before != REDIS_NO_NODE)
        r->members[before]->node.slots--;
    r->owner[slot] = (uint16_t)number;
    if (number != REDIS_NO_NODE)
        r->members[number]->node.slots++;
}

static void table_take(struct redis_router *r, const struct redis_slots *table) {
    size_t numbers[REDIS_NODES_MAX];
    for (size_t i = 0; i < table->count; i++)
        numbers[i] = member_take(r, &table->nodes[i]);
    for (size_t i = 0; i < REDIS_SLOTS; i++)
        owner_set(r, i, table->owner[i] == REDIS_NO_NODE ? REDIS_NO_NODE : numbers[table->owner[i]]);
}

static bool is_whole(const struct redis_router *r) {
    for (size_t i = 0; i < REDIS_SLOTS; i++) {
        if (r->owner[i] == REDIS_NO_NODE || !redis_link_up(r->members[r->owner[i]]->node.link))
            return false;
    }
    return true;
}

static void table_answered(void *context, enum redis_outcome outcome, const redisReply *reply) {
    struct member *m = context;
    struct redis_router *r = m->router;
    m->waiting--;
    r->refreshing = false;
    if (outcome != REDIS_LINK_REPLY)
        return; // another is asked
    if (!redis_slots_read(&r->table, reply, &m->node.address)) {
        snprintf(r->error, sizeof(r->error), "CLUSTER SLOTS is answered with: %.200s",
                 reply->type == REDIS_REPLY_ERROR ? reply->str : "no slots");
        return;
    }
    r->error[0] = '\0';
    table_take(r, &r->table);
    tell_change(r);
}

// The next one that is connected.
static struct member *asker_find(struct redis_router *r) {
    for (size_t i = 1; i <= REDIS_NODES_MAX; i++) {
        size_t number = (r->asked + i) % REDIS_NODES_MAX;
        if (r->members[number] == NULL || !redis_link_up(r->members[number]->node.link))
            continue;
        r->asked = number;
        return r->members[number];
    }
    return NULL;
}

// Why no node is connected, as far as the first seed knows.
static void error_note(struct redis_router *r) {
    size_t number = member_find(r, &r->seeds.at[0]);
    const char *why = number == REDIS_NO_NODE ? "" : redis_link_error(r->members[number]->node.link);
    char address[REDIS_ADDRESS_TEXT];
    if (r->table.count == 0 && why[0] != '\0')
        snprintf(r->error, sizeof(r->error), "%.60s: %.150s", redis_address_write(address, &r->seeds.at[0]),
                 why);
}

// Where no node is connected, the seeds may be.
static void refresh(struct redis_router *r) {
    struct member *m = asker_find(r);
    r->refresh_at_ms = r->now_ms + (m == NULL ? MOVED_MS : is_whole(r) ? REFRESH_MS : MENDING_MS);
    if (m == NULL) {
        for (size_t i = 0; i < r->seeds.count; i++)
            member_take(r, &r->seeds.at[i]);
        error_note(r);
        return;
    }
    r->refreshing = true;
    m->waiting++;
    redis_link_command(m->node.link, 2, (const char *[]){"CLUSTER", "SLOTS"}, (const size_t[]){7, 5},
                       table_answered, m);
}

void redis_router_turn(struct redis_router *r, int64_t now_ms) {
    if (!r->cluster)
        return;
    r->now_ms = now_ms;
    members_sweep(r);
    if (!r->refreshing && now_ms >= r->refresh_at_ms)
        refresh(r);
}

// ---- sending

// True where the caller is to send again. To a node that ASK names it cannot be told to wait for its
// connection.
static bool redirected(struct redis_router *r, const struct redis_redirect *redirect, uint64_t bytes) {
    size_t slot = (size_t)redirect->slot;
    size_t number = member_take(r, &redirect->address);
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
        owner_set(r, slot, number);
        refresh_by(r, MOVED_MS);
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
        refresh_by(r, MENDING_MS);
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
        member_take(r, &seeds->at[i]);
    if (!cluster) {
        for (size_t i = 0; i < REDIS_SLOTS; i++)
            owner_set(r, i, 0);
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
