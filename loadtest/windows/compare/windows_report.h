// The answer of a recount against snapshots: what was compared, and what differs.
#pragma once

#include <stdbool.h>
#include <stdio.h>

#include "loadtest/windows/windows_fold.h"

enum { NO_WINDOW = -1 }; // a finding of no window

struct windows_finding {
    int64_t window_s;
    char *where;   // a row, an order, a partition
    char *counter; // "" where it is about the whole of it
    char *stored;
    char *recount;
};

struct windows_report {
    struct windows_tally tally;
    uint64_t windows; // compared
    uint64_t missing; // sealed, but not published: each a finding
    uint64_t open;    // not sealed yet: not compared
    uint64_t growing; // compared, with a revision to come
    uint64_t rows, counters, orders, readings, sketches, sessions, partitions; // compared
    uint64_t findings;
    int64_t findings_max; // so many are kept
    struct windows_finding *kept;
    size_t kept_count;
};

void windows_report_init(struct windows_report *r, int64_t findings_max);
void windows_report_fini(struct windows_report *r);

void windows_report_find(struct windows_report *r, int64_t window_s, struct slice where, const char *counter,
                         const char *stored, const char *recount);
// The same of two numbers, where they differ.
void windows_report_number(struct windows_report *r, int64_t window_s, struct slice where,
                           const char *counter, int64_t stored, int64_t recount);

// A table, or one JSON line.
void windows_report_print(const struct windows_report *r, FILE *out, bool table);
