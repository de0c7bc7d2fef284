// Events into EventBatch messages: one open batch per partition, so that all of a message's events belong to
// persons of its partition. The message has the key of its first event.
#pragma once

#include "loadtest/generate/generate.h"

enum { BATCH_AGE_MS = 1000, BATCH_BYTES_MAX = 512 * 1024 };

struct batcher;

// A batch is full at `events` (at least 1), at BATCH_BYTES_MAX, or once the stream's clock says that its
// first event is BATCH_AGE_MS old.
struct batcher *batcher_create(int32_t partitions, uint32_t events);
void batcher_destroy(struct batcher **b);

// Adds an event. True: `out` is the batch that is full now; its bytes live until its partition's next event
// is added.
bool batcher_add(struct batcher *b, const struct generated *event, int32_t partition, struct message *out);

// What is left at the end, a partition at a call, in order. False: nothing is.
bool batcher_drain(struct batcher *b, struct message *out);
