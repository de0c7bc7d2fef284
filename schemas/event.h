// An event as every stage past decode reads it: plain integers and borrowed slices. Generated protobuf types
// end at decode, so that another decoder can take its place without moving anything else. The field reference
// is event.proto.
//
// Slices are borrowed from the batch's arena or from the Kafka message; they live until the batch is done.
#pragma once

#include "runtime/slice.h"
#include "schemas/registry.h"

enum {
    EVENT_TAGS_MAX = 16,
    EVENT_MEASURES_MAX = 12,
    EVENT_READINGS_MAX = 64,
    PSEUDONYM_SIZE = 16,
};

// A time from here on is no time: other readers of the log (JavaScript, Lua, JSON) keep whole numbers only up
// to here.
#define EVENT_TIME_END_MS (INT64_C(1) << 53)

// Bits of event.consent.
enum { CONSENT_MEASUREMENT = 1, CONSENT_ADS = 2 };

// A counter and what the event adds to it, beside the counter of its kind. Counters by currency take
// event.currency.
struct measure {
    enum counter counter;
    int64_t value;
};

struct reading {
    struct slice counter;
    int64_t value;
};

// What the contract bounds but no later stage reads: decode notes it for validate.
enum event_flaw {
    EVENT_FLAW_NONE = 0,
    EVENT_FLAW_TOO_LONG = 1,
    EVENT_FLAW_NEGATIVE = 2,
    EVENT_FLAW_OUT_OF_RANGE = 4,
    EVENT_FLAW_TOO_MANY = 8,
    EVENT_FLAW_UTF8 = 16,
};

struct event {
    unsigned char id[16]; // all zero where id_length is not 16
    size_t id_length;     // as sent
    int64_t occurred_at_ms;
    int64_t observed_at_ms;
    uint32_t platform;
    uint32_t kind;
    int64_t delta; // never 0: absent is 1
    struct slice account;
    struct slice content;
    struct slice campaign;
    struct slice session; // live_session_id
    uint32_t consent;
    bool paid;
    bool has_actor;
    bool has_person;
    unsigned char actor[PSEUDONYM_SIZE]; // pseudonyms: raw ids end at decode
    unsigned char person[PSEUDONYM_SIZE];
    uint32_t content_format;
    uint32_t origin;
    uint32_t traffic_source;
    uint32_t body;      // the oneof's field number, 0 where there is none
    unsigned flaws;     // of enum event_flaw
    struct slice bytes; // as it stands in its record: the record's value, or its part of a batch

    int64_t since_ms; // when that began which the event ends: replied_to_at, opened_at; 0: not said
    int64_t order_occurred_at_ms; // of a commerce body; 0: not said
    int64_t duration_ms;          // of a view body: how long the content is; 0: not known
    uint32_t topic_count;         // of a listening or a care body
    const struct slice *topics;
    struct slice tracked_brand; // of a listening body: whose mention it is; empty: the account's own

    uint32_t tag_count;
    struct slice tags[EVENT_TAGS_MAX];

    // Money: the order where there is one, and the currency of every measure in micros.
    struct slice order;
    struct slice currency; // as sent; validate holds it to three capitals where there is a value
    bool has_value;        // some amount is not 0

    uint32_t measure_count;
    struct measure measures[EVENT_MEASURES_MAX];

    int64_t read_at_ms; // of a reading
    uint32_t reading_count;
    const struct reading *readings;
};

// Does the event name tag `index` (below tag_count) before? A tag counts once.
static inline bool event_tag_is_repeated(const struct event *e, uint32_t index) {
    for (uint32_t i = 0; i < index; i++) {
        if (slice_equal(e->tags[i], e->tags[index]))
            return true;
    }
    return false;
}
