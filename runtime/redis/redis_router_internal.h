// What the files of the router share: its state. redis_router.c sends, and follows redirections;
// redis_router_table.c has the members and the table of slots over them, and asks for it. Loop thread only.
#pragma once

#include "runtime/redis/redis_router.h"

enum {
    MOVED_MS = 100,    // a slot has moved: more may
    MENDING_MS = 1000, // a slot has no connected node
    REFUSAL_MAX = 256,
};

struct member {
    struct redis_node node;
    struct redis_router *router;
    size_t waiting; // requests that are not answered
    int64_t kept_until_ms;
    // Of an ASKING, until what was sent behind it is answered; "": it was permitted.
    char refusal[REFUSAL_MAX];
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

// The number of the node at the address, connected to from now on; REDIS_NO_NODE where there are too many.
size_t redis_router_member_take(struct redis_router *r, const struct redis_address *address);
// The slot is that member's; REDIS_NO_NODE: nobody's.
void redis_router_owner_set(struct redis_router *r, size_t slot, size_t number);
// The table is asked for by then, at a turn.
void redis_router_refresh_by(struct redis_router *r, int64_t delay_ms);
