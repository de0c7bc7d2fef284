// JSON to wire bytes, driven by the generated descriptors: what is 0 or empty is not written, as in proto3,
// and an embedded message is written first and then pushed back to make room for its length.
#include "loadtest/recount/reading/recount_json.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "clameur/v1/event.pb-c.h"
#include "runtime/check.h"
#include "runtime/memory.h"

enum {
    TEXT_MAX = 16 << 20,
    BATCH_EVENTS_MAX = 65535,
    NUMBER_CHARACTERS_MAX = 23,
    VARINT_MAX = 10,
    EVENT_ID_FIELD = 1,
    WIRE_VARINT = 0,
    WIRE_LENGTH = 2,
};

static bool message_write(struct recount_wire *w, const ProtobufCMessageDescriptor *d, const json_t *object);

// --- Bytes

static void put(struct recount_wire *w, const void *bytes, size_t length) {
    if (w->room - w->length < length) {
        w->room = 2 * w->room + length + 64;
        w->at = memory_grow(w->at, w->room, 1);
    }
    if (length > 0)
        memcpy(w->at + w->length, bytes, length);
    w->length += length;
}

static size_t varint(unsigned char out[VARINT_MAX], uint64_t value) {
    size_t length = 0;
    for (; value >= 0x80; value >>= 7)
        out[length++] = (unsigned char)(value | 0x80);
    out[length++] = (unsigned char)value;
    return length;
}

static void put_varint(struct recount_wire *w, uint64_t value) {
    unsigned char bytes[VARINT_MAX];
    put(w, bytes, varint(bytes, value));
}

static void put_tag(struct recount_wire *w, const ProtobufCFieldDescriptor *f, unsigned type) {
    put_varint(w, (uint64_t)f->id << 3 | type);
}

static void put_number(struct recount_wire *w, const ProtobufCFieldDescriptor *f, uint64_t value) {
    if (value == 0)
        return;
    put_tag(w, f, WIRE_VARINT);
    put_varint(w, value);
}

static void put_bytes(struct recount_wire *w, const ProtobufCFieldDescriptor *f, const void *bytes,
                      size_t length) {
    if (length == 0 && f->label != PROTOBUF_C_LABEL_REPEATED)
        return;
    put_tag(w, f, WIRE_LENGTH);
    put_varint(w, length);
    put(w, bytes, length);
}

// --- Values

// An optional minus and digits, within 64 bits.
static bool digits_read(const char *text, size_t length, int64_t *number) {
    size_t at = length > 0 && text[0] == '-';
    __int128 value = 0;
    if (at == length || length > NUMBER_CHARACTERS_MAX)
        return false;
    for (size_t i = at; i < length; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        value = 10 * value + (text[i] - '0');
    }
    value = at == 1 ? -value : value;
    *number = (int64_t)value;
    return value >= INT64_MIN && value <= INT64_MAX;
}

static bool whole_read(const json_t *value, int64_t least, int64_t most, int64_t *number) {
    double real = json_number_value(value);
    switch (json_typeof(value)) {
    case JSON_INTEGER:
        *number = json_integer_value(value);
        break;
    case JSON_REAL:
        if (real != floor(real) || real < -0x1p63 || real >= 0x1p63)
            return false;
        *number = (int64_t)real;
        break;
    case JSON_STRING:
        if (!digits_read(json_string_value(value), json_string_length(value), number))
            return false;
        break;
    case JSON_OBJECT:
    case JSON_ARRAY:
    case JSON_TRUE:
    case JSON_FALSE:
    case JSON_NULL:
        return false;
    }
    return *number >= least && *number <= most;
}

static bool whole_write(struct recount_wire *w, const ProtobufCFieldDescriptor *f, const json_t *value,
                        int64_t least, int64_t most) {
    int64_t number;
    if (!whole_read(value, least, most, &number))
        return false;
    put_number(w, f, (uint64_t)number);
    return true;
}

static bool zigzag_write(struct recount_wire *w, const ProtobufCFieldDescriptor *f, const json_t *value) {
    int64_t number;
    if (!whole_read(value, INT64_MIN, INT64_MAX, &number))
        return false;
    put_number(w, f, number < 0 ? ~((uint64_t)number << 1) : (uint64_t)number << 1);
    return true;
}

static bool enum_write(struct recount_wire *w, const ProtobufCFieldDescriptor *f, const json_t *value) {
    const ProtobufCEnumDescriptor *listed = f->descriptor;
    if (!json_is_string(value))
        return whole_write(w, f, value, INT32_MIN, INT32_MAX);
    struct slice name = {json_string_value(value), json_string_length(value)};
    for (unsigned i = 0; i < listed->n_values; i++) {
        if (slice_equal(name, slice_of(listed->values[i].name))) {
            put_number(w, f, (uint64_t)listed->values[i].value);
            return true;
        }
    }
    return false;
}

static int base64_digit(char c) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    if (c == '-' || c == '_')
        c = c == '-' ? '+' : '/';
    const char *found = c == '\0' ? NULL : strchr(digits, c);
    return found == NULL ? -1 : (int)(found - digits);
}

// Six bits at a time; what is left over at the end is less than a digit and 0.
static bool base64_write(struct recount_wire *w, const ProtobufCFieldDescriptor *f, struct slice text) {
    for (int padding = 0; padding < 2 && text.length > 0 && text.at[text.length - 1] == '='; padding++)
        text.length--;
    unsigned char *bytes = memory_take(text.length + 1);
    size_t length = 0;
    unsigned held = 0, bits = 0;
    bool good = true;
    for (size_t i = 0; good && i < text.length; i++) {
        int digit = base64_digit(text.at[i]);
        good = digit >= 0;
        held = held << 6 | ((unsigned)digit & 63);
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            bytes[length++] = (unsigned char)(held >> bits);
            held &= (1u << bits) - 1;
        }
    }
    good = good && bits < 6 && held == 0;
    if (good)
        put_bytes(w, f, bytes, length);
    free(bytes);
    return good;
}

// A `string`, or the contract's only `bytes`, which the generated descriptors don't tell apart.
static bool text_write(struct recount_wire *w, const ProtobufCMessageDescriptor *d,
                       const ProtobufCFieldDescriptor *f, const json_t *value) {
    if (!json_is_string(value))
        return false;
    struct slice text = {json_string_value(value), json_string_length(value)};
    if (d == &clameur__v1__event__descriptor && f->id == EVENT_ID_FIELD)
        return base64_write(w, f, text);
    put_bytes(w, f, text.at, text.length);
    return true;
}

static bool embedded_write(struct recount_wire *w, const ProtobufCFieldDescriptor *f, const json_t *value) {
    unsigned char length[VARINT_MAX];
    put_tag(w, f, WIRE_LENGTH);
    size_t start = w->length;
    if (!message_write(w, f->descriptor, value))
        return false;
    size_t content = w->length - start, shift = varint(length, content);
    put(w, length, shift); // for the room
    memmove(w->at + start + shift, w->at + start, content);
    memcpy(w->at + start, length, shift);
    return true;
}

// One value. Of protobuf's types those that the contract has.
static bool value_write(struct recount_wire *w, const ProtobufCMessageDescriptor *d,
                        const ProtobufCFieldDescriptor *f, const json_t *value) {
    if (f->type == PROTOBUF_C_TYPE_INT64)
        return whole_write(w, f, value, INT64_MIN, INT64_MAX);
    if (f->type == PROTOBUF_C_TYPE_UINT32)
        return whole_write(w, f, value, 0, UINT32_MAX);
    if (f->type == PROTOBUF_C_TYPE_SINT64)
        return zigzag_write(w, f, value);
    if (f->type == PROTOBUF_C_TYPE_ENUM)
        return enum_write(w, f, value);
    if (f->type == PROTOBUF_C_TYPE_BYTES)
        return text_write(w, d, f, value);
    if (f->type == PROTOBUF_C_TYPE_MESSAGE)
        return embedded_write(w, f, value);
    CHECK(f->type == PROTOBUF_C_TYPE_BOOL);
    put_number(w, f, json_is_true(value));
    return json_is_boolean(value);
}

// --- Messages

static bool is_camel_of(const char *key, const char *name) {
    for (; *name != '\0'; name++, key++) {
        bool joint = *name == '_';
        if (joint)
            name++;
        if (*key != (joint ? (char)(*name - 'a' + 'A') : *name))
            return false;
    }
    return *key == '\0';
}

static const ProtobufCFieldDescriptor *field_of(const ProtobufCMessageDescriptor *d, const char *key) {
    for (unsigned i = 0; i < d->n_fields; i++) {
        if (strcmp(key, d->fields[i].name) == 0 || is_camel_of(key, d->fields[i].name))
            return &d->fields[i];
    }
    return NULL;
}

static bool field_write(struct recount_wire *w, const ProtobufCMessageDescriptor *d,
                        const ProtobufCFieldDescriptor *f, const json_t *value) {
    if (f->label != PROTOBUF_C_LABEL_REPEATED)
        return value_write(w, d, f, value);
    bool good = json_is_array(value);
    for (size_t i = 0; good && i < json_array_size(value); i++)
        good = value_write(w, d, f, json_array_get(value, i));
    return good;
}

// Recurses as deep as the contract nests, however deep the text does. No message of it has two oneofs.
static bool message_write(struct recount_wire *w, const ProtobufCMessageDescriptor *d, const json_t *object) {
    const ProtobufCFieldDescriptor *seen[64], *body = NULL;
    size_t seen_count = 0;
    const char *key;
    json_t *value;
    CHECK(d->n_fields <= sizeof(seen) / sizeof(seen[0]));
    if (!json_is_object(object))
        return false;
    json_object_foreach((json_t *)object, key, value) {
        const ProtobufCFieldDescriptor *f = field_of(d, key);
        if (f == NULL || json_is_null(value))
            continue;
        for (size_t i = 0; i < seen_count; i++) {
            if (seen[i] == f)
                return false; // in both spellings
        }
        seen[seen_count++] = f;
        bool of_body = (f->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) != 0;
        if ((of_body && body != NULL) || !field_write(w, d, f, value))
            return false;
        body = of_body ? f : body;
    }
    return true;
}

enum reject recount_json_open(struct recount_json *j, struct slice text, int64_t max_event_bytes) {
    *j = (struct recount_json){0};
    if (text.length > TEXT_MAX)
        return REJECT_OVERSIZED;
    j->root = json_loadb(text.at, text.length, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
    if (j->root == NULL)
        return REJECT_UNDECODABLE;
    const json_t *events = json_object_get(j->root, "events");
    if (events == NULL || json_is_null(events)) {
        j->count = 1;
        return (int64_t)text.length > max_event_bytes ? REJECT_OVERSIZED : REJECT_NONE;
    }
    if (!json_is_array(events))
        return REJECT_UNDECODABLE;
    j->events = events;
    j->count = json_array_size(events);
    return j->count == 0 || j->count > BATCH_EVENTS_MAX ? REJECT_BATCH_TOO_LONG : REJECT_NONE;
}

void recount_json_close(struct recount_json *j) {
    json_decref(j->root);
    *j = (struct recount_json){0};
}

bool recount_json_event(const struct recount_json *j, size_t index, struct recount_wire *wire) {
    const json_t *event = j->events == NULL ? j->root : json_array_get(j->events, index);
    CHECK(index < j->count);
    wire->length = 0;
    return message_write(wire, &clameur__v1__event__descriptor, event);
}

void recount_wire_fini(struct recount_wire *wire) {
    free(wire->at);
    *wire = (struct recount_wire){0};
}
