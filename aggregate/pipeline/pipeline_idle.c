// A quiet partition must not hold all windows open: at the end of its log, as the broker says at this moment,
// it follows the clock. Never with lag, and never while the broker does not answer.
//
// The broker is asked only where its answer would seal a window: four times an hour and partition. On a
// thread of the pool, one partition at a time: behind a fetch the answer may take a second, and the others
// have records.

#include "aggregate/pipeline/pipeline_internal.h"
#include "runtime/check.h"
#include "runtime/clock.h"

enum { ASK_EVERY_MS = 5000 };

static bool is_idle(const struct lane *lane) {
    return lane != NULL && lane->state == LANE_COUNTING && lane->at_end;
}

static bool would_seal(const struct lane *lane, int64_t clock_ms) {
    int64_t window_ms = WINDOW_S * INT64_C(1000);
    return lane->watermark_ms < 0 || clock_ms / window_ms > lane->watermark_ms / window_ms;
}

static void ask_work(uv_work_t *work) {
    struct ask *ask = (struct ask *)((char *)work - offsetof(struct ask, work));
    struct problem problem;
    int64_t first;
    ask->status =
        source_bounds(ask->pipeline->source, ask->partition, &first, &ask->end, END_TIMEOUT_MS, &problem);
}

// On the loop's thread. The lane may have been lost meanwhile, or have read on.
static void ask_done(uv_work_t *work, int cancelled) {
    struct ask *ask = (struct ask *)((char *)work - offsetof(struct ask, work));
    struct lane *lane = ask->pipeline->lanes[ask->partition];
    ask->pending = false;
    if (ask->status == STATUS_OK && is_idle(lane) && ask->end <= lane->next &&
        ask->clock_ms > lane->watermark_ms)
        lane->watermark_ms = ask->clock_ms;
}

static void lane_ask(struct pipeline *p, struct lane *lane, int64_t clock_ms) {
    lane->asked_at_ms = p->now_ms;
    p->ask.pipeline = p;
    p->ask.partition = lane->partition;
    p->ask.clock_ms = clock_ms;
    p->ask.pending = uv_queue_work(&p->loop.uv, &p->ask.work, ask_work, ask_done) == 0;
    CHECK(p->ask.pending);
}

void idle_wait(struct pipeline *p) {
    while (p->ask.pending)
        loop_turn(&p->loop, 20);
}

void idle_turn(struct pipeline *p) {
    struct source_figures figures;
    source_figures_read(p->source, &figures);
    if (figures.brokers_down || figures.topic_gone)
        return;
    int64_t now_ms = clock_wall_ms();
    int64_t clock_ms = now_ms - rules_at(&p->basis->rules, now_ms)->window_disorder_ms;
    for (int32_t i = 0; i < p->meta.partitions; i++) {
        struct lane *lane = p->lanes[i];
        if (!is_idle(lane) || !would_seal(lane, clock_ms) || p->ask.pending)
            continue;
        if (lane->asked_at_ms == 0 || p->now_ms - lane->asked_at_ms >= ASK_EVERY_MS)
            lane_ask(p, lane, clock_ms);
    }
}
