// From a message's bytes to events. Generated protobuf types end here.
//
// Framings: raw protobuf (an Event, or an EventBatch by its field 127), Confluent Schema Registry framing
// (0x00, schema id u32 BE, message indexes as zigzag varints), protobuf-JSON (starts with `{`; an event, or
// {"events": [...]}). None of the three first bytes is valid for another, so `auto` needs no header.
//
// Sizes are bounded before anything is unpacked: a value at max_message_bytes (and at 65,535 events of the
// largest size), a JSON text at 16 MiB, too, and an event at max_event_bytes: of its bytes as they stand in
// the record; in a batch of JSON, of what it is as protobuf. A record of protobuf that would unpack to more
// than 512 MiB (of what protobuf-c allocates beside the events' own structs) is UNDECODABLE; of JSON the
// text's bound is it. What is well-formed at all stands at the head of event.proto; it is stricter than
// protobuf-c.
//
// Which reason comes first: of a batch of protobuf, what is malformed between its events, the size of one,
// their number, then what is malformed inside of one; of a batch of JSON, their number, then event by event
// what is malformed and its size.
#pragma once

#include "runtime/arena.h"
#include "schemas/event.h"
#include "schemas/reject.h"
#include "stream/pseudonym.h"
#include "stream/record.h"

struct decoder_options {
    const char *framing; // decode.framing
    int64_t max_event_bytes;
    int64_t max_message_bytes; // at most 64 MiB
    const struct pseudonymiser *pseudonyms;
    bool persons; // fill event.person (ingest has no use for it)
};

struct decoder;

struct decoder *decoder_create(const struct decoder_options *options);
void decoder_destroy(struct decoder **d);

// Decodes a record. Events and what their slices point to live in `arena` or in the record; event.bytes in
// the record. On a reject (NULL_VALUE, EMPTY, UNDECODABLE, OVERSIZED, BATCH_TOO_LONG) the record as a whole
// is refused and *count is 0. What a single event lacks is validate's to find (event.flaws).
enum reject decoder_decode(struct decoder *d, struct arena *arena, const struct record *record,
                           struct event **events, size_t *count);
