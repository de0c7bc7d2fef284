// From a record's bytes to events by protobuf-c's plain decoder, and the recount's own judgement of them.
//
// What is accepted, and the bounds on it, are those of stream/decode/decode.h: raw protobuf (an Event, or an
// EventBatch by its field 127), Confluent framing (0x00, schema id, message indexes [0] or [1]) and
// protobuf-JSON.
#pragma once

#include "clameur/v1/event.pb-c.h"
#include "loadtest/recount/reading/recount_json.h"
#include "runtime/config/rules.h"
#include "schemas/reject.h"

// The largest delta, duration, quantity or amount that may be meant, either way of zero.
#define RECOUNT_NUMBER_MAX INT64_C(100000000000000000)

struct recount_record {
    int32_t partition;
    int64_t offset;
    int64_t time_ms; // 0 where the log has none
    struct slice key;
    struct slice value; // .at NULL: a null value
};

struct recount_framing {
    const char *framing; // decode.framing
    int64_t max_event_bytes;
    int64_t max_message_bytes;
};

// The events of one record. Zeroed before the first use; kept between records for its room.
struct recount_events {
    Clameur__V1__Event **at;
    size_t count;
    size_t room;
    size_t unpack_left;       // what the rest of the record may unpack to
    struct recount_wire wire; // of an event that came as JSON
};

// REJECT_NONE, or why the record as a whole is refused (then count is 0). Always followed by
// recount_events_clear.
enum reject recount_events_read(struct recount_events *events, const struct recount_framing *framing,
                                struct slice value);
void recount_events_clear(struct recount_events *events);
void recount_events_fini(struct recount_events *events);

// The first reason, in the order of rejects.def, why an event is not counted, or REJECT_NONE.
enum reject recount_judge(const Clameur__V1__Event *e, const struct rules *rules, int64_t time_ms);

static inline struct slice recount_text(ProtobufCBinaryData bytes) {
    return (struct slice){(const char *)bytes.data, bytes.len};
}

// How many: 0 or absent is 1.
static inline int64_t recount_delta(const Clameur__V1__Event *e) {
    return e->delta == 0 ? 1 : e->delta;
}
