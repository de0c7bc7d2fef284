// Who of a partition watches which live session still, by the recount's own rule: what an event changes of
// how many watch, beside its own joins and leaves. Pure; aggregate/window/README.md has the sentences.
#pragma once

#include "clameur/v1/event.pb-c.h"
#include "loadtest/recount/reading/recount_ids.h"
#include "loadtest/recount/recount_table.h"
#include "runtime/config/rules.h"

struct windows_presence {
    struct names who; // account, platform, session and pseudonym
    struct windows_watcher *at;
    size_t room;
    uint64_t heard; // events
};

// By how many more watch from a second on. What is promised lies ahead: it comes true if nobody takes it
// back.
struct windows_moves {
    int64_t returned;             // at the event's own second
    int64_t kept_s, kept;         // a promise that is taken back
    int64_t promised_s, promised; // and the one that is made
};

void windows_presence_init(struct windows_presence *p);
void windows_presence_fini(struct windows_presence *p);

// Every valid event of the partition that came in time, in the order of its log.
struct windows_moves windows_presence_hear(struct windows_presence *p, const struct recount_keys *keys,
                                           int64_t time_ms, const Clameur__V1__Event *e,
                                           const struct rules *rules);
