#include "runtime/redis/redis_requests.h"

#include <stdlib.h>

#include "runtime/memory.h"

struct request {
    struct request *next;
    redis_callback callback;
    void *context;
};

void redis_requests_push(struct redis_requests *requests, redis_callback callback, void *context) {
    struct request *r = memory_take(sizeof(*r));
    r->callback = callback;
    r->context = context;
    if (requests->head == NULL)
        requests->head = r;
    else
        requests->tail->next = r;
    requests->tail = r;
}

void redis_requests_tell(struct redis_requests *requests, enum redis_outcome outcome,
                         const redisReply *reply) {
    struct request *r = requests->head;
    requests->head = r->next;
    r->callback(r->context, outcome, reply);
    free(r);
}

// ---- refusals

static void tell_waiting(struct redis_refusals *refusals) {
    struct redis_requests waiting = refusals->waiting;
    refusals->waiting = (struct redis_requests){0};
    refusals->telling = true;
    while (waiting.head != NULL)
        redis_requests_tell(&waiting, REDIS_LINK_DOWN, NULL);
    refusals->telling = false;
}

static void on_timer(uv_timer_t *timer) {
    tell_waiting(timer->data);
}

void redis_refusals_init(struct redis_refusals *refusals, struct loop *loop) {
    *refusals = (struct redis_refusals){0};
    uv_timer_init(&loop->uv, &refusals->timer);
    refusals->timer.data = refusals;
}

void redis_refusals_add(struct redis_refusals *refusals, redis_callback callback, void *context) {
    if (refusals->telling) {
        redis_requests_push(&refusals->waiting, callback, context);
        uv_timer_start(&refusals->timer, on_timer, 1, 0); // 0 would come again within this turn, and again
        return;
    }
    refusals->telling = true;
    callback(context, REDIS_LINK_DOWN, NULL);
    refusals->telling = false;
}

void redis_refusals_close(struct redis_refusals *refusals, void *data, uv_close_cb on_closed) {
    while (refusals->waiting.head != NULL)
        tell_waiting(refusals);
    refusals->timer.data = data;
    uv_close((uv_handle_t *)&refusals->timer, on_closed);
}
