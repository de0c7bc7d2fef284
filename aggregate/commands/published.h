// What a store has published, and what stands in the way of the rest: read for one command, then let go.
#pragma once

#include "aggregate/figures/freshness.h"
#include "aggregate/figures/period.h"
#include "aggregate/store/shelf.h"

struct published {
    struct store *store; // borrowed
    int64_t lateness_s;
    int64_t *starts; // windows that have a folder of snapshots, ascending
    size_t count;
    int64_t *part_starts; // and of parts
    size_t part_count;
    uint32_t partitions;              // of the topic; 0: no record of it was found
    struct shelf_file *through_files; // by partition
    const struct progress **throughs; // by partition, NULL: none
    struct seal seal;
};

// Lists what there is and reads each partition's sealed-through record. published_fini in any case.
enum status published_open(struct published *pub, struct store *store, int64_t lateness_s, struct problem *p);
void published_fini(struct published *pub);

// A window's newest revision.
struct revision {
    int64_t start_s, end_s;
    char name[NAME_MAX_LENGTH]; // in the store
    uint32_t number;            // of how many were published: 1 is the first
    enum freshness freshness;
    uint64_t counted, late; // events, by its coverage
    uint32_t missing;       // partitions
};

// What is done with each: rows and file are let go afterwards.
typedef enum status (*revision_visit)(void *context, const struct revision *revision,
                                      const struct shelf_file *file, const struct rows *rows,
                                      struct problem *p);
// Reads the newest revisions of the windows [first, last) of pub->starts, one after the other. One that is
// gone meanwhile is said on standard error, and left out. Ends at the first that fails.
enum status published_each(const struct published *pub, size_t first, size_t last, revision_visit visit,
                           void *context, struct problem *p);

// Fills in the period's open ends. Where nothing is published: STATUS_NO, and what is waited for.
enum status published_period(const struct published *pub, struct period *period, struct problem *p);
// Indexes of the windows in a stretch of time: [*first, *last) of pub->starts.
void published_range(const struct published *pub, int64_t start_s, int64_t end_s, size_t *first,
                     size_t *last);

// Calls `visit` for each window of the period that is not published, unless it is known to have no event.
typedef void (*gap_visit)(void *context, int64_t start_s, enum absence absence);
void published_gaps(const struct published *pub, const struct period *period, gap_visit visit, void *context);
// Calls `visit` for each window of the period, from the first that is published on, of which all is known: it
// is published, or it is known to have no event.
typedef void (*known_visit)(void *context, int64_t start_s);
void published_known(const struct published *pub, const struct period *period, known_visit visit,
                     void *context);
// Says it on standard error, and where the period begins before what is kept (`retain_ms`: store.retain; 0:
// no matter); nothing where nothing is missing.
void published_warn(const struct published *pub, const struct period *period, int64_t retain_ms);
// "partition 3 seals last: it has sealed up to 2026-01-01T00:15:00Z", or who has no record.
enum { WAITS_TEXT_MAX = 256 };
const char *published_waits_for(const struct published *pub, char out[WAITS_TEXT_MAX]);
