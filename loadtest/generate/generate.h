// The generated stream: event i is a function of the options and i, byte for byte, on every machine.
//
// A share of the events is not plain: `duplicates` repeat an earlier event, key and value, within
// GENERATE_DUPLICATE_WINDOW events (well inside any dedup span); `late` ones occurred 2 hours to 20 days
// before they are sent, and count; `future` ones lie 6 minutes to 2 days ahead of their record time, past the
// skew limit of 5 minutes, and `malformed` ones break the contract: both are refused. Most refunds name an
// order that one of the GENERATE_DUPLICATE_WINDOW events before sells, and when.
#pragma once

#include "loadtest/generate/mix.h"
#include "loadtest/generate/zipf.h"
#include "loadtest/message.h"

enum {
    GENERATE_DUPLICATE_WINDOW = 4000,
    GENERATE_PACE = 200000, // events a second by the stream's own clock where it is to go as fast as it can
    GENERATE_RATE_MAX = 100000000,
};

struct generate_options {
    uint64_t seed;
    const struct mix *mix;
    uint64_t accounts, contents, actors;        // at least 1 each
    double zipf;                                // exponent of the contents
    double duplicates, late, malformed, future; // shares, together at most 1
    int64_t start_ms;                           // when event 0 is sent
    int64_t rate; // events a second by the stream's clock: 1 .. GENERATE_RATE_MAX
    bool bursts; // every 30 s, 5 s at three times the rate (the rest slower, the mean stays), and one content
                 // takes over
};

struct generated {
    struct slice key;
    struct slice value; // .at NULL: a null value
    struct slice account;
    int64_t sent_ms; // the record's timestamp
    enum fate fate;
    uint32_t reason;   // enum reject of a malformed one
    bool stands_alone; // would spoil a batch
};

struct generator;

struct generator *generator_create(const struct generate_options *options);
void generator_destroy(struct generator **g);

// Event `index`. What it points to lives until the next call.
void generator_make(struct generator *g, uint64_t index, struct generated *out);
