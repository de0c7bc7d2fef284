#include "stream/source/wake.h"

#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "runtime/check.h"

static const uint64_t one = 1;

// Loop thread. The read empties the counter, however many edges it holds; what woke us is found by asking the
// queues.
static void on_readable(uv_poll_t *poll, int status, int events) {
    const struct wake *w = poll->data;
    uint64_t edges;
    while (read(w->fd, &edges, sizeof(edges)) > 0)
        ;
}

void wake_init(struct wake *w, struct loop *loop) {
    *w = (struct wake){.loop = loop, .fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)};
    CHECK(w->fd >= 0);
    CHECK(uv_poll_init(&loop->uv, &w->poll, w->fd) == 0);
    w->poll.data = w;
    CHECK(uv_poll_start(&w->poll, UV_READABLE, on_readable) == 0);
}

static void on_closed(uv_handle_t *handle) {
    struct wake *w = handle->data;
    w->closed = true;
}

void wake_fini(struct wake *w) {
    uv_close((uv_handle_t *)&w->poll, on_closed);
    while (!w->closed)
        loop_turn(w->loop, 0);
    close(w->fd);
}

void wake_watch(struct wake *w, rd_kafka_queue_t *queue) {
    rd_kafka_queue_io_event_enable(queue, w->fd, &one, sizeof(one));
}

void wake_unwatch(rd_kafka_queue_t *queue) {
    rd_kafka_queue_io_event_enable(queue, -1, NULL, 0);
}

void wake_now(struct wake *w) {
    // A counter that is full is readable already.
    ssize_t written = write(w->fd, &one, sizeof(one));
    (void)written;
}
