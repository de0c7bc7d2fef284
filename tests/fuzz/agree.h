// The property of everything that reads events: the worker's reader and the recount's say the same.
#pragma once

#include "runtime/slice.h"

// Reads a message by both, with these options, of messages up to 64 KiB; what they refuse, why, and what each
// event counts must be equal.
void agree_on(const char *framing, int64_t max_event_bytes, struct slice value);
