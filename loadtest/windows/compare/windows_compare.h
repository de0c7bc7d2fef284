// What a published window holds against what it must hold, row by row. Pure: rows and a header as
// schemas/snapshot reads them, and the fold's window in; findings out.
#pragma once

#include "loadtest/windows/compare/windows_report.h"
#include "schemas/snapshot/snapshot.h"

// What every header must say.
struct windows_origin {
    const char *topic, *topic_id;
    const struct rules_book *rules; // one of whose versions was the newest that the publisher knew
    int32_t partitions;
    const int64_t *starts;
};

// The window is finished: its model, NULL for one without events, is settled.
void windows_compare(struct windows_report *r, const struct windows_origin *origin,
                     const struct windows_window *w, const struct header *header, const struct rows *rows);

// The sum that its name must have: how far it reaches in all partitions and of the earlier orders, one more
// for each of those that is gone, one less for each partition that is missing.
int64_t windows_sum_of(const struct header *header);

// A row for people's eyes: "content acme/tiktok v1", "totals acme/tiktok origin 1 format 2 paid".
enum { WINDOWS_WHERE_MAX = WINDOW_ROW_MAX + 128 };
struct slice windows_row_text(char out[WINDOWS_WHERE_MAX], const struct row_key *key);

// A partition's sealed-through record (NULL: none) against what the fold found up to its offset.
void windows_compare_balance(struct windows_report *r, const struct windows_fold *f, int32_t partition,
                             const struct progress *progress);
