// Who waits to be told what became of a request: in order, those that were sent; and those that were not,
// because the link is down. Loop thread only.
#pragma once

#include "runtime/redis/redis_link.h"

// Zeroed is empty.
struct redis_requests {
    struct request *head;
    struct request *tail;
};

void redis_requests_push(struct redis_requests *requests, redis_callback callback, void *context);
// Takes the head off and calls its callback.
void redis_requests_tell(struct redis_requests *requests, enum redis_outcome outcome,
                         const redisReply *reply);

// Callers that hear REDIS_LINK_DOWN: at once, or, from within the callback of one that just hears it, at a
// later turn. One that sends again whenever it hears DOWN would go down the stack until that overflows.
struct redis_refusals {
    bool telling;                  // inside a callback
    struct redis_requests waiting; // sent from within those, told at the next turn
    uv_timer_t timer;
};

void redis_refusals_init(struct redis_refusals *refusals, struct loop *loop);
void redis_refusals_add(struct redis_refusals *refusals, redis_callback callback, void *context);
// Everybody who waits is told before it returns. The memory stays until on_closed, which finds `data` in its
// handle.
void redis_refusals_close(struct redis_refusals *refusals, void *data, uv_close_cb on_closed);
