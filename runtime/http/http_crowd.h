// Who is connected to the probe listener, and who is shown out: a visitor whose request or answer takes
// longer than 10 s however busily it trickles, and the one that has waited longest when there are more
// than 64. So whoever comes with a whole request is served, whatever others hold on to. Part of http.
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum { HTTP_VISITORS_MAX = 80, HTTP_VISITORS_SERVED = 64, HTTP_VISIT_MS = 10000 };

struct http_visitor {
    int fd;
    int64_t since_ms; // it came, or was answered last
    enum { HTTP_VISITOR_GONE, HTTP_VISITOR_HERE, HTTP_VISITOR_SHOWN_OUT } state;
};

struct http_crowd {
    struct http_visitor visitors[HTTP_VISITORS_MAX];
    uint64_t shown_out; // so far
};

// NULL where there is no room, which the library's own limit of as many connections prevents.
struct http_visitor *http_crowd_enter(struct http_crowd *crowd, int fd, int64_t now_ms);
void http_crowd_answered(struct http_visitor *visitor, int64_t now_ms);
void http_crowd_leave(struct http_visitor *visitor);

// Shows out who has been here for too long. Its socket is shut down, not closed: the library finds its end.
void http_crowd_turn(struct http_crowd *crowd, int64_t now_ms);
