// Live sessions in a file: written, and read from bytes that are not trusted.
#include <string.h>

#include "schemas/snapshot/snapshot_parts.h"

// A second at which the number of viewers stays what it was is not written.
static void steps_write(struct wire_out *w, const struct live_session *live) {
    uint32_t before = 0;
    for (uint32_t i = 0; i < live->change_count; i++) {
        if (live->changes[i].change == 0)
            continue;
        wire_varint(w, live->changes[i].second - before);
        before = live->changes[i].second;
    }
}

static void changes_write(struct wire_out *w, const struct live_session *live) {
    for (uint32_t i = 0; i < live->change_count; i++) {
        if (live->changes[i].change != 0)
            wire_varint(w, wire_zigzag(live->changes[i].change));
    }
}

void live_write(struct wire_out *w, const struct live_session *live, struct wire_out *scratch) {
    wire_bytes(w, LIVE_ACCOUNT, live->account);
    wire_uint(w, LIVE_PLATFORM, live->platform);
    wire_bytes(w, LIVE_SESSION, live->session);
    wire_int(w, LIVE_START, live->start_s);
    wire_uint(w, LIVE_JOINS, wire_zigzag(live->joins));
    wire_uint(w, LIVE_LEAVES, wire_zigzag(live->leaves));
    wire_uint(w, LIVE_WATCH, wire_zigzag(live->watch_ms));
    scratch->length = 0;
    steps_write(scratch, live);
    wire_bytes(w, LIVE_STEPS, wire_slice(scratch));
    scratch->length = 0;
    changes_write(scratch, live);
    wire_bytes(w, LIVE_CHANGES, wire_slice(scratch));
    wire_uint(w, LIVE_EXPIRED, wire_zigzag(live->expired));
    wire_uint(w, LIVE_RETURNED, wire_zigzag(live->returned));
}

// The lists as they lie in the bytes.
struct lists {
    struct slice steps, changes;
};

static const char *list_take(struct slice *list, struct slice bytes) {
    if (list->at != NULL)
        return "a list of a live session comes twice";
    *list = bytes;
    return NULL;
}

static const char *read_bytes(const struct wire_field *field, struct live_session *live,
                              struct lists *lists) {
    switch (field->number) {
    case LIVE_ACCOUNT:
        live->account = field->bytes;
        return NULL;
    case LIVE_SESSION:
        live->session = field->bytes;
        return NULL;
    case LIVE_STEPS:
        return list_take(&lists->steps, field->bytes);
    case LIVE_CHANGES:
        return list_take(&lists->changes, field->bytes);
    default:
        return NULL;
    }
}

static const char *read_number(const struct wire_field *field, struct live_session *live) {
    switch (field->number) {
    case LIVE_PLATFORM:
        live->platform = (uint32_t)field->value;
        return field->value > UINT32_MAX ? "a number of a live session is too large" : NULL;
    case LIVE_START:
        live->start_s = (int64_t)field->value;
        return NULL;
    case LIVE_JOINS:
        live->joins = wire_unzigzag(field->value);
        return NULL;
    case LIVE_LEAVES:
        live->leaves = wire_unzigzag(field->value);
        return NULL;
    case LIVE_WATCH:
        live->watch_ms = wire_unzigzag(field->value);
        return NULL;
    case LIVE_EXPIRED:
        live->expired = wire_unzigzag(field->value);
        return NULL;
    case LIVE_RETURNED:
        live->returned = wire_unzigzag(field->value);
        return NULL;
    default:
        return NULL;
    }
}

static const char *read_fields(struct slice bytes, struct live_session *live, struct lists *lists) {
    struct wire_in in = wire_in(bytes);
    struct wire_field field;
    const char *wrong = NULL;
    while (wrong == NULL && wire_next(&in, &field)) {
        if (field.type == WIRE_BYTES)
            wrong = read_bytes(&field, live, lists);
        else if (field.type == WIRE_VARINT)
            wrong = read_number(&field, live);
    }
    return wrong == NULL && !wire_is_at_end(&in) ? "a live session is damaged" : wrong;
}

static const char *read_changes(const struct lists *lists, struct live_session *live,
                                struct live_room *room) {
    struct wire_in steps = wire_in(lists->steps), changes = wire_in(lists->changes);
    uint64_t second = 0;
    while (!wire_is_at_end(&steps)) {
        uint32_t step;
        uint64_t value;
        if (!wire_read_32(&steps, &step) || !wire_read(&changes, &value))
            return "a live session has fewer changes than steps, or they are damaged";
        second += step;
        if ((step == 0 && live->change_count > 0) || second >= ROWS_LIVE_S)
            return "a live session steps too far past its window, or stays at a second";
        if (value == 0)
            return "a change of a live session is 0";
        room->changes[live->change_count++] = (struct live_change){(uint32_t)second, wire_unzigzag(value)};
    }
    return wire_is_at_end(&changes) ? NULL : "a live session has more changes than steps";
}

// All that came, or were heard, and neither went nor fell silent are what the number of viewers has changed
// by.
static bool adds_up(const struct live_session *live) {
    uint64_t changed = 0;
    for (uint32_t i = 0; i < live->change_count; i++)
        changed += (uint64_t)live->changes[i].change;
    return changed == (uint64_t)live->joins - (uint64_t)live->leaves - (uint64_t)live->expired +
                          (uint64_t)live->returned;
}

const char *live_read(struct slice bytes, struct live_session *live, struct live_room *room) {
    struct lists lists = {{NULL, 0}, {NULL, 0}};
    *live = (struct live_session){.account = {"", 0}, .session = {"", 0}, .changes = room->changes};
    const char *wrong = read_fields(bytes, live, &lists);
    if (wrong == NULL)
        wrong = read_changes(&lists, live, room);
    if (wrong != NULL)
        return wrong;
    if (live->account.length > ROWS_ACCOUNT_MAX || live->session.length > ROWS_ID_MAX)
        return "an id of a live session is longer than it may be";
    if (live->session.length == 0 || live_session_is_empty(live))
        return "a live session has no name, or nothing happened in it";
    if (live->start_s < 0 || live->start_s >= EVENT_TIME_END_MS / 1000 || live->start_s % ROWS_WINDOW_S != 0)
        return "a live session is of no window";
    return adds_up(live) ? NULL : "the changes of a live session do not sum to what its counts say";
}

// The last live session of the file, as far as it sorts.
static struct live_session last_live(const struct last_row *last) {
    return (struct live_session){.platform = last->platform,
                                 .account = {last->account, last->account_length},
                                 .session = {last->id, last->id_length},
                                 .start_s = last->live_start_s};
}

static void remember(struct last_row *last, const struct live_session *live) {
    last->is_any = true;
    last->platform = live->platform;
    last->live_start_s = live->start_s;
    last->account_length = live->account.length;
    memcpy(last->account, live->account.at, last->account_length);
    last->id_length = live->session.length;
    memcpy(last->id, live->session.at, last->id_length);
}

const char *block_read_live(struct block_reader *reader, struct slice bytes, uint32_t count,
                            struct rows *rows) {
    struct wire_in in = wire_in(bytes);
    struct wire_field field;
    struct live_room room;
    struct live_session live;
    uint32_t read = 0;
    while (wire_next(&in, &field)) {
        if (field.number != BLOCK_LIVE)
            continue;
        const char *wrong = live_read(field.bytes, &live, &room);
        if (wrong != NULL)
            return wrong;
        const struct live_session before = last_live(&reader->last);
        if (reader->last.is_any && live_session_order(&before, &live) >= 0)
            return "its live sessions are not sorted, or one comes twice";
        remember(&reader->last, &live);
        if (rows != NULL)
            rows_add_live(rows, &live);
        read++;
    }
    return read == count ? NULL : "it holds another number of live sessions than it says";
}
