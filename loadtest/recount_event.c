#include "loadtest/recount_event.h"

#include <stdlib.h>

#include "runtime/check.h"
#include "runtime/memory.h"

enum {
    BATCH_EVENTS_MAX = 65535,
    BATCH_FIELD = 127,
    CONFLUENT_HEADER = 5, // 0x00 and the schema's id
};

// Cuts a varint off the front of `rest`.
static bool varint_cut(struct slice *rest, uint64_t *value) {
    *value = 0;
    for (unsigned shift = 0; shift < 64 && rest->length > 0; shift += 7) {
        uint64_t byte = (unsigned char)*rest->at;
        rest->at++;
        rest->length--;
        *value |= (byte & 0x7f) << shift;
        if (byte < 0x80)
            return true;
    }
    return false;
}

static bool bytes_cut(struct slice *rest, uint64_t length, struct slice *bytes) {
    if (length > rest->length)
        return false;
    *bytes = (struct slice){rest->at, (size_t)length};
    rest->at += length;
    rest->length -= (size_t)length;
    return true;
}

// The next field of a message: its tag, and its bytes where it has a length. False where it is malformed.
static bool field_cut(struct slice *rest, uint64_t *tag, struct slice *bytes) {
    uint64_t number;
    *bytes = (struct slice){NULL, 0};
    if (!varint_cut(rest, tag) || *tag < 8 || *tag > UINT32_MAX)
        return false;
    switch (*tag & 7) {
    case 0:
        return varint_cut(rest, &number);
    case 1:
        return bytes_cut(rest, 8, bytes);
    case 2:
        return varint_cut(rest, &number) && bytes_cut(rest, number, bytes);
    case 5:
        return bytes_cut(rest, 4, bytes);
    default:
        return false;
    }
}

static enum reject event_read(struct recount_events *events, const struct recount_framing *framing,
                              struct slice bytes) {
    if ((int64_t)bytes.length > framing->max_event_bytes)
        return REJECT_OVERSIZED;
    Clameur__V1__Event *event = clameur__v1__event__unpack(NULL, bytes.length, (const uint8_t *)bytes.at);
    if (event == NULL)
        return REJECT_UNDECODABLE;
    if (events->count == events->room) {
        events->room = events->room == 0 ? 64 : 2 * events->room;
        events->at = memory_grow(events->at, events->room, sizeof(Clameur__V1__Event *));
    }
    events->at[events->count++] = event;
    return REJECT_NONE;
}

// A batch is taken apart here, so that the size of each event is the one on the wire.
static enum reject batch_read(struct recount_events *events, const struct recount_framing *framing,
                              struct slice bytes) {
    enum reject reject = REJECT_NONE;
    size_t count = 0;
    for (struct slice rest = bytes; rest.length > 0;) {
        uint64_t tag;
        struct slice event;
        if (!field_cut(&rest, &tag, &event))
            return REJECT_UNDECODABLE;
        if (tag != (BATCH_FIELD << 3 | 2))
            continue;
        if (++count > BATCH_EVENTS_MAX)
            return REJECT_BATCH_TOO_LONG;
        enum reject one = event_read(events, framing, event);
        if (one == REJECT_UNDECODABLE)
            return one;
        if (reject == REJECT_NONE)
            reject = one;
    }
    return count == 0 ? REJECT_BATCH_TOO_LONG : reject;
}

// Takes the Confluent header off and tells by the message indexes which message it is; zigzag varints, [0]
// shortened to one 0.
static bool confluent_cut(struct slice *value, bool *batch) {
    struct slice header;
    uint64_t count, index;
    if (!bytes_cut(value, CONFLUENT_HEADER, &header) || !varint_cut(value, &count))
        return false;
    *batch = false;
    if (count == 0)
        return true;
    if (count != 2 || !varint_cut(value, &index) || (index != 0 && index != 2))
        return false;
    *batch = index == 2;
    return true;
}

static bool is_batch(struct slice value) {
    uint64_t tag;
    return varint_cut(&value, &tag) && tag >> 3 == BATCH_FIELD;
}

static enum reject value_read(struct recount_events *events, const struct recount_framing *framing,
                              struct slice value) {
    if (value.at == NULL)
        return REJECT_NULL_VALUE;
    if (value.length == 0)
        return REJECT_EMPTY;
    bool any = strcmp(framing->framing, "auto") == 0;
    if (strcmp(framing->framing, "json") == 0 || (any && value.at[0] == '{')) {
        events->json = true;
        return REJECT_UNDECODABLE;
    }
    bool batch = false;
    if (strcmp(framing->framing, "confluent") == 0 || (any && value.at[0] == '\0')) {
        if (value.at[0] != '\0' || !confluent_cut(&value, &batch))
            return REJECT_UNDECODABLE;
    } else {
        batch = is_batch(value);
    }
    return batch ? batch_read(events, framing, value) : event_read(events, framing, value);
}

enum reject recount_events_read(struct recount_events *events, const struct recount_framing *framing,
                                struct slice value) {
    CHECK(events->count == 0);
    events->json = false;
    enum reject reject = value_read(events, framing, value);
    if (reject != REJECT_NONE)
        recount_events_clear(events);
    return reject;
}

void recount_events_clear(struct recount_events *events) {
    for (size_t i = 0; i < events->count; i++)
        clameur__v1__event__free_unpacked(events->at[i], NULL);
    events->count = 0;
}

void recount_events_fini(struct recount_events *events) {
    recount_events_clear(events);
    free(events->at);
    *events = (struct recount_events){0};
}
