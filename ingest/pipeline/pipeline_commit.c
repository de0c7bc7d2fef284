// Offsets back to Kafka. They are advisory: the marks in Redis are what counts. Lag tools and autoscaling
// read them, and the group's answer tells a fenced worker whether it is still the owner.

#include "ingest/pipeline/pipeline_internal.h"

void commit_now(struct pipeline *p) {
    struct source_position positions[PARTITIONS_MAX];
    size_t count = 0;
    for (size_t i = 0; i < p->owned_count; i++) {
        struct owned *o = p->owned[p->owned_numbers[i]];
        int64_t lowest = o->fenced ? -1 : reading_lowest(p, o->partition);
        if (lowest < 0 || lowest == o->committed)
            continue;
        o->committed = lowest;
        positions[count++] = (struct source_position){o->partition, lowest};
    }
    if (count > 0)
        source_commit(p->source, positions, count);
    p->committed_at_ms = p->now_ms;
}

// Asks the group whether a fenced partition is still ours.
static void commit_fenced(struct pipeline *p, struct owned *o) {
    if (!o->fenced || o->fence_commit != 0 || o->fence_retry_ms > p->now_ms)
        return;
    struct source_position position = {o->partition, o->committed >= 0 ? o->committed : 0};
    o->fence_commit = source_commit(p->source, &position, 1);
}

void commit_turn(struct pipeline *p) {
    for (size_t i = 0; i < p->owned_count; i++)
        commit_fenced(p, p->owned[p->owned_numbers[i]]);
    if (p->now_ms - p->committed_at_ms >= COMMIT_MS)
        commit_now(p);
}
