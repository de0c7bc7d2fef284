// Orders of the windows before: within 48 hours an order counts once, whichever window its copies are in; and
// a refund looks up its order in the window that it was placed in. On the keeping thread.
//
// Which windows have orders, and up to which offset, is read off the sealed-through records; the orders
// themselves have files of their own, so that nobody reads whole parts for them. Of a window whose lines are
// gone the files themselves say how far they reach: nothing can be added to it any more.
#pragma once

#include "aggregate/keep/keeper.h"

enum { EARLIER_S = 48 * 3600 };

struct earlier;

struct earlier *earlier_create(void);
void earlier_destroy(struct earlier **e);

// What the records of all partitions say by now of windows that they have sealed: forget, then note each of
// them, then all are noted. Nothing is asked between.
void earlier_forget(struct earlier *e);
void earlier_note(struct earlier *e, const struct progress *progress);
void earlier_noted(struct earlier *e);

// Changes when the orders of a window do that lies up to 48 hours before this one.
uint64_t earlier_hash(const struct earlier *e, int64_t start_s);
// Changes when the orders of that window do.
uint64_t earlier_hash_of(const struct earlier *e, int64_t start_s);
// The orders of that window, as the records say; they live until the next earlier_forget.
const struct earlier_orders *earlier_of(const struct earlier *e, int64_t start_s, size_t *count);

// Of two lists, sorted by (start_s, partition), what stands in either, and of what stands in both the greater
// offset; the caller frees *out.
size_t earlier_join(const struct earlier_orders *a, size_t a_count, const struct earlier_orders *b,
                    size_t b_count, struct earlier_orders **out);
// Of a list that is sorted so the part of windows in [from_s, end_s).
const struct earlier_orders *earlier_within(const struct earlier_orders *list, size_t count, int64_t from_s,
                                            int64_t end_s, size_t *within);

// How far a window's orders reach in the store, of each partition whose line of it is gone: -1, it has none;
// they live until the next call. The store is asked once, until a line of them is back, or some of it cannot
// be read: nothing is added to a window without its line.
enum status earlier_stored(struct earlier *e, struct keeper *k, int64_t start_s, const bool *gone,
                           const int64_t **to, struct problem *p);
// A line may have been back, and gone again, that no record told of which was noted: the store is asked anew.
void earlier_ask_again(struct earlier *e);

// The orders of one window that a list names, but for those that are gone; they live until the next call, and
// are read from the store where they were not before. NULL: there are none. `starts`: the first offset of
// each partition. STATUS_TRY_AGAIN, STATUS_BAD_DATA (CLM-D3).
enum status earlier_sold(struct earlier *e, struct keeper *k, const struct earlier_orders *list, size_t count,
                         const int64_t *starts, const struct rows **out, struct problem *p);
// Adds the orders of any windows to `rows`.
enum status earlier_read(struct earlier *e, struct keeper *k, const struct earlier_orders *list, size_t count,
                         const int64_t *starts, struct rows *rows, struct problem *p);
