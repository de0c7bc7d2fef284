// Bytes of protobuf with the verdict on the record, for every reader of it. Octal escapes are not for here:
// the tests in Python read this file, too.
#pragma once

#include <stddef.h>

#include "schemas/reject.h"

#define BYTES(text) text, sizeof(text) - 1

static const struct {
    const char *bytes;
    size_t length;
    enum reject expected;
} wire_cases[] = {
    {BYTES("\x0a\x05"
           "abc"),
     REJECT_UNDECODABLE}, // a text that goes past the end
    {BYTES("\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), REJECT_UNDECODABLE}, // one of 2^64 - 1 bytes
    {BYTES("\x10"), REJECT_UNDECODABLE},                                         // a number that is not there
    {BYTES("\x10\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), REJECT_UNDECODABLE},
    {BYTES("\xf2\x01\x02\x08"), REJECT_UNDECODABLE}, // a broken body
    {BYTES("\xf2\x01\x00"), REJECT_NONE},            // an empty one
    {BYTES("\x03\x04"), REJECT_UNDECODABLE},         // field 0
    {BYTES("hello"), REJECT_UNDECODABLE},
    {BYTES("\x12\x01x"), REJECT_UNDECODABLE}, // a known field of another type
    {BYTES("\xb2\x3f\x01x"), REJECT_NONE},    // an unknown number
    {BYTES("\xfa\x07\x02\x18\x01"), REJECT_NONE},
    {BYTES("\xfa\x07\x00"), REJECT_NONE},
    {BYTES("\xfa\x07\x02\x18\x01"
           "\xfa\x07\x02\x18"),
     REJECT_UNDECODABLE},
    {BYTES("\xfa\x07\x02\x18\x01\xfa\x07"), REJECT_UNDECODABLE},
    {BYTES("\xfa\x07\x01\x18"), REJECT_UNDECODABLE}, // its event is broken
    {BYTES("\xfa\x07\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), REJECT_UNDECODABLE},
    {BYTES("\xfa\x07\x02\x18\x01\x08\x05\x15xxxx\x19xxxxxxxx\x22\x01x"),
     REJECT_NONE},                                               // unknown fields beside
    {BYTES("\xfa\x07\x02\x18\x01\x0b\x0c"), REJECT_UNDECODABLE}, // a group
    {BYTES("\xfa\x87\x00\x00"), REJECT_NONE},                    // a tag in more bytes than it needs
    // What protobuf-c would take, and others read otherwise: all of it behind field 30, a view, which is
    // not lean.
    {BYTES("\xf2\x01\x00\xf0\xff\xff\xff\x0f\x01"), REJECT_NONE},        // the last tag of 32 bits
    {BYTES("\xf2\x01\x00\x90\x80\x80\x80\x10\x01"), REJECT_UNDECODABLE}, // the 33rd bit: protobuf-c drops it
    {BYTES("\xf2\x01\x00\x90\x80\x80\x80\x80\x00\x01"), REJECT_UNDECODABLE},      // a tag of six bytes
    {BYTES("\xf2\x01\x00\x02\x00"), REJECT_UNDECODABLE},                          // field 0
    {BYTES("\xf2\x01\x00\x80\x80\x00\x00"), REJECT_UNDECODABLE},                  // and in more bytes
    {BYTES("\xf2\x01\x00\x9a\x06\x81\x80\x80\x80\x00x"), REJECT_NONE},            // a length in five bytes
    {BYTES("\xf2\x01\x00\x9a\x06\x81\x80\x80\x80\x80\x00x"), REJECT_UNDECODABLE}, // in six
    {BYTES("\xf2\x01\x00\x10\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), REJECT_NONE},        // -1
    {BYTES("\xf2\x01\x00\x10\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02"), REJECT_UNDECODABLE}, // a 65th bit
    {BYTES("\xf2\x01\x00\x7a\x01x"), REJECT_UNDECODABLE},                // a bool with a length
    {BYTES("\xf2\x01\x00\x7d\x01\x01\x01\x01"), REJECT_UNDECODABLE},     // a bool of four bytes
    {BYTES("\xf2\x01\x05\x1d\x01\x01\x01\x01"), REJECT_UNDECODABLE},     // and inside of the view
    {BYTES("\xf2\x01\x06\x90\x80\x80\x80\x10\x01"), REJECT_UNDECODABLE}, // a 33rd bit inside of the view
    {BYTES("\xf2\x01\x07\xa2\x06\x04\x90\x80\x80\x80"), REJECT_NONE},    // nobody looks into unknown fields
    {BYTES("\xf8\x07\x01"), REJECT_BATCH_TOO_LONG},                      // field 127, but a number: no event
};

#undef BYTES

enum { WIRE_CASE_COUNT = sizeof(wire_cases) / sizeof(wire_cases[0]) };
