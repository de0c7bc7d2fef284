// The chain of baselines in the store: what is usual after each window (watch.h), and the alerts on the way.
//
//     baselines/W = f(baselines/W - 1, the first revision of W, the rules), created where there is none
//
// The owner of partition WATCHER_PARTITION extends it, window by window, as far as all partitions have
// sealed:
//
//     W is published                  its first revision that is whole and lacks no partition is judged;
//                                     later ones change nothing
//     no partition had an event of W  judged as empty
//     W is still to be published      waited for; where it lies WATCHER_PATIENCE_WINDOWS back (its parts are
//                                     torn), passed over: nothing is judged or learned
//
// Where a window has alerts, its file is created only after they were told: a crash between the two tells
// them again, with the same ids, and none is lost. Of two that race, both may tell; the first file stands,
// and the other one follows it. A store without any begins WATCHER_BEGIN_WINDOWS before what is sealed.
//
// On the keeping thread, where the store is slow: never on the data thread.
#pragma once

#include "aggregate/keep/publisher.h"
#include "aggregate/listen/watch.h"

enum {
    WATCHER_PARTITION = 0,
    WATCHER_BEGIN_WINDOWS = 96,
    WATCHER_PATIENCE_WINDOWS = 16,
    WATCHER_FILES_KEPT = 4,
};

struct watcher;

// `rules` are borrowed: a window is judged by the version in force at its end.
struct watcher *watcher_create(const struct rules_book *rules);
void watcher_destroy(struct watcher **w);

// Another process may have extended the chain since: the next run reads it again. What was to be told is
// forgotten, and told again by whoever goes on.
void watcher_forget(struct watcher *w);

// An alert to be told, as text; both are the watcher's until its next run.
struct watcher_message {
    enum baseline_change change;
    char *account, *text;
};
struct watcher_answer {
    bool more; // there are other windows to be judged
    const struct watcher_message *messages;
    size_t count; // above 0: to be told; nothing more is judged before a run with `told`
};

// Judges at most `most` windows. `told`: the last answer's messages were. STATUS_TRY_AGAIN (CLM-D1).
enum status watcher_run(struct watcher *w, struct keeper *k, const struct publisher *pub, bool told,
                        size_t most, struct watcher_answer *answer, struct problem *p);

struct watcher_figures {
    int64_t judged_s; // every window that ends by then was judged, or passed over; 0: unknown
    size_t series;
    uint64_t refused, passed; // topics without room; windows passed over
};
struct watcher_figures watcher_figures(const struct watcher *w);
