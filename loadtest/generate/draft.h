// An event being written: the generated protobuf types, their texts and bodies in one place that is used
// again and again, so that a generator allocates nothing per event.
#pragma once

#include "clameur/v1/event.pb-c.h"
#include "runtime/slice.h"

enum {
    DRAFT_ITEMS_MAX = 256, // the contract's own bound
    DRAFT_VALUES_MAX = 4,
    DRAFT_TAGS_MAX = 20,
    DRAFT_TEXT_MAX = 8192,
    DRAFT_PACKED_MAX = 32768,
    DRAFT_KEY_MAX = 1200,
};

struct draft {
    Clameur__V1__Event event;
    // The bodies. event.view and the like point here; draft_reset does not clear them, who uses one starts it
    // from its INIT.
    Clameur__V1__View view;
    Clameur__V1__Reaction reaction;
    Clameur__V1__Commerce commerce;
    Clameur__V1__Listening listening;
    Clameur__V1__Message message;
    Clameur__V1__Care care;
    Clameur__V1__Lead lead;
    Clameur__V1__Ar ar;
    Clameur__V1__Poll poll;
    Clameur__V1__Live live;
    Clameur__V1__Spend spend;
    Clameur__V1__Reading reading;
    Clameur__V1__Erasure erasure;
    Clameur__V1__Web web;
    Clameur__V1__Utm utm;
    Clameur__V1__LineItem items[DRAFT_ITEMS_MAX];
    Clameur__V1__LineItem *item_list[DRAFT_ITEMS_MAX];
    Clameur__V1__ReadingValue values[DRAFT_VALUES_MAX];
    Clameur__V1__ReadingValue *value_list[DRAFT_VALUES_MAX];
    ProtobufCBinaryData tags[DRAFT_TAGS_MAX];
    ProtobufCBinaryData topic;
    unsigned char id[16];
    size_t used;
    size_t began;
    char text[DRAFT_TEXT_MAX];
};

void draft_reset(struct draft *d);

// A text in pieces: draft_begin, then pieces, then draft_end. What is given must fit DRAFT_TEXT_MAX (CHECKed:
// a bug).
void draft_begin(struct draft *d);
void draft_put(struct draft *d, const char *text);
void draft_put_bytes(struct draft *d, const void *bytes, size_t length);
void draft_put_number(struct draft *d, uint64_t number);
void draft_put_hex(struct draft *d, uint64_t number, unsigned digits);
ProtobufCBinaryData draft_end(struct draft *d);

// The usual forms: a prefix and a number; a text that outlives the draft (not copied).
ProtobufCBinaryData draft_numbered(struct draft *d, const char *prefix, uint64_t number);
ProtobufCBinaryData draft_literal(const char *text);

// Makes event.event_id the draft's `id`, shaped as a UUID of that version (RFC 9562).
void draft_stamp_id(struct draft *d, unsigned version);

// The Kafka key by the contract: person, else actor, else content, campaign, account; of an erasure, whom it
// forgets. `out` holds DRAFT_KEY_MAX bytes. Returns the length.
size_t draft_key(const struct draft *d, char *out);

// Packs into `out` (DRAFT_PACKED_MAX bytes) and returns the length.
size_t draft_pack(const struct draft *d, uint8_t *out);
