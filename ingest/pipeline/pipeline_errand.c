// A run with an end: how far it is, and whether every shard's marks have reached it.

#include "ingest/pipeline/pipeline_internal.h"

enum { PROGRESS_MS = 200 };

static int64_t done_of(const struct pipeline *p, int32_t partition) {
    const struct pipeline_errand *e = p->errand;
    const struct owned *o = p->owned[partition];
    int64_t at = o != NULL && o->begun ? o->position.next : e->first[partition];
    if (at > e->end[partition])
        at = e->end[partition];
    return at > e->first[partition] ? at - e->first[partition] : 0;
}

static bool is_marked(struct pipeline *p, int32_t partition) {
    for (uint32_t i = 0; i < p->startup->keys.shards; i++) {
        const struct shard_slot *slot = shard_slot(&p->shards[i], partition);
        if (!slot->claimed || slot->acked.next < p->errand->end[partition])
            return false;
    }
    return true;
}

bool errand_turn(struct pipeline *p) {
    struct pipeline_errand *e = p->errand;
    if (e == NULL)
        return false;
    int64_t done = 0, all = 0;
    bool marked = true;
    for (int32_t i = 0; i < e->partitions; i++) {
        done += done_of(p, i);
        all += e->end[i] - e->first[i];
        marked = marked && is_marked(p, i);
    }
    e->reached = marked;
    if (marked || p->now_ms >= p->progress_at_ms) {
        p->progress_at_ms = p->now_ms + PROGRESS_MS;
        e->progress(e->context, done, all);
    }
    return marked;
}

void errand_finish(struct pipeline *p) {
    if (p->errand == NULL)
        return;
    errand_turn(p); // the drain may have brought the marks there
    p->errand->read = p->tally.read;
    p->errand->counted = p->tally.counted;
    p->errand->rejected = p->tally.rejected;
    p->errand->duplicate = p->tally.duplicate;
}
