// protobuf-JSON into the generated structs, driven by their descriptors; for decode alone.
//
// As the mapping of proto3 says: lowerCamelCase or original names, enums as name or number, null as absent,
// unknown fields ignored. Integers are whole numbers in any notation (5, 5.0, 5e0) or strings of an optional
// minus and digits, at most 23 characters. Bytes are base64, of either alphabet; up to two `=` at the end are
// passed over.
//
// UNDECODABLE are a wrong type, a number outside its type, an unlisted enum name, a repeated key (in both
// spellings, too), two bodies, and what is not JSON as jansson reads it: also in unknown fields, a number
// beyond 64 bits or a double's range, a NUL in a key, half a surrogate pair, more than 2,048 levels.
#pragma once

#include "clameur/v1/event.pb-c.h"
#include "runtime/arena.h"
#include "runtime/slice.h"
#include "schemas/reject.h"

enum {
    DECODE_JSON_BYTES_MAX = 16 << 20, // a parsed text takes many times its length
    DECODE_BATCH_EVENTS_MAX = 65535,
};

// An event, or the events of {"events": [...]}, into `arena`. `max_event_bytes` bounds the text of a single
// event, and of a batch each event's size as protobuf. `parts` are the events' own texts within a batch's;
// NULL where the text is an event.
enum reject decode_json(struct slice text, size_t max_event_bytes, struct arena *arena,
                        Clameur__V1__Event ***messages, struct slice **parts, size_t *count);
