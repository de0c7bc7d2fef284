// Windows that all partitions have sealed, merged from their parts and published: once, whoever does it, and
// again when a late event has made a part grow. On the keeping thread.
//
// The owner of partition hash(window) mod P publishes it; an owner of none of them has nothing to do. What
// there is to publish is read off the through records, which all aggregators write.
//
// A partition that nobody seals holds windows open. Where that is not wanted, a window is published without
// it after a while (waits.h): incomplete, as its header says, and complete in a revision when the partition
// has sealed it. One that stands still publishes nothing either: then the owner of the next does.
#pragma once

#include "aggregate/keep/keeper.h"

struct publisher;

// `incomplete_after_ms`: see waits_create.
struct publisher *publisher_create(uint32_t partitions, int64_t incomplete_after_ms);
void publisher_destroy(struct publisher **p);

struct publisher_figures {
    uint64_t published, revisions; // revisions: of windows that had been published before
    uint64_t incomplete;           // of them, published without a partition
    uint64_t bytes, rows;
    uint64_t folded;         // hashtags and topics, into the rows of what is used less
    uint64_t waiting;        // windows that the partition furthest ahead has sealed, and `waits_for` has not
    int64_t waits_for;       // a partition that lacks a through record, or seals last; -1: not known yet
    int64_t sealed_s;        // every window that ends by then is sealed by all partitions; 0: unknown
    int64_t published_at_ms; // wall clock
};

// Publishes at most `most` windows, of those whose publisher is an owner of the partitions in `owned` (by
// number), after those of a run that left some. `now_ms`: of a steady clock. *more: there are others.
// STATUS_TRY_AGAIN, STATUS_BAD_DATA (CLM-D3, a part that is torn or gone: the window stays unpublished,
// others were).
enum status publisher_run(struct publisher *pub, struct keeper *k, const bool *owned, size_t most,
                          int64_t now_ms, bool *more, struct problem *p);
struct publisher_figures publisher_figures(const struct publisher *pub);

// Does a partition hold the window's rows, as its record says?
bool publisher_has_open(const void *publisher, int64_t start_s);
// Has a partition had an event of the window, as the records say that were read last? Where none has, and
// nothing is published of it, a window that is sealed had no event.
bool publisher_expects(const struct publisher *pub, int64_t start_s);

// The partition whose owner publishes the window.
uint32_t publisher_of(int64_t start_s, uint32_t partitions);
