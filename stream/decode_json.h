// protobuf-JSON into the generated structs, driven by their descriptors; for decode alone.
//
// As the mapping of proto3 says: lowerCamelCase or original names, enums as name or number, 64-bit integers
// as string or number, bytes as base64 (standard or URL-safe), null as absent, unknown fields ignored. A
// wrong type, an unlisted enum name, a repeated key, two bodies, and what is not JSON at all are UNDECODABLE.
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
// event, and of a batch each event's size as protobuf.
enum reject decode_json(struct slice text, size_t max_event_bytes, struct arena *arena,
                        Clameur__V1__Event ***messages, size_t *count);
