// Every command to the node that serves its slot: one Redis, or the masters of a Redis Cluster, with a
// redis_link to each. Loop thread only.
//
// Of a cluster the router keeps a table of slots: asked of any node at the beginning (the seeds), when a node
// says MOVED, when a link is lost, while a slot has no connected node, and now and then. Nodes come and go
// with it.
//
// It never sends anything twice. A command that its node has turned away (MOVED, ASK) was not done: its
// callback hears REDIS_LINK_DOWN, and when the caller sends it again, it goes to where it belongs. After ASK
// that is for the same bytes alone, behind ASKING. Where this does not end, the redirection is the reply, and
// where ASKING is refused, that is. All other errors are replies: TRYAGAIN, CLUSTERDOWN...
//
// A single Redis has all slots and is never asked about them.
#pragma once

#include "runtime/redis/redis_seeds.h"
#include "runtime/redis/redis_slots.h"

struct redis_router;

struct redis_node {
    uint64_t id;   // no other node of this router ever has it
    size_t number; // below redis_router_numbers; when it has gone, another may have it
    struct redis_address address;
    struct redis_link *link;
    uint32_t slots; // that it serves
};

// Begins to connect at once and never gives up. `on_change` is told after a node has come, gone, or its link
// has changed. One Redis unless `cluster`; then there may be several seeds.
struct redis_router *redis_router_create(struct loop *l, const struct redis_seeds *seeds, bool cluster,
                                         const struct redis_login *login, int timeout_ms,
                                         void (*on_change)(void *context), void *context);
// Every pending callback is called with REDIS_LINK_LOST first. Not from within a callback of the router.
void redis_router_destroy(struct redis_router **router);

// Who we are from the next connections on.
void redis_router_login(struct redis_router *router, const struct redis_login *login);

// To be called once a turn, not from within a callback: asks for the table when it is time, lets go of nodes
// that serve nothing any more.
void redis_router_turn(struct redis_router *router, int64_t now_ms);

// Is the node that serves the slot known and connected?
bool redis_router_up(const struct redis_router *router, int slot);
// The number of that node; REDIS_NO_NODE: it is not known.
size_t redis_router_node_of(const struct redis_router *router, int slot);

// As redis_link_send.
void redis_router_send(struct redis_router *router, int slot, const char *bytes, size_t length,
                       redis_callback callback, void *context);
void redis_router_command(struct redis_router *router, int slot, int count, const char *const *words,
                          const size_t *lengths, redis_callback callback, void *context);

// All numbers that nodes have had are below it; it is at most REDIS_NODES_MAX.
size_t redis_router_numbers(const struct redis_router *router);
// The node of such a number; NULL where there is none, or it serves no slot: of those only
// redirections know. What is said on its link itself is not routed.
const struct redis_node *redis_router_node(const struct redis_router *router, size_t number);

// Is it a cluster?
bool redis_router_routes(const struct redis_router *router);
// Why the table of slots is not known ("" where it is).
const char *redis_router_error(const struct redis_router *router);
