// The way of a context: attach -> hiredis starts and stops the poll -> hiredis calls the cleanup hook -> the
// poll is closed.
//
// Any callback of hiredis may free the context, so `serve` looks at connection->context again after each.

#include "runtime/redis/redis_uv.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "runtime/memory.h"
#include "runtime/redis/redis_tls.h"

struct connection {
    uv_poll_t poll;
    int events;
    redisAsyncContext *context; // NULL once hiredis has let go
    redis_uv_gone gone;
};

static const char stray_bytes[] = "Redis sent an answer to no question";

void redis_uv_break(redisAsyncContext *ac, const char *why) {
    if (ac->c.err == 0) {
        ac->c.err = REDIS_ERR_OTHER;
        snprintf(ac->c.errstr, sizeof(ac->c.errstr), "%s", why);
    }
    redisAsyncFree(ac);
}

bool redis_uv_stray(const redisAsyncContext *ac) {
    return ac->replies.head == NULL && ac->c.reader->pos < ac->c.reader->len;
}

// Bytes that arrive while nothing is awaited; an error is what Redis says before it hangs up, and hiredis
// takes that.
static bool stray_waiting(const redisAsyncContext *ac) {
    char first;
    if (ac->replies.head != NULL)
        return false;
    bool arrived = redis_tls_on(&ac->c) ? redis_tls_peek(&ac->c, &first)
                                        : recv(ac->c.fd, &first, 1, MSG_PEEK | MSG_DONTWAIT) == 1;
    return arrived && first != '-';
}

// libuv has stopped the poll. hiredis finds the socket's own error where there is one (and frees the
// context).
static void serve_error(struct connection *connection, int status) {
    if (connection->context->c.flags & REDIS_CONNECTED)
        redisAsyncHandleRead(connection->context);
    else
        redisAsyncHandleWrite(connection->context);
    if (connection->context != NULL)
        redis_uv_break(connection->context, uv_strerror(status));
}

static void serve(uv_poll_t *poll, int status, int events) {
    struct connection *connection = poll->data;
    if (status < 0) {
        serve_error(connection, status);
        return;
    }
    if (events & UV_READABLE) {
        if (stray_waiting(connection->context))
            redis_uv_break(connection->context, stray_bytes);
        else
            redisAsyncHandleRead(connection->context);
    }
    if (connection->context != NULL && (events & UV_WRITABLE))
        redisAsyncHandleWrite(connection->context);
}

static void watch(struct connection *connection, int events) {
    if (connection->context == NULL || events == connection->events)
        return;
    connection->events = events;
    if (events == 0)
        uv_poll_stop(&connection->poll);
    else
        uv_poll_start(&connection->poll, events, serve);
}

static void add_read(void *data) {
    watch(data, ((struct connection *)data)->events | UV_READABLE);
}

static void del_read(void *data) {
    watch(data, ((struct connection *)data)->events & ~UV_READABLE);
}

static void add_write(void *data) {
    watch(data, ((struct connection *)data)->events | UV_WRITABLE);
}

static void del_write(void *data) {
    watch(data, ((struct connection *)data)->events & ~UV_WRITABLE);
}

static void on_closed(uv_handle_t *handle) {
    free(handle->data);
}

static void cleanup(void *data) {
    struct connection *connection = data;
    redisAsyncContext *context = connection->context;
    if (context == NULL)
        return;
    connection->context = NULL;
    uv_close((uv_handle_t *)&connection->poll, on_closed);
    connection->gone(context);
}

bool redis_uv_attach(redisAsyncContext *ac, uv_loop_t *loop, redis_uv_gone gone) {
    struct connection *connection = memory_take(sizeof(*connection));
    if (uv_poll_init_socket(loop, &connection->poll, ac->c.fd) != 0) {
        free(connection);
        return false;
    }
    connection->poll.data = connection;
    connection->context = ac;
    connection->gone = gone;
    ac->ev.data = connection;
    ac->ev.addRead = add_read;
    ac->ev.delRead = del_read;
    ac->ev.addWrite = add_write;
    ac->ev.delWrite = del_write;
    ac->ev.cleanup = cleanup;
    return true;
}
