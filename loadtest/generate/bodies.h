// What is particular to an event: the writers of its body, one per shape (body_view, body_purchase, ...).
#pragma once

#include <stdbool.h>

#include "loadtest/generate/draft.h"
#include "loadtest/generate/random.h"
#include "schemas/registry.h"

// The streams of random numbers, so that what belongs together is drawn together.
enum random_stream {
    RANDOM_STREAM_EVENT,
    RANDOM_STREAM_FATE,
    RANDOM_STREAM_ORDER,
    RANDOM_STREAM_BURST,
    RANDOM_STREAM_ID,
    RANDOM_STREAM_REFUND,
};

// An event being composed, as far as its body asks.
struct subject {
    struct draft *draft;
    struct random *random;
    uint64_t seed;
    uint64_t index;
    uint64_t accounts; // how many there are
    uint64_t account; // which one: a writer that knows better (an order's) may change it before the names are
                      // written
    int64_t occurred_at_ms;
};

typedef void (*body_writer)(struct subject *s);

void body_none(struct subject *s);
void body_view(struct subject *s);
void body_reaction(struct subject *s);
void body_listening(struct subject *s);
void body_listening_sometimes(struct subject *s);
void body_message(struct subject *s);
void body_care(struct subject *s);
void body_lead(struct subject *s);
void body_ar(struct subject *s);
void body_poll(struct subject *s);
void body_live(struct subject *s);
void body_gift(struct subject *s);
void body_spend(struct subject *s);
void body_reading(struct subject *s);
void body_erasure(struct subject *s);
void body_web(struct subject *s);

// Commerce (commerce.c). An order's shape is drawn from its own number, so that the copies of one order, sent
// by the shop's server and by the pixel under other keys, agree on what was bought.
void body_basket(struct subject *s);
void body_purchase(struct subject *s);
void body_refund(struct subject *s); // of an order that nobody placed then
void body_handover(struct subject *s);
void body_redemption(struct subject *s);
void body_other(struct subject *s);

// Makes a refund one of that sale: of all of it, or of half.
void body_refund_of(struct draft *refund, const struct draft *sale, struct random *r);

// A currency, mostly the account's own.
ProtobufCBinaryData body_currency(struct random *r, uint64_t account);
