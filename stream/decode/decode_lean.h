// The lean shape that most events have, read without protobuf-c: numbers and texts of the envelope, no tags,
// no body but a view. For decode alone.
#pragma once

#include <stdbool.h>

#include "clameur/v1/event.pb-c.h"
#include "runtime/slice.h"

struct lean_event {
    Clameur__V1__Event event;
    Clameur__V1__View view; // where the event's body is one
};

// True where `bytes` are a lean event: `lean->event` is then what protobuf-c would have unpacked, but for its
// texts, which are borrowed from `bytes`, and its view, which is `lean`'s. False where they are anything
// else, malformed ones among them, which is not for here to judge; `lean` means nothing then.
bool decode_lean(struct lean_event *lean, struct slice bytes);
