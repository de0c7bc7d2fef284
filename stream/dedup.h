// Which events were there before: one partition's span of ids.
//
// A position is (offset, index in the batch). An event is a duplicate if an earlier one by position, at an
// offset of at least o - span, has its 16-byte id, counted or not. Verdicts are remembered for the span, so
// that a rewind gets the same answers: a position at or below the high-water mark never asks the table again.
//
//     dedup_reset(d, known_from)   an assignment: ids from known_from - span on are fed again by judging
//                                  the records there, and verdicts count from known_from on
//     dedup_judge(...)             every valid event of every record, in the log's order
//     dedup_remembers(d, o)        may the source rewind to o without a new assignment? Not before an
//                                  event at or past known_from was judged: ids may still be missing
//
// Nothing is evicted: a span that holds more than max_ids ids is DEDUP_FULL, and the worker stops, naming the
// option.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum dedup_verdict { DEDUP_FIRST, DEDUP_DUPLICATE, DEDUP_FULL };

struct dedup;

struct dedup *dedup_create(int64_t span, size_t max_ids);
void dedup_destroy(struct dedup **d);

void dedup_reset(struct dedup *d, int64_t known_from);
bool dedup_remembers(const struct dedup *d, int64_t offset);
enum dedup_verdict dedup_judge(struct dedup *d, const unsigned char id[16], int64_t offset, uint32_t index);

// Fetches the table line that judging this id will touch; for a batch whose ids are known ahead.
void dedup_prefetch(const struct dedup *d, const unsigned char id[16]);

size_t dedup_ids(const struct dedup *d);    // ids held
size_t dedup_memory(const struct dedup *d); // bytes held
