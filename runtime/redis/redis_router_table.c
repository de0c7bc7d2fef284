// The nodes of a router, and its table of slots.
//
// A node's way: added (a seed, the table, a redirection) -> serves slots by the table, or not -> when it
// serves none and nothing is awaited from it any more, its link is closed, at a turn: a link may not be
// destroyed from within its own callbacks.
//
// The table is replaced whole by each answer to CLUSTER SLOTS, and mended by MOVED.

#include <stdio.h>
#include <stdlib.h>

#include "runtime/memory.h"
#include "runtime/redis/redis_router_internal.h"

enum {
    REFRESH_MS = 30000, // nothing is amiss
    KEPT_MS = 60000,    // a node that serves no slot: a redirection may name it again
};

static void tell_change(struct redis_router *r) {
    if (r->on_change != NULL)
        r->on_change(r->context);
}

void redis_router_refresh_by(struct redis_router *r, int64_t delay_ms) {
    int64_t at_ms = r->now_ms + delay_ms;
    if (at_ms < r->refresh_at_ms)
        r->refresh_at_ms = at_ms;
}

// ---- members

static void link_changed(void *context) {
    struct member *m = context;
    if (m->router->cluster)
        redis_router_refresh_by(m->router, MOVED_MS);
    tell_change(m->router);
}

static size_t member_find(const struct redis_router *r, const struct redis_address *address) {
    for (size_t i = 0; i < REDIS_NODES_MAX; i++) {
        if (r->members[i] != NULL && redis_address_equal(&r->members[i]->node.address, address))
            return i;
    }
    return REDIS_NO_NODE;
}

size_t redis_router_member_take(struct redis_router *r, const struct redis_address *address) {
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

void redis_router_owner_set(struct redis_router *r, size_t slot, size_t number) {
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
        numbers[i] = redis_router_member_take(r, &table->nodes[i]);
    for (size_t i = 0; i < REDIS_SLOTS; i++)
        redis_router_owner_set(r, i,
                               table->owner[i] == REDIS_NO_NODE ? REDIS_NO_NODE : numbers[table->owner[i]]);
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
            redis_router_member_take(r, &r->seeds.at[i]);
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
