// The log into models of its windows: reads, judges, sets duplicates aside, and gives each published window
// exactly the records that its coverage names.
//
// Pure: records in, finished windows out; Kafka and the store are elsewhere. A window is finished, and
// forgotten, as soon as every partition has been read as far as it reaches. Where even so too much would be
// held at once, the newest windows are left to a further pass over the log.
#pragma once

#include "loadtest/recount/reading/recount_dedup.h"
#include "loadtest/recount/reading/recount_event.h"
#include "loadtest/windows/windows_model.h"
#include "loadtest/windows/windows_sold.h"

struct windows_setup {
    struct recount_framing framing;
    const struct rules_book *rules;
    const struct recount_keys *keys;
    int64_t dedup_span;
    int32_t partitions;
    const int64_t *starts; // of each partition: the log is read from there on
    const int64_t *limits; // of each: events before are in the balance of its sealed-through record
    size_t memory_max;     // of models, in bytes; one window is always held
};

// A partition's part of a window.
struct windows_share {
    int64_t to; // one past the last record that touched it; 0: none
    uint64_t counted, late;
};

// What became of a partition's events before its limit.
struct windows_fate {
    uint64_t read, rejected, duplicate;
};

struct windows_window {
    int64_t start_s;
    struct windows_share *shares; // by partition, of events before the limit
    int64_t *covers; // by partition: what the newest published file reaches to; NULL: there is none
    struct earlier_orders *earlier; // what that file's orders were held against, and its refunds looked up in
    size_t earlier_count;
    struct windows_share *covered; // by partition, of events that it reaches
    uint64_t beyond; // events before the limit that it does not reach, of its own or orders of its refunds:
                     // of a revision to come
    struct window_model *model; // NULL: no event yet, or not in this pass
    uint32_t unread;            // partitions of which the pass has not read all that it reaches
    bool deferred, finished;
};

struct windows_tally {
    uint64_t records, read, counted, late, duplicates, rejected_all; // before the limits
    uint64_t rejected[REJECT_COUNT];
    uint64_t lag; // records at or past the limits
};

// A window is complete: `w->model`, unless NULL, and `w->covered` are all that it must hold. The model is
// freed afterwards.
typedef void (*windows_finish)(void *context, struct windows_window *w);

struct windows_fold {
    const struct windows_setup *setup;
    windows_finish finish;
    void *context;
    struct recount_dedup *dedup; // by partition
    struct windows_presence *presence;
    struct recount_events events;
    struct windows_sold sold;   // by the first pass
    struct windows_window **at; // by start
    size_t count, room, last;
    struct windows_ahead *ahead; // by partition: the ends of windows that it has still to reach
    struct windows_fate *fates;  // by partition
    struct windows_tally tally;
    size_t memory, held; // of models: bytes, and how many
    int passes;
};

void windows_fold_init(struct windows_fold *f, const struct windows_setup *setup, windows_finish finish,
                       void *context);
void windows_fold_fini(struct windows_fold *f);

// Before the first pass: a window was published, reaching so far in each partition, its orders held against
// those (all copied). Each once.
void windows_fold_published(struct windows_fold *f, int64_t start_s, const int64_t *covers,
                            const struct earlier_orders *earlier, size_t earlier_count);

// Begins a pass. False where all windows are finished and there was a pass. The records follow, each
// partition in the order of its log, from its start to the same end in every pass.
bool windows_fold_begin(struct windows_fold *f);
void windows_fold_record(struct windows_fold *f, const struct recount_record *r);
// Ends it: what was not left to a further one is finished.
void windows_fold_end(struct windows_fold *f);

// NULL where no event before the limits belongs to it and it was not published.
const struct windows_window *windows_fold_find(const struct windows_fold *f, int64_t start_s);
