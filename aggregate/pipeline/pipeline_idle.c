// A quiet partition must not hold all windows open: at the end of its log, as the broker says at this moment,
// it follows the clock. Never with lag, and never while the broker does not answer.
//
// The broker is asked only where its answer would seal a window: four times an hour (pipeline_ask.c).

#include "aggregate/pipeline/pipeline_internal.h"
#include "runtime/clock.h"

enum { ASK_EVERY_MS = 5000 };

static bool is_idle(const struct lane *lane) {
    return lane != NULL && lane->state == LANE_COUNTING && lane->at_end;
}

static bool would_seal(const struct lane *lane, int64_t clock_ms) {
    int64_t window_ms = WINDOW_S * INT64_C(1000);
    return lane->watermark_ms < 0 || clock_ms / window_ms > lane->watermark_ms / window_ms;
}

// The lane may have been lost meanwhile, or have read on.
static void lane_follow(struct lane *lane, int64_t end, int64_t clock_ms) {
    if (is_idle(lane) && end <= lane->next && clock_ms > lane->watermark_ms)
        lane->watermark_ms = clock_ms;
}

static void ends_answered(struct ask *ask) {
    for (size_t i = 0; i < ask->count && ask->status == STATUS_OK; i++)
        lane_follow(ask->pipeline->lanes[ask->logs[i].partition], ask->logs[i].end, ask->clock_ms);
}

void idle_turn(struct pipeline *p) {
    struct source_figures figures;
    source_figures_read(p->source, &figures);
    if (p->sealing.pending || figures.brokers_down || figures.topic_gone)
        return;
    int64_t now_ms = clock_wall_ms();
    int64_t clock_ms = now_ms - rules_at(&p->basis->rules, now_ms)->window_disorder_ms;
    p->sealing.clock_ms = clock_ms;
    p->sealing.count = 0;
    for (int32_t i = 0; i < p->meta.partitions && p->sealing.count < p->sealing.rota.most; i++) {
        int32_t partition = rota_at(&p->sealing.rota, i, p->meta.partitions);
        struct lane *lane = p->lanes[partition];
        if (!is_idle(lane) || !would_seal(lane, clock_ms) ||
            (lane->asked_at_ms != 0 && p->now_ms - lane->asked_at_ms < ASK_EVERY_MS))
            continue;
        lane->asked_at_ms = p->now_ms;
        p->sealing.logs[p->sealing.count++].partition = partition;
    }
    if (p->sealing.count > 0)
        ask_begin(p, &p->sealing, ends_answered);
}
