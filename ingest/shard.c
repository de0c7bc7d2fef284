#include "ingest/shard.h"

#include <stdlib.h>

#include "runtime/check.h"
#include "runtime/memory.h"

void shard_init(struct shard *s, uint32_t number) {
    *s = (struct shard){.number = number, .slot = key_shard_slot(number)};
    delta_init(&s->delta);
}

void shard_fini(struct shard *s) {
    delta_fini(&s->delta);
    flush_call_fini(&s->call);
    free(s->slots);
    free(s->sealed);
}

struct shard_slot *shard_slot(struct shard *s, int32_t partition) {
    CHECK(partition >= 0 && partition < PARTITIONS_MAX);
    if (partition >= s->slot_count) {
        int32_t count = partition + 1;
        s->slots = memory_grow(s->slots, (size_t)count, sizeof(*s->slots));
        memset(s->slots + s->slot_count, 0, (size_t)(count - s->slot_count) * sizeof(*s->slots));
        s->slot_count = count;
    }
    return &s->slots[partition];
}

bool shard_takes(struct shard *s, int32_t partition, int64_t offset) {
    if (s->stale || partition >= s->slot_count)
        return false;
    const struct shard_slot *slot = &s->slots[partition];
    return slot->claimed && offset >= slot->folded.next;
}

static void seal_mark(struct shard *s, int32_t partition, const struct shard_slot *slot,
                      const struct mark *position) {
    if (s->sealed_count == s->sealed_capacity) {
        s->sealed_capacity = s->sealed_capacity == 0 ? 16 : 2 * s->sealed_capacity;
        s->sealed = memory_grow(s->sealed, s->sealed_capacity, sizeof(*s->sealed));
    }
    struct mark to = position->next > slot->folded.next ? *position : slot->folded;
    to.epoch = slot->acked.epoch;
    CHECK(to.next >= slot->acked.next);
    s->sealed[s->sealed_count++] = (struct flush_mark){partition, slot->acked.next, to};
}

bool shard_seal_moves(const struct shard *s) {
    for (size_t i = 0; i < s->sealed_count; i++) {
        if (s->sealed[i].mark.next > s->sealed[i].from)
            return true;
    }
    return false;
}

void shard_seal(struct shard *s, const struct key_space *space, const struct flush_sender *sender,
                const struct shard_position *positions, size_t count, uint64_t letters, int64_t now_ms) {
    CHECK(s->state == SHARD_IDLE && !s->stale);
    s->sealed_count = 0;
    for (size_t i = 0; i < count; i++) {
        const struct shard_slot *slot = shard_slot(s, positions[i].partition);
        if (slot->claimed)
            seal_mark(s, positions[i].partition, slot, &positions[i].position);
    }
    CHECK(s->delta.events == 0 || shard_seal_moves(s)); // or it would pass for a repetition, and be lost
    flush_encode(&s->call, space, s->number, sender, s->sealed, s->sealed_count, &s->delta);
    s->sealed_events = s->delta.events;
    s->sealed_ops = (int64_t)delta_ops(&s->delta);
    memcpy(s->sealed_platforms, s->delta.platforms, sizeof(s->sealed_platforms));
    s->sealed_fold_ms = s->first_fold_ms;
    s->first_fold_ms = 0;
    s->letters = letters;
    s->sealed_at_ms = now_ms;
    s->retry_at_ms = 0;
    delta_clear(&s->delta);
    s->state = SHARD_SEALED;
}

// A mark that moved over no record names the last one still, as in Redis.
static void acked_move(struct mark *acked, const struct mark *to) {
    struct mark before = *acked;
    *acked = *to;
    if (to->last >= 0)
        return;
    acked->last = before.last;
    acked->fingerprint = before.fingerprint;
    acked->time_ms = before.time_ms;
}

void shard_acknowledge(struct shard *s) {
    CHECK(s->state == SHARD_SENT);
    for (size_t i = 0; i < s->sealed_count; i++)
        acked_move(&shard_slot(s, s->sealed[i].partition)->acked, &s->sealed[i].mark);
    s->state = SHARD_IDLE;
    s->refused = false;
}

int64_t shard_events(const struct shard *s) {
    return s->delta.events + (s->state != SHARD_IDLE ? s->sealed_events : 0);
}

int64_t shard_drop(struct shard *s) {
    int64_t events = shard_events(s);
    delta_clear(&s->delta);
    s->state = SHARD_IDLE;
    s->first_fold_ms = 0;
    s->stale = true;
    s->rereading = false;
    s->refused = false;
    s->era++;
    return events;
}

void shard_leave_out(struct shard *s, int32_t partition) {
    CHECK(s->stale);
    shard_slot(s, partition)->claimed = false;
    s->left_out = true;
}

void shard_keep(struct shard *s, int32_t partition, const struct mark *position) {
    struct shard_slot *slot = shard_slot(s, partition);
    if (slot->folded.next < position->next)
        slot->folded = *position;
}

void shard_place(struct shard *s, int32_t partition, const struct mark *mark) {
    struct shard_slot *slot = shard_slot(s, partition);
    slot->acked = *mark;
    slot->folded = *mark;
    slot->known = slot->claimed = true;
}
