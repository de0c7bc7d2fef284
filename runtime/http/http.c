// libmicrohttpd keeps its connections in an epoll of its own; that descriptor is polled here, and one timer
// stands for its timeouts. Everything is served inside `serve`, on the loop thread.

#include "runtime/http/http.h"

#include <microhttpd.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/check.h"
#include "runtime/clock.h"
#include "runtime/http/http_crowd.h"
#include "runtime/http/http_listen.h"
#include "runtime/memory.h"

enum { IDLE_S = HTTP_VISIT_MS / 1000, REQUEST_BYTES_MAX = 16 * 1024, ROUNDS_MAX = 16 };

struct http {
    struct MHD_Daemon *daemon;
    uv_poll_t poll;
    uv_timer_t timer;
    int open_handles;
    unsigned port;
    http_handler handler;
    void *context;
    struct http_crowd crowd;
};

static enum MHD_Result answer(struct MHD_Connection *connection, const struct http_answer *a) {
    // The library copies what it is given, and writes it nowhere: its parameter is not const for other modes.
    struct MHD_Response *response =
        MHD_create_response_from_buffer(a->length, (void *)(uintptr_t)a->body, MHD_RESPMEM_MUST_COPY);
    if (response == NULL)
        return MHD_NO;
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, a->type);
    MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    if (a->code == MHD_HTTP_METHOD_NOT_ALLOWED)
        MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
    enum MHD_Result result = MHD_queue_response(connection, a->code, response);
    MHD_destroy_response(response);
    return result;
}

// Called once with the headers, then for each piece of a body, then, without one, for the answer. MHD_NO
// hangs up.
static enum MHD_Result on_request(void *context, struct MHD_Connection *connection, const char *path,
                                  const char *method, const char *version, const char *body,
                                  size_t *body_length, void **seen) {
    static const struct http_answer not_allowed = {MHD_HTTP_METHOD_NOT_ALLOWED, "text/plain",
                                                   "GET and HEAD only\n", 18};
    struct http *h = context;
    if (*seen == NULL) {
        *seen = h;
        bool read_only =
            strcmp(method, MHD_HTTP_METHOD_GET) == 0 || strcmp(method, MHD_HTTP_METHOD_HEAD) == 0;
        return read_only ? MHD_YES : answer(connection, &not_allowed);
    }
    if (*body_length > 0)
        return MHD_NO;
    struct http_answer a = h->handler(h->context, path);
    return answer(connection, &a);
}

static void on_connection(void *context, struct MHD_Connection *connection, void **visitor,
                          enum MHD_ConnectionNotificationCode what) {
    struct http *h = context;
    if (what == MHD_CONNECTION_NOTIFY_CLOSED && *visitor != NULL)
        http_crowd_leave(*visitor);
    if (what != MHD_CONNECTION_NOTIFY_STARTED)
        return;
    int fd = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
    *visitor = http_crowd_enter(&h->crowd, fd, clock_monotonic_ms());
}

static void on_answered(void *context, struct MHD_Connection *connection, void **seen,
                        enum MHD_RequestTerminationCode how) {
    struct http_visitor *visitor =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
    if (visitor != NULL && how == MHD_REQUEST_TERMINATED_COMPLETED_OK)
        http_crowd_answered(visitor, clock_monotonic_ms());
}

static void serve(struct http *h);

static void on_timer(uv_timer_t *timer) {
    serve(timer->data);
}

static void on_readable(uv_poll_t *poll, int status, int events) {
    serve(poll->data);
}

static unsigned connections(struct http *h) {
    return MHD_get_daemon_info(h->daemon, MHD_DAEMON_INFO_CURRENT_CONNECTIONS)->num_connections;
}

// True where another run is due though no descriptor and no timeout will ask for it: work is left, or
// connections were closed. At its limit the library stops listening, and it takes that up again at the start
// of a run only; without one more run, clients that fell silent would have ended the service for good.
static bool run(struct http *h) {
    unsigned long long wait_ms;
    unsigned before = connections(h);
    MHD_run(h->daemon);
    return connections(h) < before || (MHD_get_timeout(h->daemon, &wait_ms) == MHD_YES && wait_ms == 0);
}

// Rounds are bounded for the loop's other users.
static void serve(struct http *h) {
    bool again = true;
    http_crowd_turn(&h->crowd, clock_monotonic_ms());
    for (int round = 0; round < ROUNDS_MAX && again; round++)
        again = run(h);
    unsigned long long wait_ms;
    if (again)
        uv_timer_start(&h->timer, on_timer, 1, 0);
    else if (MHD_get_timeout(h->daemon, &wait_ms) == MHD_YES)
        uv_timer_start(&h->timer, on_timer, wait_ms > 0 ? wait_ms : 1, 0);
    else
        uv_timer_stop(&h->timer);
}

static struct MHD_Daemon *start_daemon(struct http *h, int fd) {
    return MHD_start_daemon(MHD_USE_EPOLL, 0, NULL, NULL, on_request, h, MHD_OPTION_LISTEN_SOCKET, fd,
                            MHD_OPTION_CONNECTION_LIMIT, (unsigned)HTTP_VISITORS_MAX,
                            MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_S, MHD_OPTION_NOTIFY_CONNECTION,
                            on_connection, h, MHD_OPTION_NOTIFY_COMPLETED, on_answered, h,
                            MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)REQUEST_BYTES_MAX,
                            MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1, MHD_OPTION_END);
}

enum status http_create(struct http **h, struct loop *l, const char *listen, http_handler handler,
                        void *context, struct problem *p) {
    *h = NULL;
    if (strcmp(listen, "off") == 0)
        return STATUS_OK;
    int fd;
    unsigned port;
    enum status status = http_listen_open(&fd, &port, listen, p);
    if (status != STATUS_OK)
        return status;
    struct http *made = memory_take(sizeof(*made));
    made->handler = handler;
    made->context = context;
    made->port = port;
    made->daemon = start_daemon(made, fd);
    if (made->daemon == NULL) {
        free(made);
        return problem_set(p, STATUS_OS, "", "see the limits on open files and memory",
                           "the HTTP server on %s cannot start", listen);
    }
    int epoll = MHD_get_daemon_info(made->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
    CHECK(uv_poll_init(&l->uv, &made->poll, epoll) == 0);
    CHECK(uv_timer_init(&l->uv, &made->timer) == 0);
    made->poll.data = made->timer.data = made;
    made->open_handles = 2;
    CHECK(uv_poll_start(&made->poll, UV_READABLE, on_readable) == 0);
    *h = made;
    return STATUS_OK;
}

unsigned http_port(const struct http *h) {
    return h != NULL ? h->port : 0;
}

uint64_t http_shown_out(const struct http *h) {
    return h != NULL ? h->crowd.shown_out : 0;
}

static void on_closed(uv_handle_t *handle) {
    struct http *h = handle->data;
    if (--h->open_handles == 0)
        free(h);
}

void http_destroy(struct http **h) {
    if (*h == NULL)
        return;
    uv_close((uv_handle_t *)&(*h)->poll, on_closed);
    uv_close((uv_handle_t *)&(*h)->timer, on_closed);
    MHD_stop_daemon((*h)->daemon);
    *h = NULL;
}
