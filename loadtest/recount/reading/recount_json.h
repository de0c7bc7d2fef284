// Protobuf-JSON as protobuf: each event of a text in the bytes that a producer of protobuf would have sent,
// so that one reading of events serves both. The contract is in stream/decode/decode_json.h; this is a second
// reading of it, by jansson, but otherwise on its own.
#pragma once

#include <jansson.h>

#include "runtime/slice.h"
#include "schemas/reject.h"

struct recount_json {
    json_t *root;
    const json_t *events; // of a batch; NULL: the root is the event
    size_t count;         // of events
};

// Bytes of a message. Zeroed before the first use; kept for its room.
struct recount_wire {
    unsigned char *at;
    size_t length;
    size_t room;
};

// REJECT_NONE, UNDECODABLE, OVERSIZED (the text; of a single event by `max_event_bytes`) or BATCH_TOO_LONG.
// Always followed by recount_json_close.
enum reject recount_json_open(struct recount_json *j, struct slice text, int64_t max_event_bytes);
void recount_json_close(struct recount_json *j);

// Writes event `index` over what `wire` held. False where it is undecodable.
bool recount_json_event(const struct recount_json *j, size_t index, struct recount_wire *wire);
void recount_wire_fini(struct recount_wire *wire);
