// The rules file: everything that decides what is counted, in numbered versions, each in force from a record
// time on.
//
//     - version: 1
//       since: 2026-01-01T00:00:00Z     # record time; version 1 may say `since: 0`
//       max_future_skew: 5m
//       max_past: 90d                   # or off
//       series.retain: 48h
//       reach.retain: 35d
//       window.disorder: 1m             # of the aggregator's windows
//       window.lateness: 10m
//       window.heartbeat: 90s           # or off
//       window.refunds: 180d            # how long before a refund its order is looked up
//       alerts.sigmas: 5                # of alerts on mentions: struct rules_alerts
//       weights: {like: 1, share: 3}    # kind name: weight in `top`; others keep the version before's
//       tracked: {acme: [globex]}       # account: the rivals that its share of voice is held against; other
//                                       # accounts keep the version before's
//
// A version inherits what it does not say from the one before (version 1 from the defaults). Versions are
// numbered 1, 2, 3... with growing `since`, and are only ever appended. Strict as the configuration: file,
// line, column, nearest name, all findings.
//
// Windows. The watermark is the greatest event time so far less the disorder. A record is late if its record
// time lies past its window's end + disorder + lateness: that is a function of the log, whoever reads it, and
// whenever. A viewer of a live session who sends heartbeats, and is then silent for longer than the heartbeat
// rule says, has left. The order of a refund is looked up where it says that it was placed, from the refund's
// own time back to so long before, both inclusive.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/arena.h"
#include "runtime/slice.h"
#include "runtime/status.h"

enum { RULES_WEIGHTS_MAX = 256, RULES_NAME_MAX = 256 };

// An account's rivals, by their bytes.
struct rules_tracked {
    struct slice account;
    const struct slice *brands;
    size_t count;
};

// When a series of mentions alerts, and what is learned of it: aggregate/listen/baseline.h. A window is
// judged by the version in force at its end. Decimals are in thousandths.
struct rules_alerts {
    int64_t sigmas;          // default 5: so many deviations off the mean, and it alerts
    int64_t calm_sigmas;     // default 2.5: within so many it is calm; at most sigmas
    int64_t calm_windows;    // default 2: so many in a row end an alert
    int64_t adopt_windows;   // default 96: what has lasted so long is usual
    int64_t cold_windows;    // default 32: so many are learned from before the first alert
    int64_t mean_windows;    // default 16: a window weighs one of so many
    int64_t least_deviation; // default 3: of counts; a deviation is never less
    int64_t least_share;     // default 0.1: of the mean; nor less than that
    int64_t least_count;     // default 20, no decimal: a smaller matter is none
};

struct rules {
    uint32_t version;
    int64_t since_ms;                   // record time
    char hash[17];                      // hex of the canonical text: what the version decides, and since when
    int64_t max_future_skew_ms;         // default 5m
    int64_t max_past_ms;                // default 90d; -1: off
    int64_t series_retain_ms;           // default 48h
    int64_t reach_retain_ms;            // default 35d
    int64_t window_disorder_ms;         // default 1m
    int64_t window_lateness_ms;         // default 10m
    int64_t window_heartbeat_ms;        // default 90s; -1: off
    int64_t window_refunds_ms;          // default 180d
    int32_t weights[RULES_WEIGHTS_MAX]; // by kind number; kinds from 256 on weigh 0
    struct rules_alerts alerts;
    const struct rules_tracked *tracked; // by account; the book's
    size_t tracked_count;
};

struct rules_book {
    struct rules *versions; // at least one, by since
    size_t count;
    char first_hash[17]; // hex of the canonical text of version 1, as `meta` keeps it
    struct arena names;
};

// How the caller names what may be weighed (schemas knows; runtime does not): kind numbers below
// RULES_WEIGHTS_MAX by name, and the default weights.
struct rules_kinds {
    uint32_t (*parse)(const char *name, size_t length); // 0: unknown
    const char *(*name_at)(size_t index);               // for the nearest name; NULL past the end
    int32_t defaults[RULES_WEIGHTS_MAX];
};

// `path` "" or NULL: one version of defaults, in force since 0. STATUS_NO_INPUT, STATUS_CONFIG (findings on
// standard error).
enum status rules_load(struct rules_book *book, const char *path, const struct rules_kinds *kinds);
void rules_fini(struct rules_book *book);

// The version in force at a record time: the last whose `since` is not after it; before the first, the first.
const struct rules *rules_at(const struct rules_book *book, int64_t record_time_ms);

// Is a mention of that brand one of the account's share of voice? One whose account has no list tracks all.
bool rules_track(const struct rules *rules, struct slice account, struct slice brand);
