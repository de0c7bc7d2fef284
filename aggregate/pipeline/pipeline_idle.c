// A quiet partition must not hold all windows open: at the end of its log, as the broker says at this moment,
// it follows the clock. Never with lag, and never while the broker does not answer.
//
// The broker is asked only where its answer would seal a window: four times an hour and partition.

#include "aggregate/pipeline/pipeline_internal.h"
#include "runtime/clock.h"

enum { ASK_EVERY_MS = 5000 };

static bool would_seal(const struct lane *lane, int64_t clock_ms) {
    int64_t window_ms = WINDOW_S * INT64_C(1000);
    return lane->watermark_ms < 0 || clock_ms / window_ms > lane->watermark_ms / window_ms;
}

static void lane_ask(struct pipeline *p, struct lane *lane, int64_t clock_ms) {
    struct problem problem;
    int64_t first, end;
    lane->asked_at_ms = p->now_ms;
    if (source_bounds(p->source, lane->partition, &first, &end, END_TIMEOUT_MS, &problem) == STATUS_OK &&
        end <= lane->next)
        lane->watermark_ms = clock_ms;
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
        if (lane == NULL || lane->state != LANE_COUNTING || !lane->at_end || !would_seal(lane, clock_ms))
            continue;
        if (lane->asked_at_ms == 0 || p->now_ms - lane->asked_at_ms >= ASK_EVERY_MS)
            lane_ask(p, lane, clock_ms);
    }
}
