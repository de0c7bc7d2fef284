// What the embedded broker can keep: 5 MiB a partition, the oldest beyond that dropped without a word.
// Nothing of ours goes past 4 MiB, estimated from above: framing counted, compression not.
#pragma once

#include <stdbool.h>

#include "loadtest/message.h"

#define ROOM_BYTES_MAX INT64_C(4194304)

struct room;

// `before`: messages that each partition holds already, taken to be as large as the ones to come on average.
struct room *room_create(int32_t partitions, const int64_t *before);
void room_destroy(struct room **room);

// Books the message's place in its partition; false where there is none left.
bool room_take(struct room *room, const struct message *message);
