// Brokers are asked on a thread of the pool, for all partitions at once that have to know, as long as that is
// answered (stream/source/rota.h): behind a fetch the answer may take a second, where a partition has no
// leader it takes all of the time there is, and the others have records.

#include "aggregate/pipeline/pipeline_internal.h"
#include "runtime/check.h"

static void ask_work(uv_work_t *work) {
    struct ask *ask = (struct ask *)((char *)work - offsetof(struct ask, work));
    ask->status =
        source_extents(ask->pipeline->source, ask->logs, ask->count, BOUNDS_TIMEOUT_MS, &ask->problem);
}

// On the loop's thread.
static void ask_done(uv_work_t *work, int cancelled) {
    struct ask *ask = (struct ask *)((char *)work - offsetof(struct ask, work));
    ask->pending = false;
    rota_asked(&ask->rota, ask->logs[ask->count - 1].partition, ask->count, ask->status == STATUS_OK,
               PARTITIONS_MAX);
    ask->answered(ask);
}

void ask_begin(struct pipeline *p, struct ask *ask, void (*answered)(struct ask *ask)) {
    ask->pipeline = p;
    ask->answered = answered;
    ask->pending = uv_queue_work(&p->loop.uv, &ask->work, ask_work, ask_done) == 0;
    CHECK(ask->pending);
}

void asks_wait(struct pipeline *p) {
    while (p->sealing.pending || p->placing.pending)
        loop_turn(&p->loop, 20);
}
