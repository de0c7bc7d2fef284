// A topic that holds no events (CLM-S1). While the breaker watches the first messages, dead letters are
// withheld, and a flush that covers one waits for it as ever: so no mark moves past a message that is not
// dead-lettered yet.
//
//     passed    the letters are sent
//     tripped   they are thrown away, and the tables with them; the source is held, for good: what was read
//     is
//               read again by the worker that is started once the configuration is right; an errand ends
//
// A letter waits a few seconds at most, so that a quiet topic is not kept from counting: then it is sent,
// unless there are enough messages to judge by.

#include <stdio.h>

#include "ingest/pipeline/pipeline_internal.h"
#include "runtime/log/log.h"

enum { LETTER_WAIT_MS = 2000 };

void breaker_open(struct pipeline *p) {
    p->breaker = (struct breaker){.state = BREAKER_PASSED};
    if (!p->startup->basis.settings.dlq_breaker)
        return;
    p->breaker.state = BREAKER_WATCHING;
    deadletter_withhold(p->letters);
}

void breaker_withhold(struct pipeline *p, enum reject reason) {
    if (p->withheld.events++ == 0)
        p->withheld.since_ms = p->now_ms;
    p->withheld.by_reason[reason]++;
    p->tally.in_flight++;
}

static void send_withheld(struct pipeline *p) {
    struct tally *t = &p->tally;
    deadletter_release(p->letters);
    t->in_flight -= p->withheld.events;
    t->rejected += p->withheld.events;
    for (int i = 0; i < REJECT_COUNT; i++)
        t->by_reason[i] += p->withheld.by_reason[i];
    p->withheld = (struct withheld){0};
}

static void trip(struct pipeline *p) {
    struct problem problem;
    flush_drop_all(p);
    deadletter_discard(p->letters);
    p->tally.in_flight -= p->withheld.events;
    p->tally.replayed += p->withheld.events; // by the worker that is started next
    p->withheld = (struct withheld){0};
    breaker_problem(&p->breaker, &p->startup->basis.settings, &problem);
    snprintf(p->breaker_words, sizeof(p->breaker_words), "%s %.*s\n", problem.code,
             (int)sizeof(p->breaker_words) - 16, problem.what);
    if (p->errand != NULL)
        pipeline_fail(p, &problem); // nobody waits for it to be put right
    else
        log_problem(LOG_LEVEL_ERROR, "reading_paused", &problem);
}

static void judge(struct pipeline *p, bool now) {
    switch (breaker_judge(&p->breaker, now)) {
    case BREAKER_PASSED:
        send_withheld(p);
        return;
    case BREAKER_TRIPPED:
        trip(p);
        return;
    case BREAKER_WATCHING:
        if (now) {
            send_withheld(p);
            deadletter_withhold(p->letters);
        }
        return;
    }
}

void breaker_turn(struct pipeline *p) {
    const struct withheld *w = &p->withheld;
    bool waited = w->events > 0 && p->now_ms - w->since_ms >= LETTER_WAIT_MS;
    if (p->breaker.state == BREAKER_WATCHING)
        judge(p, waited || deadletter_full(p->letters));
}

void breaker_settle(struct pipeline *p) {
    if (p->breaker.state == BREAKER_WATCHING)
        judge(p, true);
}
