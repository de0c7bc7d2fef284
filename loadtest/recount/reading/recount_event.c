#include "loadtest/recount/reading/recount_event.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/check.h"
#include "runtime/memory.h"

enum {
    UNPACKED_MAX = 512 << 20,
    BATCH_EVENTS_MAX = 65535,
    BATCH_FIELD = 127,
    BATCH_TAG = BATCH_FIELD << 3 | 2,
    CONFLUENT_HEADER = 5, // 0x00 and the schema's id
};

// Cuts a varint of at most so many bytes, and at most that large, off the front of `rest`.
static bool varint_cut_bounded(struct slice *rest, size_t bytes_max, uint64_t most, uint64_t *value) {
    unsigned __int128 sum = 0;
    for (size_t i = 0; i < bytes_max && i < rest->length; i++) {
        unsigned char byte = (unsigned char)rest->at[i];
        sum |= (unsigned __int128)(byte & 0x7f) << (7 * i);
        if (byte >= 0x80)
            continue;
        *rest = (struct slice){rest->at + i + 1, rest->length - i - 1};
        *value = (uint64_t)sum;
        return sum <= most;
    }
    return false;
}

static bool varint_cut(struct slice *rest, uint64_t *value) {
    return varint_cut_bounded(rest, 10, UINT64_MAX, value);
}

static bool tag_cut(struct slice *rest, uint64_t *tag) {
    return varint_cut_bounded(rest, 5, UINT32_MAX, tag) && *tag >> 3 > 0;
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
    if (!tag_cut(rest, tag))
        return false;
    switch (*tag & 7) {
    case 0:
        return varint_cut(rest, &number);
    case 1:
        return bytes_cut(rest, 8, bytes);
    case 2:
        return varint_cut_bounded(rest, 5, INT32_MAX, &number) && bytes_cut(rest, number, bytes);
    case 5:
        return bytes_cut(rest, 4, bytes);
    default:
        return false;
    }
}

// Is it a message in the contract's strict sense, its known fields in their wire types, and every message in
// it likewise? protobuf-c reads other bytes too, by rules of its own.
static bool is_strict(const ProtobufCMessageDescriptor *message, struct slice rest) {
    while (rest.length > 0) {
        uint64_t tag;
        struct slice bytes;
        if (!field_cut(&rest, &tag, &bytes))
            return false;
        const ProtobufCFieldDescriptor *f =
            protobuf_c_message_descriptor_get_field(message, (unsigned)(tag >> 3));
        if (f == NULL)
            continue;
        bool inner = f->type == PROTOBUF_C_TYPE_MESSAGE, number = !inner && f->type != PROTOBUF_C_TYPE_BYTES;
        if ((tag & 7) != (number ? 0 : 2) || (inner && !is_strict(f->descriptor, bytes)))
            return false;
    }
    return true;
}

struct unpacking {
    size_t *left;
    bool begun; // the first that protobuf-c asks for is the event itself, which the bound leaves out
};

static void *unpack_take(void *context, size_t size) {
    struct unpacking *u = context;
    size_t cost = u->begun ? size : 0;
    u->begun = true;
    if (cost > *u->left)
        return NULL;
    *u->left -= cost;
    return memory_take(size);
}

static void unpack_free(void *context, void *block) {
    free(block);
}

static enum reject event_read(struct recount_events *events, const struct recount_framing *framing,
                              struct slice bytes) {
    if ((int64_t)bytes.length > framing->max_event_bytes)
        return REJECT_OVERSIZED;
    if (!is_strict(&clameur__v1__event__descriptor, bytes))
        return REJECT_UNDECODABLE;
    struct unpacking unpacking = {.left = &events->unpack_left};
    ProtobufCAllocator allocator = {unpack_take, unpack_free, &unpacking};
    Clameur__V1__Event *event =
        clameur__v1__event__unpack(&allocator, bytes.length, (const uint8_t *)bytes.at);
    if (event == NULL)
        return REJECT_UNDECODABLE;
    if (events->count == events->room) {
        events->room = events->room == 0 ? 64 : 2 * events->room;
        events->at = memory_grow(events->at, events->room, sizeof(Clameur__V1__Event *));
    }
    events->at[events->count++] = event;
    return REJECT_NONE;
}

// Is the batch whole, and no event of it and no number of them too large? A batch is taken apart here, so
// that the size of each event is the one on the wire.
static enum reject batch_judge(const struct recount_framing *framing, struct slice bytes) {
    size_t count = 0;
    bool oversized = false;
    for (struct slice rest = bytes; rest.length > 0;) {
        uint64_t tag;
        struct slice event;
        if (!field_cut(&rest, &tag, &event))
            return REJECT_UNDECODABLE;
        if (tag != BATCH_TAG)
            continue;
        count++;
        oversized |= (int64_t)event.length > framing->max_event_bytes;
    }
    if (oversized)
        return REJECT_OVERSIZED;
    return count == 0 || count > BATCH_EVENTS_MAX ? REJECT_BATCH_TOO_LONG : REJECT_NONE;
}

static enum reject batch_read(struct recount_events *events, const struct recount_framing *framing,
                              struct slice bytes) {
    enum reject reject = batch_judge(framing, bytes);
    for (struct slice rest = bytes; reject == REJECT_NONE && rest.length > 0;) {
        uint64_t tag;
        struct slice event;
        CHECK(field_cut(&rest, &tag, &event));
        if (tag == BATCH_TAG)
            reject = event_read(events, framing, event);
    }
    return reject;
}

static enum reject json_read(struct recount_events *events, const struct recount_framing *framing,
                             struct slice text) {
    struct recount_json json;
    enum reject reject = recount_json_open(&json, text, framing->max_event_bytes);
    events->unpack_left = SIZE_MAX; // the bound on the text stands for it
    for (size_t i = 0; reject == REJECT_NONE && i < json.count; i++) {
        bool good = recount_json_event(&json, i, &events->wire);
        struct slice bytes = {(const char *)events->wire.at, events->wire.length};
        reject = good ? event_read(events, framing, bytes) : REJECT_UNDECODABLE;
    }
    recount_json_close(&json);
    return reject;
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
    return tag_cut(&value, &tag) && tag >> 3 == BATCH_FIELD;
}

// More than the deployment takes, or than as many events of the largest size as a batch may have.
static bool is_too_large(const struct recount_framing *framing, struct slice value) {
    int64_t length = (int64_t)value.length;
    return length > framing->max_message_bytes || length > framing->max_event_bytes * BATCH_EVENTS_MAX;
}

static enum reject value_read(struct recount_events *events, const struct recount_framing *framing,
                              struct slice value) {
    if (value.at == NULL)
        return REJECT_NULL_VALUE;
    if (value.length == 0)
        return REJECT_EMPTY;
    if (is_too_large(framing, value))
        return REJECT_OVERSIZED;
    events->unpack_left = UNPACKED_MAX;
    bool any = strcmp(framing->framing, "auto") == 0;
    if (strcmp(framing->framing, "json") == 0 || (any && value.at[0] == '{'))
        return json_read(events, framing, value);
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
    recount_wire_fini(&events->wire);
    *events = (struct recount_events){0};
}
