// Who serves which slot of a Redis Cluster, as its nodes say: the answer to CLUSTER SLOTS, and the
// redirections of single commands. Pure.
//
// A host may be told as nothing (an address that the node does not know: then it is where we asked), as "?"
// (a name is preferred and none is set: then the address stands beside it), as a number or as a name.
#pragma once

#include <hiredis/hiredis.h>
#include <stdbool.h>
#include <stdint.h>

#include "runtime/redis/redis_link.h"

enum { REDIS_SLOTS = 16384, REDIS_NODES_MAX = 256, REDIS_NO_NODE = UINT16_MAX };

struct redis_slots {
    size_t count;
    struct redis_address nodes[REDIS_NODES_MAX]; // masters that serve slots
    uint16_t owner[REDIS_SLOTS];                 // index of its master; REDIS_NO_NODE: nobody
};

// `asked` is the node that answered: what it does not say of others (empty hosts, how they are connected to)
// is as with itself. False where the reply is no such answer, or names no node.
bool redis_slots_read(struct redis_slots *slots, const redisReply *reply, const struct redis_address *asked);

struct redis_redirect {
    bool ask; // ASK: this once; MOVED: from now on
    int slot;
    struct redis_address address;
};

// False where the reply is no redirection.
bool redis_redirect_read(struct redis_redirect *redirect, const redisReply *reply,
                         const struct redis_address *asked);

bool redis_address_equal(const struct redis_address *a, const struct redis_address *b);
