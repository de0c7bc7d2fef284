// Viewers of live sessions in a checkpoint: written, and read from bytes that are not trusted.
#include <string.h>

#include "schemas/snapshot/snapshot_parts.h"

void viewer_write(struct wire_out *w, const struct viewer *viewer) {
    wire_bytes(w, VIEWER_KEY, (struct slice){(const char *)viewer->key, VIEWER_KEY_SIZE});
    wire_int(w, VIEWER_HEARD, viewer->heard_ms);
    wire_uint(w, VIEWER_JOINED, wire_zigzag(viewer->joined));
    wire_uint(w, VIEWER_ARMED, viewer->armed);
    wire_uint(w, VIEWER_ASSUMED, viewer->assumed);
    wire_uint(w, VIEWER_TIMEOUT, viewer->timeout_ms);
    wire_uint(w, VIEWER_HEARD_EVENT, viewer->heard_event);
}

static const char *read_number(const struct wire_field *field, struct viewer *viewer) {
    switch (field->number) {
    case VIEWER_HEARD:
        viewer->heard_ms = (int64_t)field->value;
        return NULL;
    case VIEWER_JOINED:
        viewer->joined = wire_unzigzag(field->value);
        return NULL;
    case VIEWER_ARMED:
        viewer->armed = field->value != 0;
        return NULL;
    case VIEWER_ASSUMED:
        viewer->assumed = field->value != 0;
        return NULL;
    case VIEWER_TIMEOUT:
        viewer->timeout_ms = (uint32_t)field->value;
        return field->value > VIEWER_TIMEOUT_MAX_MS ? "a viewer may be silent for longer than can be" : NULL;
    case VIEWER_HEARD_EVENT:
        viewer->heard_event = field->value;
        return NULL;
    default:
        return NULL;
    }
}

static const char *viewer_read(struct slice bytes, struct viewer *viewer) {
    struct wire_in in = wire_in(bytes);
    struct wire_field field;
    const char *wrong = NULL;
    bool has_key = false;
    *viewer = (struct viewer){0};
    while (wrong == NULL && wire_next(&in, &field)) {
        if (field.type == WIRE_VARINT)
            wrong = read_number(&field, viewer);
        if (field.type != WIRE_BYTES || field.number != VIEWER_KEY)
            continue;
        has_key = field.bytes.length == VIEWER_KEY_SIZE;
        if (has_key)
            memcpy(viewer->key, field.bytes.at, VIEWER_KEY_SIZE);
    }
    if (wrong != NULL)
        return wrong;
    if (!wire_is_at_end(&in) || !has_key)
        return "a viewer is damaged, or has no key";
    return viewer->heard_ms < 0 || viewer->heard_ms >= EVENT_TIME_END_MS ? "a viewer was heard at no time"
                                                                         : NULL;
}

const char *block_read_viewers(struct block_reader *reader, struct slice bytes, uint32_t count) {
    struct wire_in in = wire_in(bytes);
    struct wire_field field;
    struct viewer viewer;
    uint32_t read = 0;
    if (!reader->is_checkpoint || reader->last.window_s != 0)
        return "it has viewers, which only checkpoints do, and of no window";
    while (wire_next(&in, &field)) {
        if (field.number != BLOCK_VIEWERS)
            continue;
        const char *wrong = viewer_read(field.bytes, &viewer);
        if (wrong != NULL)
            return wrong;
        if (reader->last.is_any && memcmp(reader->last.id, viewer.key, VIEWER_KEY_SIZE) >= 0)
            return "its viewers are not sorted, or one comes twice";
        reader->last.is_any = true;
        memcpy(reader->last.id, viewer.key, VIEWER_KEY_SIZE);
        if (reader->take_viewer != NULL)
            reader->take_viewer(reader->viewers, &viewer);
        read++;
    }
    return read == count ? NULL : "it holds another number of viewers than it says";
}
