// Readings in a file: written, and read from bytes that are not trusted.
#include <string.h>

#include "schemas/snapshot/snapshot_parts.h"

void reading_write(struct wire_out *w, const struct latest_reading *reading) {
    wire_bytes(w, READING_ACCOUNT, reading->account);
    wire_uint(w, READING_PLATFORM, reading->platform);
    wire_bytes(w, READING_CONTENT, reading->content);
    wire_bytes(w, READING_COUNTER, reading->counter);
    wire_uint(w, READING_VALUE, wire_zigzag(reading->value));
    wire_int(w, READING_READ_AT, reading->read_at_ms);
    wire_bytes(w, READING_EVENT_ID, (struct slice){(const char *)reading->event_id, EVENT_ID_SIZE});
}

static const char *read_bytes(const struct wire_field *field, struct latest_reading *reading) {
    switch (field->number) {
    case READING_ACCOUNT:
        reading->account = field->bytes;
        return NULL;
    case READING_CONTENT:
        reading->content = field->bytes;
        return NULL;
    case READING_COUNTER:
        reading->counter = field->bytes;
        return NULL;
    case READING_EVENT_ID:
        if (field->bytes.length != EVENT_ID_SIZE)
            return "the event id of a reading is of another length";
        memcpy(reading->event_id, field->bytes.at, EVENT_ID_SIZE);
        return NULL;
    default:
        return NULL;
    }
}

static const char *read_number(const struct wire_field *field, struct latest_reading *reading) {
    if (field->number == READING_VALUE)
        reading->value = wire_unzigzag(field->value);
    else if (field->number == READING_READ_AT)
        reading->read_at_ms = (int64_t)field->value;
    else if (field->number == READING_PLATFORM && field->value > UINT32_MAX)
        return "a number of a reading is too large";
    else if (field->number == READING_PLATFORM)
        reading->platform = (uint32_t)field->value;
    return NULL;
}

static bool is_counter(struct slice name) {
    for (size_t i = 0; i < name.length; i++) {
        char c = name.at[i];
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'))
            return false;
    }
    return name.length > 0 && name.length <= ROWS_READ_COUNTER_MAX;
}

// `reading` points into the bytes.
static const char *reading_read(struct slice bytes, struct latest_reading *reading) {
    struct wire_in in = wire_in(bytes);
    struct wire_field field;
    const char *wrong = NULL;
    *reading = (struct latest_reading){.account = {"", 0}, .content = {"", 0}, .counter = {"", 0}};
    while (wrong == NULL && wire_next(&in, &field)) {
        if (field.type == WIRE_BYTES)
            wrong = read_bytes(&field, reading);
        else if (field.type == WIRE_VARINT)
            wrong = read_number(&field, reading);
    }
    if (wrong != NULL)
        return wrong;
    if (!wire_is_at_end(&in) || reading->read_at_ms <= 0)
        return "a reading is damaged, or was never read";
    if (reading->account.length > ROWS_ACCOUNT_MAX || reading->content.length > ROWS_ID_MAX)
        return "an id of a reading is longer than it may be";
    return is_counter(reading->counter) ? NULL : "a reading is of what is no name of a counter";
}

// The last reading of the file, as far as it sorts.
static struct latest_reading last_reading(const struct last_row *last) {
    return (struct latest_reading){.platform = last->platform,
                                   .account = {last->account, last->account_length},
                                   .content = {last->id, last->id_length},
                                   .counter = {last->counter, last->counter_length}};
}

static void remember(struct last_row *last, const struct latest_reading *reading) {
    last->is_any = true;
    last->platform = reading->platform;
    last->account_length = reading->account.length;
    memcpy(last->account, reading->account.at, last->account_length);
    last->id_length = reading->content.length;
    memcpy(last->id, reading->content.at, last->id_length);
    last->counter_length = reading->counter.length;
    memcpy(last->counter, reading->counter.at, last->counter_length);
}

const char *block_read_readings(struct block_reader *reader, struct slice bytes, uint32_t count,
                                struct rows *rows) {
    struct wire_in in = wire_in(bytes);
    struct wire_field field;
    struct latest_reading reading;
    uint32_t read = 0;
    while (wire_next(&in, &field)) {
        if (field.number != BLOCK_READINGS)
            continue;
        const char *wrong = reading_read(field.bytes, &reading);
        if (wrong != NULL)
            return wrong;
        const struct latest_reading before = last_reading(&reader->last);
        if (reader->last.is_any && latest_reading_order(&before, &reading) >= 0)
            return "its readings are not sorted, or one comes twice";
        remember(&reader->last, &reading);
        if (rows != NULL)
            rows_add_reading(rows, &reading);
        read++;
    }
    return read == count ? NULL : "it holds another number of readings than it says";
}
