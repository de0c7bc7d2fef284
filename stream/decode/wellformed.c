#include "stream/decode/wellformed.h"

#include "stream/decode/wire.h"

// The contract has no repeated numbers, which could come packed, and none of a fixed size.
static unsigned wire_type_of(const ProtobufCFieldDescriptor *field) {
    bool text = field->type == PROTOBUF_C_TYPE_BYTES || field->type == PROTOBUF_C_TYPE_MESSAGE;
    return text ? WIRE_BYTES : WIRE_VARINT;
}

bool wellformed(const ProtobufCMessageDescriptor *shape, struct slice bytes) {
    for (struct wire w = wire_of(bytes); w.at < w.end;) {
        uint64_t number;
        unsigned type;
        struct slice content;
        if (!wire_tag(&w, &number, &type) || !wire_content(&w, type, &content))
            return false;
        const ProtobufCFieldDescriptor *field =
            protobuf_c_message_descriptor_get_field(shape, (unsigned)number);
        if (field == NULL)
            continue;
        if (type != wire_type_of(field))
            return false;
        if (field->type == PROTOBUF_C_TYPE_MESSAGE && !wellformed(field->descriptor, content))
            return false;
    }
    return true;
}
