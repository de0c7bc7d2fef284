// What a store has published, and what stands in the way of the rest: read for one command, then let go.
#pragma once

#include "aggregate/figures/freshness.h"
#include "aggregate/figures/time/period.h"
#include "aggregate/figures/time/window_set.h"
#include "aggregate/store/meta.h"
#include "aggregate/store/shelf.h"

struct published_terms {
    int64_t lateness_s;
    int64_t retain_s; // 0: for ever
    int64_t now_s;    // the clock's
};

struct published {
    struct store *store; // borrowed
    struct published_terms terms;
    struct store_meta meta;           // which log it is of; a topic "": nothing says so
    struct window_set windows;        // that have a folder of snapshots
    struct window_set touched;        // that had events: they have parts, or a line
    struct store_names others;        // what stands among folders of windows and is none, with its folder
    uint32_t partitions;              // of the topic; 0: no record of it was found
    struct shelf_file *through_files; // by partition
    const struct progress **throughs; // by partition, NULL: none
    struct seal seal;
    int64_t gone_before_s; // windows that end by then may have left the store (retention.h); 0: none
};

// Lists what there is and reads each partition's sealed-through record. published_fini in any case.
enum status published_open(struct published *pub, struct store *store, const struct published_terms *terms,
                           struct problem *p);
void published_fini(struct published *pub);

// Is a file what its name says, and of the store's own log? STATUS_BAD_DATA (CLM-D3) where it is not.
enum status published_fit(const struct published *pub, const struct shelf_file *file, struct problem *p);

// Fills in the period's open ends. Where nothing is published: STATUS_NO, and what is waited for.
enum status published_period(const struct published *pub, struct period *period, struct problem *p);
// Calls `visit` for each window of the period, from the first that is published on, of which all is known: it
// is published, or it is known to have no event.
typedef void (*known_visit)(void *context, int64_t start_s);
void published_known(const struct published *pub, const struct period *period, known_visit visit,
                     void *context);
// "partition 3 seals last: it has sealed what ends by 2026-01-01T00:15:00Z", or who has no record; where all
// stand equal, that all have.
enum { WAITS_TEXT_MAX = 256 };
const char *published_waits_for(const struct published *pub, char out[WAITS_TEXT_MAX]);
