// The publisher in files: what all partitions have sealed (publisher_throughs.c), what a window is made of
// (publisher_inputs.c), where its refunds look up their orders (publisher_refunds.c), what was published
// already (publisher_done.c), which windows come before another (publisher_followers.c), and those that are
// due (publisher.c).
#pragma once

#include "aggregate/keep/earlier.h"
#include "aggregate/keep/publisher.h"
#include "aggregate/keep/waits.h"

// A partition's sealed-through record as last read.
struct through {
    struct through_name name; // offset -1: none yet
    struct progress progress; // lines, and those of what stands apart, are ours
    struct through_name torn; // the last that was told to be; offset -1: none
};

// A window that is published with all that these lines of it say.
struct done {
    int64_t start_s;
    bool has_orders;
    bool is_held;    // it is not: others come first
    uint64_t lines;  // hash of which partitions have a line, and how far each reaches; of orders, those
                     // before, and of refunds, those of the windows that they were looked up in, too
    int64_t *looked; // those windows
    size_t looked_count;
};

// What a window is to be published with.
struct inputs {
    struct coverage *coverage;      // by partition
    struct earlier_orders *earlier; // by (start_s, partition), as the header has them: see inputs_look_up
    size_t earlier_count;
    struct earlier_orders *published; // what all revisions together say, as far as they were read
    size_t published_count;
    struct snapshot_name newest;      // sum -1: none is published
    struct coverage *newest_coverage; // NULL: unknown
    bool is_covered;                  // the newest covers just `coverage`
    int64_t *looked;                  // the windows that the newest names
    size_t looked_count;
};

struct publisher {
    uint32_t partitions;
    struct through *throughs;
    int64_t *starts; // of the partitions
    struct earlier *earlier;
    struct waits *waits;
    int64_t gone_before_s; // windows that end by then may have left the store
    int64_t awaited;       // the partition that windows wait for; -1: none
    int64_t awaited_ms;    // since when, by a steady clock
    bool is_wait_told;     // the log says so
    int64_t looked_s;      // where the last run left off; INT64_MIN: it left nothing
    struct done *done;     // by start_s
    size_t done_count, done_room;
    struct publisher_figures figures;
};

void through_fini(struct through *t);
// Reads of each partition the last sealed-through record that is whole, where it is another than before.
enum status throughs_read(struct publisher *pub, struct keeper *k, struct problem *p);
// What they say of orders, and of the partitions that stand still.
void throughs_note(struct publisher *pub, const struct keeper *k, int64_t now_ms);
// The figures of what all have sealed, and of what waits for one that has not, which is told.
void throughs_seal(struct publisher *pub);
void throughs_wait(struct publisher *pub, int64_t now_ms);

// What the window is to be published with, as the records and its revisions say: all but `earlier`.
enum status inputs_of(const struct publisher *pub, struct keeper *k, int64_t start_s, struct inputs *in,
                      struct problem *p);
void inputs_fini(struct inputs *in);
// Does the window have orders?
bool inputs_has_orders(const struct publisher *pub, const struct inputs *in);
// The windows that a list names, ascending, each once; the caller frees *starts.
size_t earlier_windows(const struct earlier_orders *list, size_t count, int64_t **starts);

// Fills in->earlier: for its orders those of 48 hours before, and for its refunds those of `windows`. Of one
// whose lines are gone the store is asked. What has left the store, or is about to, is named as gone where
// the window is to be made (`makes`), and else as the revisions name it.
enum status inputs_look_up(const struct publisher *pub, struct keeper *k, int64_t start_s,
                           const int64_t *windows, size_t count, bool makes, struct inputs *in,
                           struct problem *p);
// Settles the refunds of merged parts by the orders that `in` names.
enum status refunds_settle(const struct publisher *pub, struct keeper *k, int64_t start_s,
                           const struct inputs *in, struct rows *rows, struct problem *p);

// Is the window published with all that is known of it? What the store may have got unseen is not known.
bool done_is(const struct publisher *pub, int64_t start_s);
// It is now, with these earlier orders.
void done_set(struct publisher *pub, int64_t start_s, const struct inputs *in);
// It is not, until others are; done_set ends it.
void done_hold(struct publisher *pub, int64_t start_s);
bool done_is_held(const struct publisher *pub, int64_t start_s);
// Of no window it is certain any more.
void done_doubt(struct publisher *pub);
// Forgets windows that start before.
void done_forget(struct publisher *pub, int64_t before_s);
void done_fini(struct publisher *pub);

// Has the window, which is to be published, more orders than its newest revision, and are some of its
// followers not published with all that is known? Then they come first: it is held.
bool followers_hold(struct publisher *pub, int64_t start_s, const struct inputs *in);
// Adds the followers of those windows that are held to *starts, in no order; the new count.
size_t followers_add(const struct publisher *pub, int64_t **starts, size_t count);
