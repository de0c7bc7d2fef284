// `clameur-loadtest recount --against snapshots`: an independent count of the log, held against the windows
// that the aggregators have published.
//
// It shares no code with the aggregator past schemas/ and runtime/ but the places where files lie
// (stream/store/), and reads the log as the recount of Redis does (recount_log, recount_event, recount_dedup,
// measures).
//
//     windows_keys     is it counted by our pseudonym keys?
//     windows_store    what is sealed, what is published, how far each file reaches
//     windows_model    what a window must hold; windows_read: of what was read; windows_live: of live
//                      sessions; windows_presence: who watches them still; windows_named: of tags and topics
//     windows_beside   what windows count beside Redis
//     windows_sold     where the log sells an order
//     windows_fold     records into models, each window to where its file reaches
//     windows_sketches whom it must have reached, and how long things took
//     windows_compare  a window, row by row; a partition's balance
//     windows_compare_sketches, windows_compare_live
//                      its sketches, its live sessions
//     windows_report   the answer
#pragma once

#include "loadtest/deployment.h"

struct windows_options {
    int64_t findings_max;
    int64_t memory_max; // of models, in bytes
    bool drained;       // what is not published yet is a finding
    bool live;          // aggregators may run: wait until what is sealed is published
    bool table;
};

// STATUS_OK: all windows are equal; STATUS_NO: something differs. Else a status of sysexits.h, with a
// problem.
enum status windows_recount(const struct deployment *deployment, const struct windows_options *options,
                            struct problem *p);
