// The probe listener: libmicrohttpd, its epoll descriptor inside the libuv loop. GET and HEAD only, small
// answers, bounded connections (64: one more, and who has waited longest is shown out) and time for each
// request (10 s), so that slow clients hold neither the loop nor the probes. Loop thread only.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "runtime/loop.h"
#include "runtime/status.h"

struct http_answer {
    unsigned code;    // 200, 404, 503...
    const char *type; // content type
    const char *body; // borrowed until the callback's next call; copied by http
    size_t length;
};

// `path` is one of "/livez", "/readyz", "/metrics", "/status"... ; anything the callback does not know it
// answers with 404.
typedef struct http_answer (*http_handler)(void *context, const char *path);

struct http;

// `listen` is "host:port", "[::]:port" or "off" (then *h is NULL). STATUS_UNAVAILABLE with CLM-P1 where the
// port is taken.
enum status http_create(struct http **h, struct loop *l, const char *listen, http_handler handler,
                        void *context, struct problem *p);
unsigned http_port(const struct http *h); // the bound one: 0 in `listen` picks a free port
// Connections that were ended for being slow, or the oldest of too many.
uint64_t http_shown_out(const struct http *h);
void http_destroy(struct http **h);
