#include "schemas/snapshot/wire.h"

static bool read_length(struct wire_in *in, uint64_t length, struct slice *bytes) {
    if (length > (size_t)(in->end - in->at))
        return false;
    *bytes = (struct slice){in->at, (size_t)length};
    in->at += length;
    return true;
}

static bool read_value(struct wire_in *in, struct wire_field *field) {
    uint64_t length;
    switch (field->type) {
    case WIRE_VARINT:
        return wire_read(in, &field->value);
    case WIRE_64:
        return read_length(in, 8, &field->bytes);
    case WIRE_32:
        return read_length(in, 4, &field->bytes);
    case WIRE_BYTES:
        return wire_read(in, &length) && read_length(in, length, &field->bytes);
    default:
        return false;
    }
}

bool wire_next(struct wire_in *in, struct wire_field *field) {
    struct wire_in from = *in;
    uint32_t tag;
    if (wire_is_at_end(in))
        return false;
    *field = (struct wire_field){0};
    if (wire_read_32(in, &tag) && tag >> 3 != 0) {
        field->number = tag >> 3;
        field->type = (enum wire_type)(tag & 7);
        if (read_value(in, field))
            return true;
    }
    *in = from;
    return false;
}
