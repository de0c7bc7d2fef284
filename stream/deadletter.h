// The dead-letter topic: what could not be counted, with its original bytes.
//
// A dead letter's key is topic/partition/offset/index, its headers name the reason and the source. It is
// acknowledged by Kafka before a flush that covers its record is sent: deadletter_send numbers the letters,
// deadletter_settled says up to which number all are acknowledged. At least once: a rewind may repeat a
// letter. Nothing is given up: what Kafka refuses is sent again until it accepts it (once a second, with a
// logged problem CLM-K5).
//
// A letter's value is the record's, or of one event of a batch that event's own bytes as they stand there.
// What is too large for the topic goes as the first 64 KiB of its value, and of its key. Kafka refuses a
// batch of letters for its size as a whole: each of them goes once more by itself, so that one letter which
// is too large, however it is cut, holds up no other.
//
// Headers: clameur-reason, clameur-topic, clameur-partition, clameur-offset, clameur-index (in the batch; -1:
// the whole record), clameur-time (of the record, ms), clameur-size (of the value before it was cut),
// clameur-truncated (1, where it was cut), clameur-schema (of an event out of a batch in Confluent framing:
// the id of its schema), clameur-key (the record's key, where there was one: an empty one is empty).
#pragma once

#include "runtime/config/config.h"
#include "runtime/loop.h"
#include "runtime/status.h"
#include "schemas/reject.h"
#include "schemas/settings.h"
#include "stream/record.h"

struct deadletter;

enum status deadletter_create(struct deadletter **d, const struct settings *settings,
                              const struct config_pair *passthrough, size_t passthrough_count,
                              struct loop *loop, struct problem *problem);
// Waits up to timeout_ms for what is outstanding.
void deadletter_destroy(struct deadletter **d, int timeout_ms);

// Returns the letter's number, from 1. `part` is the letter's value and lies within the record's: all of it
// for index -1. The record is copied, once for all letters about its events that follow each other.
uint64_t deadletter_send(struct deadletter *d, const struct record *record, int32_t index, struct slice part,
                         enum reject reason);

// From now on letters are numbered and kept, but not sent; `full` counts them. Until released, or thrown
// away: then their numbers are given again, and nothing may wait for them.
void deadletter_withhold(struct deadletter *d);
void deadletter_release(struct deadletter *d);
void deadletter_discard(struct deadletter *d);

uint64_t deadletter_sent(const struct deadletter *d);
uint64_t deadletter_settled(const struct deadletter *d);
// How many letters of that reason Kafka has acknowledged.
uint64_t deadletter_acknowledged(const struct deadletter *d, enum reject reason);

// More than 64 MiB of records or 50,000 letters are outstanding: hold the source.
bool deadletter_full(const struct deadletter *d);

// Serves delivery reports and repeats; call once a loop turn.
void deadletter_poll(struct deadletter *d, int64_t now_ms);
