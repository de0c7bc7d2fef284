// A record's bytes to events:
//
//  - the first byte (or the option) tells the framing, the first field whether it is a batch;
//  - a batch is walked once for the count and the sizes of its events, which protobuf-c does not tell;
//  - each event is unpacked, a lean one where it stands, any other by protobuf-c out of the arena, and turned
//    into a struct event at once.
//
// Nothing is trusted: sizes are bounded before unpacking, and so is the memory that unpacking may take, for a
// few bytes on the wire can stand for a whole struct.
#include "stream/decode/decode.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/check.h"
#include "runtime/memory.h"
#include "stream/decode/decode_event.h"
#include "stream/decode/decode_json.h"
#include "stream/decode/decode_lean.h"
#include "stream/decode/wellformed.h"
#include "stream/decode/wire.h"

enum { BATCH_FIELD = 127, CONFLUENT_ID_BYTES = 4 };
enum { UNPACKED_BYTES_MAX = 512 << 20 }; // of one record; honest batches of 64 MiB stay below half of it

enum framing { FRAMING_AUTO, FRAMING_RAW, FRAMING_CONFLUENT, FRAMING_JSON };
enum payload_form { PAYLOAD_EVENT, PAYLOAD_BATCH, PAYLOAD_JSON };

struct payload {
    enum payload_form form;
    struct slice bytes;
};

struct decoder {
    enum framing framing;
    size_t max_event_bytes;
    size_t max_value_bytes;
    struct decode_context context;
    ProtobufCAllocator allocator;
    size_t unpack_left; // of UNPACKED_BYTES_MAX
    bool message_taken;
    struct lean_event lean; // every event is unpacked here, for it is not needed past decode_event
};

// The next event of a batch; fields that we don't know are stepped over. False at the end, and with
// *malformed where it breaks off.
static bool batch_next(struct wire *w, struct slice *event, bool *malformed) {
    *malformed = false;
    while (w->at < w->end) {
        uint64_t field;
        unsigned type;
        if (!wire_tag(w, &field, &type) || !wire_content(w, type, event)) {
            *malformed = true;
            return false;
        }
        if (field == BATCH_FIELD && type == WIRE_BYTES)
            return true;
    }
    return false;
}

static enum reject batch_survey(struct slice bytes, size_t max_event_bytes, size_t *count) {
    struct wire w = wire_of(bytes);
    struct slice event;
    bool malformed, oversized = false;
    for (*count = 0; batch_next(&w, &event, &malformed); ++*count)
        oversized = oversized || event.length > max_event_bytes;
    if (malformed)
        return REJECT_UNDECODABLE;
    if (oversized)
        return REJECT_OVERSIZED;
    return *count == 0 || *count > DECODE_BATCH_EVENTS_MAX ? REJECT_BATCH_TOO_LONG : REJECT_NONE;
}

static enum payload_form form_of_raw(struct slice bytes) {
    struct wire w = wire_of(bytes);
    uint64_t field;
    unsigned type;
    return wire_tag(&w, &field, &type) && field == BATCH_FIELD ? PAYLOAD_BATCH : PAYLOAD_EVENT;
}

// 0x00, the schema's id, the path to the message within the schema's file: a count and as many indexes; no
// index at all means [0].
static bool unframe_confluent(struct slice value, struct payload *payload) {
    struct wire w = wire_of(value);
    struct slice id;
    int64_t depth, index = 0;
    if (w.at == w.end || *w.at++ != 0 || !wire_take(&w, CONFLUENT_ID_BYTES, &id) || !wire_zigzag(&w, &depth))
        return false;
    if (depth != 0 && (depth != 1 || !wire_zigzag(&w, &index)))
        return false;
    if (index != 0 && index != 1)
        return false;
    // The order of the messages in event.proto.
    payload->form = index == 0 ? PAYLOAD_EVENT : PAYLOAD_BATCH;
    payload->bytes = (struct slice){(const char *)w.at, (size_t)(w.end - w.at)};
    return true;
}

// `value` has at least one byte.
static bool unframe(enum framing framing, struct slice value, struct payload *payload) {
    if (framing == FRAMING_AUTO)
        framing = value.at[0] == '{' ? FRAMING_JSON : value.at[0] == 0 ? FRAMING_CONFLUENT : FRAMING_RAW;
    if (framing == FRAMING_CONFLUENT)
        return unframe_confluent(value, payload);
    *payload = (struct payload){framing == FRAMING_JSON ? PAYLOAD_JSON : form_of_raw(value), value};
    return true;
}

// protobuf-c's allocator. The first take of an unpacking is the event itself.
static void *unpack_take(void *owner, size_t size) {
    struct decoder *d = owner;
    if (!d->message_taken && size == sizeof(d->lean.event)) {
        d->message_taken = true;
        return &d->lean.event;
    }
    if (size > d->unpack_left)
        return NULL;
    d->unpack_left -= size;
    return arena_take(d->context.arena, size);
}

static void unpack_free(void *owner, void *block) {}

static const Clameur__V1__Event *unpack(struct decoder *d, struct slice bytes) {
    if (decode_lean(&d->lean, bytes))
        return &d->lean.event;
    if (!wellformed(&clameur__v1__event__descriptor, bytes))
        return NULL;
    d->message_taken = false;
    return clameur__v1__event__unpack(&d->allocator, bytes.length, (const uint8_t *)bytes.at);
}

static enum reject decode_one(struct decoder *d, struct slice bytes, struct event *event) {
    const Clameur__V1__Event *message = unpack(d, bytes);
    if (message == NULL)
        return REJECT_UNDECODABLE;
    decode_event(event, message, &d->context);
    event->bytes = bytes;
    return REJECT_NONE;
}

static struct event *take_events(struct decoder *d, size_t count) {
    return arena_take(d->context.arena, count * sizeof(struct event));
}

// `value` is the event in its frame.
static enum reject decode_single(struct decoder *d, struct slice bytes, struct slice value,
                                 struct event **events, size_t *count) {
    if (bytes.length > d->max_event_bytes)
        return REJECT_OVERSIZED;
    *events = take_events(d, 1);
    *count = 1;
    enum reject reject = decode_one(d, bytes, *events);
    (*events)->bytes = value;
    return reject;
}

static enum reject decode_batch(struct decoder *d, struct slice bytes, struct event **events, size_t *count) {
    enum reject reject = batch_survey(bytes, d->max_event_bytes, count);
    if (reject != REJECT_NONE)
        return reject;
    *events = take_events(d, *count);
    struct wire w = wire_of(bytes);
    for (size_t i = 0; i < *count; i++) {
        struct slice event;
        bool malformed;
        CHECK(batch_next(&w, &event, &malformed));
        reject = decode_one(d, event, *events + i);
        if (reject != REJECT_NONE)
            return reject;
    }
    return REJECT_NONE;
}

static enum reject decode_text(struct decoder *d, struct slice text, struct event **events, size_t *count) {
    Clameur__V1__Event **messages;
    struct slice *parts;
    enum reject reject = decode_json(text, d->max_event_bytes, d->context.arena, &messages, &parts, count);
    if (reject != REJECT_NONE)
        return reject;
    *events = take_events(d, *count);
    for (size_t i = 0; i < *count; i++) {
        decode_event(*events + i, messages[i], &d->context);
        (*events)[i].bytes = parts != NULL ? parts[i] : text;
    }
    return REJECT_NONE;
}

static enum reject decode_payload(struct decoder *d, struct slice value, struct event **events,
                                  size_t *count) {
    struct payload payload;
    if (value.length > d->max_value_bytes)
        return REJECT_OVERSIZED;
    if (!unframe(d->framing, value, &payload))
        return REJECT_UNDECODABLE;
    d->unpack_left = UNPACKED_BYTES_MAX;
    if (payload.form == PAYLOAD_EVENT)
        return decode_single(d, payload.bytes, value, events, count);
    if (payload.form == PAYLOAD_BATCH)
        return decode_batch(d, payload.bytes, events, count);
    return decode_text(d, payload.bytes, events, count);
}

enum reject decoder_decode(struct decoder *d, struct arena *arena, const struct record *record,
                           struct event **events, size_t *count) {
    *events = NULL;
    *count = 0;
    if (record->value.at == NULL)
        return REJECT_NULL_VALUE;
    if (record->value.length == 0)
        return REJECT_EMPTY;
    d->context.arena = arena;
    d->context.record_time_ms = record->time_ms;
    enum reject reject = decode_payload(d, record->value, events, count);
    if (reject != REJECT_NONE) {
        *events = NULL;
        *count = 0;
    }
    return reject;
}

static enum framing framing_named(const char *name) {
    if (strcmp(name, "raw") == 0)
        return FRAMING_RAW;
    if (strcmp(name, "confluent") == 0)
        return FRAMING_CONFLUENT;
    if (strcmp(name, "json") == 0)
        return FRAMING_JSON;
    CHECK(strcmp(name, "auto") == 0);
    return FRAMING_AUTO;
}

struct decoder *decoder_create(const struct decoder_options *options) {
    CHECK(options->max_event_bytes > 0 && options->max_message_bytes > 0);
    struct decoder *d = memory_take(sizeof(*d));
    d->framing = framing_named(options->framing);
    d->max_event_bytes = (size_t)options->max_event_bytes;
    d->max_value_bytes = d->max_event_bytes * DECODE_BATCH_EVENTS_MAX;
    if (d->max_value_bytes > (size_t)options->max_message_bytes)
        d->max_value_bytes = (size_t)options->max_message_bytes;
    d->context.pseudonyms = options->pseudonyms;
    d->context.persons = options->persons;
    d->allocator = (ProtobufCAllocator){unpack_take, unpack_free, d};
    return d;
}

void decoder_destroy(struct decoder **d) {
    free(*d);
    *d = NULL;
}
