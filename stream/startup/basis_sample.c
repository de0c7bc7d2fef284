// Start-up's look at the topic itself: are its newest messages events? What would trip a worker's breaker is
// told here before one starts. Only `check` looks; a worker sees for itself.
#include <stdio.h>
#include <stdlib.h>

#include "runtime/clock.h"
#include "runtime/memory.h"
#include "stream/breaker.h"
#include "stream/decode/decode.h"
#include "stream/source/scan.h"
#include "stream/startup/basis.h"

enum { SAMPLE_TURN_MS = 500, SAMPLE_TIMEOUT_MS = 15000, ARENA_BLOCK = 1 << 20 };

struct sample {
    struct scan *scan;
    struct decoder *decoder;
    struct arena arena;
    struct breaker breaker;
    struct source_position *positions;
    size_t open; // partitions not read to their end
};

// All messages, where they are few; else the last ones of each partition, as many as make a window of them
// all.
static enum status sample_place(struct sample *sample, struct problem *p) {
    int32_t partitions = scan_partitions(sample->scan);
    int64_t share = (BREAKER_WINDOW + partitions - 1) / partitions, all = 0;
    int64_t *ends = memory_take((size_t)partitions * sizeof(*ends));
    enum status status = STATUS_OK;
    sample->positions = memory_take((size_t)partitions * sizeof(*sample->positions));
    for (int32_t i = 0; i < partitions && status == STATUS_OK; i++) {
        struct source_position *at = &sample->positions[sample->open];
        *at = (struct source_position){.partition = i};
        status = scan_bounds(sample->scan, i, &at->offset, &ends[sample->open], p);
        int64_t length = ends[sample->open] - at->offset;
        all += length;
        sample->open += length > 0;
    }
    for (size_t i = 0; i < sample->open && all > BREAKER_WINDOW; i++) {
        struct source_position *at = &sample->positions[i];
        at->offset = ends[i] - share > at->offset ? ends[i] - share : at->offset;
    }
    free(ends);
    return status == STATUS_OK ? scan_from(sample->scan, sample->positions, sample->open, p) : status;
}

static void sample_take(struct sample *sample, const struct record *record) {
    struct event *events;
    size_t count;
    arena_reset(&sample->arena);
    enum reject reject = decoder_decode(sample->decoder, &sample->arena, record, &events, &count);
    breaker_see(&sample->breaker, record, reject, events, count);
}

static enum status sample_read(struct sample *sample, struct problem *p) {
    int64_t deadline_ms = clock_monotonic_ms() + SAMPLE_TIMEOUT_MS;
    while (sample->open > 0 && clock_monotonic_ms() < deadline_ms) {
        struct record record;
        switch (scan_next(sample->scan, &record, SAMPLE_TURN_MS, p)) {
        case SCAN_RECORD:
            sample_take(sample, &record);
            break;
        case SCAN_END:
            sample->open--;
            break;
        case SCAN_NOTHING:
            break;
        case SCAN_FAILED:
            return p->status;
        }
    }
    return STATUS_OK;
}

static enum status sample_open(struct sample *sample, const struct basis *b, struct problem *p) {
    const struct decoder_options decoding = {.framing = b->settings.decode_framing,
                                             .max_event_bytes = b->settings.decode_max_event_bytes,
                                             .max_message_bytes = b->settings.decode_max_message_bytes,
                                             .pseudonyms = b->pseudonyms};
    arena_init(&sample->arena, ARENA_BLOCK);
    sample->decoder = decoder_create(&decoding);
    return scan_open(&sample->scan, &b->settings, b->passthrough, b->passthrough_count, p);
}

static void sample_close(struct sample *sample) {
    scan_close(&sample->scan);
    decoder_destroy(&sample->decoder);
    arena_fini(&sample->arena);
    free(sample->positions);
}

static enum status judge(struct walk *walk, struct breaker *b) {
    struct problem p;
    if (breaker_judge(b, true) == BREAKER_TRIPPED) {
        breaker_problem(b, &walk->basis->settings, &p);
        p.status = walk->basis->settings.dlq_breaker ? STATUS_BAD_DATA : STATUS_OK;
        return walk_trouble(walk, &p);
    }
    walk_found(walk, "%d of the newest %d message%s no events", b->foreign, b->messages,
               b->messages == 1 ? " is" : "s are");
    return STATUS_OK;
}

enum status basis_step_sample(struct walk *walk) {
    struct sample sample = {0};
    struct problem p;
    if (walk->basis->pseudonyms == NULL)
        return STATUS_OK; // told already; nothing can be decoded without them
    enum status status = sample_open(&sample, walk->basis, &p);
    if (status == STATUS_OK)
        status = sample_place(&sample, &p);
    if (status == STATUS_OK)
        status = sample_read(&sample, &p);
    status = status == STATUS_OK ? judge(walk, &sample.breaker) : walk_trouble(walk, &p);
    sample_close(&sample);
    return status;
}
