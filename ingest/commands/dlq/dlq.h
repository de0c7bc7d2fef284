// The inside of `dlq`: what list, show and replay share. Letters are read by a consumer of its own that
// belongs to no group and commits nothing.
#pragma once

#include "ingest/commands/reader.h"
#include "schemas/reject.h"
#include "stream/record.h"
#include "stream/source/scan.h"

struct dlq_flags {
    struct reader_flags reader; // first, as reader_configure wants
    const char *reason;         // "": every
    const char *file;
    bool dry_run, raw;
};

enum { DLQ_ANY_INDEX = -2 };

// Where a letter's event stood in the log.
struct dlq_place {
    int32_t partition;
    int32_t index;
    int64_t offset;
};

// A dead letter, as its headers say. Valid until the next one is read.
struct dlq_letter {
    struct dlq_place place;
    struct slice reason;
    enum reject reject; // of that name; REJECT_NONE where this version knows none
    int64_t time_ms;    // of its record
    int64_t size;       // of its value, before it was cut
    bool cut;
    int64_t schema;     // -1: none
    struct slice key;   // of its record; .at NULL: none
    struct slice value; // .at NULL: none
};

struct dlq {
    struct reader r;
    struct dlq_flags flags;
    struct dlq_place *places; // those asked for; none: all
    size_t place_count;
    struct scan *scan;
    struct dlq_place *seen; // open addressing; offset -1: free
    size_t seen_room, seen_count;
};

// Hands every letter that is asked for to `take`, once each, though the topic may hold copies: up to the ends
// that the dead-letter topic had at first. Ends early where `take` returns another status than STATUS_OK.
// Problems have been printed.
enum status dlq_walk(struct dlq *d, enum status (*take)(void *context, const struct dlq_letter *letter),
                     void *context);

// The bytes that stand for the letter as a message: of an event out of a batch in Confluent framing with a
// frame of its own. `room` is grown as needed.
struct slice dlq_message(const struct dlq_letter *letter, char **room);

enum { DLQ_PLACE_MAX = 320 };
const char *dlq_place_write(const struct dlq *d, const struct dlq_place *place, char out[DLQ_PLACE_MAX]);

enum status dlq_list(struct dlq *d);
enum status dlq_show(struct dlq *d);
enum status dlq_replay(struct dlq *d);
