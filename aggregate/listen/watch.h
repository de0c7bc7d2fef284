// What is usual for each account and topic after a window, and what of a window is not: a baseline for each
// series of mentions (baseline.h), from window to window.
//
// Series of an account, all platforms together: its mentions, those of them that are negative, and its
// mentions with each topic. Mentions of a rival (listening.tracked_brand) are in none of them, nor is what
// came late. Of topics a window tells those of most uses (rows_fold).
//
// A topic that is not there has had none, for as long as its account is known: one that breaks out of nothing
// alerts. So a topic is forgotten as soon as its mean is near nothing, and one that never mattered was never
// kept; an account, which is cold when it is new, only after 30 days without a mention.
//
// Pure: the same state, rules and rows give the same state and the same alerts.
#pragma once

#include "aggregate/listen/baseline.h"
#include "aggregate/window/pane.h"
#include "runtime/arena.h"
#include "schemas/rows/rows.h"

enum {
    WATCH_TOPICS_MAX = 1000,    // of an account; another one is not judged, and counted as refused
    WATCH_QUIET_WINDOWS = 2880, // of an account that is forgotten: 30 days
};
#define WATCH_TOPIC_MEAN_LEAST 0.5 // one with less is forgotten, unless it is raised

// In the order of an account's series.
enum heard_of { HEARD_MENTIONS, HEARD_NEGATIVE, HEARD_TOPIC };

struct watched {
    enum heard_of of;
    struct slice account, topic; // topic: of HEARD_TOPIC, else empty
    struct baseline baseline;
    int64_t since_s;     // where it is raised: the window that began it
    uint32_t age, quiet; // of HEARD_MENTIONS: windows since the account's first; without a mention, in a row
};

struct watch {
    bool is_begun;
    int64_t start_s;    // the last window that was judged
    struct watched *at; // by account, `of`, topic
    size_t count, room;
    uint64_t refused; // topics of this window that mattered and had no room
    struct arena names;
};

struct alert {
    enum heard_of of;
    struct slice account, topic; // the watch's that was made with it
    enum baseline_change change; // none is BASELINE_NONE
    struct baseline_verdict verdict;
    int64_t since_s;
};
struct alerts {
    struct alert *at;
    size_t count, room;
};

// The tables of a window's rows that a watch looks at, by their bits.
enum { WATCH_TABLES = 1 << TABLE_TOTALS | 1 << TABLE_TOPIC };

void watch_init(struct watch *w);
void watch_fini(struct watch *w);
void alerts_fini(struct alerts *a);

// What the rules say of alerts (their `alerts.`), for windows of 15 minutes. As they are where nobody has set
// them, some eight hours are remembered, as many are learned from first, and what has lasted for a day is
// usual; a count alerts from half above the mean, if not from further; by chance alone less than one window
// in 100,000 does (of means from 10 to 200, as arrivals vary by themselves).
struct baseline_rules watch_rules(const struct rules_alerts *alerts);

// Judges a window by what was before it, with rows of its own (NULL: it had no event); windows between the
// two are passed over, and change nothing. `after` is initialised and empty; alerts are added, in its order.
void watch_step(const struct watch *before, const struct baseline_rules *rules, int64_t start_s,
                const struct rows *rows, struct watch *after, struct alerts *alerts);

// As a file: the same state has the same bytes. The caller frees the text.
char *watch_write(const struct watch *w, size_t *length);
// Into an empty one; false where the bytes are not such a file, or not whole. Whose window it is, its name
// says, too: the two are compared by who reads it.
bool watch_read(struct watch *w, const char *bytes, size_t length);

// What is told of an alert, as JSON; the caller frees it. Its id is a function of topic, window, series and
// change, so that one that is told twice can be known.
char *alert_write(const struct alert *a, int64_t start_s, const char *kafka_topic);

const char *baseline_change_name(enum baseline_change change); // "raised"
