#include "loadtest/room.h"

#include <stdlib.h>

#include "runtime/memory.h"

enum {
    RECORD_OVERHEAD = 32, // a record's own header and its share of a batch's 61 bytes
    // What the average is before there is one.
    USUAL_BYTES = 180,
    USUAL_WEIGHT = 100,
};

struct room {
    int64_t *booked;
    int64_t *before;
    int64_t bytes, messages; // of all partitions, for the average
};

struct room *room_create(int32_t partitions, const int64_t *before) {
    struct room *r = memory_take(sizeof(*r));
    size_t size = (size_t)partitions * sizeof(int64_t);
    r->booked = memory_take(size);
    r->before = memory_take(size);
    memcpy(r->before, before, size);
    r->bytes = USUAL_BYTES * USUAL_WEIGHT;
    r->messages = USUAL_WEIGHT;
    return r;
}

void room_destroy(struct room **room) {
    if (*room == NULL)
        return;
    free((*room)->booked);
    free((*room)->before);
    free(*room);
    *room = NULL;
}

bool room_take(struct room *room, const struct message *message) {
    int64_t cost = (int64_t)(message->key.length + message->value.length) + RECORD_OVERHEAD;
    int64_t before = room->before[message->partition] * (room->bytes / room->messages);
    if (room->booked[message->partition] + before + cost > ROOM_BYTES_MAX)
        return false;
    room->booked[message->partition] += cost;
    room->bytes += cost;
    room->messages++;
    return true;
}
