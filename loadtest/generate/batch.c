#include "loadtest/generate/batch.h"

#include <stdlib.h>

#include "loadtest/generate/draft.h"
#include "runtime/check.h"
#include "runtime/memory.h"

// The field's tag and the longest length.
enum { FRAME_MAX = 2 + 5 };

struct open_batch {
    char key[DRAFT_KEY_MAX];
    size_t key_length;
    uint8_t *bytes;
    size_t length, room;
    int64_t first_ms, last_ms;
    uint64_t events;
    uint64_t fates[FATE_COUNT];
    bool given; // handed out: the next event begins anew
};

struct batcher {
    struct open_batch *open;
    int32_t partitions;
    int32_t drained;
    uint32_t events;
};

struct batcher *batcher_create(int32_t partitions, uint32_t events) {
    CHECK(partitions > 0 && events > 0);
    struct batcher *b = memory_take(sizeof(*b));
    b->open = memory_take((size_t)partitions * sizeof(*b->open));
    b->partitions = partitions;
    b->events = events;
    return b;
}

void batcher_destroy(struct batcher **b) {
    if (*b == NULL)
        return;
    for (int32_t i = 0; i < (*b)->partitions; i++)
        free((*b)->open[i].bytes);
    free((*b)->open);
    free(*b);
    *b = NULL;
}

static void open_batch_begin(struct open_batch *o, const struct generated *event) {
    CHECK(event->key.length <= sizeof(o->key));
    memcpy(o->key, event->key.at, event->key.length);
    o->key_length = event->key.length;
    o->length = 0;
    o->events = 0;
    memset(o->fates, 0, sizeof(o->fates));
    o->first_ms = event->sent_ms;
    o->given = false;
}

// Field 127 of EventBatch, length-delimited: tag 127 << 3 | 2, length as a varint, bytes.
static void open_batch_append(struct open_batch *o, struct slice value) {
    size_t needed = o->length + FRAME_MAX + value.length;
    if (needed > o->room) {
        o->room = needed * 2;
        o->bytes = memory_grow(o->bytes, o->room, 1);
    }
    o->bytes[o->length++] = 0xfa;
    o->bytes[o->length++] = 0x07;
    size_t rest = value.length;
    for (; rest >= 0x80; rest >>= 7)
        o->bytes[o->length++] = (uint8_t)(rest | 0x80);
    o->bytes[o->length++] = (uint8_t)rest;
    memcpy(o->bytes + o->length, value.at, value.length);
    o->length += value.length;
}

static void open_batch_give(struct open_batch *o, int32_t partition, struct message *out) {
    *out = (struct message){
        .key = {o->key, o->key_length},
        .value = {(const char *)o->bytes, o->length},
        .time_ms = o->last_ms,
        .partition = partition,
        .events = o->events,
    };
    memcpy(out->fates, o->fates, sizeof(out->fates));
    o->given = true;
}

bool batcher_add(struct batcher *b, const struct generated *event, int32_t partition, struct message *out) {
    CHECK(partition >= 0 && partition < b->partitions);
    struct open_batch *o = &b->open[partition];
    if (o->given || o->events == 0)
        open_batch_begin(o, event);
    open_batch_append(o, event->value);
    o->last_ms = event->sent_ms;
    o->events++;
    o->fates[event->fate]++;
    bool full =
        o->events >= b->events || o->length >= BATCH_BYTES_MAX || o->last_ms - o->first_ms >= BATCH_AGE_MS;
    if (full)
        open_batch_give(o, partition, out);
    return full;
}

bool batcher_drain(struct batcher *b, struct message *out) {
    for (; b->drained < b->partitions; b->drained++) {
        struct open_batch *o = &b->open[b->drained];
        if (o->events == 0 || o->given)
            continue;
        open_batch_give(o, b->drained, out);
        return true;
    }
    return false;
}
