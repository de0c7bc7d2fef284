// The inside of `explain`: what the ways to an event share. An event is told as one JSON object, of which the
// output formats and --expect are made.
#pragma once

#include <jansson.h>

#include "ingest/commands/explain/effects.h"
#include "ingest/commands/explain/judge.h"

struct explain_flags {
    struct reader_flags reader; // first, as reader_configure wants
    const char *expect;         // "": none
    const char *at;
    bool counter;
    int64_t back;
};

struct explain {
    struct reader r;
    struct explain_flags flags;
    struct judge judge;
    struct key_space keys;
    struct effects effects;
    json_t *told; // array of events
};

// Where a record comes from, as people name it: "events.jsonl:3", "engagement/3/81220".
enum { EXPLAIN_SOURCE_MAX = 512 };

// explain_event.c: adds an event to `told`. `first` is where a duplicate's id was before; "" where unknown.
void explain_tell(struct explain *x, const char *source, const struct record *record,
                  const struct judged *judged, const char *first);

// explain_file.c: a file, or standard input for "-". Every problem has been printed.
enum status explain_file(struct explain *x, const char *path);

// explain_log.c
// Is the argument a record's place, or an event's id (32 hex digits, with or without a UUID's dashes)?
bool explain_is_place(const char *argument);
bool explain_is_id(const char *argument, unsigned char id[16]);
enum status explain_place(struct explain *x, const char *text);
enum status explain_id(struct explain *x, const unsigned char id[16]);

// explain_print.c
void explain_print(const struct explain *x);

// explain_expect.c: STATUS_OK, STATUS_NO after the differences were printed; the file's own faults as status.
enum status explain_expect(const struct explain *x, const char *path);

// explain_counter.c: explain --counter ACCOUNT NAME [PLATFORM [CONTENT]]
enum status explain_counter(struct explain *x);
