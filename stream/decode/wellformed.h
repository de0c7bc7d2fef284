// Are these bytes a message as event.proto's head has it? protobuf-c takes more than that, of some forms
// something else than other readers do. For decode alone.
#pragma once

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>

#include "runtime/slice.h"

// Every tag, number and length within its bounds, known fields in their own wire types, and the same of every
// message inside. What an unknown field holds is not looked at.
bool wellformed(const ProtobufCMessageDescriptor *shape, struct slice bytes);
