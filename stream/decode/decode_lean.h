// The lean shape that most events have, read without protobuf-c: numbers and texts of the envelope, no body,
// no tags. For decode alone.
#pragma once

#include <stdbool.h>

#include "clameur/v1/event.pb-c.h"
#include "runtime/slice.h"

// True where `bytes` are a lean event: `message` is then what protobuf-c would have unpacked, but for its
// texts, which are borrowed from `bytes`. False where they are anything else, malformed ones among them,
// which is not for here to judge; `message` means nothing then.
bool decode_lean(Clameur__V1__Event *message, struct slice bytes);
