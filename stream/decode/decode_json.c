#include "stream/decode/decode_json.h"

#include <errno.h>
#include <jansson.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/check.h"
#include "stream/decode/json_parts.h"

enum { FIELD_NAME_MAX = 64, FIELDS_MAX = 64, NUMBER_TEXT_MAX = 24 };

static bool fill_message(ProtobufCMessage *message, const json_t *object, struct arena *arena);

// The field that a key names, by its original name or its lowerCamelCase, not by a mixture. Our names are
// letters and underscores only, so that every capital stands for an underscore.
static const ProtobufCFieldDescriptor *field_of(const ProtobufCMessageDescriptor *descriptor,
                                                const char *key) {
    char name[FIELD_NAME_MAX];
    size_t length = 0;
    bool original = strchr(key, '_') != NULL;
    for (; *key != '\0'; key++) {
        bool capital = *key >= 'A' && *key <= 'Z';
        if (length + 2 >= sizeof(name) || (capital && original))
            return NULL;
        if (capital)
            name[length++] = '_';
        name[length++] = capital ? (char)(*key - 'A' + 'a') : *key;
    }
    name[length] = '\0';
    return protobuf_c_message_descriptor_get_field_by_name(descriptor, name);
}

static bool read_decimal(const char *text, size_t length, int64_t *number) {
    char copy[NUMBER_TEXT_MAX];
    if (length == 0 || length >= sizeof(copy))
        return false;
    memcpy(copy, text, length);
    copy[length] = '\0';
    const char *first = copy[0] == '-' ? copy + 1 : copy;
    if (*first < '0' || *first > '9')
        return false;
    char *end;
    errno = 0;
    *number = strtoll(copy, &end, 10);
    return errno == 0 && end == copy + length;
}

static bool read_whole(const json_t *value, int64_t min, int64_t max, int64_t *number) {
    if (json_is_integer(value)) {
        *number = json_integer_value(value);
    } else if (json_is_string(value)) {
        if (!read_decimal(json_string_value(value), json_string_length(value), number))
            return false;
    } else if (json_is_real(value)) {
        double real = json_real_value(value);
        // Both bounds are exact as doubles; the upper is 2^63 itself, the first that does not fit.
        if (!(real >= -0x1p63 && real < 0x1p63) || (double)(int64_t)real != real)
            return false;
        *number = (int64_t)real;
    } else {
        return false;
    }
    return *number >= min && *number <= max;
}

static bool read_enum(const ProtobufCEnumDescriptor *descriptor, const json_t *value, int *number) {
    if (json_is_string(value)) {
        const char *name = json_string_value(value);
        const ProtobufCEnumValue *row = protobuf_c_enum_descriptor_get_value_by_name(descriptor, name);
        if (row == NULL || strlen(name) != json_string_length(value))
            return false;
        *number = row->value;
        return true;
    }
    int64_t whole;
    if (!read_whole(value, INT32_MIN, INT32_MAX, &whole))
        return false;
    *number = (int)whole;
    return true;
}

static bool read_text(const json_t *value, struct arena *arena, ProtobufCBinaryData *text) {
    if (!json_is_string(value))
        return false;
    text->len = json_string_length(value);
    text->data = arena_take_bytes(arena, text->len);
    memcpy(text->data, json_string_value(value), text->len);
    return true;
}

// Both alphabets, with or without padding.
static bool read_base64(const json_t *value, struct arena *arena, ProtobufCBinaryData *bytes) {
    if (!read_text(value, arena, bytes))
        return false;
    size_t length = bytes->len;
    while (length > 0 && bytes->len - length < 2 && bytes->data[length - 1] == '=')
        length--;
    for (size_t i = 0; i < length; i++) {
        if (bytes->data[i] >= 0x80) // which libsodium takes for digits, some of them
            return false;
        if (bytes->data[i] == '-')
            bytes->data[i] = '+';
        if (bytes->data[i] == '_')
            bytes->data[i] = '/';
    }
    unsigned char *binary = arena_take_bytes(arena, length);
    if (sodium_base642bin(binary, length, (const char *)bytes->data, length, NULL, &bytes->len, NULL,
                          sodium_base64_VARIANT_ORIGINAL_NO_PADDING) != 0)
        return false;
    bytes->data = binary;
    return true;
}

static bool read_message(const ProtobufCMessageDescriptor *descriptor, const json_t *value,
                         struct arena *arena, ProtobufCMessage **message) {
    *message = arena_take(arena, descriptor->sizeof_message);
    protobuf_c_message_init(descriptor, *message);
    return fill_message(*message, value, arena);
}

// The contract's only `bytes`; every other text is a `string` that the generated code calls bytes, too.
static bool is_bytes(const ProtobufCFieldDescriptor *field) {
    return strcmp(field->name, "event_id") == 0;
}

// One value of the field's type at `at`. Of protobuf's types those that the contract uses; a test holds it to
// them.
static bool read_value(const ProtobufCFieldDescriptor *field, const json_t *value, struct arena *arena,
                       void *at) {
    int64_t whole;
    if (field->type == PROTOBUF_C_TYPE_INT64 || field->type == PROTOBUF_C_TYPE_SINT64)
        return read_whole(value, INT64_MIN, INT64_MAX, at);
    if (field->type == PROTOBUF_C_TYPE_UINT32) {
        if (!read_whole(value, 0, UINT32_MAX, &whole))
            return false;
        *(uint32_t *)at = (uint32_t)whole;
        return true;
    }
    if (field->type == PROTOBUF_C_TYPE_ENUM)
        return read_enum(field->descriptor, value, at);
    if (field->type == PROTOBUF_C_TYPE_BOOL) {
        *(protobuf_c_boolean *)at = json_is_true(value);
        return json_is_boolean(value);
    }
    if (field->type == PROTOBUF_C_TYPE_BYTES)
        return is_bytes(field) ? read_base64(value, arena, at) : read_text(value, arena, at);
    if (field->type == PROTOBUF_C_TYPE_MESSAGE)
        return read_message(field->descriptor, value, arena, at);
    return false;
}

static bool read_repeated(ProtobufCMessage *message, const ProtobufCFieldDescriptor *field,
                          const json_t *array, struct arena *arena) {
    if (!json_is_array(array))
        return false;
    size_t size =
        field->type == PROTOBUF_C_TYPE_MESSAGE ? sizeof(ProtobufCMessage *) : sizeof(ProtobufCBinaryData);
    size_t count = json_array_size(array);
    char *values = arena_take(arena, count * size);
    for (size_t i = 0; i < count; i++) {
        if (!read_value(field, json_array_get(array, i), arena, values + i * size))
            return false;
    }
    *(char **)((char *)message + field->offset) = values;
    *(size_t *)((char *)message + field->quantifier_offset) = count;
    return true;
}

static bool read_field(ProtobufCMessage *message, const ProtobufCFieldDescriptor *field, const json_t *value,
                       struct arena *arena) {
    if (field->label == PROTOBUF_C_LABEL_REPEATED)
        return read_repeated(message, field, value, arena);
    if (field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) {
        uint32_t *which = (uint32_t *)((char *)message + field->quantifier_offset);
        if (*which != 0)
            return false;
        *which = field->id;
    }
    return read_value(field, value, arena, (char *)message + field->offset);
}

// Recurses as deep as the contract nests, however deep the text does.
static bool fill_message(ProtobufCMessage *message, const json_t *object, struct arena *arena) {
    const ProtobufCMessageDescriptor *descriptor = message->descriptor;
    CHECK(descriptor->n_fields <= FIELDS_MAX);
    if (!json_is_object(object))
        return false;
    uint64_t seen = 0;
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)object, key, value) {
        const ProtobufCFieldDescriptor *field = field_of(descriptor, key);
        if (field == NULL || json_is_null(value))
            continue;
        uint64_t bit = UINT64_C(1) << (field - descriptor->fields);
        if ((seen & bit) != 0 || !read_field(message, field, value, arena))
            return false;
        seen |= bit;
    }
    return true;
}

static enum reject read_batch(const json_t *array, size_t max_event_bytes, struct arena *arena,
                              Clameur__V1__Event ***messages, size_t *count) {
    if (!json_is_array(array))
        return REJECT_UNDECODABLE;
    size_t length = json_array_size(array);
    if (length == 0 || length > DECODE_BATCH_EVENTS_MAX)
        return REJECT_BATCH_TOO_LONG;
    *messages = arena_take(arena, length * sizeof(**messages));
    for (size_t i = 0; i < length; i++) {
        ProtobufCMessage *message;
        if (!read_message(&clameur__v1__event__descriptor, json_array_get(array, i), arena, &message))
            return REJECT_UNDECODABLE;
        if (protobuf_c_message_get_packed_size(message) > max_event_bytes)
            return REJECT_OVERSIZED;
        (*messages)[i] = (Clameur__V1__Event *)message;
    }
    *count = length;
    return REJECT_NONE;
}

static enum reject read_single(const json_t *object, size_t text_length, size_t max_event_bytes,
                               struct arena *arena, Clameur__V1__Event ***messages, size_t *count) {
    if (text_length > max_event_bytes)
        return REJECT_OVERSIZED;
    ProtobufCMessage *message;
    if (!read_message(&clameur__v1__event__descriptor, object, arena, &message))
        return REJECT_UNDECODABLE;
    *messages = arena_take(arena, sizeof(**messages));
    (*messages)[0] = (Clameur__V1__Event *)message;
    *count = 1;
    return REJECT_NONE;
}

enum reject decode_json(struct slice text, size_t max_event_bytes, struct arena *arena,
                        Clameur__V1__Event ***messages, struct slice **parts, size_t *count) {
    *parts = NULL;
    if (text.length > DECODE_JSON_BYTES_MAX)
        return REJECT_OVERSIZED;
    json_error_t error;
    json_t *root = json_loadb(text.at, text.length, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
    const json_t *events = json_object_get(root, "events");
    enum reject reject = REJECT_UNDECODABLE;
    if (events != NULL && !json_is_null(events))
        reject = read_batch(events, max_event_bytes, arena, messages, count);
    else if (root != NULL)
        reject = read_single(root, text.length, max_event_bytes, arena, messages, count);
    if (reject == REJECT_NONE && json_is_array(events)) {
        *parts = arena_take(arena, *count * sizeof(**parts));
        json_parts_find(text, "events", *parts, *count);
    }
    json_decref(root);
    return reject;
}
