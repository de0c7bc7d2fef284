// An event's fields one after the other, each into its place in the generated struct, whose layout a table
// tells. What is not in the table, or comes in another wire type, is left to protobuf-c: so this can be wrong
// about no message, only slower about some.
//
// As in protobuf-c, the last of a field that comes twice holds, and a number of 32 bits is the low half of
// what is sent.
#include "stream/decode/decode_lean.h"

#include <stddef.h>
#include <string.h>

#include "stream/decode/wire.h"

enum form { FORM_NONE, FORM_TEXT, FORM_INT64, FORM_INT32, FORM_SINT64, FORM_BOOL };

struct place {
    enum form form;
    size_t offset;
};

#define PLACE(number, member, form) [number] = {form, offsetof(Clameur__V1__Event, member)}

// By field number.
static const struct place places[] = {
    PLACE(1, event_id, FORM_TEXT),
    PLACE(2, occurred_at, FORM_INT64),
    PLACE(3, platform, FORM_INT32),
    PLACE(4, kind, FORM_INT32),
    PLACE(5, account_id, FORM_TEXT),
    PLACE(6, content_id, FORM_TEXT),
    PLACE(7, actor_id, FORM_TEXT),
    PLACE(8, observed_at, FORM_INT64),
    PLACE(9, consent, FORM_INT32),
    PLACE(10, delta, FORM_SINT64),
    PLACE(11, campaign_id, FORM_TEXT),
    PLACE(12, person_id, FORM_TEXT),
    PLACE(13, content_format, FORM_INT32),
    PLACE(14, origin, FORM_INT32),
    PLACE(15, paid, FORM_BOOL),
    PLACE(16, live_session_id, FORM_TEXT),
    PLACE(18, traffic_source, FORM_INT32),
    PLACE(20, platform_name, FORM_TEXT),
    PLACE(21, kind_name, FORM_TEXT),
    PLACE(22, language, FORM_TEXT),
    PLACE(23, country, FORM_TEXT),
};

enum { PLACES = sizeof(places) / sizeof(places[0]) };

static bool put_text(void *place, struct wire *w) {
    struct slice text;
    if (!wire_bytes(w, &text))
        return false;
    *(ProtobufCBinaryData *)place = (ProtobufCBinaryData){text.length, (uint8_t *)(uintptr_t)text.at};
    return true;
}

static bool put_number(void *place, enum form form, struct wire *w) {
    uint64_t number;
    if (!wire_varint(w, &number))
        return false;
    if (form == FORM_SINT64)
        number = (number >> 1) ^ -(number & 1);
    if (form == FORM_BOOL)
        *(protobuf_c_boolean *)place = number != 0;
    else if (form == FORM_INT32)
        *(uint32_t *)place = (uint32_t)number;
    else
        *(uint64_t *)place = number;
    return true;
}

static bool put_field(Clameur__V1__Event *message, struct wire *w) {
    uint64_t field;
    unsigned type;
    if (!wire_tag(w, &field, &type) || field >= PLACES)
        return false;
    enum form form = places[field].form;
    char *place = (char *)message + places[field].offset;
    if (type == WIRE_BYTES)
        return form == FORM_TEXT && put_text(place, w);
    return type == WIRE_VARINT && form > FORM_TEXT && put_number(place, form, w);
}

bool decode_lean(Clameur__V1__Event *message, struct slice bytes) {
    static const Clameur__V1__Event empty = CLAMEUR__V1__EVENT__INIT;
    struct wire w = wire_of(bytes);
    *message = empty;
    while (w.at < w.end) {
        if (!put_field(message, &w))
            return false;
    }
    return true;
}
