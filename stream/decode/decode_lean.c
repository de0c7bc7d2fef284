// A message's fields one after the other, each into its place in the generated struct, whose layout a table
// tells: the event's, and those of the one body that most events have. What is not in a table, or comes in
// another wire type, is left to protobuf-c: so this can be wrong about no message, only slower about some.
//
// As in protobuf-c, the last of a field that comes twice holds, and a number of 32 bits is the low half of
// what is sent. A body that comes twice would be merged: left to protobuf-c, too.
#include "stream/decode/decode_lean.h"

#include <stddef.h>
#include <string.h>

#include "stream/decode/wire.h"

enum form { FORM_NONE, FORM_TEXT, FORM_VIEW, FORM_INT64, FORM_INT32, FORM_SINT64, FORM_BOOL };

struct place {
    enum form form;
    size_t offset;
};

// By field number.
static const struct place event_places[] = {
    [1] = {FORM_TEXT, offsetof(Clameur__V1__Event, event_id)},
    [2] = {FORM_INT64, offsetof(Clameur__V1__Event, occurred_at)},
    [3] = {FORM_INT32, offsetof(Clameur__V1__Event, platform)},
    [4] = {FORM_INT32, offsetof(Clameur__V1__Event, kind)},
    [5] = {FORM_TEXT, offsetof(Clameur__V1__Event, account_id)},
    [6] = {FORM_TEXT, offsetof(Clameur__V1__Event, content_id)},
    [7] = {FORM_TEXT, offsetof(Clameur__V1__Event, actor_id)},
    [8] = {FORM_INT64, offsetof(Clameur__V1__Event, observed_at)},
    [9] = {FORM_INT32, offsetof(Clameur__V1__Event, consent)},
    [10] = {FORM_SINT64, offsetof(Clameur__V1__Event, delta)},
    [11] = {FORM_TEXT, offsetof(Clameur__V1__Event, campaign_id)},
    [12] = {FORM_TEXT, offsetof(Clameur__V1__Event, person_id)},
    [13] = {FORM_INT32, offsetof(Clameur__V1__Event, content_format)},
    [14] = {FORM_INT32, offsetof(Clameur__V1__Event, origin)},
    [15] = {FORM_BOOL, offsetof(Clameur__V1__Event, paid)},
    [16] = {FORM_TEXT, offsetof(Clameur__V1__Event, live_session_id)},
    [18] = {FORM_INT32, offsetof(Clameur__V1__Event, traffic_source)},
    [20] = {FORM_TEXT, offsetof(Clameur__V1__Event, platform_name)},
    [21] = {FORM_TEXT, offsetof(Clameur__V1__Event, kind_name)},
    [22] = {FORM_TEXT, offsetof(Clameur__V1__Event, language)},
    [23] = {FORM_TEXT, offsetof(Clameur__V1__Event, country)},
    [CLAMEUR__V1__EVENT__BODY_VIEW] = {FORM_VIEW, offsetof(Clameur__V1__Event, view)},
};

static const struct place view_places[] = {
    [1] = {FORM_INT64, offsetof(Clameur__V1__View, watch_ms)},
    [2] = {FORM_INT64, offsetof(Clameur__V1__View, duration_ms)},
    [3] = {FORM_BOOL, offsetof(Clameur__V1__View, from_impression)},
    [4] = {FORM_INT64, offsetof(Clameur__V1__View, position_ms)},
    [5] = {FORM_BOOL, offsetof(Clameur__V1__View, autoplay)},
    [6] = {FORM_INT32, offsetof(Clameur__V1__View, slide)},
};

#define COUNT_OF(table) (sizeof(table) / sizeof((table)[0]))

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

// The next field's tag, if it is one of the table.
static const struct place *next_place(struct wire *w, const struct place *places, size_t count,
                                      unsigned *type) {
    uint64_t field;
    if (!wire_tag(w, &field, type) || field >= count)
        return NULL;
    return &places[field];
}

static bool read_view(Clameur__V1__View *view, struct wire w) {
    static const Clameur__V1__View empty = CLAMEUR__V1__VIEW__INIT;
    *view = empty;
    while (w.at < w.end) {
        unsigned type;
        const struct place *place = next_place(&w, view_places, COUNT_OF(view_places), &type);
        if (place == NULL || type != WIRE_VARINT || place->form == FORM_NONE ||
            !put_number((char *)view + place->offset, place->form, &w))
            return false;
    }
    return true;
}

static bool put_view(struct lean_event *lean, struct wire *w) {
    struct slice bytes;
    if (lean->event.view != NULL || !wire_bytes(w, &bytes) || !read_view(&lean->view, wire_of(bytes)))
        return false;
    lean->event.view = &lean->view;
    lean->event.body_case = CLAMEUR__V1__EVENT__BODY_VIEW;
    return true;
}

static bool put_field(struct lean_event *lean, struct wire *w) {
    unsigned type;
    const struct place *place = next_place(w, event_places, COUNT_OF(event_places), &type);
    if (place == NULL)
        return false;
    void *member = (char *)&lean->event + place->offset;
    if (type == WIRE_VARINT)
        return place->form > FORM_VIEW && put_number(member, place->form, w);
    if (type != WIRE_BYTES)
        return false;
    return place->form == FORM_TEXT ? put_text(member, w) : place->form == FORM_VIEW && put_view(lean, w);
}

bool decode_lean(struct lean_event *lean, struct slice bytes) {
    static const Clameur__V1__Event empty = CLAMEUR__V1__EVENT__INIT;
    struct wire w = wire_of(bytes);
    lean->event = empty;
    while (w.at < w.end) {
        if (!put_field(lean, &w))
            return false;
    }
    return true;
}
