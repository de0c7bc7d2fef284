#include "runtime/http/http_crowd.h"

#include <stddef.h>
#include <sys/socket.h>

static void show_out(struct http_crowd *crowd, struct http_visitor *visitor) {
    visitor->state = HTTP_VISITOR_SHOWN_OUT;
    crowd->shown_out++;
    shutdown(visitor->fd, SHUT_RDWR);
}

// The one that has waited longest among those who are here, and how many they are.
static struct http_visitor *oldest(struct http_crowd *crowd, int *count) {
    struct http_visitor *found = NULL;
    *count = 0;
    for (int i = 0; i < HTTP_VISITORS_MAX; i++) {
        struct http_visitor *visitor = &crowd->visitors[i];
        if (visitor->state != HTTP_VISITOR_HERE)
            continue;
        (*count)++;
        if (found == NULL || visitor->since_ms < found->since_ms)
            found = visitor;
    }
    return found;
}

static struct http_visitor *free_place(struct http_crowd *crowd) {
    for (int i = 0; i < HTTP_VISITORS_MAX; i++) {
        if (crowd->visitors[i].state == HTTP_VISITOR_GONE)
            return &crowd->visitors[i];
    }
    return NULL;
}

struct http_visitor *http_crowd_enter(struct http_crowd *crowd, int fd, int64_t now_ms) {
    struct http_visitor *visitor = free_place(crowd);
    if (visitor == NULL)
        return NULL;
    int here;
    struct http_visitor *first = oldest(crowd, &here);
    if (here >= HTTP_VISITORS_SERVED)
        show_out(crowd, first);
    *visitor = (struct http_visitor){fd, now_ms, HTTP_VISITOR_HERE};
    return visitor;
}

void http_crowd_answered(struct http_visitor *visitor, int64_t now_ms) {
    visitor->since_ms = now_ms;
}

void http_crowd_leave(struct http_visitor *visitor) {
    visitor->state = HTTP_VISITOR_GONE;
}

void http_crowd_turn(struct http_crowd *crowd, int64_t now_ms) {
    for (int i = 0; i < HTTP_VISITORS_MAX; i++) {
        struct http_visitor *visitor = &crowd->visitors[i];
        if (visitor->state == HTTP_VISITOR_HERE && now_ms - visitor->since_ms >= HTTP_VISIT_MS)
            show_out(crowd, visitor);
    }
}
