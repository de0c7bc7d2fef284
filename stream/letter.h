// A dead letter: what of which record it holds, and its form in the topic, which deadletter.h describes. When
// it is sent, sent again and settled is deadletter.c's. Loop thread.
//
// The letters about a record's events share its bytes: its original, copied with the first of them, freed
// with the last.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <librdkafka/rdkafka.h>

#include "schemas/reject.h"
#include "stream/record.h"

// withheld -> queued (released); queued -> acknowledged; queued -> waiting (refused) -> queued
enum letter_state { LETTER_WITHHELD, LETTER_QUEUED, LETTER_WAITING, LETTER_ACKNOWLEDGED };

// A record's bytes, which all letters about its events share: a batch may hold tens of thousands.
struct original {
    size_t letters; // that need it
    int32_t partition;
    int64_t offset, time_ms;
    bool has_key, has_value;
    size_t key_length, value_length;
    char bytes[]; // key, then value
};

struct letter {
    enum letter_state state;
    bool cut;
    bool alone;   // in a batch of its own
    bool refused; // by Kafka, and not acknowledged since
    enum reject reason;
    int32_t index;
    size_t at, length; // its part of the original's value
    struct original *original;
};

// Those that letters outstanding need. Zeroed is none.
struct originals {
    struct original *latest; // of the letter created last, while it is outstanding
    size_t bytes;            // of all
};

// `part` lies within the record's value, which is copied, unless the letter before was about this record.
struct letter *letter_create(struct originals *originals, const struct record *record, int32_t index,
                             struct slice part, enum reject reason);
void letter_free(struct letter *l, struct originals *originals);

// What may help one that was refused for its size: to be cut, then to be no part of a larger batch. False:
// nothing is left that may.
bool letter_make_smaller(struct letter *l);

// Of its value as it is sent: of what is cut, the first 64 KiB.
size_t letter_length(const struct letter *l);

// Hands it to librdkafka, which reads the value where it lies: the letter stays until its report, whose
// _private it is. An error: there will be no report.
rd_kafka_resp_err_t letter_produce(struct letter *l, rd_kafka_t *rk, const char *topic,
                                   const char *source_topic);
