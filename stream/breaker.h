// The breaker: does the topic hold events at all? It judges the first messages that are read, so that a topic
// of something else is not copied into the dead-letter topic.
//
//     WATCHING -> PASSED    so many events were seen that foreign messages cannot be more than half, or the
//                           window is full and they are not
//     WATCHING -> TRIPPED   more than half of the window is foreign: CLM-S1
//
// Foreign is a message that is refused as a whole, or whose events all lack id, time and account: proto3 and
// JSON step over what they don't know, so a message of another kind may well decode, to nothing.
//
// No I/O: the pipeline holds the letters back and the source, `check --connect` shows it a sample.
#pragma once

#include "runtime/status.h"
#include "schemas/event.h"
#include "schemas/reject.h"
#include "schemas/settings.h"
#include "stream/record.h"

enum { BREAKER_WINDOW = 1000, BREAKER_LEAST = 100, BREAKER_HEAD = 5 };

enum breaker_state { BREAKER_WATCHING, BREAKER_PASSED, BREAKER_TRIPPED };

struct breaker {
    enum breaker_state state;
    int messages, foreign; // of the window
    int absent, oversized; // of the foreign
    char first[BREAKER_HEAD];
    size_t first_length;
    size_t common; // how much of it all foreign messages begin with
};

// A message and what became of it; nothing where the window is full.
void breaker_see(struct breaker *b, const struct record *record, enum reject reject,
                 const struct event *events, size_t count);

// The state after what was seen. `now`: no more messages can be waited for; fewer than BREAKER_LEAST are too
// few to judge by, and leave it WATCHING.
enum breaker_state breaker_judge(struct breaker *b, bool now);

// What a tripped one says: CLM-S1, STATUS_BAD_DATA.
enum status breaker_problem(const struct breaker *b, const struct settings *settings,
                            struct problem *problem);
